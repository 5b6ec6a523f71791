//! Looking devices up in the list of machine actions: doubtful ones before any repeat, and busy
//! ones whose action is unknown. It has a budget of its own, so that it never takes a slot of the
//! scans.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::Shared;
use super::throttle::Heard;
use crate::clock::Clock;
use crate::defender::{ActionQuery, ListReply, NextPage, ScanApi};
use crate::domain::action::CommentSays;
use crate::domain::lifecycle::Found;
use crate::domain::settle::ServerNotes;
use crate::domain::verdict::{earliest_of, latest_of, list_verdict};
use crate::domain::{
    Action, CallId, DeviceId, Finding, LookUp, Mark, Operation, Refusal, Reply, Stamp, Verdict,
};
use crate::store::{ReadAnswer, ReadSettlement, Store, StoreError};

/// Devices that one look-up handles at most.
pub(super) const MOST: usize = 1_000;

/// Devices that one page is asked about by their ids; a longer filter would make a long URL.
const BY_ID: usize = 10;

/// Devices from which on the list is read as a whole instead: one page of it holds 10,000 actions.
const BY_LIST: usize = 20;

/// Pages that one question reads at most: two million actions. A server that repeats itself for
/// ever must not hold the campaign.
const PAGES: usize = 200;

/// How much further back than the first contact the list is read as a whole. It is only a saving:
/// what such a list does not show is asked for by its id before anything is repeated.
const MARGIN: Duration = Duration::from_secs(3600);

/// How a look-up ended.
pub(super) enum LookUpEnd {
    /// Its findings are in the store.
    Done {
        /// The list may not be read: what the server says of that, where it was asked.
        forbidden: Option<Refusal>,
    },
    /// The list could not be read; the devices stand as they stood.
    Failed(String),
}

/// Looks a batch up: all doubtful, or all busy with something unknown.
pub(super) async fn run<S: Store, A: ScanApi>(
    shared: Arc<Shared<S, A>>,
    mut batch: Vec<LookUp>,
    forbidden: bool,
) -> Result<LookUpEnd, StoreError> {
    if forbidden {
        write(&shared, forbidden_all(batch)).await?;
        return Ok(LookUpEnd::Done { forbidden: None });
    }
    // The notes can have changed since the run began.
    let campaign = shared.store.find(&shared.campaign.name).await?;
    let notes = campaign.map_or(shared.campaign.notes, |campaign| campaign.notes);
    let mut telling = Telling::new(&shared, notes);
    let mut whole = true;
    // The last look of a device is left to the end, where its own id is asked for.
    batch.sort_by_key(|one| one.by_id);
    while !batch.is_empty() {
        let (query, most) = question(&batch, telling.first_contact.filter(|_| whole));
        let size = if let ActionQuery::OfDevices(devices) = &query {
            devices.len()
        } else {
            batch.iter().filter(|one| !one.by_id).count()
        };
        let asked_at = shared.store.clock().now();
        let mut actions: BTreeMap<DeviceId, Vec<Action>> =
            batch[..size].iter().map(|one| (one.device, Vec::new())).collect();
        let keep = |action: Action| {
            if let Some(kept) = action.device.and_then(|device| actions.get_mut(&device)) {
                kept.push(action);
            }
        };
        match read(&shared, &query, most, keep).await? {
            Read::Whole(date) => {
                telling.contact(&shared, date);
                let part = batch.drain(..size);
                let findings =
                    part.map(|one| telling.find(&shared, one, &actions, (date, asked_at)));
                let findings = findings.collect();
                write(&shared, findings).await?;
            }
            Read::TooLong if most < PAGES => whole = false,
            Read::TooLong => return Ok(LookUpEnd::Failed(without_end())),
            Read::Forbidden(refusal) => {
                write(&shared, forbidden_all(batch)).await?;
                return Ok(LookUpEnd::Done { forbidden: Some(refusal) });
            }
            Read::Failed(why) => return Ok(LookUpEnd::Failed(why)),
        }
    }
    Ok(LookUpEnd::Done { forbidden: None })
}

/// What to ask the list about the first devices of a batch, and how many pages that may cost. Where
/// the list is read as a whole, it is about all that need not be asked for by their ids.
fn question(batch: &[LookUp], first_contact: Option<Timestamp>) -> (ActionQuery, usize) {
    let together = batch.iter().filter(|one| !one.by_id).count();
    let unseen = batch.first().is_some_and(|one| one.unseen);
    if together >= BY_LIST && unseen {
        return (ActionQuery::Open, PAGES);
    }
    if let Some(since) = first_contact.filter(|_| together >= BY_LIST)
        && let Ok(since) = since.checked_sub(MARGIN)
    {
        // More pages than this would cost more than asking by ids.
        return (ActionQuery::CreatedSince(since), together.div_ceil(BY_ID).min(PAGES - 1));
    }
    (ActionQuery::OfDevices(batch.iter().take(BY_ID).map(|one| one.device).collect()), PAGES)
}

