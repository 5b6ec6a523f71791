//! The narrow seam below the verbs: the rows of one transaction, for whatever database holds them.
//! It reads and writes; what is read when, what is refused and what follows is `verbs`'.

use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;
use jiff::civil::Date;

use super::StoreError;
use crate::domain::hold::Decided;
use crate::domain::rollout::WaveFailure;
use crate::domain::settle::{CallRecord, Judging};
use crate::domain::{
    Begun, BudgetKey, BudgetState, CallId, Campaign, CampaignFilter, CampaignId, Detail, DeviceId,
    FailedStart, Happening, LastRun, Life, Look, LookUp, Minute, NewRow, NotedHappening, Opening,
    Operation, Priority, Quota, Row, RowFilter, Seq, ServerNotes, Stamp, Tally, Timing,
};

/// What a writing verb is about: where several hosts write at a time, it locks that before it reads
/// anything. One lock is enough for each, so that no two verbs wait for each other.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Nothing that anybody else writes.
    Alone,
    /// A draft.
    Draft(CampaignId),
    /// A campaign: the budget of its orders.
    Campaign(CampaignId),
    /// A campaign's looks at the list of actions: the budget of these.
    Looks(CampaignId),
    /// This budget, which is made if it is new.
    Budget(BudgetKey),
    /// A call: its budget.
    Call(CallId),
}

/// A budget's key in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetId(pub i64);

/// A budget as a claim finds it.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Its key.
    pub id: BudgetId,
    /// Its pauses.
    pub state: BudgetState,
    /// Calls in its journal.
    pub calls: u64,
    /// The quotas of all open campaigns on it, and of the campaign that asks; each once, in
    /// ascending order.
    pub quotas: Vec<Quota>,
    /// Nothing is claimed before this moment, since the store may have forgotten calls.
    pub free_at: Stamp,
}

/// What a claim of a campaign goes by.
#[derive(Clone, Debug)]
pub struct Claiming {
    /// The budget that it takes its slot from.
    pub budget: Budget,
    /// What people decided about the campaign.
    pub decided: Decided,
    /// The wave that it has come to.
    pub wave: u32,
    /// A device that waited for its moment may be asked now.
    pub due: bool,
}

/// The place of a call among the latest of a budget, and how far back it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nth {
    /// From 1, the latest.
    pub place: u64,
    /// Calls that were seen at this moment or before count as none.
    pub after: Stamp,
}

/// A row as claims, settles and look-ups need it.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its place.
    pub seq: Seq,
    /// The device, unless the row is bad.
    pub device: Option<DeviceId>,
    /// Where it stands.
    pub life: Life,
    /// What is known beside.
    pub detail: Detail,
}

/// How a row moves on.
#[derive(Clone, Debug)]
pub struct RowChange {
    /// Its place.
    pub seq: Seq,
    /// The device, unless the row is bad.
    pub device: Option<DeviceId>,
    /// Where it stood: a row that stands elsewhere is not changed, and that is an error.
    pub before: Life,
    /// Where it stands now.
    pub after: Life,
    /// What is known beside; `None` if that stays.
    pub detail: Option<Detail>,
}

impl Device {
    /// The change of this row to another life and, if that is told, other details.
    pub(super) fn moved(self, after: Life, detail: Option<Detail>) -> RowChange {
        RowChange { seq: self.seq, device: self.device, before: self.life, after, detail }
    }
}

/// A call that is written into the journal, with all that changes with it.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// The budget that it counts against.
    pub budget: BudgetId,
    /// The budget's pauses after it.
    pub state: BudgetState,
    /// Its campaign, if it belongs to one.
    pub campaign: Option<CampaignId>,
    /// The device that it asks, which is claimed with it; `None` for calls that only read.
    pub claimed: Option<RowChange>,
    /// Its attempt, and when it was claimed.
    pub record: CallRecord,
    /// Until when it counts as long as nothing else is known.
    pub seen_by: Stamp,
    /// Now, for people.
    pub utc: Timestamp,
}

/// A scan call with all that settling it reads.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its budget.
    pub budget: BudgetId,
    /// The budget's pauses.
    pub state: BudgetState,
    /// Its campaign.
    pub campaign: CampaignId,
    /// The row that it asked for.
    pub row: Device,
    /// What the journal holds.
    pub record: CallRecord,
    /// How the campaign judges.
    pub judging: Judging,
    /// What the campaign remembers about its server.
    pub notes: ServerNotes,
}

/// A call that ordered nothing.
#[derive(Clone, Copy, Debug)]
pub struct ReadCall {
    /// Its budget.
    pub budget: BudgetId,
    /// The budget's pauses.
    pub state: BudgetState,
    /// When it was claimed.
    pub claimed_at: Stamp,
}

