//! Dumps in JSON: an array, an object with an array, or one object after the other. The elements
//! of the outer arrays are read one by one, so a dump may be larger than memory. What an element
//! means is settled in `element`.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::device::Device;
use super::element::{Elements, Expected, ReadingEnd, names_of};
use super::error::Fault;
use super::meaning::Part;
use super::node::Node;
use super::sink::Sink;
use crate::domain::Tenancy;

/// The largest element that is taken, in bytes: an incident holds all of its alerts.
const MAX_ELEMENT: usize = 2 * 1024 * 1024;
/// What lies deeper is passed over.
const MAX_DEPTH: usize = 32;
/// Fields of an object that is read as a stream.
const MAX_FIELDS: usize = 1_000;

/// Reads a dump to its end; returns the field that was used and the name of the format.
pub(super) fn read(
    reader: impl BufRead,
    sink: &mut Sink<'_>,
) -> Result<(String, &'static str), Fault> {
    let meter = Meter { line: Cell::new(1), element_bytes: Cell::new(0) };
    let metered = Metered { reader, meter: &meter, held: Mark::default() };
    let mut parser = serde_json::Deserializer::from_reader(metered);
    let elements = Elements::new(sink);
    let mut run = Run { elements, meter: &meter, line: 1, format: None, stop: None };
    // `end` only looks for what comes next, so it can be asked after every value.
    loop {
        let read = Value { run: &mut run, place: Place::Top, depth: 0 }.deserialize(&mut parser);
        match run.stop.take() {
            Some(ReadingEnd::Fault(fault)) => return Err(fault),
            Some(ReadingEnd::Enough) => return run.finish(true),
            None => {}
        }
        read.map_err(|error| fault_of(error, &run))?;
        match parser.end() {
            Ok(()) => return run.finish(false),
            Err(error) if error.is_io() => return Err(fault_of(error, &run)),
            Err(_) => {}
        }
    }
}

/// What the visitors share while a dump is read.
struct Run<'r, 's> {
    elements: Elements<'r, 's>,
    meter: &'r Meter,
    /// The line on which the current element begins.
    line: u64,
    format: Option<&'static str>,
    stop: Option<ReadingEnd>,
}

impl Run<'_, '_> {
    /// Begins an element at the place that the parser has reached.
    fn begin_element(&mut self) {
        self.line = self.meter.line.get();
        self.meter.element_bytes.set(0);
    }

    /// Notes what kind of dump this is; the first word counts.
    fn is(&mut self, format: &'static str) {
        self.format.get_or_insert(format);
    }

    /// Goes on after something was taken; an error only tells the parser to stop.
    fn took<E: Error>(&mut self, taken: Result<(), ReadingEnd>) -> Result<(), E> {
        taken.map_err(|stop| {
            self.stop = Some(stop);
            E::custom("stopped")
        })
    }

    fn finish(self, stopped: bool) -> Result<(String, &'static str), Fault> {
        self.elements.finish(self.format.unwrap_or("JSON"), stopped)
    }
}

/// Where a value stands.
#[derive(Clone)]
enum Place {
    /// Outside of everything.
    Top,
    /// In a field; the elements of an array there are taken as this.
    Field(Expected),
    /// In a field with tables, or in an array of tables.
    Tables,
    /// In the field with the rows of cells under these columns.
    Cells(Arc<[String]>),
    /// An element of an array: it is noted where it begins.
    Element,
    /// Within an element: nothing is taken, all is kept.
    Within,
}

/// A value. It deserializes to what is kept of it: arrays whose elements were taken are empty.
struct Value<'v, 'r, 's> {
    run: &'v mut Run<'r, 's>,
    place: Place,
    depth: usize,
}

