//! Looking devices up in the list of machine actions: doubtful ones before any repeat, and busy
//! ones whose action is unknown. It has a budget of its own, so that it never takes a slot of the
//! scans.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::pages::{Actions, BY_ID, Lists, PAGES, Patience, Read, ReadEnd, Slots, created_since};
use super::shared::Shared;
use crate::clock::Clock;
use crate::defender::{ActionQuery, ScanApi};
use crate::domain::action::CommentSays;
use crate::domain::lifecycle::Found;
use crate::domain::settle::ServerNotes;
use crate::domain::verdict::{earliest_of, latest_of};
use crate::domain::{Action, DeviceId, Finding, LookUp, Mark, Refusal, Stamp};
use crate::store::{Result, Store};

/// Devices that one look-up handles at most.
pub(super) const MOST: usize = 1_000;

/// Devices from which on the list is read as a whole instead: one page of it holds 10,000 actions.
const BY_LIST: usize = 20;

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
) -> Result<LookUpEnd> {
    if forbidden {
        write(&shared, forbidden_all(batch)).await?;
        return Ok(LookUpEnd::Done { forbidden: None });
    }
    // The notes can have changed since the run began.
    let campaign = shared.store.campaign(shared.campaign.id).await?;
    let notes = campaign.map_or(shared.campaign.notes, |campaign| campaign.notes);
    let mut telling = Telling::new(&shared, notes);
    let mut whole = true;
    // The last look of a device is left to the end, where its own id is asked for.
    batch.sort_by_key(|one| one.by_id);
    while !batch.is_empty() {
        let first_contact = if whole { telling.first_contact } else { None };
        let (query, most) = question(&batch, first_contact);
        let size = if let ActionQuery::OfDevices(devices) = &query {
            devices.len()
        } else {
            batch.iter().filter(|one| !one.by_id).count()
        };
        let asked_at = shared.store.clock().now();
        let mut actions: ByDevice =
            batch[..size].iter().map(|one| (one.device, Vec::new())).collect();
        let keep = |action: Action| {
            if let Some(kept) = action.device.and_then(|device| actions.get_mut(&device)) {
                kept.push(action);
            }
        };
        let Read { end, date, .. } = ask(&shared, &query, most, keep).await?;
        match end {
            ReadEnd::Whole => {
                telling.contact(&shared, date).await?;
                let looked = Looked { actions, date, asked_at };
                let part = batch.drain(..size);
                let findings = part.map(|one| telling.find(&shared, one, &looked)).collect();
                write(&shared, findings).await?;
            }
            ReadEnd::TooLong if most < PAGES => whole = false,
            ReadEnd::Forbidden(refusal) => {
                write(&shared, forbidden_all(batch)).await?;
                return Ok(LookUpEnd::Done { forbidden: Some(refusal) });
            }
            end => return Ok(LookUpEnd::Failed(end.why())),
        }
    }
    Ok(LookUpEnd::Done { forbidden: None })
}

/// What to ask the list about the first devices of a batch, and how many pages that may cost. Where
/// the list is read as a whole, it is about all that need not be asked for by their ids.
fn question(batch: &[LookUp], first_contact: Option<Timestamp>) -> (ActionQuery, u64) {
    let together = batch.iter().filter(|one| !one.by_id).count();
    let unseen = batch.first().is_some_and(|one| one.unseen);
    if together >= BY_LIST && unseen {
        return (ActionQuery::Open, PAGES);
    }
    if let Some(first_contact) = first_contact
        && together >= BY_LIST
    {
        // More pages than this would cost more than asking by ids.
        let most = (together.div_ceil(BY_ID) as u64).min(PAGES - 1);
        return (created_since(first_contact), most);
    }
    (ActionQuery::OfDevices(batch.iter().take(BY_ID).map(|one| one.device).collect()), PAGES)
}

