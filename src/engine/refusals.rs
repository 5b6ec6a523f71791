//! What refusals do to the run of a campaign: they are counted, and stop it where they are all the
//! same. When that is so is `domain::refusals`'; what a stop puts back is here.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::pump::Flow;
use super::rows::each_asked;
use super::scan::DoneScan;
use crate::defender::ScanApi;
use crate::domain::event::Snapshot;
use crate::domain::refusals::{About, Answers, kind};
use crate::domain::{
    Campaign, CampaignFilter, CampaignId, DeviceId, Operation, Outcome, Rank, Row, Seq, SeriesName,
    State, Stop, Verdict,
};
use crate::store::{Result, Store};

/// Runs of a series that are asked for what they were refused: a device is due again within these.
const NIGHTS: usize = 14;

/// What a run was refused.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    answers: Answers,
    /// Devices that were refused by the answers that are all the same.
    alike: Vec<(Seq, u32)>,
    /// They stopped the run.
    stopped: bool,
    /// Devices that an earlier run of the same series was refused: that they are so again says
    /// nothing new of the list, and once all others are covered nobody else is left to be asked.
    before: Arc<BTreeSet<DeviceId>>,
}

impl Refusals {
    /// Those of a run of a campaign. If an earlier run stopped since all were refused alike, and
    /// somebody went on, the devices that it put back tell for what.
    pub(super) async fn of<S: Store>(
        store: &S,
        campaign: CampaignId,
        before: Arc<BTreeSet<DeviceId>>,
    ) -> Result<Self> {
        let mut known = BTreeSet::new();
        let take = |row: Row| {
            if let State::Queued(_) = row.life.state
                && row.life.was_reopened()
                && let Some(status) = row.detail.http_status
            {
                known.insert(kind(status, row.detail.error_code.as_deref()));
            }
        };
        each_asked(store, campaign, take).await?;
        Ok(Self { answers: Answers::after(known), before, ..Self::default() })
    }

    /// The devices that a stop puts back: the fault may not be theirs. A missing right is nobody's
    /// fault among them also where the sign-in stopped the run before it was counted out.
    pub(super) fn take_back(&mut self, stop: Option<&Stop>) -> Vec<(Seq, u32)> {
        let signed_out = matches!(stop, Some(Stop::SignIn(_)));
        if self.stopped || (signed_out && self.answers.are_of_a_missing_right()) {
            return std::mem::take(&mut self.alike);
        }
        Vec::new()
    }

    /// Why the run stops that has used up its repeats, if most of its devices are unknown.
    pub(super) fn mostly_missing(&self) -> Option<Stop> {
        self.answers.mostly_missing()
    }

    /// Judges what an answer says about all others.
    pub(super) fn judge<S: Store, A: ScanApi>(
        &mut self,
        done: &DoneScan<S, A>,
        flow: &mut Flow<Snapshot>,
    ) {
        let stop = self.count(done);
        let pages = flow.check_use(&done.answer, &self.answers);
        if let Some(refused) = &done.answer.refused {
            flow.tell_refusal(refused, &self.answers, !done.settled.after.has_ended());
        }
        pages.into_iter().chain(stop).for_each(|stop| self.stop(stop, flow));
    }

    /// Counts an answer; why to stop, if it is one too many.
    fn count<S: Store, A: ScanApi>(&mut self, done: &DoneScan<S, A>) -> Option<Stop> {
        let before = done.settled.before;
        if self.stopped {
            // What was in flight then can only say the same once more.
            let refused = done.answer.refused.as_ref();
            if refused.is_some_and(|refused| self.answers.is_alike(refused)) {
                self.keep(done);
            }
            return None;
        }
        let Some(refused) = &done.answer.refused else {
            if matches!(done.answer.verdict, Verdict::Accepted { .. } | Verdict::Busy { .. }) {
                self.answers.fine();
                self.alike.clear();
            }
            return self.answers.verdict();
        };
        // Second asks after a 404, or after a stop, say nothing new about the list. Only a missing
        // right makes a whole list wait for as long as it is missing.
        let again =
            before.rank == Rank::Last || (before.was_reopened() && refused.about != About::Right);
        let of_device = !matches!(refused.about, About::Right | About::Page);
        if again || (of_device && self.before.contains(&done.claim.device)) {
            return None;
        }
        self.answers.refused(refused);
        if self.answers.in_a_row() == 1 {
            self.alike.clear();
        }
        self.keep(done);
        self.answers.verdict()
    }

    /// Keeps a device that ended by its refusal.
    fn keep<S: Store, A: ScanApi>(&mut self, done: &DoneScan<S, A>) {
        if done.settled.after.has_ended() {
            self.alike.push((done.claim.seq, done.claim.attempt));
        }
    }

    fn stop(&mut self, stop: Stop, flow: &mut Flow<Snapshot>) {
        if flow.stop.is_none() {
            self.stopped = true;
            if let Stop::Safety(_) = stop {
                // Devices that are not known wait to be asked once more in any case.
                self.alike.clear();
            }
            flow.halt(stop);
        }
    }
}

/// The devices that the latest runs of the campaign's series were refused, in the same tenant.
pub(super) async fn refused_before<S: Store>(
    store: &S,
    campaign: &Campaign,
) -> Result<BTreeSet<DeviceId>> {
    let mut refused = BTreeSet::new();
    let Some(series) = SeriesName::of(&campaign.name) else { return Ok(refused) };
    // Of a thousand tenants that share a series each has but its own nights to read.
    let on_budget = Some(campaign.order.target.budget(Operation::Scan));
    let filter = CampaignFilter { on_budget, ..CampaignFilter::default().of_series(&series) };
    let mut earlier = store.select(&filter).await?;
    earlier.retain(|one| one.id != campaign.id && series.has(&one.name));
    for one in earlier.iter().take(NIGHTS) {
        let take = |row: Row| {
            if let State::Done(Outcome::NotFound | Outcome::Rejected) = row.life.state {
                refused.extend(row.device);
            }
        };
        each_asked(store, one.id, take).await?;
    }
    Ok(refused)
}