/// What settling writes of the call itself.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The call.
    pub call: CallId,
    /// The new `seen_by`; `None` if it stays.
    pub seen_by: Option<Stamp>,
    /// Now.
    pub settled_at: Stamp,
    /// When the call was over, for people.
    pub over: Timestamp,
    /// The verdict's name.
    pub verdict: &'static str,
    /// The HTTP status of a whole answer.
    pub status: Option<u16>,
    /// What the server said, or what happened.
    pub message: Option<String>,
}

/// What settling writes: the entry, and whatever changed with it.
#[derive(Clone, Debug)]
pub struct Settling {
    /// The call's entry in the journal.
    pub entry: Entry,
    /// The row of this campaign that it asked for.
    pub row: Option<(CampaignId, RowChange)>,
    /// The pauses of this budget.
    pub budget: Option<(BudgetId, BudgetState)>,
    /// What this campaign learnt about its server.
    pub notes: Option<(CampaignId, ServerNotes)>,
    /// It never left, so that it was no call of this campaign.
    pub taken_back: Option<CampaignId>,
}

/// The wave that a campaign has come to.
#[derive(Clone, Debug)]
pub struct Wave {
    /// From 0.
    pub number: u32,
    /// Since when it is over.
    pub over: Option<Stamp>,
    /// How it failed.
    pub failed: Option<WaveFailure>,
}

/// The budgets that a campaign calls on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CampaignBudgets {
    /// For its orders.
    pub scan: BudgetId,
    /// For its looks at the list of actions.
    pub read: BudgetId,
}

/// The id of a tenant that is given by the name of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantName {
    /// The service on which the domain is known.
    pub service: String,
    /// The domain.
    pub domain: String,
    /// The tenant's id.
    pub tenant: String,
}

/// One thing that is set of a campaign.
#[derive(Clone, Debug)]
pub enum CampaignChange {
    /// Whether it is paused.
    Paused(bool),
    /// Whether it goes before others.
    Priority(Priority),
    /// Until when a runner is at work on it, if its priority is high; else nothing changes.
    EngagedUntil(Stamp),
    /// It is called off, and stays so.
    CalledOff,
    /// The list of actions was, or is going to be, asked about what the store may have forgotten.
    Recalled,
    /// It is finished since this moment, if it is open; else nothing changes.
    Finished(Timestamp),
    /// The wave that it has come to; only an open one comes to any.
    Wave(Wave),
    /// How its latest run goes.
    LastRun(Box<LastRun>),
    /// What it learnt about its server.
    Notes(ServerNotes),
    /// Its rows are gone since this moment.
    PrunedAt(Timestamp),
}

/// When something can happen next in a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// The next retry, look-up or horizon.
    pub at: Option<Stamp>,
    /// A device of the present wave could be asked now if it were allowed.
    pub could_ask: bool,
}

/// Which rows of a campaign are read, in input order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Those behind this one.
    pub after: Seq,
    /// At most so many.
    pub limit: usize,
    /// Those with at least so many attempts.
    pub attempts: u32,
}

/// What reading or writing comes to.
pub(super) type Done<T, R> = Result<R, <T as Tables>::Fault>;

/// The future of such a result; it may change threads.
pub trait Answer<T: Tables + ?Sized, R>: Future<Output = Done<T, R>> + Send {}

impl<F, T, R> Answer<T, R> for F
where
    T: Tables + ?Sized,
    F: Future<Output = Done<T, R>> + Send,
{
}

/// The rows of one transaction, and its moment. A row that cannot be believed, since it is damaged,
/// is an error wherever it is read.
pub trait Tables: Send {
    /// What can go wrong. An error of the store is the answer of one verb; what else may still be
    /// written after another fault is the database's to know.
    type Fault: From<StoreError> + Send;

    /// Now, on the clock that stamps come from. Nothing else here asks it: what depends on a moment
    /// is given one, so that what is chosen and what judges the choice go by the same.
    fn now(&self) -> Stamp;
    /// Now, for people.
    fn utc(&self) -> Timestamp;
    /// The times that the rules go by.
    fn timing(&self) -> &Timing;

