//! What is kept of a campaign: its rows, its state, its waves, and what was found out about them.
//! The store keeps these values and reports tell them; what becomes of them is `lifecycle`'s and
//! `settle`'s.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::cancel::{Cause, Own};
use super::facts::KeptFacts;
use super::happening::{Happened, Happening};
use super::history::LOOKED_BACK;
use super::lifecycle::Found;
use super::request::{OrNone, ScanRequest};
use super::rollout::WaveFailure;
use super::series::SeriesName;
use super::settle::{Detail, ServerNotes};
use super::text;
use super::{
    Action, BudgetKey, BudgetState, BusyPolicy, CampaignName, DeviceId, LastRun, Life, Mark,
    Operation, Order, Priority, Quota, Rollout, Stamp, State, Timing,
};

/// A campaign's key in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CampaignId(pub i64);

/// A call's key in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub i64);

/// The place of a row in its campaign, from 1, in input order.
pub type Seq = i64;

/// A row as intake hands it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// The line of the input on which the row begins.
    pub line: u64,
    /// The device, unless the row is bad.
    pub device: Option<DeviceId>,
    /// Its name, if the input tells one.
    pub name: Option<String>,
    /// What stood in the id's place, if it is not just the id.
    pub input_text: Option<String>,
    /// What is known of the device, as far as it is kept.
    pub facts: KeptFacts,
    /// `Draft` for a device, or how the row ended already.
    pub life: Life,
    /// Why, for a row that ended already; for a device, how the row came to it.
    pub reason: Option<String>,
    /// Its place within its rank: lower ones go first, equal ones in input order.
    pub turn: i64,
    /// Its wave, from 0: nothing of a wave is asked before the campaign has come to it.
    pub wave: u32,
}

impl NewRow {
    /// The row as every store can hold it.
    pub(crate) fn storable(mut self) -> Self {
        self.name = self.name.map(text::storable);
        self.input_text = self.input_text.map(text::storable);
        self
    }

    /// What the report tells of the row beside its outcome.
    pub(crate) fn detail(&self) -> Detail {
        let (why, facts) = (self.reason.clone(), self.facts.clone());
        match self.life.state {
            State::Done(_) => Detail { reason: why, facts, ..Detail::default() },
            _ => Detail { note: why, facts, ..Detail::default() },
        }
    }
}

/// What confirming a draft fixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The campaign's name.
    pub name: CampaignName,
    /// What makes it this campaign.
    pub order: Order,
    /// The random half of its mark.
    pub mark_bits: u64,
    /// What is done with busy devices.
    pub busy: BusyPolicy,
    /// It runs against the embedded emulator.
    pub emulated: bool,
    /// The quotas of this runner; see `Store::join`.
    pub quotas: Vec<Quota>,
    /// Whether it goes before others; see `Store::set_priority`.
    pub priority: Priority,
    /// The waves that its devices were dealt into, and what is asked between them.
    pub rollout: Rollout,
    /// What it is begun with, and by whom.
    pub begun: Begun,
}

impl Opening {
    /// That the campaign begins at this moment.
    pub fn happening(&self, at: Timestamp) -> Happening {
        let Begun { by, host, .. } = &self.begun;
        Happening { at, what: Happened::Begun, by: by.clone(), host: host.clone() }
    }
}

/// What a campaign was begun with, and by whom: whoever goes on with it keeps that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// What was asked for; it never holds a secret.
    pub request: ScanRequest,
    /// The user.
    pub by: String,
    /// The machine.
    pub host: String,
}

impl Begun {
    /// Whether this very user asked for it on this host: what stands in a shared store must not
    /// become a command that somebody else runs.
    pub fn is_of(&self, user: &str, host: &str) -> bool {
        self.by == user && self.host == host
    }

    /// The moment until which it was to order. Versions that kept a time of day meant the next such
    /// time.
    pub fn until(&self) -> Option<Timestamp> {
        let until = self.request.run.speed.until.as_ref().and_then(OrNone::as_ref);
        until.and_then(|text| text.parse().ok())
    }

