//! Reading the lists: intake runs on a thread of its own and never gets more than two batches
//! ahead of the store. Only the ids and the first row errors are kept in memory. Where the tenant
//! is asked before a list is judged, the list is read once more before that: a wrong one
//! is refused at once, and no call is made for it.

mod dates;
mod input;
mod list_notes;

use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::domain::facts::KeptFacts;
use crate::domain::request::ListedDevice;
use crate::domain::text::printable;
use crate::domain::{self, preflight::Group};
use crate::domain::{CampaignId, CampaignName, DeviceId, Facts, Life, NewRow, OrderBy, Outcome};
use crate::intake::{self, Fault, IntakeError, Options, Row, RowError, RowKind, RowProblem, Seen};
use crate::ops::failure::Failure;
use crate::ops::plan::sequence::{Placed, Sequence};
use crate::ops::plan::side_list;
use crate::ops::preflight::judge::{Counts, Preflight};
use crate::report::plan::BadKind;
use crate::store::Store;
use input::{is_input, open, open_keeping};
use list_notes::ListNotes;

/// Rows that travel to the store at once.
const BATCH: usize = 2_000;

/// Batches between intake and store: one being written, one being read.
const AHEAD: usize = 2;

/// Row errors that are shown; all of them are in the report.
const SHOWN: usize = 20;

/// What was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    /// Rows of all lists.
    pub rows: u64,
    /// Rows whose device stands in an earlier row.
    pub duplicates: u64,
    /// Rows that hold no device.
    pub bad: u64,
    /// Rows whose device is skipped, and those of other tenants.
    pub skipped: u64,
    /// Devices by what is known of them.
    pub counts: Counts,
    /// The first row errors, as sentences.
    pub first_bad: Vec<String>,
    /// What is wrong with bad rows, in the order in which that was met.
    pub bad_kinds: Vec<BadRows>,
    /// Each device once, in input order, those that are skipped included, those of other tenants
    /// not.
    pub ids: Vec<DeviceId>,
    /// In what order the devices are asked.
    pub sequence: Arc<Sequence>,
    /// What became of that order.
    pub placed: Placed,
    /// Those of them that are skipped.
    pub left_out: Vec<DeviceId>,
    /// What the lists say of themselves.
    pub notes: ListNotes,
}

/// Rows that are bad for the same reason.
#[derive(Clone, Debug)]
pub(crate) struct BadRows {
    problem: RowProblem,
    /// What is told of them.
    pub kind: BadKind,
}

impl Listing {
    /// Devices that are ordered.
    pub(crate) fn devices(&self) -> u64 {
        (self.ids.len() as u64).saturating_sub(self.left_out.len() as u64)
    }

    /// Judges one device, counts it, and gives it its place.
    fn judge(&mut self, preflight: &Preflight, device: DeviceId, facts: &Facts) -> RowStart {
        let judged = preflight.judge(device, facts);
        self.ids.push(device);
        if judged.is_skipped() {
            self.skipped += 1;
            self.left_out.push(device);
        }
        self.counts.add(&judged);
        let (life, reason) = judged.life();
        let (life, turn) = self.sequence.place(&judged, life, &mut self.placed);
        if reason.is_none() && judged.standing.last_seen_s.is_none() {
            self.placed.note_date(facts.unknown_date());
        }
        RowStart { life, reason, turn, facts: judged.kept() }
    }

    /// Counts a bad row with those that are bad for the same reason.
    fn note_kind(&mut self, source: Option<&String>, error: &RowError) {
        let known = self.bad_kinds.iter_mut().find(|rows| rows.problem.is_like(&error.problem));
        if let Some(known) = known {
            known.kind.rows += 1;
            return;
        }
        let source = source.map(|name| format!("{name}, ")).unwrap_or_default();
        let example = format!("{source}{}", error.in_short());
        let kind = BadKind { example, rows: 1 };
        self.bad_kinds.push(BadRows { problem: error.problem.clone(), kind });
    }

