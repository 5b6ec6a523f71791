//! Lists in pages: the query options, the page that they ask for, and the link to the next one.
//! Source: Microsoft's pages "List machine actions API" and "OData queries".

use std::ops::Range;

use serde::Serialize;
use url::form_urlencoded;

use super::odata::{Filter, Row};
use super::reply::{Object, Reply};
use super::scenario::MAX_PAGE;

/// What a list call asks for.
#[derive(Debug, Default)]
pub(super) struct Options {
    filter: Option<(String, Filter)>,
    order: Option<(String, &'static str, bool)>,
    top: Option<usize>,
    skip: usize,
    count: bool,
}

impl Options {
    /// Reads the query of a list call.
    pub(super) fn parse<R: Row>(query: &str) -> Result<Options, String> {
        let mut options = Options::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "$filter" => {
                    options.filter = Some((value.to_string(), Filter::parse::<R>(&value)?));
                }
                "$orderby" => {
                    let (field, down) = order::<R>(&value)?;
                    options.order = Some((value.to_string(), field, down));
                }
                "$top" => options.top = Some(number("$top", &value)?),
                "$skip" => options.skip = number("$skip", &value)?,
                "$count" => options.count = value == "true",
                // OData reserves names with a dollar sign and lets others pass.
                other if other.starts_with('$') => {
                    return Err(format!("The query parameter '{other}' is not supported."));
                }
                _ => {}
            }
        }
        match options.top {
            Some(top) if top > MAX_PAGE => Err(format!(
                "The limit of '{MAX_PAGE}' for Top query has been exceeded. The value from the \
                 incoming request is '{top}'."
            )),
            _ => Ok(options),
        }
    }

    /// Whether neither filter nor order asks for more than the rows as they come.
    pub(super) fn takes_all(&self) -> bool {
        self.filter.is_none() && self.order.is_none()
    }

    /// The query for the page that begins after `skip` rows.
    fn next_query(&self, skip: usize, top: Option<usize>) -> String {
        let mut query = String::from("?");
        let filter = self.filter.as_ref().map(|(text, _)| ("$filter", text.clone()));
        let order = self.order.as_ref().map(|(text, ..)| ("$orderby", text.clone()));
        let top = top.map(|top| ("$top", top.to_string()));
        let count = if self.count { Some(("$count", "true".to_owned())) } else { None };
        for (name, value) in [filter, order, top, count].into_iter().flatten() {
            let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            query.push_str(&format!("{name}={}&", value.replace('+', "%20")));
        }
        query + &format!("$skip={skip}")
    }
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    value.parse().map_err(|_| {
        format!(
            "Invalid value '{value}' for {name} query option found. A non-negative integer is \
             expected."
        )
    })
}

fn order<R: Row>(value: &str) -> Result<(&'static str, bool), String> {
    let mut words = value.split_whitespace();
    let name = words.next().unwrap_or_default();
    let down = match words.next() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(other) => return Err(format!("Syntax error: '{other}' in $orderby.")),
    };
    let field = R::FIELDS.iter().find(|(known, _)| *known == name);
    match (field, words.next()) {
        (Some((field, _)), None) => Ok((field, down)),
        _ => Err(format!("The order '{value}' is not supported.")),
    }
}

/// One page.
pub(super) struct Page<R> {
    pub(super) rows: Vec<R>,
    /// How many rows pass the filter, if that was asked.
    pub(super) count: Option<usize>,
    /// The query of the next page.
    pub(super) next: Option<String>,
}

/// Picks a page of at most `page_size` out of all rows.
pub(super) fn page<R: Row>(
    rows: impl Iterator<Item = R>,
    options: &Options,
    page_size: usize,
) -> Page<R> {
    let passes = |row: &R| options.filter.as_ref().is_none_or(|(_, filter)| filter.passes(row));
    let mut rows: Vec<R> = rows.filter(passes).collect();
    if let Some((_, field, down)) = options.order {
        rows.sort_by(|a, b| {
            let order = a.field(field).cmp(&b.field(field));
            if down { order.reverse() } else { order }
        });
    }
    let all = rows.len();
    let shown = options.shown(all, page_size);
    rows.truncate(shown.end);
    rows.drain(..shown.start);
    options.finish(rows, shown, all)
}

/// Picks a page of `all` rows that neither filter nor order changes; `rows` makes those from one
/// on.
pub(super) fn page_of<R, I: Iterator<Item = R>>(
    all: usize,
    rows: impl FnOnce(usize) -> I,
    options: &Options,
    page_size: usize,
) -> Page<R> {
    let shown = options.shown(all, page_size);
    let rows = rows(shown.start).take(shown.len()).collect();
    options.finish(rows, shown, all)
}

impl Options {
    /// Which of all rows stand on a page.
    fn shown(&self, all: usize, page_size: usize) -> Range<usize> {
        let from = self.skip.min(all);
        let size = self.top.unwrap_or(usize::MAX).min(page_size);
        from..from.saturating_add(size).min(all)
    }

    fn finish<R>(&self, rows: Vec<R>, shown: Range<usize>, all: usize) -> Page<R> {
        // A page that is as long as the caller asked for has no next one, even if there are more
        // rows.
        let left = self.top.map(|top| top - shown.len());
        let mut next = None;
        if shown.end < all && left != Some(0) {
            next = Some(self.next_query(shown.end, left));
        }
        Page { rows, count: if self.count { Some(all) } else { None }, next }
    }
}

/// The body of a list.
#[derive(Serialize)]
struct Body {
    #[serde(rename = "@odata.context")]
    context: String,
    #[serde(rename = "@odata.count", skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    value: Vec<Object>,
    #[serde(rename = "@odata.nextLink", skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The answer that shows a page; `entities` is the name of the set, `link` its URL without a query.
pub(super) fn reply<R>(
    page: &Page<R>,
    base: &str,
    entities: &str,
    link: &str,
    show: impl Fn(&R) -> Object,
) -> Reply {
    let body = Body {
        context: format!("{base}/api/$metadata#{entities}"),
        count: page.count,
        value: page.rows.iter().map(show).collect(),
        next: page.next.as_ref().map(|query| format!("{link}{query}")),
    };
    Reply::json(200, &body)
}