    /// Begins a draft, with all its counts.
    fn insert_draft(&mut self) -> impl Answer<Self, CampaignId>;
    /// How many rows a draft has; `None` if it is not a draft.
    fn draft_rows(&mut self, draft: CampaignId) -> impl Answer<Self, Option<i64>>;
    /// Appends rows after the first `there` rows of a draft, and counts them.
    fn append(&mut self, draft: CampaignId, there: i64, rows: &[NewRow]) -> impl Answer<Self, ()>;
    /// Deals the devices of a draft into waves: see `Store::lay_chosen`.
    fn lay_waves(
        &mut self,
        draft: CampaignId,
        chosen: &[Seq],
        sizes: &[u64],
    ) -> impl Answer<Self, ()>;
    /// Makes a draft an open campaign that calls on these budgets.
    fn confirm(
        &mut self,
        draft: CampaignId,
        opening: &Opening,
        budgets: CampaignBudgets,
    ) -> impl Answer<Self, ()>;
    /// `LifeEvent::Opened` for every draft of a campaign.
    fn queue_drafts(&mut self, campaign: CampaignId) -> impl Answer<Self, ()>;
    /// Removes a draft and its rows; a campaign is left as it is.
    fn delete_draft(&mut self, draft: CampaignId) -> impl Answer<Self, ()>;

    /// A confirmed campaign by its key.
    fn campaign(&mut self, campaign: CampaignId) -> impl Answer<Self, Option<Campaign>>;
    /// The confirmed campaigns that are meant, the latest first; no others are read.
    fn campaigns(&mut self, filter: &CampaignFilter) -> impl Answer<Self, Vec<Campaign>>;
    /// Keeps what a campaign was begun with, in the place of what was kept before.
    fn set_begun(&mut self, campaign: CampaignId, begun: &Begun) -> impl Answer<Self, ()>;
    /// What a campaign was begun with; `None` for one of a version that did not keep it.
    fn begun(&mut self, campaign: CampaignId) -> impl Answer<Self, Option<Begun>>;
    /// Keeps what happened; of too much, the oldest but the first makes room.
    fn note_happening(
        &mut self,
        campaign: CampaignId,
        happening: &Happening,
    ) -> impl Answer<Self, ()>;
    /// At most `limit` happenings of a campaign after the one of this key, in their order.
    fn happenings(
        &mut self,
        campaign: CampaignId,
        after: i64,
        limit: usize,
    ) -> impl Answer<Self, Vec<NotedHappening>>;
    /// Removes what happened in a campaign.
    fn remove_happenings(&mut self, campaign: CampaignId) -> impl Answer<Self, ()>;
    /// Keeps a start that came to nothing, in the place of one that it replaces.
    fn set_failed_start(&mut self, start: &FailedStart) -> impl Answer<Self, ()>;
    /// Those of days from this one on, the earliest first.
    fn failed_starts(&mut self, since: Date) -> impl Answer<Self, Vec<FailedStart>>;
    /// Removes those of days before this one.
    fn remove_failed_starts(&mut self, before: Date) -> impl Answer<Self, ()>;
    /// The latest minutes of a campaign, at most `minute::MINUTES_KEPT`: see `Store::minutes`.
    fn minutes(&mut self, campaign: CampaignId) -> impl Answer<Self, Vec<Minute>>;
    /// Sets one thing of a confirmed campaign; whether there is one.
    fn set(&mut self, campaign: CampaignId, change: CampaignChange) -> impl Answer<Self, bool>;
    /// Replaces the quotas of a campaign's runners.
    fn set_quotas(&mut self, campaign: CampaignId, quotas: &[Quota]) -> impl Answer<Self, ()>;
    /// Keeps that this process was alive then, and forgets those that are long gone.
    fn set_process(&mut self, process: &str, seen_at: Timestamp) -> impl Answer<Self, ()>;
    /// When each process was last seen alive.
    fn processes(&mut self) -> impl Answer<Self, BTreeMap<String, Timestamp>>;
    /// How these campaigns stand at this moment, in one question: see `Look`.
    fn looks(&mut self, campaigns: &[CampaignId], now: Stamp) -> impl Answer<Self, Vec<Look>>;
    /// The counts of a campaign or a draft.
    fn tally(&mut self, campaign: CampaignId) -> impl Answer<Self, Option<Tally>>;
    /// The scan calls of a campaign or a draft.
    fn calls(&mut self, campaign: CampaignId) -> impl Answer<Self, Option<u64>>;