    /// Whether that moment has come: who goes on with it must say another one.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until().is_some_and(|until| until <= now)
    }
}

/// The answer to confirming a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The draft is the campaign now.
    New(CampaignId),
    /// This very campaign is open already; the draft is gone, go on with that one.
    Continues(CampaignId),
    /// Another campaign has that name; the draft is gone. What differs, in the user's words; empty
    /// if it is the same one, finished.
    Taken(Vec<String>),
}

/// Where a campaign stands as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CampaignState {
    /// Confirmed, with work left.
    Open,
    /// Every row has its outcome.
    Finished,
}

/// A confirmed campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Its key.
    pub id: CampaignId,
    /// Its name.
    pub name: CampaignName,
    /// What makes it this campaign.
    pub order: Order,
    /// The random half of its mark.
    pub mark_bits: u64,
    /// What is done with busy devices.
    pub busy: BusyPolicy,
    /// It runs against the embedded emulator.
    pub emulated: bool,
    /// Open or finished.
    pub state: CampaignState,
    /// When it was confirmed.
    pub opened_at: Timestamp,
    /// When its last row ended.
    pub finished_at: Option<Timestamp>,
    /// What it remembers about its server.
    pub notes: ServerNotes,
    /// The quotas that its runners keep, in ascending order.
    pub quotas: Vec<Quota>,
    /// How its latest run went, and which others are at work; `None` before the first.
    pub last_run: Option<LastRun>,
    /// When its last scan call was claimed.
    pub last_call_at: Option<Timestamp>,
    /// Somebody paused it: nothing of it is claimed.
    pub paused: bool,
    /// The wave whose devices may be asked now.
    pub wave: u32,
    /// Somebody called it off: nothing of it is claimed any more, and what waits ends.
    pub called_off: bool,
    /// Whether it goes before others on its budget.
    pub priority: Priority,
    /// How its devices were dealt into waves, and what is asked between them.
    pub rollout: Rollout,
    /// Since when every device of the present wave has its outcome, as far as was noticed; see
    /// `Store::end_wave`.
    pub wave_over: Option<Stamp>,
    /// Too many devices of the present wave failed: nothing after it is ordered until somebody has
    /// looked.
    pub wave_failed: Option<WaveFailure>,
    /// Since when its rows are gone; see `Store::prune`.
    pub pruned_at: Option<Timestamp>,
}

impl Campaign {
    /// Whether its rows may be removed: it is finished since before this moment, and for longer
    /// than anybody looks back at what was ordered on a device.
    pub fn may_be_pruned(&self, before: Timestamp, now: Timestamp) -> bool {
        let looked_back = now.checked_sub(LOOKED_BACK).unwrap_or(Timestamp::MIN);
        self.is_finished_with_rows(before.min(looked_back))
    }

    /// Its limits that calls within `own` would not keep: they hold another campaign on its budget,
    /// as long as this one is open.
    pub fn limits_below(&self, own: &[Quota]) -> Vec<Quota> {
        let is_kept = |quota: &&Quota| own.iter().any(|ours| ours.within(quota));
        self.quotas.iter().filter(|quota| !is_kept(quota)).copied().collect()
    }

    /// Whether a worker may run it: it is open, nothing of it waits for a person, nobody is at work
    /// on it, and its last run handed it over, left it to the workers, or ended without a word. A
    /// run that somebody stopped is theirs to go on with. One without a run is being begun, unless
    /// that was too long ago.
    ///
    /// `process` is the one that asks, and that is not at work on it: a run of it that has not
    /// told its end is over all the same.
    pub fn may_be_taken(&self, process: &str, now: Timestamp, timing: &Timing) -> bool {
        let waits = self.paused || self.wave_failed.is_some() || self.emulated;
        if self.state != CampaignState::Open || waits {
            return false;
        }
        match &self.last_run {
            None => now.duration_since(self.opened_at).unsigned_abs() >= timing.alive_for(),
            Some(run) => {
                let idle = run.alive_elsewhere(process, now, timing) == 0;
                idle && (run.ended.is_none() || run.is_for_workers())
            }
        }
    }

