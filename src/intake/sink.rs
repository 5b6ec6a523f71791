//! Where every reader ends: an id cell becomes a row, is counted and handed on. It does not know
//! from which format the cell came.

use std::ops::ControlFlow;

use super::cell;
use super::error::Fault;
use super::options::{NameAnswer, Options};
use super::row::{Column, Row, RowError, RowKind, RowProblem};
use super::seen::Seen;
use crate::domain::text::cut;
use crate::domain::{DeviceId, Facts, NotADeviceId};

/// Characters of an id cell that a row keeps.
const INPUT_TEXT: usize = 200;
/// Characters of a name that a row keeps; a DNS name has at most 253.
const NAME: usize = 256;
/// Characters of an id cell that an error shows.
const FOUND: usize = 80;

/// One row as a reader hands it in, before it is judged.
pub(super) struct Entry<'a> {
    pub(super) line: u64,
    pub(super) column: &'a Column,
    pub(super) text: &'a str,
    pub(super) name: Option<&'a str>,
    pub(super) facts: Facts,
}

/// What was read from one source; `rows` is always the sum of the four counts after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceSummary {
    /// Rows, without header, blank lines and comments.
    pub rows: u64,
    /// Rows with an id that this run had not seen before.
    pub devices: u64,
    /// Rows with an id that this run had seen before.
    pub duplicates: u64,
    /// Rows without a usable id.
    pub bad: u64,
    /// Rows that name another tenant than the one of the run.
    pub foreign: u64,
    /// The header or the number of the column that the ids were taken from.
    pub column_used: String,
    /// The column of the ids, if it has a header that does not say that it holds any.
    pub guessed: Option<String>,
    /// The line on which the text stops within a row, as that of a file does that was cut off.
    pub cut_off: Option<u64>,
    /// What kind of list it was, in words for people.
    pub format: &'static str,
}

