//! The visitors that take devices out of JSON values, whatever surrounds them. How the text is read
//! and counted is not settled here.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::columns;
use super::facts::{Fact, fact_of, note, note_tag};
use super::json::Run;
use super::row::Column;
use crate::domain::Facts;

/// The fields that hold the array in answers of the list API and of the advanced hunting API.
const WRAPPERS: [&str; 2] = ["value", "Results"];

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Outside of everything.
    Top,
    /// In a field that may hold the array of devices.
    Wrapped,
    /// In the array of devices.
    Element,
}

/// A value that is or holds devices. It deserializes to whether it was an array of them.
pub(super) struct Value<'v, 'r, 's> {
    run: &'v mut Run<'r, 's>,
    level: Level,
}

impl<'v, 'r, 's> Value<'v, 'r, 's> {
    /// A value outside of everything.
    pub(super) fn top(run: &'v mut Run<'r, 's>) -> Self {
        Self { run, level: Level::Top }
    }

    /// A value that is neither object nor array: an id, if it is a text.
    fn scalar<E: Error>(self, text: &str) -> Result<bool, E> {
        if self.level != Level::Wrapped {
            let line = self.run.line();
            let id = Some((Column::Number(1), text));
            self.run.take(line, id, None, &Facts::default())?;
        }
        Ok(false)
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<bool, D::Error> {
        if self.level == Level::Element {
            self.run.begin_element();
        }
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("devices")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        if self.level == Level::Element {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return self.scalar("[...]");
        }
        self.run.is("JSON array");
        let run = self.run;
        while seq.next_element_seed(Value { run: &mut *run, level: Level::Element })?.is_some() {}
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        if self.level == Level::Wrapped {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(false);
        }
        if self.level == Level::Top {
            self.run.begin_element();
        }
        let line = self.run.line();
        let mut device = Device::default();
        let mut was_wrapper = false;
        while let Some(field) = map.next_key_seed(FieldSeed { run: &mut *self.run })? {
            match field {
                Field::Wrapper if self.level == Level::Top => {
                    self.run.is("JSON object");
                    let array = Value { run: &mut *self.run, level: Level::Wrapped };
                    was_wrapper |= map.next_value_seed(array)?;
                }
                Field::Id(rank, label) => device.offer_id(rank, label, map.next_value_seed(Text)?),
                Field::Name(rank) => device.offer_name(rank, map.next_value_seed(Text)?),
                Field::Fact(Fact::Tags) => map.next_value_seed(Tags(&mut device.facts))?,
                Field::Fact(fact) => note(&mut device.facts, fact, &map.next_value_seed(Text)?),
                Field::Wrapper | Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if !was_wrapper {
            self.run.is("JSON lines");
            let name = device.name.as_ref().map(|(_, name)| name.as_str());
            let id = device.id.as_ref().map(|id| (Column::Named(id.label.clone()), &*id.text));
            self.run.take(line, id, name, &device.facts)?;
        }
        Ok(was_wrapper)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        self.scalar(text)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        self.scalar(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        self.scalar(&value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<bool, E> {
        self.scalar(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<bool, E> {
        self.scalar(&value.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        self.scalar("")
    }
}

/// What one object says of a device; of several id fields the one with an id counts, then the
/// surest.
#[derive(Default)]
struct Device {
    id: Option<IdField>,
    name: Option<(usize, String)>,
    facts: Facts,
}

struct IdField {
    /// Whether the text is no id, then how sure the field is: the smallest wins.
    score: (bool, usize),
    label: Arc<str>,
    text: String,
}

impl Device {
    fn offer_id(&mut self, rank: usize, label: Arc<str>, text: String) {
        let id = super::cell::parse(&text);
        if let Some(known) = self.id.as_mut().filter(|known| *known.label == *label)
            && let (Ok(id), Ok(before)) = (&id, super::cell::parse(&known.text))
            && *id != before
        {
            // One of two devices would be lost without a word, so that none is taken.
            known.text = format!("{} {text}", known.text);
            known.score = (false, 0);
            return;
        }
        let score = (id.is_err(), rank);
        if self.id.as_ref().is_none_or(|known| score < known.score) {
            self.id = Some(IdField { score, label, text });
        }
    }

    fn offer_name(&mut self, rank: usize, text: String) {
        let better = self.name.as_ref().is_none_or(|(known, _)| rank < *known);
        if better && !text.is_empty() {
            self.name = Some((rank, text));
        }
    }
}

/// What a field of an object is for.
enum Field {
    Wrapper,
    Id(usize, Arc<str>),
    Name(usize),
    Fact(Fact),
    Other,
}

struct FieldSeed<'v, 'r, 's> {
    run: &'v mut Run<'r, 's>,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_, '_, '_> {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Field, D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldSeed<'_, '_, '_> {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, field: &str) -> Result<Field, E> {
        if let Some((rank, label)) = self.run.id_field(field) {
            return Ok(Field::Id(rank, label));
        }
        if let Some(rank) = columns::name_rank(field) {
            return Ok(Field::Name(rank));
        }
        if let Some(fact) = fact_of(field) {
            return Ok(Field::Fact(fact));
        }
        Ok(if WRAPPERS.contains(&field) { Field::Wrapper } else { Field::Other })
    }
}

/// The tags of a device: an array of texts, or a text as in a cell.
struct Tags<'f>(&'f mut Facts);

impl<'de> DeserializeSeed<'de> for Tags<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tags<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tags")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        note(self.0, Fact::Tags, text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(tag) = seq.next_element_seed(Text)? {
            note_tag(self.0, &tag);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A value as the text of a cell.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<String, D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<String, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok("[...]".to_owned())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok("{...}".to_owned())
    }
}
