//! In what order the devices of a list are asked: the lists of `--first`, and what `--order` goes
//! by. The lists are read once, before the list itself; the rules are `domain::turn`'s.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::domain::moment::Moment;
use crate::domain::request::OrderRequest;
use crate::domain::text::{cut, printable};
use crate::domain::{DeviceId, Life, OrderBy, turn};
use crate::intake::{Fault, IntakeError, Options, RowError};
use crate::ops::failure::Failure;
use crate::ops::plan::side_list;
use crate::ops::preflight::judge::Judged;
use crate::report::human::{count, counted};

/// In what order devices are asked.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    /// What the order goes by.
    pub by: OrderBy,
    files: Vec<String>,
    /// The devices that go first.
    named: HashMap<DeviceId, NamedDevice>,
}

/// Where a device was named.
#[derive(Clone, Copy, Debug)]
struct NamedDevice {
    /// Its place among all that were named, from 0.
    place: u64,
    /// Its list.
    file: usize,
    line: u64,
}

/// What became of the order as a list was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placed {
    /// For each list of `--first` the devices that are ordered, and those that are skipped.
    first: Vec<(u64, u64)>,
    /// Other devices that are ordered of which what the order goes by is known.
    known: u64,
    /// And is not known.
    pub(crate) unknown: u64,
    /// Devices that are ordered of whose last report a date is told that is not known.
    dates: u64,
    /// The first of these dates.
    date: Option<Moment>,
}

impl Placed {
    /// Notes the date of a device that is ordered, which tells of no moment for sure.
    pub(crate) fn note_date(&mut self, date: Option<&Moment>) {
        let Some(date) = date else { return };
        self.dates += 1;
        self.date.get_or_insert_with(|| date.clone());
    }

    /// What is wrong with the dates, as a sentence. Returns `None` if nothing is.
    fn about_dates(&self) -> Option<String> {
        let date = self.date.as_ref()?;
        let (dates, text) = (counted(self.dates, "date"), printable(&cut(&date.text, 40)));
        Some(if date.readings.is_ambiguous() {
            format!(
                "{dates} of a last report, such as `{text}`, may mean two days: no other date of \
                 the list tells whether the month or the day comes first"
            )
        } else {
            format!("{dates} of a last report cannot be read, such as `{text}`")
        })
    }
}

impl Sequence {
    /// What the plan warns of: dates that the order would go by and that are not known.
    pub(crate) fn warning(&self, placed: &Placed) -> Option<String> {
        match self.by {
            OrderBy::LastSeen => placed.about_dates(),
            OrderBy::List | OrderBy::Value => None,
        }
    }

    /// Reads the lists of devices that go first.
    ///
    /// # Errors
    /// `Failure` if a list is refused, or if a row of it holds no device.
    pub(crate) async fn read(asked: &OrderRequest, options: Options) -> Result<Self, Failure> {
        let (by, paths) = (asked.by.unwrap_or_default(), asked.first.clone());
        side_list::apart(move || {
            let mut sequence = Sequence { by, ..Sequence::default() };
            paths.iter().try_for_each(|path| sequence.add(path, &options))?;
            Ok(sequence)
        })
        .await
    }

    /// Looks at those lists that can be read twice, before anybody is asked anything.
    ///
    /// # Errors
    /// As `read`.
    pub(crate) async fn rehearse(asked: &OrderRequest, options: Options) -> Result<(), Failure> {
        let twice =
            |path: &&PathBuf| path.metadata().map_or(true, |it| it.is_file() || it.is_dir());
        let first = asked.first.iter().filter(twice).cloned().collect();
        Self::read(&OrderRequest { first, by: asked.by }, options).await.map(drop)
    }

    fn add(&mut self, path: &Path, options: &Options) -> Result<(), Failure> {
        let name = path.display().to_string();
        side_list::not_standard_input("--first", path)?;
        let found = match side_list::rows(path, options) {
            // The column was named for the list itself; this one may have another.
            Err(IntakeError { fault: Fault::UnknownColumn { .. }, .. }) => {
                side_list::rows(path, &Options { column: None, ..options.clone() })
            }
            found => found,
        };
        let (rows, bad) = found.map_err(|error| {
            let fix = "fix the list of --first, then run the same command again";
            let next = error.fault.remedy().unwrap_or(fix);
            Failure::usage("the list of --first is refused", error, next)
        })?;
        if let Some(first) = bad.first() {
            return Err(bad_rows(&name, bad.len() as u64, first));
        }
        let file = self.files.len();
        self.files.push(name);
        for (device, line) in rows {
            let place = self.named.len() as u64;
            self.named.entry(device).or_insert(NamedDevice { place, file, line });
        }
        Ok(())
    }

