//! JSON of which only the known fields of objects, short texts and numbers are kept. A list can be
//! large, and what else stands in it is read past, so that memory does not grow with it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::text::cut;

/// How the error begins that an object with a contradiction is refused with.
pub(super) const CONTRADICTION: &str = "a key with two values";

/// Tags of one machine that are kept.
pub(super) const TAGS: usize = 100;

/// The fields of an item that are read.
pub(super) struct Known {
    fields: &'static [&'static str],
    /// Those whose elements are read too, and how many at most.
    lists: (&'static [&'static str], usize),
}

impl Known {
    /// How many elements of a field are kept, if it is an array. Returns `None` if the field is not
    /// read.
    fn elements_of(&self, field: &str) -> Option<usize> {
        let (lists, most) = self.lists;
        if lists.contains(&field) {
            return Some(most);
        }
        if self.fields.contains(&field) { Some(0) } else { None }
    }
}

/// Those of a machine action ("MachineAction resource type" page).
pub(super) const ACTION: Known = Known {
    fields: &[
        "id",
        "type",
        "scope",
        "status",
        "machineId",
        "requestor",
        "requestorComment",
        "cancellationComment",
        "creationDateTimeUtc",
    ],
    lists: (&[], 0),
};

/// Those of a machine ("Machine resource type" page), in every spelling that has been seen.
pub(super) const MACHINE: Known = Known {
    fields: &[
        "id",
        "computerDnsName",
        "osPlatform",
        "version",
        "osBuild",
        "agentVersion",
        "onboardingStatus",
        "onboardingstatus",
        "healthStatus",
        "lastSeen",
        "rbacGroupName",
        "groupName",
        "deviceValue",
        "mergedIntoMachineId",
        "isExcluded",
        "riskScore",
        "exposureLevel",
    ],
    lists: (&["machineTags"], TAGS),
};

/// Reads a value without unknown fields, without the elements of other arrays than known ones, and
/// with texts that are cut; or all of it. No key of an object may stand twice with different
/// values: nobody could say which one the server means, and an action must not be called ours by
/// the one that was read last.
#[derive(Clone, Copy)]
pub(super) struct Shallow {
    /// `None` where all is kept.
    known: Option<&'static Known>,
    /// How many elements of an array are kept.
    elements: usize,
}

impl Shallow {
    /// One item of a list.
    pub(super) fn new(known: &'static Known) -> Self {
        Self { known: Some(known), elements: 0 }
    }

    /// A whole value, of which what lies deeper may contradict itself.
    pub(super) fn whole() -> Self {
        Self { known: None, elements: usize::MAX }
    }
}

impl<'de> DeserializeSeed<'de> for Shallow {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shallow {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(cut(text).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < self.elements {
            let element = match self.known {
                Some(known) => seq.next_element_seed(Self::new(known))?,
                None => seq.next_element()?,
            };
            let Some(element) = element else { return Ok(Value::Array(kept)) };
            kept.push(element);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = match self.known.map(|known| known.elements_of(&key)) {
                None => map.next_value()?,
                Some(Some(elements)) => map.next_value_seed(Self { elements, ..self })?,
                Some(None) => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if fields.get(&key).is_some_and(|before| *before != value) {
                return Err(Error::custom(CONTRADICTION));
            }
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}
