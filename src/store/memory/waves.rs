//! Turns and waves of a list in memory: in what order its devices are asked. Claims are
//! `campaign`'s.

use std::collections::BTreeSet;

use super::campaign::Held;
use super::missing::unknown_campaign;
use crate::domain::{Campaign, CampaignState, Judged, Rank, Row, Seq, Stamp, State, WaveStand};
use crate::store::Result;

impl Held {
    /// The wave whose devices may be asked now.
    pub(super) fn wave(&self) -> u32 {
        self.campaign.as_ref().map_or(0, |campaign| campaign.wave)
    }

    pub(super) fn lay_waves(&mut self, chosen: &[Seq], sizes: &[u64]) -> Result<()> {
        self.draft()?;
        let chosen: BTreeSet<Seq> = chosen.iter().copied().collect();
        let drafts = self.rows.iter().filter(|row| row.life.state == State::Draft);
        let place = |row: &Row| (!chosen.contains(&row.seq), row.life.rank, row.turn, row.seq);
        let mut order: Vec<(bool, Rank, i64, Seq)> = drafts.map(place).collect();
        order.sort_unstable();
        let mut devices = order.into_iter();
        for (wave, size) in (0..).zip(sizes) {
            let size = usize::try_from(*size).unwrap_or(usize::MAX);
            for (.., seq) in devices.by_ref().take(size) {
                self.rows[seq as usize - 1].wave = wave;
            }
        }
        let last = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
        for (.., seq) in devices {
            self.rows[seq as usize - 1].wave = last;
        }
        Ok(())
    }

    pub(super) fn wave_open(&self) -> Result<u64> {
        let wave = self.campaign.as_ref().ok_or_else(unknown_campaign)?.wave;
        let open = self.rows.iter().filter(|row| {
            let over = matches!(row.life.state, State::Done(_)) && !row.life.unseen;
            row.wave == wave && !over
        });
        Ok(open.count() as u64)
    }

    pub(super) fn end_wave(&mut self, now: Stamp) -> Result<WaveStand> {
        let open = self.wave_open()?;
        let campaign = self.confirmed()?;
        let ends = open == 0 && campaign.wave < campaign.rollout.last();
        campaign.wave_over = if ends { campaign.wave_over.or(Some(now)) } else { None };
        let Campaign { wave, wave_over: over, wave_failed: failed, .. } = &*campaign;
        Ok(WaveStand { wave: *wave, over: *over, failed: failed.clone() })
    }

    pub(super) fn judge_wave(&mut self, wave: u32, judged: Judged) -> Result<bool> {
        let Some(campaign) = self.standing_at(wave)? else { return Ok(false) };
        match (judged, &campaign.wave_failed) {
            (Judged::Failed(failure), None) => campaign.wave_failed = Some(failure),
            (Judged::Allowed, Some(_)) => move_on(campaign),
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn open_wave(&mut self, from: u32) -> Result<bool> {
        let Some(campaign) = self.standing_at(from)? else { return Ok(false) };
        let moves = campaign.wave_failed.is_none();
        if moves {
            move_on(campaign);
        }
        Ok(moves)
    }

    /// The open campaign, if it stands at this wave and nothing of the wave is open.
    fn standing_at(&mut self, wave: u32) -> Result<Option<&mut Campaign>> {
        let open = self.wave_open()?;
        let campaign = self.confirmed()?;
        let stands = campaign.state == CampaignState::Open && campaign.wave == wave && open == 0;
        Ok(if stands { Some(campaign) } else { None })
    }

    fn draft(&self) -> Result<()> {
        if self.campaign.is_none() { Ok(()) } else { Err(unknown_campaign()) }
    }
}

fn move_on(campaign: &mut Campaign) {
    campaign.wave += 1;
    campaign.wave_over = None;
    campaign.wave_failed = None;
}
