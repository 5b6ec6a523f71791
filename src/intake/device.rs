//! What one object says of a device: its id, its name, and what else is known of it. Whether that
//! makes a row is not decided here.

use std::sync::Arc;

use super::cell;
use super::facts::{Fact, note, note_tag};
use super::header::{self, PLAIN_ID};
use super::meaning::{Meanings, Part};
use super::node::Node;
use super::row::Column;
use crate::domain::{Facts, Tenancy};

/// What one object says of a device; of several id fields the one with an id counts, then the
/// surest.
#[derive(Default)]
pub(super) struct Device {
    pub(super) id: Option<FieldValue>,
    pub(super) name: Option<FieldValue>,
    pub(super) facts: Facts,
    /// It has a field that only alerts and incidents have.
    pub(super) of_alerts: bool,
    /// It has a field that only machines have.
    is_machine: bool,
    /// It says of itself that it is a device.
    pub(super) is_evidence: bool,
}

impl Device {
    /// What the fields of an object say of a device.
    ///
    /// The plain id of an object that is no row counts only if it has a field of machines.
    pub(super) fn of(fields: &[(String, Node)], meanings: &mut Meanings, is_row: bool) -> Self {
        let mut device = Self::default();
        let mut plain = None;
        let mut names_another = false;
        device.gather(fields, meanings, &mut plain, &mut names_another);
        // The id of an alert, an action or a user is none of a device.
        let is_machine = is_row || device.is_machine;
        if let Some(plain) = plain
            && is_machine
            && !names_another
            && !device.of_alerts
            && device.id.as_ref().is_none_or(|id| plain.is_valid && !id.is_valid)
        {
            device.id = Some(plain);
        }
        device
    }

    fn gather(
        &mut self,
        fields: &[(String, Node)],
        meanings: &mut Meanings,
        plain: &mut Option<FieldValue>,
        names_another: &mut bool,
    ) {
        for (name, node) in fields {
            let role = meanings.of(name);
            self.of_alerts |= role.of_alerts;
            if let (Part::Same, Node::Fields(same)) = (role.part, node) {
                self.gather(same, meanings, plain, names_another);
            } else if let Some(rank) = role.id {
                let found = FieldValue::new(rank, &role.label, node);
                if role.is_plain_id {
                    offer(plain, found);
                } else {
                    *names_another |= header::is_header(&role.label, "machineid");
                    offer(&mut self.id, found);
                }
            } else if let Some(rank) = role.name {
                self.is_machine |= header::is_header(&role.label, "computerdnsname");
                self.offer_name(FieldValue::new(rank, &role.label, node));
            } else if let Some(fact) = role.fact {
                note_node(&mut self.facts, fact, node);
            } else if let ("@odata.type", Node::Text(kind)) = (&*role.label, node) {
                let kind = kind.to_ascii_lowercase();
                self.is_evidence |= kind.ends_with(".deviceevidence");
                self.of_alerts |= kind.ends_with(".alert") || kind.ends_with(".incident");
            }
        }
    }

    /// What a single field says of the tenant.
    pub(super) fn tenancy_of(name: &str, node: &Node, meanings: &mut Meanings) -> Tenancy {
        let mut facts = Facts::default();
        if let Some(fact @ (Fact::Tenant | Fact::TenantId | Fact::Workspace)) =
            meanings.of(name).fact
        {
            note_node(&mut facts, fact, node);
        }
        facts.tenancy
    }

    pub(super) fn column(&self) -> Column {
        let label = self.id.as_ref().map_or_else(|| PLAIN_ID.into(), |id| id.label.clone());
        Column::Named(label)
    }

    pub(super) fn id_text(&self) -> String {
        self.id.as_ref().map_or_else(String::new, |id| id.text.clone())
    }

    pub(super) fn has_two_ids(&self) -> bool {
        self.id.as_ref().is_some_and(|id| id.has_rival)
    }

    fn offer_name(&mut self, found: FieldValue) {
        let better = self.name.as_ref().is_none_or(|known| found.rank < known.rank);
        if better && !found.text.is_empty() {
            self.name = Some(found);
        }
    }
}

/// The value of a field, and how sure the field is.
pub(super) struct FieldValue {
    rank: usize,
    pub(super) label: Arc<str>,
    pub(super) text: String,
    /// It holds an id, or several.
    pub(super) is_valid: bool,
    /// Another field of the same name holds another id.
    has_rival: bool,
}

impl FieldValue {
    fn new(rank: usize, label: &Arc<str>, node: &Node) -> Self {
        let text = node.text();
        let is_valid = cell::holds_ids(&text);
        Self { rank, label: label.clone(), text, is_valid, has_rival: false }
    }
}

fn offer(place: &mut Option<FieldValue>, found: FieldValue) {
    if let Some(known) = place.as_mut().filter(|known| known.rank == found.rank)
        && known.is_valid
        && found.is_valid
        && cell::parse(&known.text) != cell::parse(&found.text)
    {
        // One of two devices would be lost without a word, so that none is taken.
        known.text = format!("{} {}", known.text, found.text);
        known.has_rival = true;
        return;
    }
    let score = |found: &FieldValue| (!found.is_valid, found.rank);
    if place.as_ref().is_none_or(|known| !known.has_rival && score(&found) < score(known)) {
        *place = Some(found);
    }
}

fn note_node(facts: &mut Facts, fact: Fact, node: &Node) {
    match node {
        Node::Text(text) => note(facts, fact, text),
        Node::List(words) if matches!(fact, Fact::SwitchedOff) => {
            let words: Vec<String> = words.iter().map(Node::text).collect();
            note(facts, fact, &words.join(", "));
        }
        Node::List(tags) if matches!(fact, Fact::Tags) => {
            tags.iter().for_each(|tag| note_tag(facts, &tag.text()));
        }
        Node::List(_) | Node::Fields(_) => {}
    }
}
