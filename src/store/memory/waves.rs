//! Turns and waves of a list in memory: in what order its devices are asked. Claims are
//! `campaign`'s.

use super::campaign::Held;
use super::{CampaignState, Result, Seq, unknown_campaign};
use crate::domain::{Rank, State};

impl Held {
    /// The wave whose devices may be asked now.
    pub(super) fn wave(&self) -> u32 {
        self.campaign.as_ref().map_or(0, |campaign| campaign.wave)
    }

    pub(super) fn set_turns(&mut self, turns: &[(Seq, i64)]) -> Result<()> {
        self.draft()?;
        for (seq, _) in turns {
            self.row(*seq)?;
        }
        for (seq, turn) in turns {
            self.rows[*seq as usize - 1].turn = *turn;
        }
        Ok(())
    }

    pub(super) fn lay_waves(&mut self, sizes: &[u64]) -> Result<()> {
        self.draft()?;
        let drafts = self.rows.iter().filter(|row| row.life.state == State::Draft);
        let mut order: Vec<(Rank, i64, Seq)> =
            drafts.map(|row| (row.life.rank, row.turn, row.seq)).collect();
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

    pub(super) fn open_wave(&mut self, from: u32) -> Result<bool> {
        let open = self.wave_open()?;
        let campaign = self.campaign.as_mut().ok_or_else(unknown_campaign)?;
        let moves = campaign.state == CampaignState::Open && campaign.wave == from && open == 0;
        campaign.wave += u32::from(moves);
        Ok(moves)
    }

    fn draft(&self) -> Result<()> {
        if self.campaign.is_none() { Ok(()) } else { Err(unknown_campaign()) }
    }
}
