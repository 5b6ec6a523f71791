//! What refusals and answers of no use do to a run: they are counted and told, and stop it where
//! they are all the same. When that is so is `domain::refusals`'; what a stop puts back is here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Engine;
use super::order::Settlement;
use crate::defender::ScanApi;
use crate::domain::event::Note;
use crate::domain::refusals::{About, Answers, Kind, Refused, kind};
use crate::domain::{CampaignId, Rank, Seq, Stamp, State, Stop, Verdict};
use crate::store::{Store, StoreError};

/// Answers in a row that are of no use before they can stop a campaign, whatever time has passed:
/// a lost call or two after a long time out of reach say little.
const USELESS_MOST: u32 = 5;

/// Kinds of refusal that are told; more of them say nothing new.
const KINDS_MAX: usize = 20;

/// Rows that are read together.
const PAGE: usize = 1_000;

/// What a run was refused.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    answers: Answers,
    /// Devices that were refused by the answers that are all the same.
    alike: Vec<(Seq, u32)>,
    /// They stopped the run.
    stopped: bool,
    /// Since when no answer is of use, and how many of those there were.
    useless: Option<Useless>,
    /// When each kind was told last.
    told: BTreeMap<Kind, Stamp>,
}

/// A row of answers that are of no use.
#[derive(Clone, Copy, Debug)]
struct Useless {
    since: Stamp,
    answers: u32,
    told: Option<Stamp>,
}

impl Refusals {
    /// Those of a run of a campaign. If an earlier run stopped since all were refused alike, and
    /// somebody went on, the devices that it put back tell for what.
    pub(super) async fn of<S: Store>(store: &S, campaign: CampaignId) -> Result<Self, StoreError> {
        let mut known = BTreeSet::new();
        let mut after = 0;
        loop {
            let page = store.asked(campaign, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for row in page {
                let waits = matches!(row.life.state, State::Queued(_)) && row.life.was_reopened();
                if let (true, Some(status)) = (waits, row.detail.http_status) {
                    known.insert(kind(status, row.detail.error_code.as_deref()));
                }
            }
        }
        Ok(Self { answers: Answers::after(known), ..Self::default() })
    }

    /// Whether the latest answers were of no use.
    pub(super) fn are_useless(&self) -> bool {
        self.useless.is_some()
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

    /// Counts an answer; why to stop, if it is one too many.
    fn count(&mut self, settlement: &Settlement) -> Option<Stop> {
        let before = settlement.settled.before;
        if self.stopped {
            // What was in flight then can only say the same once more.
            if settlement.refused.as_ref().is_some_and(|refused| self.answers.is_alike(refused)) {
                self.keep(settlement);
            }
            return None;
        }
        let Some(refused) = &settlement.refused else {
            if matches!(settlement.verdict, Verdict::Accepted { .. } | Verdict::Busy { .. }) {
                self.answers.fine();
                self.alike.clear();
            }
            return self.answers.verdict();
        };
        // Second asks after a 404, or after a stop, say nothing new about the list. Only a missing
        // right makes a whole list wait for as long as it is missing.
        let again =
            before.rank == Rank::Last || (before.was_reopened() && refused.about != About::Right);
        if again {
            return None;
        }
        self.answers.refused(refused);
        if self.answers.in_a_row() == 1 {
            self.alike.clear();
        }
        self.keep(settlement);
        self.answers.verdict()
    }

    /// Keeps a device that ended by its refusal.
    fn keep(&mut self, settlement: &Settlement) {
        if settlement.settled.after.has_ended() {
            self.alike.push((settlement.claim.seq, settlement.claim.attempt));
        }
    }

    /// Whether to tell this refusal now: the first of its kind, and once a minute while nothing
    /// else comes.
    fn is_news(&mut self, refused: &Refused, now: Stamp, every: Duration) -> bool {
        let last = self.told.get(&refused.kind);
        let again = self.answers.in_a_row() > 1 && refused.about != About::Device;
        let due = match last {
            None => self.told.len() < KINDS_MAX,
            Some(last) => again && now.since(*last) >= every,
        };
        if due {
            self.told.insert(refused.kind.clone(), now);
        }
        due
    }
}

impl<S: Store, A: ScanApi> Engine<S, A> {
    /// Judges what an answer says about all others.
    pub(super) fn judge(&mut self, settlement: &Settlement, now: Stamp) {
        if let Verdict::Accepted { comment_changed: true, .. } = settlement.verdict
            && !std::mem::replace(&mut self.state.told_changed, true)
        {
            self.note(Note::CommentsChanged);
        }
        let stop = self.state.refusals.count(settlement);
        self.useful(settlement, now);
        self.tell_refusal(settlement, now);
        if let Some(stop) = stop {
            self.stop_for_refusals(stop);
        }
    }

    fn stop_for_refusals(&mut self, stop: Stop) {
        if self.state.stop.is_none() {
            let refusals = &mut self.state.refusals;
            refusals.stopped = true;
            if let Stop::Safety(_) = stop {
                // Devices that are not known wait to be asked once more in any case.
                refusals.alike.clear();
            }
            self.halt(stop);
        }
    }

    /// Tells a refusal in the server's words; what is of no use, `useful` tells.
    fn tell_refusal(&mut self, settlement: &Settlement, now: Stamp) {
        let every = self.settings.timing.first_contact;
        let Some(refused) = &settlement.refused else { return };
        if refused.about != About::Page && self.state.refusals.is_news(refused, now, every) {
            self.note(Note::Refused(refused.words.clone()));
        }
    }

    /// A server that answers with nothing but faults is waited for as long as one that cannot be
    /// reached: its breaker alone would go through the list device by device, for days. A page that
    /// stands in the place of every answer is no fault that passes, and is waited for as long as an
    /// API that was never reached.
    fn useful(&mut self, settlement: &Settlement, now: Stamp) {
        let Verdict::Doubtful { why, status } = &settlement.verdict else {
            self.state.refusals.useless = None;
            return;
        };
        let timing = self.settings.timing;
        let first = Useless { since: now, answers: 0, told: None };
        let useless = self.state.refusals.useless.get_or_insert(first);
        useless.answers += 1;
        let (waited, enough) = (now.since(useless.since), useless.answers >= USELESS_MOST);
        // One lost answer is nothing to tell; a whole one that makes no sense is.
        let news = match useless.told {
            None => status.is_some() || enough,
            Some(told) => now.since(told) >= timing.first_contact,
        };
        if news {
            useless.told = Some(now);
            self.note(Note::Useless(why.clone()));
        }
        // Answers that did not come are no pages: what may pass is waited for.
        let answers = &self.state.refusals.answers;
        let only_pages = answers.are_only_pages() && answers.in_a_row() >= u64::from(USELESS_MOST);
        if enough && only_pages && waited >= timing.first_contact {
            let stop = self.state.refusals.answers.stop();
            stop.into_iter().for_each(|stop| self.stop_for_refusals(stop));
        } else if enough && waited >= timing.max_wait {
            let minutes = waited.as_secs() / 60;
            let why = format!("no answer was of use for {minutes} minutes; the last: {why}");
            self.halt(Stop::Unreachable(why));
        }
    }
}