    fn is_finished_with_rows(&self, before: Timestamp) -> bool {
        let ended = self.finished_at.is_some_and(|at| at < before);
        ended && self.state == CampaignState::Finished && self.pruned_at.is_none()
    }

    /// The mark that its comments begin with.
    pub fn mark(&self) -> Mark {
        Mark::new(&self.name, self.mark_bits)
    }

    /// Whether something of it may be ordered still.
    pub fn may_order(&self) -> bool {
        self.state == CampaignState::Open && !self.called_off
    }

    /// What makes an action this campaign's own.
    pub fn own(&self) -> Own {
        Own {
            mark: self.mark(),
            comment: self.order.text(),
            comments_changed: self.notes.comments_changed,
        }
    }

    /// What makes this another campaign than one with this order, in the user's words; empty if it
    /// is that one.
    pub fn differences(&self, order: &Order, emulated: bool) -> Vec<String> {
        let mut found = self.order.differences(order);
        if self.emulated != emulated {
            found.push("the emulator".to_owned());
        }
        found
    }

    /// What becomes of a draft that is to be confirmed under the name that this campaign has.
    pub fn meets(&self, opening: &Opening) -> Opened {
        let differs = self.differences(&opening.order, opening.emulated);
        if differs.is_empty() && self.state == CampaignState::Open {
            Opened::Continues(self.id)
        } else {
            Opened::Taken(differs)
        }
    }

    /// The campaign that a draft becomes. Quotas count once each, in ascending order.
    pub(crate) fn opened(id: CampaignId, opening: Opening, opened_at: Timestamp) -> Self {
        let quotas: BTreeSet<Quota> = opening.quotas.into_iter().collect();
        Self {
            id,
            name: opening.name,
            order: opening.order,
            mark_bits: opening.mark_bits,
            busy: opening.busy,
            emulated: opening.emulated,
            state: CampaignState::Open,
            opened_at,
            finished_at: None,
            notes: ServerNotes::default(),
            quotas: quotas.into_iter().collect(),
            last_run: None,
            last_call_at: None,
            paused: false,
            wave: 0,
            called_off: false,
            priority: opening.priority,
            rollout: opening.rollout,
            wave_over: None,
            wave_failed: None,
            pruned_at: None,
        }
    }
}

/// Which campaigns are meant: all confirmed ones for which everything holds that is said here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignFilter {
    /// They are open.
    pub open: bool,
    /// Their orders count against this budget.
    pub on_budget: Option<BudgetKey>,
    /// They have this name, which is one campaign's on each budget.
    pub name: Option<CampaignName>,
    /// Their names begin so.
    pub name_begins: Option<String>,
    /// They are open, or were not finished before this moment.
    pub not_over_before: Option<Timestamp>,
    /// They are finished since before this moment, and their rows are kept.
    pub with_rows_over_before: Option<Timestamp>,
    /// They are none of these.
    pub but: BTreeSet<CampaignId>,
    /// They are among so many of these, the latest ones.
    pub latest: Option<usize>,
}

impl CampaignFilter {
    /// Those that are open.
    pub fn open() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Those that are open and whose orders count against this budget.
    pub fn open_on(budget: &BudgetKey) -> Self {
        Self { on_budget: Some(budget.clone()), ..Self::open() }
    }

    /// Those of this name.
    pub fn named(name: &CampaignName) -> Self {
        Self { name: Some(name.clone()), ..Self::default() }
    }

    /// The one of this name whose orders count against this budget.
    pub fn named_on(name: &CampaignName, budget: &BudgetKey) -> Self {
        Self { on_budget: Some(budget.clone()), ..Self::named(name) }
    }

    /// Those of these that can be of this series, by their names.
    pub fn of_series(self, series: &SeriesName) -> Self {
        Self { name_begins: Some(series.begin()), ..self }
    }

