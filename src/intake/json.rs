//! Dumps of the API in JSON: an array, an object with an array `value`, or one object after the
//! other. Elements are read as a stream, so a dump may be larger than memory.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::de::DeserializeSeed;

use super::columns;
use super::error::Fault;
use super::feed::MAX_RECORD;
use super::json_value::Value;
use super::row::{Column, RowProblem};
use super::sink::{Entry, Sink};
use crate::domain::Facts;

/// How many fields of the first element a message can name.
const MAX_FIELDS: usize = 100;

/// Reads a dump to its end; returns the field that was used and the name of the format.
pub(super) fn read(
    reader: impl BufRead,
    sink: &mut Sink<'_>,
) -> Result<(String, &'static str), Fault> {
    let meter = Meter { line: Cell::new(1), element_bytes: Cell::new(0) };
    let mut parser = serde_json::Deserializer::from_reader(Metered { reader, meter: &meter });
    let mut run = Run::new(sink, &meter);
    // `end` only looks for what comes next, so it can be asked after every value.
    loop {
        let read = Value::top(&mut run).deserialize(&mut parser);
        if let Some(fault) = run.fault.take() {
            return Err(fault);
        }
        if run.stopped {
            break;
        }
        read.map_err(|error| fault_of(error, &run))?;
        match parser.end() {
            Ok(()) => break,
            Err(error) if error.is_io() => return Err(fault_of(error, &run)),
            Err(_) => {}
        }
    }
    run.finish()
}

/// What the visitors share while a dump is read.
pub(super) struct Run<'r, 's> {
    sink: &'r mut Sink<'s>,
    meter: &'r Meter,
    wanted: Option<String>,
    /// The line on which the current element begins.
    line: u64,
    /// The fields of the first element, for messages.
    fields: Vec<String>,
    /// Id fields met so far; there are few, and a row shares the name with all others.
    labels: Vec<Arc<str>>,
    column_used: Option<Column>,
    without_field: u64,
    format: Option<&'static str>,
    fault: Option<Fault>,
    stopped: bool,
}

impl<'r, 's> Run<'r, 's> {
    fn new(sink: &'r mut Sink<'s>, meter: &'r Meter) -> Self {
        let wanted = sink.options.column.as_deref().map(columns::normalised);
        Self {
            sink,
            meter,
            wanted,
            line: 1,
            fields: Vec::new(),
            labels: Vec::new(),
            column_used: None,
            without_field: 0,
            format: None,
            fault: None,
            stopped: false,
        }
    }

    /// Begins an element at the place that the parser has reached.
    pub(super) fn begin_element(&mut self) {
        self.line = self.meter.line.get();
        self.meter.element_bytes.set(0);
    }

    /// The line on which the current element begins.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Notes what kind of dump this is; the first word counts.
    pub(super) fn is(&mut self, format: &'static str) {
        self.format.get_or_insert(format);
    }

    /// How sure a field holds the id, and its name: 0 is surest.
    pub(super) fn id_field(&mut self, field: &str) -> Option<(usize, Arc<str>)> {
        if self.sink.rows() == 0 && self.fields.len() < MAX_FIELDS {
            self.fields.push(field.to_owned());
        }
        let rank = match &self.wanted {
            Some(wanted) => columns::is_header(field, wanted).then_some(0),
            None => columns::id_rank(field),
        }?;
        if let Some(label) = self.labels.iter().find(|label| ***label == *field) {
            return Some((rank, label.clone()));
        }
        let label: Arc<str> = field.into();
        self.labels.push(label.clone());
        Some((rank, label))
    }

    /// Takes one element; an error only tells the parser to stop.
    pub(super) fn take<E: serde::de::Error>(
        &mut self,
        line: u64,
        id: Option<(Column, &str)>,
        name: Option<&str>,
        facts: &Facts,
    ) -> Result<(), E> {
        let flow = match id {
            Some((column, text)) => {
                self.column_used.get_or_insert_with(|| column.clone());
                self.sink.take(&Entry { line, column: &column, text, name, facts })
            }
            None => {
                self.without_field += 1;
                let column = Column::Named(self.wanted.as_deref().unwrap_or("id").into());
                let entry = Entry { line, column: &column, text: "", name, facts };
                self.sink.refuse(&entry, RowProblem::NoField)
            }
        };
        match flow {
            Ok(ControlFlow::Continue(())) => return Ok(()),
            Ok(ControlFlow::Break(())) => self.stopped = true,
            Err(fault) => self.fault = Some(fault),
        }
        Err(E::custom("stopped"))
    }

    fn finish(self) -> Result<(String, &'static str), Fault> {
        let rows = self.sink.rows();
        if rows == 0 {
            return Err(Fault::Empty { header: false });
        }
        if self.without_field == rows && !self.stopped {
            return Err(match self.sink.options.column.clone() {
                Some(wanted) => Fault::UnknownColumn { wanted, columns: self.fields },
                None => Fault::NoIdColumn { columns: self.fields },
            });
        }
        let column = self.column_used.map_or_else(String::new, |column| column.label());
        Ok((column, self.format.unwrap_or("JSON")))
    }
}

fn fault_of(error: serde_json::Error, run: &Run<'_, '_>) -> Fault {
    if run.meter.element_bytes.get() > MAX_RECORD {
        return Fault::JsonElementTooLarge { line: run.line };
    }
    if error.is_io() {
        return Fault::Io(error.into());
    }
    Fault::Json { message: error.to_string() }
}

/// Counts what the parser has read.
struct Meter {
    line: Cell<u64>,
    element_bytes: Cell<usize>,
}

/// Hands out single bytes, as the parser asks for them, so that the count is where the parser is.
struct Metered<'m, R> {
    reader: R,
    meter: &'m Meter,
}

impl<R: BufRead> Read for Metered<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(place) = out.first_mut() else { return Ok(0) };
        let Some(byte) = self.reader.fill_buf()?.first().copied() else { return Ok(0) };
        self.reader.consume(1);
        *place = byte;
        let bytes = self.meter.element_bytes.get() + 1;
        self.meter.element_bytes.set(bytes);
        if bytes > MAX_RECORD {
            return Err(io::Error::other("the element is too large"));
        }
        self.meter.line.set(self.meter.line.get() + u64::from(byte == b'\n'));
        Ok(1)
    }
}