/// Asks the list of actions one question, within the list's own budget. Who asks, asks again later
/// where that can help.
pub(super) async fn ask<S: Store, A: ScanApi>(
    shared: &Shared<S, A>,
    query: &ActionQuery,
    most: u64,
    take: impl FnMut(Action),
) -> Result<Read> {
    let lists = Lists {
        store: &*shared.store,
        api: &*shared.api,
        slots: Slots::Campaign(shared.campaign.id),
        timing: shared.timing,
        patience: Patience::once(),
    };
    let mut read = lists.read(&Actions { api: &*shared.api, query }, most, take).await?;
    shared.unread().append(&mut read.throttled);
    Ok(read)
}

/// The actions that a list shows for each device that it was asked about.
type ByDevice = BTreeMap<DeviceId, Vec<Action>>;

/// What a look into the list came back with.
struct Looked {
    actions: ByDevice,
    /// The server's time.
    date: Option<Timestamp>,
    /// When it was asked.
    asked_at: Stamp,
}

/// The server times between which an action of ours was created.
struct Created {
    /// Not known if the server never told its time.
    earliest: Option<Timestamp>,
    latest: Option<Timestamp>,
}

impl Created {
    /// Whether an action that was created then can be ours.
    fn holds(&self, at: Option<Timestamp>) -> bool {
        let (Some(at), Some(earliest)) = (at, self.earliest) else { return false };
        at >= earliest && self.latest.is_none_or(|latest| at <= latest)
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
        let kept = shared.comments_kept.load(Ordering::SeqCst);
        Self {
            mark: shared.campaign.mark(),
            first_contact: notes.first_contact,
            comments_kept: kept && !notes.comments_changed,
        }
    }

    /// What this run did, it did after its start, also where an answer was lost before the first
    /// whole one. The server's time is only taken together with a duration of ours. It is kept: a
    /// machine that is started anew can lose time, and a later run then takes what this one did for
    /// younger than it is.
    async fn contact<S: Store, A>(
        &mut self,
        shared: &Shared<S, A>,
        date: Option<Timestamp>,
    ) -> Result<()> {
        let ran = shared.store.clock().now().since(shared.started);
        let start = date.and_then(|date| earliest_of(date, ran, &shared.timing));
        if let (Some(date), None) = (date, self.first_contact) {
            shared.store.note_contact(shared.campaign.id, date).await?;
        }
        self.first_contact = self.first_contact.into_iter().chain(start).min();
        Ok(())
    }

    /// Whether the list shows an action of ours, where its comment does not tell: created within
    /// these server times, since what was sent was sent and had arrived by then.
    fn is_ours<S, A>(&self, shared: &Shared<S, A>, action: &Action, created: &Created) -> bool {
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
                    && created.holds(action.created)
            }
        }
    }

    fn find<S: Store, A: ScanApi>(
        &self,
        shared: &Shared<S, A>,
        look_up: LookUp,
        looked: &Looked,
    ) -> Finding {
        let (server_now, asked_at) = (looked.date, looked.asked_at);
        let actions = looked.actions.get(&look_up.device).map_or(&[][..], Vec::as_slice);
        let scans = || actions.iter().filter(|action| action.is_scan_of(look_up.device));
        // The server was asked after `asked_at` and answered before `now`; its time lies between.
        let now = shared.store.clock().now();
        let timing = &shared.timing;
        let ago = asked_at.since(look_up.arrives_by);
        let known = if look_up.arrives_by > Stamp::ZERO { server_now } else { None };
        let latest = known.and_then(|date| latest_of(date, ago, timing));
        // Where no whole answer ever came, the call in doubt itself says how early it can be.
        let claimed_ago = now.since(look_up.arrives_by.minus(timing.horizon()));
        let claimed = known.and_then(|date| earliest_of(date, claimed_ago, timing));
        let earliest = self.first_contact.into_iter().chain(claimed).min();
        let created = Created { earliest, latest };
        let ours = scans().find(|action| self.is_ours(shared, action, &created));
        if let Some(ours) = ours
            && !look_up.unseen
        {
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

async fn write<S: Store, A>(shared: &Shared<S, A>, findings: Vec<Finding>) -> Result<()> {
    let settled = shared.store.looked_up(shared.campaign.id, findings).await?;
    for settled in settled {
        shared.note_result(settled.before, settled.after);
    }
    Ok(())
}
