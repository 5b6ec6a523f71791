//! The API's JSON: requests as they are sent, bodies as they are read. Pure functions from bytes;
//! they survive anything. Microsoft adds and removes fields, so no schema is held against an
//! answer: what is missing, null or of the wrong type is missing.

mod fault;
mod machine;
mod page_text;

use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::shallow::{ACTION, CONTRADICTION, Known, MACHINE, Shallow};
use super::text::{excerpt, head, text_of, time_of};
use crate::domain::verdict::EMPTY_BODY;
use crate::domain::{Action, Body, Machine};

pub use super::text::FIELD_MAX;

/// The most actions that one page holds ("List machine actions API" page: at most 10,000).
pub(super) const PAGE: usize = 10_000;

/// The most items that a page may have: twice what the API's page may, and far fewer than fit into
/// its bytes.
const ITEMS_MAX: usize = 2 * PAGE;

/// The longest link to the next page that is followed, in bytes. Real ones have a few hundred.
const LINK_MAX: usize = 16 * 1024;

/// The body of a scan order. Its keys are case-sensitive ("Common REST API error codes" page).
#[derive(Clone, Debug, Serialize)]
pub struct ScanRequest<'a> {
    /// The comment, required.
    #[serde(rename = "Comment")]
    pub comment: &'a str,
    /// `Quick` or `Full`, required.
    #[serde(rename = "ScanType")]
    pub scan_type: &'a str,
}

/// The body of a call that cancels an action ("Cancel machine action API" page).
#[derive(Clone, Debug, Serialize)]
pub struct CancelRequest<'a> {
    /// The comment; the page does not call it required.
    #[serde(rename = "Comment")]
    pub comment: &'a str,
}

/// One page of a list: of machine actions, or of machines.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What is of use. An action without an id is kept: its comment can still be ours. A machine
    /// without an id that a call could name is not.
    pub items: Vec<T>,
    /// How many items the page has, those of no use included.
    pub listed: usize,
    /// `@odata.nextLink`, unchecked.
    pub next: Option<String>,
}

/// Reads the body of any answer but a list.
pub fn body(bytes: &[u8]) -> Body {
    match object(bytes) {
        Ok(fields) => body_of(&fields).unwrap_or_else(|| Body::Other(other_shape(bytes))),
        Err(what) => Body::Other(what),
    }
}

/// Reads a page of the list of actions.
///
/// # Errors
/// What the body is instead, as a fragment of a sentence.
pub fn page(bytes: &[u8]) -> Result<Page<Action>, String> {
    items(bytes, &ACTION, |fields| Some(action_of(fields)))
}

/// Reads a page of the list of machines.
///
/// # Errors
/// What the body is instead, as a fragment of a sentence.
pub fn machine_page(bytes: &[u8]) -> Result<Page<Machine>, String> {
    items(bytes, &MACHINE, machine::machine_of)
}

/// The items of a list, each read by `read`, and where the rest is.
fn items<T>(bytes: &[u8], known: &'static Known, read: ReadItem<T>) -> Result<Page<T>, String> {
    let bytes = without_mark(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(EMPTY_BODY.to_owned());
    }
    let wrong = |error: serde_json::Error| match error {
        error if contradicts(&error) => contradiction(bytes),
        error if error.is_data() => other_shape(bytes),
        error => not_json(bytes, &error),
    };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let raw = json.deserialize_map(PageVisitor(known, read)).map_err(wrong)?;
    json.end().map_err(wrong)?;
    let Some(items) = raw.value else { return Err(other_shape(bytes)) };
    let next = match raw.next {
        None | Some(Value::Null) => None,
        Some(Value::String(link)) if link.len() <= LINK_MAX => Some(link),
        // A list whose rest cannot be found must not look like a list that ends here.
        Some(_) => return Err("a list whose next link cannot be used".to_owned()),
    };
    let listed = items.len();
    Ok(Page { items: items.into_iter().flatten().collect(), listed, next })
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    let bytes = without_mark(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(EMPTY_BODY.to_owned());
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = Shallow::whole().deserialize(&mut json);
    match read.and_then(|value| json.end().map(|()| value)) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(other_shape(bytes)),
        Err(error) if contradicts(&error) => Err(contradiction(bytes)),
        Err(error) => Err(not_json(bytes, &error)),
    }
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn body_of(fields: &Map<String, Value>) -> Option<Body> {
    if let Some(error) = fault::error_of(fields) {
        return Some(Body::Error(error));
    }
    let action = action_of(fields);
    if action.id.is_empty() { None } else { Some(Body::Action(Box::new(action))) }
}

fn action_of(fields: &Map<String, Value>) -> Action {
    let text = |name: &str| fields.get(name).and_then(text_of);
    let machine = text("machineId").filter(|id| !id.trim().is_empty());
    let device = machine.as_deref().and_then(|id| id.parse().ok());
    Action {
        id: text("id").map(|id| id.trim().to_owned()).unwrap_or_default(),
        device,
        odd_device: if device.is_none() { machine } else { None },
        kind: text("type"),
        scope: text("scope"),
        status: text("status"),
        requestor: text("requestor"),
        comment: text("requestorComment"),
        cancel_comment: text("cancellationComment"),
        created: text("creationDateTimeUtc").as_deref().and_then(time_of),
    }
}

fn not_json(bytes: &[u8], error: &serde_json::Error) -> String {
    if error.to_string().contains("recursion limit") {
        return "JSON that is nested too deeply".to_owned();
    }
    let text = head(bytes);
    if page_text::is_page(&text) {
        return page_text::told(bytes);
    }
    format!("text that is not JSON: {}", excerpt(&text))
}

fn other_shape(bytes: &[u8]) -> String {
    format!("JSON of another shape: {}", excerpt(&head(bytes)))
}

fn contradicts(error: &serde_json::Error) -> bool {
    error.to_string().starts_with(CONTRADICTION)
}

fn contradiction(bytes: &[u8]) -> String {
    format!("JSON that contradicts itself: {}", excerpt(&head(bytes)))
}

/// Reads one item. Returns `None` if it is of no use.
type ReadItem<T> = fn(&Map<String, Value>) -> Option<T>;

/// A page as it stands, read item by item so that a large one is not held twice.
struct RawPage<T> {
    value: Option<Vec<Option<T>>>,
    next: Option<Value>,
}

/// The array of items; `None` stands for one that is no object or of no use.
struct Items<T>(&'static Known, ReadItem<T>);

impl<'de, T> DeserializeSeed<'de> for Items<T> {
    type Value = Vec<Option<T>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, T> Visitor<'de> for Items<T> {
    type Value = Vec<Option<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Shallow::new(self.0))? {
            if items.len() >= ITEMS_MAX {
                return Err(Error::custom("more items than a page holds"));
            }
            items.push(item.as_object().and_then(self.1));
        }
        Ok(items)
    }
}

/// Takes the last of duplicate keys.
struct PageVisitor<T>(&'static Known, ReadItem<T>);

impl<'de, T> Visitor<'de> for PageVisitor<T> {
    type Value = RawPage<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawPage<T>, A::Error> {
        let mut page = RawPage { value: None, next: None };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "value" => page.value = Some(map.next_value_seed(Items(self.0, self.1))?),
                "@odata.nextLink" => page.next = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests;
