//! From objects with fields to rows: which of an object's parts are or hold devices, and what is
//! said of one that holds none. How the text was parsed is settled elsewhere, what a field means in
//! `meaning`.

use std::ops::ControlFlow;

use super::device::Device;
use super::error::Fault;
use super::header::{self, PLAIN_ID};
use super::meaning::{Meanings, Part};
use super::node::Node;
use super::row::{Column, RowProblem};
use super::sink::{Entry, Sink};
use crate::domain::Tenancy;
use crate::domain::text::cut;

/// How many fields of an element a message can name.
const MAX_FIELDS: usize = 100;

/// What is expected of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// It is a row: without a device it is a bad one.
    Row,
    /// It may be a device.
    Envelope,
    /// It may be a device, but its plain `id` is most likely none of one.
    Inner,
}

/// Why no more is read.
pub(super) enum ReadingEnd {
    /// The list is refused.
    Fault(Fault),
    /// The caller has enough.
    Enough,
}

impl From<Fault> for ReadingEnd {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Takes the devices out of objects and hands them to the sink.
pub(super) struct Elements<'r, 's> {
    sink: &'r mut Sink<'s>,
    pub(super) meanings: Meanings,
    /// The fields of the first element without a device, for messages.
    fields: Vec<String>,
    column_used: Option<Column>,
    without_field: u64,
    alerts: u64,
    /// What the objects around say of the tenant.
    around: Tenancy,
}

impl<'r, 's> Elements<'r, 's> {
    pub(super) fn new(sink: &'r mut Sink<'s>) -> Self {
        let meanings = Meanings::new(sink.options.column.as_deref());
        let (fields, column_used, around) = (Vec::new(), None, Tenancy::default());
        Self { sink, meanings, fields, column_used, without_field: 0, alerts: 0, around }
    }

    /// How many rows there are so far.
    pub(super) fn rows(&self) -> u64 {
        self.sink.rows()
    }

    /// Whether the user named this field.
    pub(super) fn is_wanted(&self, name: &str) -> bool {
        self.meanings.is_wanted(name)
    }

    /// What a part is, and whether it is to be read whole since a device is told by it.
    pub(super) fn part(&mut self, name: &str) -> (Part, bool) {
        let role = self.meanings.of(name);
        let is_field = role.id.is_some() || role.fact.is_some();
        (role.part, is_field || matches!(role.part, Part::Same | Part::Columns | Part::Error))
    }

    /// Takes a value with all that it holds.
    pub(super) fn walk(
        &mut self,
        line: u64,
        node: &Node,
        standing: Expected,
    ) -> Result<(), ReadingEnd> {
        match node {
            Node::Fields(fields) => self.object(line, fields, standing, false),
            Node::Text(text) if standing == Expected::Row => self.text(line, text),
            Node::Text(_) => Ok(()),
            Node::List(nodes) if nodes.iter().all(|node| matches!(node, Node::Text(_))) => {
                match standing {
                    Expected::Row => self.text(line, &node.text()),
                    _ => Ok(()),
                }
            }
            Node::List(nodes) => nodes.iter().try_for_each(|one| self.walk(line, one, standing)),
        }
    }

    /// Takes a row of cells under the names of columns.
    pub(super) fn cells(
        &mut self,
        line: u64,
        columns: &[String],
        row: Node,
    ) -> Result<(), ReadingEnd> {
        match row {
            // An answer has further tables beside that of the devices.
            Node::List(_) if !columns.is_empty() && !self.tells_a_device(columns) => {
                self.note_fields(columns.iter());
                Ok(())
            }
            Node::List(cells) if !columns.is_empty() => {
                let fields: Vec<_> = columns.iter().cloned().zip(cells).collect();
                self.object(line, &fields, Expected::Row, false)
            }
            other => self.walk(line, &other, Expected::Row),
        }
    }

    /// What the objects around say of the tenant.
    pub(super) fn around(&self) -> Tenancy {
        self.around
    }

    /// Goes back to what the objects around said before.
    pub(super) fn leave(&mut self, around: Tenancy) {
        self.around = around;
    }

    /// Learns what an object whose parts are taken one by one says of the tenant; `already` says
    /// that devices were taken of it.
    pub(super) fn learn(&mut self, tenancy: Tenancy, already: bool) -> Result<(), ReadingEnd> {
        let before = std::mem::replace(&mut self.around, tenancy);
        match (self.sink.options.own.tenant, tenancy.told()) {
            // They were taken for those of this tenant.
            (Some(own), Some(told)) if already && own != told && before.told() != Some(told) => {
                Err(Fault::LateTenant { tenant: told }.into())
            }
            _ => Ok(()),
        }
    }

