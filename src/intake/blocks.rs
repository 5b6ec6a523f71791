//! Lists with one field a line, as PowerShell's Format-List and YAML print them: a block of
//! `name : value` is one device. How a device is told by its fields is the elements' concern.

use std::io::BufRead;

use super::cell;
use super::element::{Elements, Expected, ReadingEnd};
use super::error::Fault;
use super::facts::fact_of;
use super::header;
use super::limits::{MAX_LINE, MAX_SKIPPED};
use super::lines::Lines;
use super::node::Node;
use super::row::RowProblem;
use super::rule::is_rule;
use super::sink::Sink;

/// Fields of a block that are kept.
const MAX_FIELDS: usize = 1_000;
/// The longest name of a field.
const MAX_NAME: usize = 80;

/// Whether a text is such a list: it begins with a field, and one of its fields holds the id.
pub(super) fn are_blocks<'t>(
    mut rows: impl Iterator<Item = &'t str> + Clone,
    is_header: &dyn Fn(&str) -> bool,
) -> bool {
    let holds_id = |text: &str| {
        field(text).is_some_and(|field| is_header(field.name) && !field.value.is_empty())
    };
    rows.clone().next().is_some_and(|first| field(first).is_some()) && rows.any(holds_id)
}

/// Reads such a list to its end; returns the field that was used and the name of the format.
pub(super) fn read<R: BufRead>(
    mut lines: Lines<R>,
    sink: &mut Sink<'_>,
) -> Result<(String, &'static str), Fault> {
    let mut elements = Elements::new(sink);
    match read_all(&mut lines, &mut elements) {
        Ok(()) => elements.finish("a printed list", false),
        Err(ReadingEnd::Enough) => elements.finish("a printed list", true),
        Err(ReadingEnd::Fault(fault)) => Err(fault),
    }
}

fn read_all<R: BufRead>(
    lines: &mut Lines<R>,
    elements: &mut Elements<'_, '_>,
) -> Result<(), ReadingEnd> {
    let mut block = Block::default();
    let mut skipped = 0;
    while lines.advance()? {
        let text = String::from_utf8_lossy(lines.current());
        let text = text.trim_end();
        let line = lines.number();
        match field(text) {
            Some(field) => {
                if field.begins || block.has(field.name) || block.fields.len() >= MAX_FIELDS {
                    block.hand_to(elements)?;
                }
                block.add(line, &field);
            }
            None if text.trim().is_empty() => {
                block.hand_to(elements)?;
                skipped += 1;
            }
            None if is_rule(text.as_bytes()) => skipped += 1,
            None if text.starts_with(char::is_whitespace) && block.go_on(text.trim()) => {}
            None if cell::holds_an_id(text.as_bytes()) => {
                elements.refuse(line, text, RowProblem::AmongText)?;
            }
            None => skipped += 1,
        }
        if skipped > MAX_SKIPPED {
            return Err(Fault::TooManySkipped.into());
        }
    }
    block.hand_to(elements)
}

/// The fields of one device.
#[derive(Default)]
struct Block {
    line: u64,
    fields: Vec<(String, Node)>,
}

impl Block {
    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name)
    }

    fn add(&mut self, line: u64, field: &Field<'_>) {
        if self.fields.is_empty() {
            self.line = line;
        }
        self.fields.push((field.name.to_owned(), Node::Text(field.value.to_owned())));
    }

    /// Adds what a narrow terminal put on the next line; false if there is nothing to add it to.
    fn go_on(&mut self, text: &str) -> bool {
        match self.fields.last_mut() {
            Some((_, Node::Text(value))) if value.len() + text.len() <= MAX_LINE => {
                value.push_str(text);
                true
            }
            _ => false,
        }
    }

    /// Hands the device on, and begins anew. A block of which no field is known is a title.
    fn hand_to(&mut self, elements: &mut Elements<'_, '_>) -> Result<(), ReadingEnd> {
        let block = std::mem::take(self);
        let is_known = |name: &str| {
            header::id_rank(name).is_some()
                || header::name_rank(name).is_some()
                || fact_of(name).is_some()
                || elements.is_wanted(name)
        };
        if !block.fields.iter().any(|(name, _)| is_known(name)) {
            return Ok(());
        }
        elements.object(block.line, &block.fields, Expected::Row, false)
    }
}

/// One line of a block.
struct Field<'t> {
    /// A dash before it says that a new device begins.
    begins: bool,
    name: &'t str,
    value: &'t str,
}

fn field(text: &str) -> Option<Field<'_>> {
    let text = text.trim();
    let (begins, text) = text.strip_prefix("- ").map_or((false, text), |rest| (true, rest));
    let (name, value) = text.split_once(':')?;
    let name = name.trim().trim_matches('"');
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '@'))
        && name.len() <= MAX_NAME
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | '-' | '@'));
    if !is_name || !value.is_empty() && !value.starts_with(char::is_whitespace) {
        return None;
    }
    Some(Field { begins, name, value: value.trim().trim_end_matches(',') })
}