    fn count(&mut self, source: Option<&String>, row: &Row) {
        self.rows += 1;
        self.notes.row(&row.facts, matches!(row.kind, RowKind::Foreign(_)));
        match &row.kind {
            RowKind::Device(_) => {}
            RowKind::Foreign(_) => {
                self.skipped += 1;
                *self.counts.groups.entry(Group::OtherTenant).or_default() += 1;
            }
            RowKind::Duplicate { .. } => self.duplicates += 1,
            RowKind::Bad(error) => {
                self.bad += 1;
                self.note_kind(source, error);
                if self.first_bad.len() < SHOWN {
                    let source = source.map(|name| format!("{name}: ")).unwrap_or_default();
                    self.first_bad.push(format!("{source}{error}"));
                }
            }
        }
    }
}

/// By what the devices of a list are judged and put in order.
pub(crate) struct Reading<'a> {
    /// What is known of them.
    pub preflight: &'a Arc<Preflight>,
    /// Who goes first.
    pub sequence: Sequence,
}

/// How the row of a device begins.
#[derive(Default)]
struct RowStart {
    life: Life,
    /// Why it is skipped.
    reason: Option<String>,
    turn: i64,
    /// What the campaign keeps of the device.
    facts: KeptFacts,
}

/// Reads the lists, writing their rows to the draft if there is one.
///
/// # Errors
/// `Failure` if a list is refused as a whole, or if the store fails.
pub(crate) async fn read<S: Store>(
    sources: &[PathBuf],
    kept: Option<File>,
    options: Options,
    Reading { preflight, sequence }: Reading<'_>,
    draft: Option<(&S, CampaignId)>,
) -> Result<Listing, Failure> {
    let (to_store, mut batches) = mpsc::channel::<Vec<NewRow>>(AHEAD);
    let (sources, preflight) = (sources.to_vec(), preflight.clone());
    let keep_rows = draft.is_some();
    let reading = side_list::apart(move || {
        let to_store = if keep_rows { Some(&to_store) } else { None };
        let reading = Reading { preflight: &preflight, sequence };
        read_all(&sources, kept, &options, reading, to_store).map_err(|error| refused(&error))
    });
    while let Some(batch) = batches.recv().await {
        if let Some((store, draft)) = draft {
            store.append(draft, batch).await?;
        }
    }
    reading.await
}

/// Reads the lists for what would refuse them as a whole. Standard input comes but once, so what
/// was read of it is kept in a file without a name, which is returned for `read`.
///
/// # Errors
/// `Failure` if a list is refused as a whole.
pub(crate) async fn rehearse(
    sources: &[PathBuf],
    options: Options,
) -> Result<Option<File>, Failure> {
    let sources = sources.to_vec();
    let read = move || rehearse_all(&sources, &options).map_err(|error| refused(&error));
    side_list::apart(read).await
}

/// Reads the lists for what their rows say beside their devices, which `add` adds up; it is told
/// the list too where there are several.
///
/// # Errors
/// `Failure` if a list is refused as a whole.
pub(crate) async fn survey<T: Default + Send + 'static>(
    sources: &[PathBuf],
    options: Options,
    add: fn(&mut T, Option<&str>, &Row),
) -> Result<T, Failure> {
    let sources = sources.to_vec();
    side_list::apart(move || {
        let (mut seen, mut all) = (Seen::new(), T::default());
        for path in &sources {
            let (name, reader) = open(path, None).map_err(|error| refused(&error))?;
            let list = if sources.len() > 1 { Some(name.as_str()) } else { None };
            let mut take = |row: Row| {
                add(&mut all, list, &row);
                ControlFlow::Continue(())
            };
            let read = intake::read(&name, reader, &options, &mut seen, &mut take);
            read.map_err(|error| refused(&error))?;
        }
        Ok(all)
    })
    .await
}