    /// Takes an object; `already` says whether a device was read of one of its parts.
    pub(super) fn object(
        &mut self,
        line: u64,
        fields: &[(String, Node)],
        standing: Expected,
        already: bool,
    ) -> Result<(), ReadingEnd> {
        let around = self.around;
        let taken = self.object_within(line, fields, standing, already);
        self.around = around;
        taken
    }

    fn object_within(
        &mut self,
        line: u64,
        fields: &[(String, Node)],
        standing: Expected,
        already: bool,
    ) -> Result<(), ReadingEnd> {
        let before = self.rows();
        self.refuse_report(fields)?;
        let is_row = standing != Expected::Inner;
        let mut device = Device::of(fields, &mut self.meanings, is_row);
        // All that it holds is of the tenant that it names.
        device.facts.tenancy = device.facts.tenancy.within(self.around);
        self.around = device.facts.tenancy;
        if device.has_two_ids() {
            let column = device.column();
            let text = device.id_text();
            return self.emit(line, column, &text, &mut device, Some(RowProblem::TwoIds));
        }
        let is_device = device.id.as_ref().is_some_and(|id| id.is_valid);
        if is_device {
            self.emit(line, device.column(), &device.id_text(), &mut device, None)?;
        }
        let parts: Vec<Part> = fields.iter().map(|(name, _)| self.part_of(name)).collect();
        let columns = parts.iter().position(|part| *part == Part::Columns);
        let columns = columns.map(|at| names_of(&fields[at].1)).unwrap_or_default();
        for (part, (_, child)) in parts.into_iter().zip(fields) {
            self.inner(line, part, child, &columns, is_device)?;
        }
        if self.rows() > before || already {
            return Ok(());
        }
        self.nothing_found(line, fields, device, standing)
    }

    /// Refuses a row whose place no field names.
    pub(super) fn refuse(
        &mut self,
        line: u64,
        text: &str,
        problem: RowProblem,
    ) -> Result<(), ReadingEnd> {
        let mut nothing = self.nothing_but_around();
        self.emit(line, Column::Number(1), text, &mut nothing, Some(problem))
    }

    /// The field that was used and the name of the format, unless no element had a device.
    pub(super) fn finish(
        self,
        format: &'static str,
        stopped: bool,
    ) -> Result<(String, &'static str), Fault> {
        let rows = self.sink.rows();
        if rows == 0 && self.fields.is_empty() {
            return Err(Fault::Empty { header: false });
        }
        if self.without_field == rows && !stopped {
            return Err(match self.sink.options.column.clone() {
                Some(wanted) => Fault::UnknownColumn { wanted, columns: self.fields },
                None if self.alerts > 0 => Fault::NoDeviceInAlerts,
                None => Fault::NoIdColumn { columns: self.fields },
            });
        }
        Ok((self.column_used.map_or_else(String::new, |column| column.label()), format))
    }

    /// Whether one of these columns may hold an id, or a name where names are looked up.
    fn tells_a_device(&mut self, columns: &[String]) -> bool {
        let by_name = self.sink.options.names.is_some();
        columns.iter().any(|column| {
            let role = self.meanings.of(column);
            role.id.is_some() || by_name && role.name.is_some()
        })
    }

    /// Keeps the names of the first fields in which no device was, for messages.
    fn note_fields<'n>(&mut self, names: impl Iterator<Item = &'n String>) {
        if self.fields.is_empty() {
            self.fields.extend(names.take(MAX_FIELDS).cloned());
        }
    }

    fn part_of(&mut self, name: &str) -> Part {
        self.meanings.of(name).part
    }

    /// Takes what stands in a part of an object.
    fn inner(
        &mut self,
        line: u64,
        part: Part,
        child: &Node,
        columns: &[String],
        is_device: bool,
    ) -> Result<(), ReadingEnd> {
        match (part, child) {
            (Part::Rows, Node::List(nodes)) => {
                // What hangs on a device need not be one.
                let standing = if is_device { Expected::Inner } else { Expected::Row };
                nodes.iter().try_for_each(|one| self.walk(line, one, standing))
            }
            (Part::Same, Node::Fields(same)) => same.iter().try_for_each(|(name, child)| {
                let part = self.part_of(name);
                self.inner(line, part, child, columns, is_device)
            }),
            (Part::Cells, Node::List(nodes)) if !columns.is_empty() => {
                nodes.iter().try_for_each(|one| match one {
                    Node::List(cells) => {
                        let row = cells.iter().map(|one| Node::Text(one.text())).collect();
                        self.cells(line, columns, Node::List(row))
                    }
                    other => self.walk(line, other, Expected::Row),
                })
            }
            (Part::Rows | Part::Tables, Node::Fields(_)) | (Part::Tables, Node::List(_)) => {
                self.walk(line, child, Expected::Envelope)
            }
            (Part::Others, _) => self.walk(line, child, Expected::Inner),
            // What hangs on a device in a field that nobody knows is none of the list.
            (Part::Unknown, _) if !is_device => self.walk(line, child, Expected::Inner),
            _ => Ok(()),
        }
    }

