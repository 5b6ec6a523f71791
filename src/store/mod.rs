//! The durable truth, in the program's verbs: drafts, claims, settles, look-ups, rows. A store
//! decides nothing by itself: the rule, the life of a device, what an answer writes, which refusal
//! comes first and what makes a campaign the same one are functions of `domain`. It sends nothing
//! and waits for nothing: "no" is a value that says when.
//!
//! What a verb reads and writes stands once in `verbs`, over the rows of any database (`tables`);
//! `sqlite` is one, `postgres` the other. `memory` is written apart from all that, as the model.

pub mod any;
mod columns;
pub mod memory;
pub mod postgres;
pub mod sqlite;
mod tables;
mod task;
mod verbs;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::clock::Clock;
pub use crate::domain::hold::{Hold, NotYet};
use crate::domain::settle::Settlement;
use crate::domain::{
    Action, Begun, BudgetKey, BudgetState, CallId, CalledOff, Campaign, CampaignFilter, CampaignId,
    CampaignName, Cancellation, DeviceId, FailedStart, Finding, Happening, Judged, LastRun, Look,
    LookUp, Minute, NewRow, NotedHappening, Opened, Opening, Priority, Quota, Row, RowFilter, Seq,
    Settled, Stamp, Tally, Usage, WaveStand,
};

/// Rows that `Store::each_row` holds at once.
const PAGE: usize = 1_000;

/// What a store can fail with. Refusals ("not before t", "that name is taken") are values instead.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be used at all: wrong version, foreign file, network file system.
    #[error("{0}")]
    Refused(String),
    /// An older version wrote it, and reading alone does not bring it up to date.
    #[error(
        "{0} was written by an older version; begin or resume a campaign with it once, which \
         brings it up to date"
    )]
    Older(String),
    /// The store cannot be reached or written now. Nothing of what was asked was done, and it may
    /// be asked again.
    #[error("{what}: {why}")]
    OutOfReach {
        /// What was being done.
        what: &'static str,
        /// What is the matter, as a part of a sentence.
        cause: &'static str,
        /// What the storage said, and what to do next.
        why: String,
    },
    /// Reading or writing failed for good, or it is not known how far it came: an fsync that
    /// failed, damage.
    #[error("{what}: {why}")]
    Failed {
        /// What was being done.
        what: &'static str,
        /// What the storage said.
        why: String,
    },
    /// What is asked for was removed by `Store::prune`.
    #[error("the rows of campaign {name} are gone: they were pruned at {at}")]
    Gone {
        /// The campaign.
        name: CampaignName,
        /// When.
        at: Timestamp,
    },
    /// What the store holds contradicts itself.
    #[error(
        "the store contradicts itself ({0}); keep its file, and the one that ends in -wal, for \
         support; restore a copy of both"
    )]
    Broken(String),
}

/// The result of asking a store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A claimed scan call: its device, its slot in every quota and its attempt are durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The call.
    pub call: CallId,
    /// The row.
    pub seq: Seq,
    /// The device.
    pub device: DeviceId,
    /// The attempt.
    pub attempt: u32,
    /// When it was claimed; it must be sent within `Timing::send_within`.
    pub claimed_at: Stamp,
    /// It is a repeat after doubt or a 404.
    pub repeat: bool,
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimAnswer {
    /// A call.
    Call(Claim),
    /// The limit says no.
    NotYet(NotYet),
    /// No device may be asked now.
    Idle {
        /// When one may be, as far as the store knows: a retry time, a look-up, a horizon.
        wake: Option<Stamp>,
        /// Whether the only devices left to ask are repeats, and repeats were not allowed.
        repeats_only: bool,
    },
}

/// The answer to a claim of a call that orders nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAnswer {
    /// A call, claimed at this moment.
    Call(CallId, Stamp),
    /// The limit says no.
    NotYet(NotYet),
}