    /// How the row of a device begins, and its turn. A device that was named comes first though it
    /// may be asleep.
    pub(crate) fn place(
        &self,
        judged: &Judged<'_>,
        life: Life,
        placed: &mut Placed,
    ) -> (Life, i64) {
        let Judged { device, standing, past, .. } = judged;
        let ordered = life == Life::draft() || life == Life::late_draft();
        if let Some(named) = self.named.get(device) {
            placed.first.resize(self.files.len(), (0, 0));
            let (some, left_out) = &mut placed.first[named.file];
            *some += u64::from(ordered);
            *left_out += u64::from(!ordered);
            return (if ordered { Life::draft() } else { life }, turn::ahead(named.place));
        }
        let turn = match self.by {
            // Nobody asked for another order than that of the nights: what has waited longest.
            OrderBy::List => past.map(|past| past.turn()).or(self.by.turn(*standing)),
            by => by.turn(*standing),
        };
        placed.known += u64::from(ordered && turn.is_some());
        placed.unknown += u64::from(ordered && turn.is_none());
        (life, turn.unwrap_or(turn::UNKNOWN))
    }

    /// The devices that were named to go first, in their order.
    pub(crate) fn named(&self) -> Vec<DeviceId> {
        let mut named: Vec<_> = self.named.iter().collect();
        named.sort_unstable_by_key(|(_, named)| named.place);
        named.into_iter().map(|(device, _)| *device).collect()
    }

    /// The lists of devices that go first: their names, how many of their devices are ordered, and
    /// how many are skipped.
    pub(crate) fn first<'a>(
        &'a self,
        placed: &'a Placed,
    ) -> impl Iterator<Item = (&'a str, u64, u64)> {
        let of = |file| placed.first.get(file).copied().unwrap_or_default();
        self.files.iter().enumerate().map(move |(file, name)| {
            let (some, left_out) = of(file);
            (name.as_str(), some, left_out)
        })
    }

    /// Whether the list can be asked in this order.
    ///
    /// # Errors
    /// `Failure` if devices that are to go first are not in the list, which would leave them
    /// unscanned, or if nothing is known that the order could go by.
    pub(crate) fn check(
        &self,
        ids: &[DeviceId],
        placed: &Placed,
        from_tenant: bool,
    ) -> Result<(), Failure> {
        let found: u64 = placed.first.iter().map(|(some, left_out)| some + left_out).sum();
        if found < self.named.len() as u64 {
            return Err(self.missing(ids, from_tenant));
        }
        if placed.known > 0 || placed.unknown == 0 {
            return Ok(());
        }
        if let Some(why) = self.warning(placed) {
            return Err(Failure::usage(
                format!("there is no order by {}; nothing was ordered", self.by.name()),
                why,
                "write the dates as 2026-02-24T15:45:00Z, let the tenant's inventory be read \
                 (--check in a dry run or with --emulator, and Machine.Read.All), or leave \
                 --order out",
            ));
        }
        let (what, column) = match self.by {
            OrderBy::Value => ("value", "Device value"),
            _ => ("last report", "Last device update"),
        };
        Err(Failure::usage(
            format!("there is no order by {}; nothing was ordered", self.by.name()),
            format!("of no device of the list the {what} is known"),
            format!(
                "let the tenant's inventory be read (--check in a dry run or with --emulator, no \
                 --no-check, and the permission Machine.Read.All), export the list with the \
                 column \"{column}\", or leave --order out"
            ),
        ))
    }

    fn missing(&self, ids: &[DeviceId], from_tenant: bool) -> Failure {
        let listed: HashSet<&DeviceId> = ids.iter().collect();
        let missing = self.named.iter().filter(|(device, _)| !listed.contains(device));
        let mut missing: Vec<_> = missing.collect();
        missing.sort_by_key(|(_, named)| named.place);
        let of = counted(self.named.len() as u64, "device");
        let (is, first) = (if missing.len() == 1 { "is" } else { "are" }, missing.first());
        let first = first.map(|(device, named)| {
            let file = printable(&self.files[named.file]);
            format!("; the first of them: line {} of {file}, {device}", named.line)
        });
        let (list, next) = if from_tenant {
            (
                "among the tenant's devices that were chosen",
                "take them out of the file, or choose more devices".to_owned(),
            )
        } else {
            let file = missing.first().map_or("it", |(_, named)| &self.files[named.file]);
            let next = format!(
                "to scan them too, name the file among the lists as well: fleetsweep scan DEVICES \
                 {} --first ...; else take them out of it",
                printable(file)
            );
            ("in the list", next)
        };
        Failure::usage(
            "devices that are to go first would not be scanned; nothing was ordered",
            format!(
                "{} of the {of} of --first {is} not {list}{}",
                count(missing.len() as u64),
                first.unwrap_or_default()
            ),
            next,
        )
    }
}

fn bad_rows(name: &str, bad: u64, first: &RowError) -> Failure {
    let rows = if bad == 1 { "row holds" } else { "rows hold" };
    Failure::usage(
        "the list of --first is refused; nothing was ordered",
        format!("{} {rows} no device in {}; the first: {first}", count(bad), printable(name)),
        "fix that list, then run the same command again",
    )
}
