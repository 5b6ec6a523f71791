//! Looking devices up in the list of machine actions: doubtful ones before any repeat, and busy
//! ones whose action is unknown. It has a budget of its own, so that it never takes a slot of the
//! scans.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::Shared;
use crate::clock::Clock;
use crate::defender::{ActionQuery, ListReply, NextPage, ScanApi};
use crate::domain::action::CommentSays;
use crate::domain::lifecycle::Found;
use crate::domain::settle::ServerNotes;
use crate::domain::verdict::list_verdict;
use crate::domain::{Action, DeviceId, Verdict};
use crate::store::{Finding, LookUp, ReadAnswer, ReadSettlement, Store, StoreError};

/// Devices that one look-up handles at most.
pub(super) const MOST: usize = 1_000;

/// Devices that one page is asked about by their ids; a longer filter would make a long URL.
const BY_ID: usize = 10;

/// Busy devices from which on the whole list of open actions is read instead.
const BY_LIST: usize = 20;

/// Pages that one question reads at most: two million actions. A server that repeats itself for
/// ever must not hold the campaign.
const PAGES: usize = 200;

/// How a look-up ended.
pub(super) enum LookUpEnd {
    /// Its findings are in the store.
    Done {
        /// The list may not be read.
        forbidden: bool,
    },
    /// The list could not be read; the devices stand as they stood.
    Failed(String),
}

/// Looks a batch up: all doubtful, or all busy with something unknown.
pub(super) async fn run<S: Store, A: ScanApi>(
    shared: Arc<Shared<S, A>>,
    batch: Vec<LookUp>,
    forbidden: bool,
) -> Result<LookUpEnd, StoreError> {
    if forbidden {
        return write(&shared, forbidden_all(batch)).await.map(|()| LookUpEnd::Done { forbidden });
    }
    // The notes can have changed since the run began.
    let campaign = shared.store.find(&shared.campaign.name).await?;
    let notes = campaign.map_or(shared.campaign.notes, |campaign| campaign.notes);
    let whole_list = batch.len() >= BY_LIST && batch.iter().all(|one| one.unseen);
    let size = if whole_list { batch.len() } else { BY_ID };
    for part in batch.chunks(size) {
        let devices: Vec<DeviceId> = part.iter().map(|one| one.device).collect();
        let query =
            if whole_list { ActionQuery::Open } else { ActionQuery::OfDevices(devices.clone()) };
        match read(&shared, &query, &devices).await? {
            Read::Actions(actions, date) => {
                let findings = part.iter().map(|one| find(&shared, *one, &actions, notes, date));
                write(&shared, findings.collect()).await?;
            }
            Read::Forbidden => {
                write(&shared, forbidden_all(batch)).await?;
                return Ok(LookUpEnd::Done { forbidden: true });
            }
            Read::Failed(why) => return Ok(LookUpEnd::Failed(why)),
        }
    }
    Ok(LookUpEnd::Done { forbidden: false })
}

enum Read {
    /// All actions of the devices that were asked for, newest first, and the server's time.
    Actions(BTreeMap<DeviceId, Vec<Action>>, Option<Timestamp>),
    Forbidden,
    Failed(String),
}

/// Reads all pages, keeping only what concerns these devices.
async fn read<S: Store, A: ScanApi>(
    shared: &Shared<S, A>,
    query: &ActionQuery,
    devices: &[DeviceId],
) -> Result<Read, StoreError> {
    let mut kept: BTreeMap<DeviceId, Vec<Action>> =
        devices.iter().map(|device| (*device, Vec::new())).collect();
    let mut next: Option<NextPage> = None;
    for _ in 0..PAGES {
        match page(shared, query, next.as_ref()).await? {
            Err(why) => return Ok(Read::Failed(why)),
            Ok(ListReply::Page { actions, next: rest, date }) => {
                for action in actions {
                    if let Some(kept) = action.device.and_then(|device| kept.get_mut(&device)) {
                        kept.push(action);
                    }
                }
                if rest.is_none() || rest == next {
                    return Ok(Read::Actions(kept, date));
                }
                next = rest;
            }
            Ok(ListReply::Refused(reply)) => match list_verdict(&reply) {
                Verdict::Forbidden(_) => return Ok(Read::Forbidden),
                Verdict::Unauthorized(_) => {
                    shared.api.token_refused().await;
                    return Ok(Read::Failed("the API refused the token (401)".to_owned()));
                }
                Verdict::Throttled { .. } => {
                    return Ok(Read::Failed("the API's limit for the list (429)".to_owned()));
                }
                Verdict::Doubtful { why, .. } | Verdict::NeverLeft { why } => {
                    return Ok(Read::Failed(why));
                }
                other => return Ok(Read::Failed(format!("{other:?}"))),
            },
        }
    }
    Ok(Read::Failed(format!("the list did not end after {PAGES} pages")))
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
    let call = loop {
        match shared.store.claim_read(shared.campaign.id).await? {
            ReadAnswer::Call(call, _) => break call,
            ReadAnswer::NotYet(not_yet) => {
                let clock = shared.store.clock();
                let poll = clock.now().plus(shared.timing.poll);
                clock.sleep_until(not_yet.at.min(poll)).await;
            }
        }
    };
    let reply = shared.api.actions(query, next).await;
    let verdict = match &reply {
        ListReply::Page { .. } => None,
        ListReply::Refused(reply) => Some(list_verdict(reply)),
    };
    shared.store.settle_read(call, ReadSettlement { verdict }).await?;
    Ok(Ok(reply))
}

fn find<S: Store, A: ScanApi>(
    shared: &Shared<S, A>,
    look_up: LookUp,
    actions: &BTreeMap<DeviceId, Vec<Action>>,
    notes: ServerNotes,
    server_now: Option<Timestamp>,
) -> Finding {
    let campaign = &shared.campaign;
    let empty = Vec::new();
    let actions = actions.get(&look_up.device).unwrap_or(&empty);
    let scans = || actions.iter().filter(|action| action.is_scan_of(look_up.device));
    let mark = campaign.mark();
    let is_ours = |action: &&Action| match action.comment_says(&mark, &campaign.order.comment) {
        CommentSays::Ours => true,
        CommentSays::NotOurs => false,
        CommentSays::Altered if !notes.comments_changed => false,
        // A server that drops or changes comments leaves only the time to tell our actions from
        // older ones.
        CommentSays::Altered | CommentSays::Nothing => {
            matches!((action.created, notes.first_contact), (Some(at), Some(first)) if at >= first)
        }
    };
    if let Some(ours) = scans().find(is_ours).filter(|_| !look_up.unseen) {
        return Finding { look_up, found: Found::Ours, action: Some(ours.clone()) };
    }
    let asked = campaign.order.scan_type;
    let covering = scans().find(|action| action.covers(asked, server_now, &shared.timing));
    let covered = covering.is_some();
    let action = covering.or_else(|| scans().find(|action| action.is_open())).cloned();
    Finding { look_up, found: Found::NotOurs { covered }, action }
}

fn forbidden_all(batch: Vec<LookUp>) -> Vec<Finding> {
    let forbid = |look_up| Finding { look_up, found: Found::Forbidden, action: None };
    batch.into_iter().map(forbid).collect()
}

async fn write<S: Store, A>(
    shared: &Shared<S, A>,
    findings: Vec<Finding>,
) -> Result<(), StoreError> {
    shared.store.looked_up(shared.campaign.id, findings).await.map(drop)
}