impl<'r, 's> Value<'_, 'r, 's> {
    /// A value within this one.
    fn child(&mut self, place: Place) -> Value<'_, 'r, 's> {
        Value { run: &mut *self.run, place, depth: self.depth + 1 }
    }

    /// A value that is neither object nor array.
    fn scalar<E: Error>(self, text: String) -> Result<Node, E> {
        let node = Node::Text(text);
        if let Place::Top = self.place {
            let taken = self.run.elements.walk(self.run.line, &node, Expected::Row);
            self.run.took(taken)?;
        }
        Ok(node)
    }

    /// The elements of an array, one by one.
    fn each<'de, A: SeqAccess<'de>>(
        mut self,
        mut seq: A,
        standing: Expected,
    ) -> Result<(), A::Error> {
        loop {
            let one = self.child(Place::Element);
            let Some(node) = seq.next_element_seed(one)? else { return Ok(()) };
            let line = self.run.line;
            let taken = match &self.place {
                Place::Cells(columns) => self.run.elements.cells(line, columns, node),
                _ => self.run.elements.walk(line, &node, standing),
            };
            self.run.took(taken)?;
        }
    }

    /// An object that is no element of an array: its parts are taken one by one.
    fn outer<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let Self { run, place, depth } = self;
        let is_top = matches!(place, Place::Top);
        if is_top {
            run.begin_element();
        }
        let (line, before) = (run.line, run.elements.rows());
        let (around, mut own) = (run.elements.around(), Tenancy::default());
        let (mut fields, mut holds_rows) = (Vec::new(), false);
        let mut columns: Arc<[String]> = Arc::default();
        while let Some(name) = map.next_key::<String>()? {
            let (part, is_whole) = run.elements.part(&name);
            let place = match part {
                _ if is_whole => Place::Within,
                Part::Rows => Place::Field(Expected::Row),
                Part::Tables => Place::Tables,
                Part::Cells if columns.is_empty() => Place::Within,
                Part::Cells => Place::Cells(columns.clone()),
                _ => Place::Field(Expected::Inner),
            };
            let takes_cells = matches!(place, Place::Cells(_));
            let node = map.next_value_seed(Value { run: &mut *run, place, depth: depth + 1 })?;
            if part == Part::Columns {
                columns = names_of(&node).into();
            }
            let already = run.elements.rows() > before;
            own = own.and(Device::tenancy_of(&name, &node, &mut run.elements.meanings));
            let learnt = run.elements.learn(own.within(around), already);
            run.took(learnt)?;
            let is_list = matches!(node, Node::List(_));
            holds_rows |= is_list && (part == Part::Rows && !is_whole || takes_cells);
            fields.push((name, node));
            if fields.len() > MAX_FIELDS {
                let taken = Err(Fault::JsonElementTooLarge { line }.into());
                run.took(taken)?;
            }
        }
        let already = run.elements.rows() > before;
        if is_top {
            run.is(if holds_rows || already { "JSON object" } else { "JSON lines" });
        }
        let standing = match (is_top, holds_rows) {
            (_, true) => Expected::Inner,
            (true, false) => Expected::Row,
            (false, false) => Expected::Envelope,
        };
        run.elements.leave(around);
        let taken = run.elements.object(line, &fields, standing, already);
        run.took(taken)?;
        Ok(Node::Fields(Vec::new()))
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_, '_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(mut self, parser: D) -> Result<Node, D::Error> {
        if let Place::Element = self.place {
            self.run.begin_element();
            self.place = Place::Within;
        }
        if self.depth > MAX_DEPTH {
            // This goes any depth without a stack.
            parser.deserialize_ignored_any(IgnoredAny)?;
            return Ok(Node::Text("...".to_owned()));
        }
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_, '_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("devices")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Node, A::Error> {
        match self.place.clone() {
            Place::Element | Place::Within => {
                let mut nodes = Vec::new();
                while let Some(node) = seq.next_element_seed(self.child(Place::Within))? {
                    nodes.push(node);
                }
                return Ok(Node::List(nodes));
            }
            Place::Tables => while seq.next_element_seed(self.child(Place::Tables))?.is_some() {},
            Place::Top => {
                self.run.is("JSON array");
                self.each(seq, Expected::Row)?;
            }
            Place::Cells(_) => self.each(seq, Expected::Row)?,
            Place::Field(standing) => self.each(seq, standing)?,
        }
        Ok(Node::List(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Node, A::Error> {
        if !matches!(self.place, Place::Within) {
            return self.outer(map);
        }
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            fields.push((name, map.next_value_seed(self.child(Place::Within))?));
        }
        Ok(Node::Fields(fields))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        self.scalar(text.to_owned())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        self.scalar(value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        self.scalar(value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        self.scalar(value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        // Written out, 1.23E+39 has 40 digits, as an id has.
        let is_large = value.abs() >= 1e15;
        let text =
            if is_large { format!("{value:e}").replace('e', "e+") } else { value.to_string() };
        self.scalar(text)
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        self.scalar(String::new())
    }
}

fn fault_of(error: serde_json::Error, run: &Run<'_, '_>) -> Fault {
    if run.meter.element_bytes.get() > MAX_ELEMENT {
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
/// Byte order marks are left out: files with one each are put one after the other.
struct Metered<'m, R> {
    reader: R,
    meter: &'m Meter,
    held: Mark,
}

/// How much of a byte order mark was read, or is still to be handed out since it was none.
#[derive(Default)]
struct Mark {
    bytes: usize,
    handed: usize,
}

const MARK: [u8; 3] = *b"\xef\xbb\xbf";

impl<R: BufRead> Metered<'_, R> {
    fn next(&mut self) -> io::Result<Option<u8>> {
        loop {
            if self.held.handed < self.held.bytes {
                let byte = MARK[self.held.handed];
                self.held.handed += 1;
                return Ok(Some(byte));
            }
            self.held = Mark::default();
            while self.held.bytes < MARK.len()
                && self.reader.fill_buf()?.first() == Some(&MARK[self.held.bytes])
            {
                self.reader.consume(1);
                self.held.bytes += 1;
            }
            match self.held.bytes {
                0 => break,
                3 => self.held = Mark::default(),
                _ => {}
            }
        }
        let byte = self.reader.fill_buf()?.first().copied();
        self.reader.consume(usize::from(byte.is_some()));
        Ok(byte)
    }
}

impl<R: BufRead> Read for Metered<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(place) = out.first_mut() else { return Ok(0) };
        let Some(byte) = self.next()? else { return Ok(0) };
        *place = byte;
        let bytes = self.meter.element_bytes.get() + 1;
        self.meter.element_bytes.set(bytes);
        if bytes > MAX_ELEMENT {
            return Err(io::Error::other("the element is too large"));
        }
        self.meter.line.set(self.meter.line.get() + u64::from(byte == b'\n'));
        Ok(1)
    }
}
