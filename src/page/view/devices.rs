//! How the devices of a campaign look.

use maud::{Markup, html};

use super::{Frame, scrolls};
use crate::domain::text::{cut, printable};
use crate::domain::{Row, Stands, State};
use crate::page::model::devices::DevicesView;
use crate::report::human::{count, counted};
use crate::report::outcomes::fitting;
use crate::report::picture::bar::{key_of, keys, words};
use crate::report::record::{reason, said, stands_of};

/// Characters of a name or a message that a list shows.
const SHOWN: usize = 120;

/// Bytes of rows that a page holds; what does not fit stands on the next one.
const FITS: usize = 45_000;

/// The page.
pub(in crate::page) fn draw(frame: &Frame<'_>, view: &DevicesView) -> Markup {
    let campaign = &view.campaign;
    let lines = lines(frame, view);
    let more = view.more || lines.len() < view.rows.len();
    let last = lines.len().checked_sub(1).and_then(|at| view.rows.get(at));
    let title = format!("Devices of {}", campaign.name);
    let main = html! {
        h1 { "Devices of " a href=(frame.campaign(campaign)) { (campaign.name.as_str()) } }
        p class="sub" { (how_many(view, lines.len() as u64, more)) }
        (form(frame, view))
        (keys(view.rows.iter().map(|row| stands_of(row.life.state))))
        @if !lines.is_empty() { (scrolls("Devices", &table(&lines))) }
        p {
            @if view.after > 0 {
                a href=(place(frame, view, "devices", None)) { "From the first" } " "
            }
            @if let (true, Some(last)) = (more, last) {
                a href=(place(frame, view, "devices", Some(last.seq))) { "More" }
            }
        }
    };
    frame.page(&title, "", &main)
}

fn how_many(view: &DevicesView, shown: u64, more: bool) -> String {
    let all = count(view.tally.rows());
    match (view.matching(), shown) {
        (Some(meant), _) => format!("{} of {all} rows are meant.", count(meant)),
        (None, 0) => format!("None of {all} rows is meant."),
        (None, shown) if more => {
            format!("The next {} of {all} that are meant.", counted(shown, "row"))
        }
        (None, shown) => format!("The last {} of {all} that are meant.", counted(shown, "row")),
    }
}

fn form(frame: &Frame<'_>, view: &DevicesView) -> Markup {
    let filter = &view.filter;
    let (text, code) = (filter.text.as_deref(), filter.code.as_deref());
    let asked = filter.stands.map(Stands::word);
    let action = format!("{}/devices", frame.campaign(&view.campaign));
    html! {
        form class="filter" role="search" action=(action) {
            div {
                label for="q" { "Name or id contains" }
                input id="q" name="q" size="24" value=(text.unwrap_or_default());
            }
            div {
                label for="outcome" { "Outcome" }
                select id="outcome" name="outcome" {
                    option value="" { "all" }
                    @for stands in Stands::all() {
                        option value=(stands.word()) selected[asked == Some(stands.word())] {
                            (words(stands))
                        }
                    }
                }
            }
            div {
                label for="code" { "Error code" }
                input id="code" name="code" size="24" value=(code.unwrap_or_default());
            }
            button { "Show" }
            a href=(place(frame, view, "devices.csv", None)) download { "These as CSV" }
        }
    }
}

fn place(frame: &Frame<'_>, view: &DevicesView, page: &str, after: Option<i64>) -> String {
    let filter = &view.filter;
    let mut asked = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [
        ("q", filter.text.clone()),
        ("outcome", filter.stands.map(|stands| stands.word().to_owned())),
        ("code", filter.code.clone()),
        ("after", after.map(|seq| seq.to_string())),
    ] {
        if let Some(value) = value {
            asked.append_pair(name, &value);
        }
    }
    format!("{}/{page}?{}", frame.campaign(&view.campaign), asked.finish())
}

/// A line for each row, as far as they fit.
fn lines(frame: &Frame<'_>, view: &DevicesView) -> Vec<Markup> {
    fitting(view.rows.iter().map(|row| line(frame, view, row)), FITS)
}

fn table(lines: &[Markup]) -> Markup {
    html! {
        table class="rows" {
            colgroup { col class="l"; col class="d"; col class="o"; col class="r"; col class="a"; }
            thead { tr {
                th scope="col" class="n" { "Line" }
                th scope="col" { "Device" }
                th scope="col" { "Outcome" }
                th scope="col" { "What the server said, or why" }
                th scope="col" { "Answered" }
            } }
            tbody { @for line in lines { (line) } }
        }
    }
}

fn line(frame: &Frame<'_>, view: &DevicesView, row: &Row) -> Markup {
    let stands = stands_of(row.life.state);
    let id = row.device.map(|device| device.to_string()).unwrap_or_default();
    let name = row.name.as_deref().or(row.input_text.as_deref()).unwrap_or(&id);
    let place = format!("{}/devices/{}", frame.campaign(&view.campaign), row.seq);
    let detail = &row.detail;
    let said = said(row);
    let why = reason(row, &view.head);
    let answered = match (detail.answered_at, row.life.state) {
        (Some(at), State::Done(_)) => {
            at.to_zoned_datetime(view.now.time_zone().clone()).strftime("%-d %b %H:%M").to_string()
        }
        _ => String::new(),
    };
    html! {
        tr {
            td class="n" { (row.line) }
            td class="dev" {
                a href=(place) { bdi { (cut(&printable(name), SHOWN)) } }
                @if !id.is_empty() && name != id { br; code class="id" { (id) } }
            }
            td { (key_of(stands)) (words(stands)) }
            td {
                @if let Some(code) = &detail.error_code { b { (cut(&printable(code), SHOWN)) } " " }
                @if let Some(text) = said.or(why.as_deref()) {
                    bdi { (cut(&printable(text), SHOWN)) }
                }
            }
            td class="w" { (answered) }
        }
    }
}