    /// Whether all holds for a campaign that can be seen from it alone, which is all but `latest`.
    pub fn fits(&self, campaign: &Campaign) -> bool {
        let Self {
            open,
            on_budget,
            name,
            name_begins,
            not_over_before,
            with_rows_over_before,
            but,
            latest: _,
        } = self;
        let ended = campaign.finished_at.unwrap_or(Timestamp::MAX);
        (!open || campaign.state == CampaignState::Open)
            && !but.contains(&campaign.id)
            && on_budget
                .as_ref()
                .is_none_or(|budget| campaign.order.target.budget(Operation::Scan) == *budget)
            && name.as_ref().is_none_or(|name| campaign.name == *name)
            && name_begins.as_ref().is_none_or(|begin| campaign.name.as_str().starts_with(begin))
            && not_over_before.is_none_or(|moment| ended >= moment)
            && with_rows_over_before.is_none_or(|moment| campaign.is_finished_with_rows(moment))
    }
}

/// Where a campaign stands among its waves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaveStand {
    /// The present wave.
    pub wave: u32,
    /// Since when every device of it has its outcome; `None` if one has none yet, or if no wave
    /// comes after it.
    pub over: Option<Stamp>,
    /// It failed.
    pub failed: Option<WaveFailure>,
}

/// What was found of a wave, beside that it may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Too many of its devices failed.
    Failed(WaveFailure),
    /// It had failed, somebody has looked, and the next wave is to begin.
    Allowed,
}

/// A device that the list of actions is to be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookUp {
    /// The row.
    pub seq: Seq,
    /// The device.
    pub device: DeviceId,
    /// The attempt that is doubtful.
    pub attempt: u32,
    /// Busy with something unknown, rather than doubtful.
    pub unseen: bool,
    /// It must be asked for by its id: see `Life::asks_by_id`.
    pub by_id: bool,
    /// How often it had been looked up in vain; a look that another runner's overtook counts not.
    pub looks: u8,
    /// When its call has arrived at the server at the latest; zero if that is not known.
    pub arrives_by: Stamp,
}

/// What the list of actions said about a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was looked up.
    pub look_up: LookUp,
    /// What was found.
    pub found: Found,
    /// The action, if there was one.
    pub action: Option<Action>,
}

/// What calling a campaign off did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalledOff {
    /// Waiting devices that ended.
    pub ended: u64,
    /// Devices that are open still: it is not known what became of their calls.
    pub open: u64,
    /// Whether the campaign is finished.
    pub finished: bool,
}

/// An action of a row that this program cancelled.
#[derive(Clone, Debug, PartialEq)]
pub struct Cancellation {
    /// The row.
    pub seq: Seq,
    /// The action as it is now.
    pub action: Action,
    /// Why.
    pub cause: Cause,
}

/// What settling changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The device's life before.
    pub before: Life,
    /// And after: the same if the answer was that of an older attempt.
    pub after: Life,
    /// The budget after it.
    pub budget: BudgetState,
}

/// One row, as reports need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its place, from 1.
    pub seq: Seq,
    /// The line of the input.
    pub line: u64,
    /// The device, unless the row is bad.
    pub device: Option<DeviceId>,
    /// Its name, if the input told one.
    pub name: Option<String>,
    /// What stood in the id's place, if it was not just the id.
    pub input_text: Option<String>,
    /// Where it stands.
    pub life: Life,
    /// What is known beside.
    pub detail: Detail,
    /// Its place within its rank; see `NewRow`.
    pub turn: i64,
    /// Its wave, from 0.
    pub wave: u32,
}

/// What a budget's journal says now, for forecasts and progress.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// `seen_by` of the latest calls, newest first, at most as many as were asked for.
    pub seen_by: Vec<Stamp>,
    /// The pauses.
    pub state: BudgetState,
    /// The quotas of all open campaigns on it and those that the server named, in ascending order.
    pub quotas: Vec<Quota>,
}