/// What came of a read call, as far as the budget cares.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadSettlement {
    /// The verdict of its reply; a page counts as `None`.
    pub verdict: Option<crate::domain::Verdict>,
    /// Nobody needed the answer, so that a fault pauses nothing.
    pub optional: bool,
}

impl ReadSettlement {
    /// Of a call that was needed.
    pub fn needed(verdict: Option<crate::domain::Verdict>) -> Self {
        Self { verdict, optional: false }
    }
}

/// Says to a store that it is asked again by who asks, as long as this lives.
pub struct AsksAgain<S: Store>(Arc<S>);

impl<S: Store> AsksAgain<S> {
    /// Says so from now on.
    pub fn new(store: Arc<S>) -> Self {
        store.is_asked_again(true);
        Self(store)
    }
}

impl<S: Store> Drop for AsksAgain<S> {
    fn drop(&mut self) {
        self.0.is_asked_again(false);
    }
}

/// The verbs. Every future is `Send`; every method is one transaction, and what it returns is
/// durable.
pub trait Store: Send + Sync + 'static {
    /// The clock that this store's stamps come from.
    type Clock: Clock;

    /// The clock that this store's stamps come from.
    fn clock(&self) -> &Self::Clock;

    /// Where the store is, for people.
    fn place(&self) -> String;

    /// Says that whoever asks will ask again by himself what is out of reach, or will no more: the
    /// store then says so sooner than to those who ask once.
    fn is_asked_again(&self, _again: bool) {}

    /// Begins a draft.
    fn draft(&self) -> impl Future<Output = Result<CampaignId>> + Send;

    /// Appends rows to a draft, in input order.
    fn append(
        &self,
        draft: CampaignId,
        rows: Vec<NewRow>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Deals the devices of a draft into waves, in the order of claims (rank, turn, input order):
    /// the first `sizes[0]` of them are wave 0, and so on; what remains is the last wave, whose
    /// number is that of the sizes.
    fn lay_waves(
        &self,
        draft: CampaignId,
        sizes: &[u64],
    ) -> impl Future<Output = Result<()>> + Send {
        self.lay_chosen(draft, &[], sizes)
    }

    /// The same with these devices before all others.
    fn lay_chosen(
        &self,
        draft: CampaignId,
        chosen: &[Seq],
        sizes: &[u64],
    ) -> impl Future<Output = Result<()>> + Send;

    /// Confirms a draft, or finds that its name is in use: see `Opened`.
    fn open(
        &self,
        draft: CampaignId,
        opening: Opening,
    ) -> impl Future<Output = Result<Opened>> + Send;

    /// Deletes a draft.
    fn discard(&self, draft: CampaignId) -> impl Future<Output = Result<()>> + Send;

    /// Joins an open campaign as a runner with these quotas. All quotas of all open campaigns on a
    /// budget are kept, so that the strictest setting wins.
    fn join(
        &self,
        campaign: CampaignId,
        quotas: Vec<Quota>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// A confirmed campaign by its key.
    fn campaign(
        &self,
        campaign: CampaignId,
    ) -> impl Future<Output = Result<Option<Campaign>>> + Send;

    /// The confirmed campaigns that are meant, the latest first; no others are read.
    fn select(&self, filter: &CampaignFilter)
    -> impl Future<Output = Result<Vec<Campaign>>> + Send;

    /// The confirmed campaigns of this name, each on a budget of its own: a name belongs to its
    /// tenant.
    fn named(&self, name: &CampaignName) -> impl Future<Output = Result<Vec<Campaign>>> + Send {
        async { self.select(&CampaignFilter::named(name)).await }
    }

    /// The confirmed campaign of this name whose orders count against this budget.
    fn find(
        &self,
        name: &CampaignName,
        budget: &BudgetKey,
    ) -> impl Future<Output = Result<Option<Campaign>>> + Send {
        async { Ok(self.select(&CampaignFilter::named_on(name, budget)).await?.pop()) }
    }

    /// All confirmed campaigns, the latest first.
    fn campaigns(&self) -> impl Future<Output = Result<Vec<Campaign>>> + Send {
        async { self.select(&CampaignFilter::default()).await }
    }

    /// Where a campaign's or a draft's rows stand.
    fn tally(&self, campaign: CampaignId) -> impl Future<Output = Result<Tally>> + Send;

    /// At most `limit` rows after `after`, in input order.
    fn rows(
        &self,
        campaign: CampaignId,
        after: Seq,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// At most `limit` rows after `after` whose device was asked at least once, in input order.
    fn asked(
        &self,
        campaign: CampaignId,
        after: Seq,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// At most `limit` rows after `after` that are meant, in input order. A database finds them
    /// without reading all the others.
    fn matching(
        &self,
        campaign: CampaignId,
        filter: &RowFilter,
        after: Seq,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Row>>> + Send {
        async move {
            let (mut found, mut after) = (Vec::new(), after);
            loop {
                let page = self.rows(campaign, after, PAGE).await?;
                let Some(last) = page.last() else { return Ok(found) };
                after = last.seq;
                found.extend(page.into_iter().filter(|row| filter.fits(row)));
                if found.len() >= limit {
                    found.truncate(limit);
                    return Ok(found);
                }
            }
        }
    }

    /// Hands over every row of a campaign or a draft, in input order, in pages, so that memory does
    /// not grow with the list; fails with what `use_row` or the store fails with.
    fn each_row<E: From<StoreError> + Send>(
        &self,
        campaign: CampaignId,
        mut use_row: impl FnMut(Row) -> std::result::Result<(), E> + Send,
    ) -> impl Future<Output = std::result::Result<(), E>> + Send {
        async move {
            let mut after = 0;
            loop {
                let page = self.rows(campaign, after, PAGE).await?;
                let Some(last) = page.last() else { return Ok(()) };
                after = last.seq;
                page.into_iter().try_for_each(&mut use_row)?;
            }
        }
    }

    /// Whether a claim would pass now if `pending` more calls had been claimed; without a lock.
    fn peek(
        &self,
        campaign: CampaignId,
        pending: usize,
    ) -> impl Future<Output = Result<std::result::Result<(), NotYet>>> + Send;

    /// Takes one device of the present wave, one slot in every quota, and writes the attempt: one
    /// durable transaction. Devices come by rank, first asks before repeats, by turn, in input
    /// order.
    fn claim(
        &self,
        campaign: CampaignId,
        allow_repeat: bool,
    ) -> impl Future<Output = Result<ClaimAnswer>> + Send;

    /// Writes what became of a call.
    fn settle(
        &self,
        call: CallId,
        settlement: Settlement,
    ) -> impl Future<Output = Result<Settled>> + Send;

    /// Takes one slot of the budget for reading.
    fn claim_read(&self, campaign: CampaignId) -> impl Future<Output = Result<ReadAnswer>> + Send;

    /// Takes one slot of a budget for a call that belongs to no campaign, such as reading the
    /// inventory before there is one, or to none alone, such as cancelling. These quotas are kept,
    /// and those of all open campaigns on the budget; none has any on that for cancelling. It is
    /// settled like a read call.
    fn claim_on(
        &self,
        budget: &BudgetKey,
        quotas: Vec<Quota>,
    ) -> impl Future<Output = Result<ReadAnswer>> + Send;

    /// Writes what became of a read call; the budget after it.
    fn settle_read(
        &self,
        call: CallId,
        settlement: ReadSettlement,
    ) -> impl Future<Output = Result<BudgetState>> + Send;

    /// Moves claims whose horizon has passed to doubtful; how many.
    fn expire(&self, campaign: CampaignId) -> impl Future<Output = Result<u64>> + Send;

    /// Until when the answers to calls that are outstanding are waited for: the end of the last
    /// horizon. `None` if none is outstanding.
    fn in_flight_until(
        &self,
        campaign: CampaignId,
    ) -> impl Future<Output = Result<Option<Stamp>>> + Send;

    /// Devices that are due to be looked up: doubtful ones by their time, then busy ones whose
    /// action is unknown.
    fn to_look_up(
        &self,
        campaign: CampaignId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<LookUp>>> + Send;

    /// Writes what the list of actions said; how many devices ended or went back to the queue.
    fn looked_up(
        &self,
        campaign: CampaignId,
        findings: Vec<Finding>,
    ) -> impl Future<Output = Result<Vec<Settled>>> + Send;

    /// Keeps the server's time before which no action of a campaign can have been created, by what
    /// the server says that it is now, unless it is kept already. A whole answer keeps it as well.
    fn note_contact(
        &self,
        campaign: CampaignId,
        date: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Puts devices that were refused in these attempts back among the waiting ones; how many. What
    /// has gone on since stays as it is.
    fn reopen(
        &self,
        campaign: CampaignId,
        refused: Vec<(Seq, u32)>,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Pauses a campaign, or takes that back. Claims are refused meanwhile, of whatever runner.
    fn set_paused(
        &self,
        campaign: CampaignId,
        paused: bool,
    ) -> impl Future<Output = Result<()>> + Send;

    /// What a campaign was begun with, and by whom. Returns `None` for one of a version that did
    /// not keep it.
    fn begun(&self, campaign: CampaignId) -> impl Future<Output = Result<Option<Begun>>> + Send;

    /// Keeps other words of what a campaign is run with, from now on.
    fn set_begun(
        &self,
        campaign: CampaignId,
        begun: Begun,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Keeps what happened in a campaign, for who asks later. At most
    /// `happening::HAPPENINGS_KEPT` are kept: then the oldest but the first makes room.
    fn note_happening(
        &self,
        campaign: CampaignId,
        happening: Happening,
    ) -> impl Future<Output = Result<()>> + Send;

    /// At most `limit` of what happened in a campaign after the one with this key, in the order in
    /// which it was noted. What happened in a campaign goes when its rows are pruned.
    fn happenings(
        &self,
        campaign: CampaignId,
        after: i64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<NotedHappening>>> + Send;

    /// Keeps that starts came to nothing, each in the place of an earlier one of the same day.
    /// Those that are more than `failed_start::FAILED_STARTS_KEPT` days older are removed.
    fn note_failed_starts(
        &self,
        starts: Vec<FailedStart>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The starts that came to nothing from this day on, the earliest first.
    fn failed_starts(&self, since: Date) -> impl Future<Output = Result<Vec<FailedStart>>> + Send;

    /// The minutes in which scan calls of a campaign were claimed, in their order: how many left,
    /// were accepted and were answered with 429. They stay when the calls leave the journal, the
    /// latest `minute::MINUTES_KEPT` of them.
    fn minutes(&self, campaign: CampaignId) -> impl Future<Output = Result<Vec<Minute>>> + Send;

    /// Sets whether a campaign goes before others. Claims of a campaign of normal priority are
    /// refused while one of high priority on its budget is open, not paused, has a device of its
    /// present wave that may be asked now, and has a runner at work: see `engage`. What waits for a
    /// moment, an answer or a look-up makes nobody wait.
    fn set_priority(
        &self,
        campaign: CampaignId,
        priority: Priority,
    ) -> impl Future<Output = Result<()>> + Send;

    /// A runner says that it is at work on a campaign now. Its word holds for
    /// `Timing::engaged_for`, so that one that dies makes nobody wait for longer; of a campaign of
    /// normal priority it changes nothing.
    fn engage(&self, campaign: CampaignId) -> impl Future<Output = Result<()>> + Send;

    /// How many devices of a campaign's present wave have no outcome yet.
    fn wave_open(&self, campaign: CampaignId) -> impl Future<Output = Result<u64>> + Send;

    /// Where a campaign stands among its waves. If every device of the present one has its outcome
    /// and this was not noticed before, it is over from now on: the first to ask says when, for
    /// every runner and after every crash.
    fn end_wave(&self, campaign: CampaignId) -> impl Future<Output = Result<WaveStand>> + Send;

    /// Writes what was found of this wave of an open campaign, if it stands there, nothing of the
    /// wave is open, and it has not failed yet or, to allow what comes after it, has; whether that
    /// was so.
    fn judge_wave(
        &self,
        campaign: CampaignId,
        wave: u32,
        judged: Judged,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Moves an open campaign on to the wave after `from`, if it stands there, nothing of that
    /// wave is open and it has not failed; whether it moved. Several runners may ask.
    fn open_wave(
        &self,
        campaign: CampaignId,
        from: u32,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Calls a campaign off: devices that wait end, those whose call is outstanding or in doubt
    /// stay as they are, and no claim of whatever runner gets a device any more. What comes to wait
    /// again ends at the next claim. The campaign is finished if nothing is open.
    fn call_off(&self, campaign: CampaignId) -> impl Future<Output = Result<CalledOff>> + Send;

    /// The same by the next run of its series, which asks what waits: that ends as never ordered,
    /// also where an answer came that was not to be its last.
    fn hand_on(&self, campaign: CampaignId) -> impl Future<Output = Result<CalledOff>> + Send;

    /// Writes that actions which rows of a campaign ordered were cancelled by this program; how
    /// many rows that changed.
    fn note_cancelled(
        &self,
        campaign: CampaignId,
        done: Vec<Cancellation>,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Keeps how a run of a campaign goes, for who asks later. Whether it lives its process may say
    /// from then on: see `pulse`. One that ended does not hide another
    /// one that is at work: see `LastRun::noted_after`.
    fn note_run(
        &self,
        campaign: CampaignId,
        run: LastRun,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Says that a process lives, and all runs with it that name it, until one of them has told its
    /// end. In the same question it looks at these campaigns; what is no campaign is not looked at.
    fn pulse(
        &self,
        process: &str,
        campaigns: &[CampaignId],
    ) -> impl Future<Output = Result<Vec<Look>>> + Send;

    /// Writes how far ordered actions are; how many of these had moved on.
    fn note_actions(
        &self,
        campaign: CampaignId,
        seen: Vec<(Seq, Action)>,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Marks a campaign finished if nothing of it is open; whether it is finished.
    fn finish(&self, campaign: CampaignId) -> impl Future<Output = Result<bool>> + Send;

    /// Removes the rows of a campaign for good, if it may be pruned (`Campaign::may_be_pruned`) and
    /// nothing of it is open; returns how many, or `None` if it may not. Its name stays taken, and
    /// its order, its counts and how its runs went stay told. Calls stay as long as a limit may ask
    /// for them. Rows that are gone are `StoreError::Gone` to whoever reads them.
    fn prune(
        &self,
        campaign: CampaignId,
        before: Timestamp,
    ) -> impl Future<Output = Result<Option<u64>>> + Send;

    /// What the journal says of a budget: at most `latest` calls.
    fn usage(
        &self,
        budget: &BudgetKey,
        latest: usize,
    ) -> impl Future<Output = Result<Usage>> + Send;

    /// How many calls of a budget had which result, by the names of verdicts; `page` if it told
    /// something, `not_known` if no answer came. They stay counted when they leave the
    /// journal, so that no count falls; a call whose answer is waited for is not counted yet.
    fn results(
        &self,
        budget: &BudgetKey,
    ) -> impl Future<Output = Result<BTreeMap<String, u64>>> + Send;

    /// Keeps the id of a tenant that is given by the name of a domain, as a sign-in told it.
    fn note_tenant(
        &self,
        service: &str,
        domain: &str,
        tenant: &str,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The id of the tenant whose domain this is, if a sign-in told it before.
    fn tenant_named(
        &self,
        service: &str,
        domain: &str,
    ) -> impl Future<Output = Result<Option<String>>> + Send;

    /// All scan calls of a campaign so far, answered or not; what certainly never left is none.
    fn calls(&self, campaign: CampaignId) -> impl Future<Output = Result<u64>> + Send;
}
