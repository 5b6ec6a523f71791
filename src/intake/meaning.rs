//! What the fields of JSON and of printed lists mean, by their names: one table for the shapes in
//! which the API, Graph, Sentinel, the incidents, hunting and streaming write devices. Columns of
//! tables go by the same names of ids, names and facts.

use std::collections::HashMap;
use std::sync::Arc;

use super::facts::{Fact, fact_of};
use super::header::{self, PLAIN_ID};

/// How many names of fields are remembered with their meaning.
const MAX_ROLES: usize = 4_096;

/// What the parts of an object are, by their names in normalised form.
const PARTS: [(&str, Part); 30] = [
    // Lists in which each element is or holds a device: of the API, of hunting, of Graph, of
    // streaming, of Sentinel, of incidents.
    ("value", Part::Rows),
    ("results", Part::Rows),
    ("result", Part::Rows),
    ("records", Part::Rows),
    ("items", Part::Rows),
    ("data", Part::Rows),
    ("hosts", Part::Rows),
    ("machines", Part::Rows),
    ("devices", Part::Rows),
    ("incidents", Part::Rows),
    ("device", Part::Rows),
    ("machine", Part::Rows),
    ("host", Part::Rows),
    ("body", Part::Rows),
    ("response", Part::Rows),
    ("output", Part::Rows),
    ("d", Part::Rows),
    // Lists in which an element may be a device, a user, a file.
    ("alerts", Part::Others),
    ("evidence", Part::Others),
    ("deviceevidence", Part::Others),
    ("entities", Part::Others),
    ("relatedentities", Part::Others),
    // More fields of the same device.
    ("additionalproperties", Part::Same),
    ("additionaldata", Part::Same),
    ("properties", Part::Same),
    // Tables of Log Analytics and Kusto.
    ("tables", Part::Tables),
    ("columns", Part::Columns),
    ("rows", Part::Cells),
    // What went wrong.
    ("error", Part::Error),
    ("odataerror", Part::Error),
];

/// What a part of an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Each element is or holds a device.
    Rows,
    /// An element may be a device, or anything else.
    Others,
    /// Further fields of the object itself.
    Same,
    /// Tables of columns and rows.
    Tables,
    /// The names of columns.
    Columns,
    /// Rows of cells.
    Cells,
    /// What a server says in the place of an answer.
    Error,
    /// A field, or what nobody knows.
    Unknown,
}

/// What the name of a field means.
pub(super) struct Role {
    /// The name as it stands.
    pub(super) label: Arc<str>,
    /// How sure it holds the id.
    pub(super) id: Option<usize>,
    pub(super) is_plain_id: bool,
    pub(super) name: Option<usize>,
    pub(super) fact: Option<Fact>,
    pub(super) of_alerts: bool,
    pub(super) part: Part,
}

/// What names mean in one list.
pub(super) struct Meanings {
    /// The field that the user named, normalised.
    wanted: Option<String>,
    roles: HashMap<String, Role>,
}

impl Meanings {
    pub(super) fn new(wanted: Option<&str>) -> Self {
        Self { wanted: wanted.map(header::normalised), roles: HashMap::new() }
    }

    /// The field that the user named, normalised.
    pub(super) fn wanted(&self) -> Option<&str> {
        self.wanted.as_deref()
    }

    /// Whether the user named this field.
    pub(super) fn is_wanted(&self, name: &str) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| {
            header::is_header(name, wanted)
                || wanted.rsplit('.').next().is_some_and(|last| header::is_header(name, last))
        })
    }

    /// What a name means.
    pub(super) fn of(&mut self, name: &str) -> &Role {
        if !self.roles.contains_key(name) {
            // A list of names without end is not remembered to its end.
            if self.roles.len() >= MAX_ROLES {
                self.roles.clear();
            }
            let role = self.role(name);
            self.roles.insert(name.to_owned(), role);
        }
        &self.roles[name]
    }

    fn role(&self, name: &str) -> Role {
        let normal = header::normalised(name);
        let part = PARTS.iter().find(|(known, _)| *known == normal);
        let id = match self.wanted {
            Some(_) if self.is_wanted(name) => Some(0),
            Some(_) => None,
            None => header::id_rank(name),
        };
        Role {
            label: name.into(),
            id,
            is_plain_id: self.wanted.is_none() && normal == PLAIN_ID,
            name: header::name_rank(name),
            fact: fact_of(name),
            of_alerts: header::is_of_alerts(name),
            part: part.map_or(Part::Unknown, |(_, part)| *part),
        }
    }
}