    /// One row.
    fn row(&mut self, campaign: CampaignId, seq: Seq) -> impl Answer<Self, Option<Device>>;
    /// Rows as reports need them.
    fn rows(&mut self, campaign: CampaignId, page: Page) -> impl Answer<Self, Vec<Row>>;
    /// Those of them that are meant, found by the database itself.
    fn matching(
        &mut self,
        campaign: CampaignId,
        filter: &RowFilter,
        page: Page,
    ) -> impl Answer<Self, Vec<Row>>;
    /// The next waiting rows after this one, in input order, as many as are well ended at once.
    fn waiting(&mut self, campaign: CampaignId, after: Seq) -> impl Answer<Self, Vec<Device>>;
    /// Claims whose horizon has passed, without their details.
    fn expired(&mut self, campaign: CampaignId, now: Stamp) -> impl Answer<Self, Vec<Device>>;
    /// Devices that are due to be looked up: see `Store::to_look_up`.
    fn to_look_up(
        &mut self,
        campaign: CampaignId,
        limit: usize,
        now: Stamp,
    ) -> impl Answer<Self, Vec<LookUp>>;
    /// Whether a busy device waits for the list of actions.
    fn has_unseen(&mut self, campaign: CampaignId) -> impl Answer<Self, bool>;
    /// When the horizon of the last outstanding call ends.
    fn last_claim_ends(&mut self, campaign: CampaignId) -> impl Answer<Self, Option<Stamp>>;
    /// When the horizon of its oldest call ends whose answer is not known.
    fn first_claim_ends(&mut self, campaign: CampaignId) -> impl Answer<Self, Option<Stamp>>;
    /// Removes all rows of a campaign; how many. Its counts stay.
    fn remove_rows(&mut self, campaign: CampaignId) -> impl Answer<Self, u64>;
    /// Moves a row on, in its count too.
    fn change(&mut self, campaign: CampaignId, change: RowChange) -> impl Answer<Self, ()>;
    /// Moves waiting rows on to states without looks, each with its details, as one.
    fn change_waiting(
        &mut self,
        campaign: CampaignId,
        changes: &[RowChange],
    ) -> impl Answer<Self, ()>;

    /// Lets waiting devices whose moment has come take their place among those that may be asked.
    fn promote(&mut self, campaign: CampaignId, now: Stamp) -> impl Answer<Self, ()>;
    /// The next device of this wave to ask, without its details: by rank, first asks before
    /// repeats, by turn, in input order.
    fn next_device(
        &mut self,
        campaign: CampaignId,
        wave: u32,
        allow_repeat: bool,
    ) -> impl Answer<Self, Option<Device>>;
    /// When something can happen next.
    fn wake(&mut self, campaign: CampaignId, wave: u32, now: Stamp) -> impl Answer<Self, Wake>;
    /// How many devices of a wave have no outcome yet.
    fn open_in_wave(&mut self, campaign: CampaignId, wave: u32) -> impl Answer<Self, u64>;
    /// Whether a device of a wave has no outcome yet.
    fn is_wave_open(&mut self, campaign: CampaignId, wave: u32) -> impl Answer<Self, bool>;
    /// Puts a device of an earlier wave into this one.
    fn bring_forward(&mut self, campaign: CampaignId, seq: Seq, wave: u32)
    -> impl Answer<Self, ()>;

    /// The key of a budget, made if it is new.
    fn budget_id(&mut self, budget: &BudgetKey) -> impl Answer<Self, BudgetId>;
    /// A budget, if it is known.
    fn budget(&mut self, budget: &BudgetKey) -> impl Answer<Self, Option<Budget>>;
    /// What a claim of a campaign goes by. Its own quotas count also when it is finished: a runner
    /// may not have noticed yet.
    fn claiming(
        &mut self,
        campaign: CampaignId,
        operation: Operation,
        now: Stamp,
    ) -> impl Answer<Self, Option<Claiming>>;
    /// When the calls at these places among the latest of a budget were seen.
    fn nth_latest(
        &mut self,
        budget: BudgetId,
        places: &[Nth],
    ) -> impl Answer<Self, Vec<Option<Stamp>>>;
    /// When the latest calls of a budget were seen, newest first, without those that never left.
    fn latest(&mut self, budget: BudgetId, limit: usize) -> impl Answer<Self, Vec<Stamp>>;
    /// How many calls of a budget had which result; one that was claimed after this moment and is
    /// not settled has none yet.
    fn results(
        &mut self,
        budget: BudgetId,
        waited_for_since: Stamp,
    ) -> impl Answer<Self, BTreeMap<String, u64>>;
    /// Writes a call and what changes with it, unless this process may claim no more.
    fn enter(&mut self, call: NewCall) -> impl Answer<Self, CallId>;
    /// A scan call.
    fn call(&mut self, call: CallId) -> impl Answer<Self, Option<Call>>;
    /// A call of any operation, as one that ordered nothing.
    fn read_call(&mut self, call: CallId) -> impl Answer<Self, Option<ReadCall>>;
    /// Whether calls may be missing that were made by a process which lives: its server forgot them
    /// in a failover or a restore.
    fn may_lack_calls(&mut self) -> impl Answer<Self, bool>;
    /// Writes what became of a call and what changes with it.
    fn settle(&mut self, settling: Settling) -> impl Answer<Self, ()>;

    /// Keeps the id of a tenant whose domain on this service this is.
    fn set_tenant_name(&mut self, name: &TenantName) -> impl Answer<Self, ()>;
    /// The id that was kept for a domain on a service.
    fn tenant_named(&mut self, service: &str, domain: &str) -> impl Answer<Self, Option<String>>;
}