/// Reads lists once more, row by row, for what is no campaign's: `take` is told what a row says of
/// its device, and makes the row of a report of how it ended and why. A row that holds no device,
/// or one of an earlier row, says so itself.
///
/// # Errors
/// `Failure` if a list is refused as a whole.
pub(in crate::ops) fn each_row(
    sources: &[PathBuf],
    options: &Options,
    mut take: impl FnMut(&Facts, &mut dyn FnMut(Life, String) -> domain::Row) -> ControlFlow<()>,
) -> Result<(), Failure> {
    let mut seen = Seen::new();
    for path in sources {
        let (name, reader) = open(path, None).map_err(|error| refused(&error))?;
        let mut emit = |row: Row| {
            let facts = row.facts.clone();
            let mut row = Some(row);
            take(&facts, &mut |life, why| {
                let row = row.take().expect("a row is made once");
                let row = new_row(row, RowStart { life, reason: Some(why), ..RowStart::default() });
                let detail = row.detail();
                let NewRow { line, device, name, input_text, life, .. } = row;
                let (seq, turn, wave) = (0, 0, 0);
                domain::Row { seq, line, device, name, input_text, life, detail, turn, wave }
            })
        };
        let read = intake::read(&name, reader, options, &mut seen, &mut emit);
        read.map_err(|error| refused(&error))?;
    }
    Ok(())
}

fn rehearse_all(sources: &[PathBuf], options: &Options) -> Result<Option<File>, IntakeError> {
    let (mut seen, mut kept) = (Seen::new(), None);
    let mut pass = |_| ControlFlow::Continue(());
    for path in sources {
        let (name, reader) = open_keeping(path, &mut kept)?;
        intake::read(&name, reader, options, &mut seen, &mut pass)?;
    }
    Ok(kept)
}

fn read_all(
    sources: &[PathBuf],
    mut kept: Option<File>,
    options: &Options,
    Reading { preflight, sequence }: Reading<'_>,
    to_store: Option<&mpsc::Sender<Vec<NewRow>>>,
) -> Result<Listing, IntakeError> {
    let mut listing = Listing { sequence: Arc::new(sequence), ..Listing::default() };
    listing.notes.own_is_named = !options.own.names.is_empty();
    let mut seen = Seen::new();
    let several = sources.len() > 1;
    // Only the whole column tells which number of a date is the day.
    let dates = match listing.sequence.by {
        OrderBy::LastSeen => dates::survey(sources, &mut kept, options)?,
        OrderBy::List | OrderBy::Value => Vec::new(),
    };
    for (at, path) in sources.iter().enumerate() {
        let dates = dates.get(at).copied().unwrap_or_default();
        let kept = if is_input(path) { kept.take() } else { None };
        let (name, reader) = open(path, kept)?;
        let mut batch = Vec::with_capacity(BATCH);
        let mut emit = |mut row: Row| {
            row.facts.settle_dates(&dates);
            listing.count(if several { Some(&name) } else { None }, &row);
            let begun = match row.kind {
                RowKind::Device(device) => listing.judge(preflight, device, &row.facts),
                _ => RowStart::default(),
            };
            let Some(to_store) = to_store else { return ControlFlow::Continue(()) };
            batch.push(new_row(row, begun));
            if batch.len() < BATCH {
                return ControlFlow::Continue(());
            }
            hand_over(to_store, &mut batch)
        };
        let summary = intake::read(&name, reader, options, &mut seen, &mut emit)?;
        listing.notes.end_of(&name, &summary);
        if let Some(to_store) = to_store
            && hand_over(to_store, &mut batch).is_break()
        {
            break;
        }
    }
    Ok(listing)
}