/// How reading the list of actions ended.
pub(super) enum Read {
    /// All that the question asks for was handed over, newest first; the server's time.
    Whole(Option<Timestamp>),
    /// The list has more pages than the question may cost.
    TooLong,
    /// It may not be read.
    Forbidden(Refusal),
    /// It could not be read now.
    Failed(String),
}

/// Reads the whole list that a question asks for.
pub(super) async fn read_all<S: Store, A: ScanApi>(
    shared: &Shared<S, A>,
    query: &ActionQuery,
    take: impl FnMut(Action),
) -> Result<Read, StoreError> {
    read(shared, query, PAGES, take).await
}

/// Why a list is given up that has more pages than any list.
pub(super) fn without_end() -> String {
    format!("the list did not end after {PAGES} pages")
}

/// Reads at most so many pages.
async fn read<S: Store, A: ScanApi>(
    shared: &Shared<S, A>,
    query: &ActionQuery,
    most: usize,
    mut take: impl FnMut(Action),
) -> Result<Read, StoreError> {
    let mut next: Option<NextPage> = None;
    for _ in 0..most {
        match page(shared, query, next.as_ref()).await? {
            Err(why) => return Ok(Read::Failed(why)),
            Ok(ListReply::Page { actions, next: rest, date }) => {
                actions.into_iter().for_each(&mut take);
                if rest.is_none() || rest == next {
                    return Ok(Read::Whole(date));
                }
                next = rest;
            }
            Ok(ListReply::Refused(reply)) => return Ok(refused(shared, &reply).await),
        }
    }
    Ok(Read::TooLong)
}

async fn refused<S, A: ScanApi>(shared: &Shared<S, A>, reply: &Reply) -> Read {
    match list_verdict(reply) {
        // Whatever the reason, asking again does not help.
        Verdict::Forbidden(refusal) => Read::Forbidden(refusal),
        Verdict::Rejected(refusal) if refusal.status == 403 && refusal.code.is_some() => {
            Read::Forbidden(refusal)
        }
        Verdict::Unauthorized(_) => {
            shared.api.token_refused().await;
            Read::Failed("the API refused the token (401)".to_owned())
        }
        Verdict::Throttled { .. } => Read::Failed("the API's limit for the list (429)".to_owned()),
        Verdict::Doubtful { why, .. } | Verdict::NeverLeft { why } => Read::Failed(why),
        Verdict::Rejected(refusal) | Verdict::NotFound(refusal) => Read::Failed(refusal.words()),
        other => Read::Failed(format!("an answer of no use ({})", other.name())),
    }
}

/// One page, within the list's own budget.
async fn page<S: Store, A: ScanApi>(
    shared: &Shared<S, A>,
    query: &ActionQuery,
    next: Option<&NextPage>,
) -> Result<Result<ListReply, String>, StoreError> {
    if let Err(error) = shared.api.ready().await {
        return Ok(Err(error.to_string()));
    }
    let (call, claimed_at) = slot(shared).await?;
    let reply = shared.api.actions(query, next).await;
    let verdict = match &reply {
        ListReply::Page { .. } => None,
        ListReply::Refused(reply) => Some(list_verdict(reply)),
    };
    let settlement = ReadSettlement::needed(verdict.clone());
    let budget = shared.store.settle_read(call, settlement).await?;
    let heard = verdict.and_then(|it| Heard::of(Operation::Read, claimed_at, &it, budget));
    shared.unread().extend(heard);
    Ok(Ok(reply))
}

impl<S, A> Shared<S, A> {
    /// The 429s of the list of actions that nobody was told about yet.
    pub(super) fn unread(&self) -> MutexGuard<'_, Vec<Heard>> {
        // A panic stops the run in any case.
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slot of the list's budget that may be used at once. One that a slow store gave too late could
/// be counted by the server after its horizon, so it is given back.
async fn slot<S: Store, A>(shared: &Shared<S, A>) -> Result<(CallId, Stamp), StoreError> {
    let Shared { store, timing, .. } = shared;
    loop {
        match store.claim_read(shared.campaign.id).await? {
            ReadAnswer::Call(call, claimed_at) => {
                if !timing.is_late(claimed_at, store.clock().now()) {
                    return Ok((call, claimed_at));
                }
                let verdict = Some(list_verdict(&Reply::too_late()));
                store.settle_read(call, ReadSettlement::needed(verdict)).await?;
            }
            ReadAnswer::NotYet(not_yet) => {
                let clock = store.clock();
                let poll = clock.now().plus(timing.poll);
                clock.sleep_until(not_yet.at.min(poll)).await;
            }
        }
    }
}

/// What tells an action of ours from others where its comment does not.
struct Telling {
    mark: Mark,
    /// The server's time before which no action of this campaign can have been created.
    first_contact: Option<Timestamp>,
    /// The server is known to leave comments as they are.
    comments_kept: bool,
}

impl Telling {
    fn new<S, A>(shared: &Shared<S, A>, notes: ServerNotes) -> Self {
        let kept = shared.counts.comments_kept.load(Ordering::SeqCst);
        Self {
            mark: shared.campaign.mark(),
            first_contact: notes.first_contact,
            comments_kept: kept && !notes.comments_changed,
        }
    }