    /// Takes a text that stands alone.
    fn text(&mut self, line: u64, text: &str) -> Result<(), ReadingEnd> {
        let mut nothing = self.nothing_but_around();
        self.emit(line, Column::Number(1), text, &mut nothing, None)
    }

    /// A device of which only what stands around it says something.
    fn nothing_but_around(&self) -> Device {
        let mut device = Device::default();
        device.facts.tenancy = self.around;
        device
    }

    /// Says of a row that it holds no device, and why.
    fn nothing_found(
        &mut self,
        line: u64,
        fields: &[(String, Node)],
        mut device: Device,
        standing: Expected,
    ) -> Result<(), ReadingEnd> {
        if standing != Expected::Row {
            if device.is_evidence {
                let problem = Some(RowProblem::NoDefenderId);
                return self.emit(line, device.column(), &device.id_text(), &mut device, problem);
            }
            return Ok(());
        }
        // Kusto says how an answer begins and ends in frames of their own.
        if fields.iter().any(|(name, _)| name == "FrameType") {
            return Ok(());
        }
        if self.fields.is_empty() {
            self.refuse_error_answer(fields)?;
        }
        self.note_fields(fields.iter().map(|(name, _)| name));
        if device.of_alerts {
            self.alerts += 1;
            self.without_field += 1;
            let problem = Some(RowProblem::NoDeviceInAlert);
            return self.emit(line, device.column(), &device.id_text(), &mut device, problem);
        }
        if device.id.is_some() {
            return self.emit(line, device.column(), &device.id_text(), &mut device, None);
        }
        if self.sink.options.names.is_some()
            && let Some(name) = &device.name
        {
            let (column, text) = (Column::Named(name.label.clone()), name.text.clone());
            return self.emit(line, column, &text, &mut device, None);
        }
        self.without_field += 1;
        let (column, problem) = match self.meanings.wanted() {
            Some(wanted) => (Column::Named(wanted.into()), RowProblem::NoWantedField),
            None => (Column::Named(PLAIN_ID.into()), RowProblem::NoField),
        };
        self.emit(line, column, "", &mut device, Some(problem))
    }

    fn emit(
        &mut self,
        line: u64,
        column: Column,
        text: &str,
        device: &mut Device,
        problem: Option<RowProblem>,
    ) -> Result<(), ReadingEnd> {
        let facts = std::mem::take(&mut device.facts);
        let name = device.name.as_ref().map(|name| name.text.as_str());
        let entry = Entry { line, column: &column, text, name, facts };
        let flow = match problem {
            Some(problem) => self.sink.refuse(entry, problem)?,
            None => {
                let flow = self.sink.take(entry)?;
                self.column_used.get_or_insert(column);
                flow
            }
        };
        match flow {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ReadingEnd::Enough),
        }
    }

    /// Refuses a row of fleetsweep's own report, unless the user says where the ids are.
    fn refuse_report(&self, fields: &[(String, Node)]) -> Result<(), ReadingEnd> {
        if self.meanings.wanted().is_some() || self.rows() > 0 {
            return Ok(());
        }
        if !header::are_of_our_report(fields.iter().map(|(name, _)| name.as_str())) {
            return Ok(());
        }
        let campaign = fields.iter().find(|(name, _)| name == "campaign");
        let campaign = campaign.map(|(_, node)| cut(&node.text(), MAX_FIELDS));
        Err(Fault::OwnReport { campaign }.into())
    }

    fn refuse_error_answer(&mut self, fields: &[(String, Node)]) -> Result<(), ReadingEnd> {
        let Some((_, error)) = fields.iter().find(|(name, _)| self.part_of(name) == Part::Error)
        else {
            return Ok(());
        };
        let parts = ["code", "message"].iter().filter_map(|name| error.get(name));
        let message = match error {
            Node::Text(text) => text.clone(),
            _ => parts.map(Node::text).collect::<Vec<_>>().join(": "),
        };
        match message.trim() {
            "" => Ok(()),
            message => Err(Fault::ErrorAnswer { message: cut(message, 300) }.into()),
        }
    }
}

/// The names of the columns of a table.
pub(super) fn names_of(columns: &Node) -> Vec<String> {
    let name = |column: &Node| match column {
        Node::Text(text) => text.clone(),
        other => ["name", "ColumnName"]
            .iter()
            .find_map(|field| other.get(field))
            .map_or_else(String::new, Node::text),
    };
    match columns {
        Node::List(columns) => columns.iter().map(name).collect(),
        _ => Vec::new(),
    }
}
