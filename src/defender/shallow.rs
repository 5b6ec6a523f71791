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
/// with texts that are cut.
#[derive(Clone, Copy)]
pub(super) struct Shallow {
    known: &'static Known,
    /// How many elements of an array are kept.
    elements: usize,
}

impl Shallow {
    /// One item of a list.
    pub(super) fn new(known: &'static Known) -> Self {
        Self { known, elements: 0 }
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
            let Some(element) = seq.next_element_seed(Self::new(self.known))? else { break };
            kept.push(element);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let (lists, most) = self.known.lists;
            let elements = if lists.contains(&key.as_str()) { most } else { 0 };
            if elements > 0 || self.known.fields.contains(&key.as_str()) {
                let value = map.next_value_seed(Self { elements, ..self })?;
                if fields.get(&key).is_some_and(|before| *before != value) {
                    return Err(Error::custom(CONTRADICTION));
                }
                fields.insert(key, value);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Value::Object(fields))
    }
}
