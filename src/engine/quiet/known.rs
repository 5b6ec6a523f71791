//! What a process knows of its campaigns at work: the last look at each, and answers that hold
//! still. It asks nobody.

use std::collections::BTreeMap;

use crate::domain::{
    BudgetKey, CallId, Campaign, CampaignId, Look, Stamp, Tally, Usage, WaveStand,
};
use crate::store::{Hold, NotYet};

/// What is known of the campaigns at work.
#[derive(Default)]
pub(super) struct Known {
    pub(super) campaigns: BTreeMap<CampaignId, Standing>,
    /// Whose calls are in flight.
    pub(super) calls: BTreeMap<CallId, CampaignId>,
    pub(super) usages: BTreeMap<BudgetKey, Held>,
    pub(super) looked_at: Option<Stamp>,
}

/// What is known of a budget.
#[derive(Clone, Default)]
pub(super) struct Held {
    /// How often it changed.
    pub(super) changes: u64,
    /// What it holds, with as many of its latest calls as were asked for.
    pub(super) usage: Option<Asked<(usize, Usage)>>,
}

/// What is known of one of them.
pub(super) struct Standing {
    pub(super) budget: BudgetKey,
    pub(super) look: Option<Look>,
    /// Grows with whatever changes; an answer to an earlier question is not kept.
    pub(super) changes: u64,
    pub(super) answers: Answers,
    /// When the limit lets another call pass after so many, as it said last. Another process may
    /// change that, and a claim is told so.
    pub(super) reopens: Option<(usize, Stamp)>,
}

/// Answers that hold as long as nothing changes.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) campaign: Option<Asked<Campaign>>,
    pub(super) tally: Option<Asked<Tally>>,
    pub(super) not_yet: Option<Asked<(usize, NotYet)>>,
    pub(super) idle: Option<Asked<(bool, Option<Stamp>)>>,
    pub(super) open: Option<Asked<()>>,
    pub(super) wave: Option<Asked<WaveStand>>,
    pub(super) wave_open: Option<Asked<u64>>,
}

/// An answer, and when it was given.
#[derive(Clone)]
pub(super) struct Asked<T> {
    pub(super) answer: T,
    pub(super) at: Stamp,
}

impl Standing {
    /// What was said at this moment to one more call after so many others.
    pub(super) fn told(&mut self, pending: usize, no: Option<NotYet>, at: Stamp) {
        let by_limit = |no: &NotYet| matches!(no.hold, Hold::Quota(_));
        self.reopens = no.filter(by_limit).map(|no| (pending, no.at));
        self.answers.not_yet = no.map(|no| Asked { answer: (pending, no), at });
    }

    /// Something changed: nothing that was answered before is given again.
    pub(super) fn changed(&mut self) {
        self.changes += 1;
        self.answers = Answers::default();
    }
}