    /// What this run did, it did after its start, also where an answer was lost before the first
    /// whole one. The server's time is only taken together with a duration of ours.
    fn contact<S: Store, A>(&mut self, shared: &Shared<S, A>, date: Option<Timestamp>) {
        let ran = shared.store.clock().now().since(shared.started);
        let start = date.and_then(|date| earliest_of(date, ran, &shared.timing));
        self.first_contact = self.first_contact.into_iter().chain(start).min();
    }

    /// Whether the list shows an action of ours, where its comment does not tell: created within
    /// these server times, since what was sent was sent and had arrived by then.
    fn is_ours<S, A>(
        &self,
        shared: &Shared<S, A>,
        action: &Action,
        (earliest, latest): (Option<Timestamp>, Option<Timestamp>),
    ) -> bool {
        let order = &shared.campaign.order;
        match action.comment_says(&self.mark, &order.text()) {
            CommentSays::Ours => true,
            CommentSays::NotOurs => false,
            CommentSays::Altered if self.comments_kept => false,
            // A server that drops or changes comments leaves only scope and time to tell our
            // actions from older ones. One that is not known to is treated like one that does: an
            // order too many cannot be taken back.
            CommentSays::Altered | CommentSays::Nothing => {
                action.scan_type().is_none_or(|scope| scope == order.scan_type)
                    && matches!((action.created, earliest),
                        (Some(at), Some(earliest)) if at >= earliest)
                    && latest.is_none_or(|latest| action.created.is_some_and(|at| at <= latest))
            }
        }
    }

    fn find<S: Store, A: ScanApi>(
        &self,
        shared: &Shared<S, A>,
        look_up: LookUp,
        actions: &BTreeMap<DeviceId, Vec<Action>>,
        (server_now, asked_at): (Option<Timestamp>, Stamp),
    ) -> Finding {
        let empty = Vec::new();
        let actions = actions.get(&look_up.device).unwrap_or(&empty);
        let scans = || actions.iter().filter(|action| action.is_scan_of(look_up.device));
        // The server was asked after `asked_at` and answered before `now`; its time lies between.
        let now = shared.store.clock().now();
        let timing = &shared.timing;
        let ago = asked_at.since(look_up.arrives_by);
        let known = server_now.filter(|_| look_up.arrives_by > Stamp::ZERO);
        let latest = known.and_then(|date| latest_of(date, ago, timing));
        // Where no whole answer ever came, the call in doubt itself says how early it can be.
        let claimed_ago = now.since(look_up.arrives_by.minus(timing.horizon()));
        let claimed = known.and_then(|date| earliest_of(date, claimed_ago, timing));
        let earliest = self.first_contact.into_iter().chain(claimed).min();
        let ours = scans().find(|action| self.is_ours(shared, action, (earliest, latest)));
        if let Some(ours) = ours.filter(|_| !look_up.unseen) {
            let found = if ours.has_failed() { Found::OursFailed } else { Found::Ours };
            return Finding { look_up, found, action: Some(ours.clone()) };
        }
        let asked = shared.campaign.order.scan_type;
        let covering = scans().find(|action| action.covers(asked, server_now, &shared.timing));
        let covered = covering.is_some();
        let action = covering.or_else(|| scans().find(|action| action.is_open())).cloned();
        Finding { look_up, found: Found::NotOurs { covered }, action }
    }
}

fn forbidden_all(batch: Vec<LookUp>) -> Vec<Finding> {
    let forbid = |look_up| Finding { look_up, found: Found::Forbidden, action: None };
    batch.into_iter().map(forbid).collect()
}

async fn write<S: Store, A>(
    shared: &Shared<S, A>,
    findings: Vec<Finding>,
) -> Result<(), StoreError> {
    let settled = shared.store.looked_up(shared.campaign.id, findings).await?;
    for settled in settled {
        shared.note_result(settled.before, settled.after);
    }
    Ok(())
}