/// Waits for the store when it is behind; it is gone only after it failed.
fn hand_over(to_store: &mpsc::Sender<Vec<NewRow>>, batch: &mut Vec<NewRow>) -> ControlFlow<()> {
    let full = std::mem::replace(batch, Vec::with_capacity(BATCH));
    match to_store.blocking_send(full) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

/// A list of devices that are known already, judged like any other.
///
/// # Errors
/// `Failure` if the store fails.
pub(crate) async fn known<S: Store>(
    devices: &[ListedDevice],
    Reading { preflight, sequence }: Reading<'_>,
    draft: Option<(&S, CampaignId)>,
) -> Result<Listing, Failure> {
    let mut listing = Listing { sequence: Arc::new(sequence), ..Listing::default() };
    for chunk in devices.chunks(BATCH) {
        let mut batch = Vec::with_capacity(BATCH);
        for ListedDevice { id, name, facts } in chunk {
            listing.rows += 1;
            let begun = listing.judge(preflight, *id, &facts.facts());
            let RowStart { life, reason, turn, facts } = begun;
            let (line, device, name) = (listing.rows, Some(*id), name.clone());
            let (input_text, wave) = (None, 0);
            batch.push(NewRow { line, device, name, input_text, facts, life, reason, turn, wave });
        }
        if let Some((store, draft)) = draft {
            store.append(draft, batch).await?;
        }
    }
    Ok(listing)
}

/// What is most likely meant by a report in the place of a list.
fn of_a_report(error: &IntakeError) -> Failure {
    let Fault::OwnReport { campaign } = &error.fault else {
        return Failure::usage("the list is refused", error, "give another list");
    };
    let name = campaign.as_deref().map(str::parse::<CampaignName>).and_then(Result::ok);
    let name = name.map_or_else(|| "NAME".to_owned(), |name| name.to_string());
    Failure::usage(
        "the list is refused; nothing was ordered",
        error,
        format!(
            "did you mean `fleetsweep retry {name}`, which asks those again that were not covered? \
             To order every device of the report, add --column device_id"
        ),
    )
}

fn new_row(row: Row, begun: RowStart) -> NewRow {
    let (note, RowStart { life, reason, turn, facts }) = (row.note, begun);
    let (device, life, reason) = match row.kind {
        RowKind::Device(device) => {
            // Both are worth telling: how the device was found, and why it is skipped.
            let told: Vec<String> = [reason, note].into_iter().flatten().collect();
            (Some(device), life, if told.is_empty() { None } else { Some(told.join("; ")) })
        }
        RowKind::Foreign(device) => {
            let reason = Group::OtherTenant.reason(&match row.facts.tenancy.told() {
                Some(tenant) => format!("the list names tenant {tenant} for it"),
                None if row.facts.tenant_name.is_some() => {
                    let name = row.facts.tenant_name.as_deref().unwrap_or_default();
                    format!("the list names tenant `{}` for it", printable(name))
                }
                None => Group::OtherTenant.what().to_owned(),
            });
            (device, Life::ended(Outcome::Skipped), Some(reason))
        }
        RowKind::Duplicate { of, first } => {
            let reason = format!("the same device as line {}", first.line);
            (Some(of), Life::ended(Outcome::Duplicate), Some(reason))
        }
        RowKind::Bad(error) => (None, Life::ended(Outcome::BadRow), Some(error.to_string())),
    };
    let plain = device.is_some_and(|device| device.to_string() == row.input_text);
    NewRow {
        line: row.line,
        device,
        name: row.device_name,
        input_text: if plain { None } else { Some(row.input_text) },
        facts,
        life,
        reason,
        turn,
        wave: 0,
    }
}

fn refused(error: &IntakeError) -> Failure {
    let unread = "the list cannot be read; nothing was ordered";
    let next = match &error.fault {
        Fault::NotFound => Some(
            "correct the path, then run the same command again; ids and names stand in a file, one \
             on each line",
        ),
        Fault::Directory => Some("name a file, then run the same command again"),
        Fault::Io(_) => Some("check who may read it, then run the same command again"),
        _ => None,
    };
    if let Some(next) = next {
        return Failure::usage(unread, error, next);
    }
    let next = match &error.fault {
        Fault::NoIdColumn { .. } => {
            "fix the list, then run the same command again; if it holds device names, add --names"
        }
        Fault::OnlyNames { .. } => {
            "add --names, so that the devices are looked up by their names; or export the list \
             from Defender portal > Assets > Devices"
        }
        Fault::GuidColumn { ids: Some(_), .. } => {
            "name that column with --column, or leave --column out"
        }
        Fault::UnknownColumn { .. } => "name one of them with --column, or leave it out",
        Fault::AmbiguousColumn { .. } => "run the same command again with --column",
        Fault::OwnReport { .. } => return of_a_report(error),
        Fault::ErrorAnswer { .. } => "ask for the list again, and look at what was answered",
        _ => error.fault.remedy().unwrap_or("fix the list, then run the same command again"),
    };
    Failure::usage("the list is refused; nothing was ordered", error, next)
}