/// Judges, counts and emits the rows of one source.
pub(super) struct Sink<'a> {
    pub(super) options: &'a Options,
    seen: &'a mut Seen,
    emit: &'a mut dyn FnMut(Row) -> ControlFlow<()>,
    devices: u64,
    duplicates: u64,
    bad: u64,
    foreign: u64,
    guids: u64,
    /// What the summary says of it.
    pub(super) guessed: Option<String>,
    pub(super) cut_off: Option<u64>,
    stopped: bool,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        options: &'a Options,
        seen: &'a mut Seen,
        emit: &'a mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Self {
        Self {
            options,
            seen,
            emit,
            devices: 0,
            duplicates: 0,
            bad: 0,
            foreign: 0,
            guids: 0,
            guessed: None,
            cut_off: None,
            stopped: false,
        }
    }

    /// Takes a row whose id cell decides what it is.
    pub(super) fn take(&mut self, entry: Entry<'_>) -> Result<ControlFlow<()>, Fault> {
        if self.is_passed_over(&entry) {
            return self.pass_over();
        }
        match cell::parse(entry.text) {
            // A GUID is no name either, and text of nothing but digits of an id is a bad id.
            Err(NotADeviceId::Other) => self.take_other(entry),
            judged => self.settle(entry, judged.map_err(RowProblem::NotAnId), None),
        }
    }

    /// Takes a row whose id cell holds anything but an id or the digits of one.
    fn take_other(&mut self, entry: Entry<'_>) -> Result<ControlFlow<()>, Fault> {
        if let Some(parts) = cell::several(entry.text) {
            return self.take_each(entry, &parts);
        }
        if cell::bare(entry.text) == "[]" {
            return self.refuse(entry, NotADeviceId::Empty.into());
        }
        if cell::is_excel_number(entry.text) {
            return self.refuse(entry, RowProblem::ExcelNumber);
        }
        if cell::is_cut_off(entry.text) {
            return self.refuse(entry, RowProblem::CutOff);
        }
        if cell::is_object_as_text(entry.text) {
            return self.refuse(entry, RowProblem::ObjectAsText);
        }
        if self.options.names.is_none() && cell::is_id_among_text(entry.text) {
            return self.refuse(entry, RowProblem::AmongText);
        }
        self.settle_name(entry)
    }

    /// Takes a cell that holds several ids, each as a row of its own on the same line. A name
    /// that is a list itself is none of a single device.
    fn take_each(&mut self, entry: Entry<'_>, parts: &[String]) -> Result<ControlFlow<()>, Fault> {
        let name = entry.name.filter(|name| !cell::trim(name).starts_with('['));
        for part in parts {
            let judged = cell::parse(part).map_err(RowProblem::NotAnId);
            let one = Entry { text: part, name, facts: entry.facts.clone(), ..entry };
            if self.settle(one, judged, None)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes a row whose id cell may hold a name.
    fn settle_name(&mut self, entry: Entry<'_>) -> Result<ControlFlow<()>, Fault> {
        let Some(names) = &self.options.names else {
            return self.settle(entry, Err(RowProblem::NotAnId(NotADeviceId::Other)), None);
        };
        // A device of this tenant may have the same name.
        if self.is_foreign(&entry) && !cell::trim(entry.text).is_empty() {
            self.count()?;
            self.foreign += 1;
            return Ok(self.hand_over(entry, RowKind::Foreign(None), None));
        }
        let mut entry = entry;
        let (judged, note) = match names.0(&cell::bare(entry.text)) {
            NameAnswer::Device(id, note) => {
                // What it was found by is its name where no other field tells one.
                let told = entry.name.filter(|name| !cell::name(name).is_empty());
                entry.name = told.or(Some(entry.text));
                (Ok(id), note)
            }
            NameAnswer::Unknown(nearest) => (Err(RowProblem::UnknownName { nearest }), None),
            NameAnswer::Ambiguous(records) => (Err(RowProblem::AmbiguousName { records }), None),
        };
        self.settle(entry, judged, note)
    }

    /// Whether the row names another tenant than the one of the run. What says nothing is its own.
    fn is_foreign(&self, entry: &Entry<'_>) -> bool {
        self.options.own.is_anothers(&entry.facts)
    }

    /// Whether the row is of another tenant of a list of several.
    fn is_passed_over(&self, entry: &Entry<'_>) -> bool {
        self.options.only_of.as_ref().is_some_and(|own| !own.has(&entry.facts))
    }

    fn pass_over(&mut self) -> Result<ControlFlow<()>, Fault> {
        self.count()?;
        self.foreign += 1;
        Ok(ControlFlow::Continue(()))
    }

    /// Takes a row that is bad whatever its id cell says.
    pub(super) fn refuse(
        &mut self,
        entry: Entry<'_>,
        problem: RowProblem,
    ) -> Result<ControlFlow<()>, Fault> {
        if self.is_passed_over(&entry) {
            return self.pass_over();
        }
        self.settle(entry, Err(problem), None)
    }

    /// How many rows this source has had so far.
    pub(super) fn rows(&self) -> u64 {
        self.devices + self.duplicates + self.bad + self.foreign
    }

    /// The summary, unless the list as a whole turns out to be of no use.
    pub(super) fn finish(
        &self,
        column_used: String,
        format: &'static str,
    ) -> Result<SourceSummary, Fault> {
        let rows = self.rows();
        if !self.stopped && rows > 0 && self.guids == rows {
            return Err(Fault::OnlyGuids { rows });
        }
        let Self { devices, duplicates, bad, foreign, cut_off, .. } = *self;
        Ok(SourceSummary {
            rows,
            devices,
            duplicates,
            bad,
            foreign,
            column_used,
            guessed: self.guessed.clone(),
            cut_off,
            format,
        })
    }

    fn settle(
        &mut self,
        entry: Entry<'_>,
        judged: Result<DeviceId, RowProblem>,
        note: Option<String>,
    ) -> Result<ControlFlow<()>, Fault> {
        self.count()?;
        let kind = match judged {
            // It takes the place of none: the same name or id may follow in a row of the own one.
            Ok(id) if self.is_foreign(&entry) => {
                self.foreign += 1;
                RowKind::Foreign(Some(id))
            }
            Ok(id) => self.known_or_new(id, entry.line),
            Err(problem) => {
                self.bad += 1;
                self.guids += u64::from(problem == RowProblem::NotAnId(NotADeviceId::Guid));
                RowKind::Bad(RowError {
                    line: entry.line,
                    column: entry.column.clone(),
                    found: cut(entry.text, FOUND),
                    problem,
                })
            }
        };
        Ok(self.hand_over(entry, kind, note))
    }

    /// Counts a row of any kind.
    fn count(&mut self) -> Result<(), Fault> {
        let limit = self.options.max_rows;
        if self.seen.count_row() > limit {
            return Err(Fault::TooManyRows { limit });
        }
        Ok(())
    }

    fn hand_over(
        &mut self,
        entry: Entry<'_>,
        kind: RowKind,
        note: Option<String>,
    ) -> ControlFlow<()> {
        let name = entry.name.map(cell::name).filter(|name| !name.is_empty());
        let flow = (self.emit)(Row {
            line: entry.line,
            input_text: cut(entry.text, INPUT_TEXT),
            device_name: name.map(|name| cut(name, NAME)),
            kind,
            facts: entry.facts,
            note,
        });
        self.stopped = flow.is_break();
        flow
    }

    fn known_or_new(&mut self, id: DeviceId, line: u64) -> RowKind {
        match self.seen.insert(id, line) {
            None => {
                self.devices += 1;
                RowKind::Device(id)
            }
            Some(first) => {
                self.duplicates += 1;
                RowKind::Duplicate { of: id, first }
            }
        }
    }
}
