//! How one device of a campaign looks.

use maud::{Markup, html};

use super::{Frame, scrolls, time};
use crate::domain::text::printable;
use crate::domain::{CampaignState, Stands, State};
use crate::page::model::devices::DeviceView;
use crate::report::outcomes::{Proposed, Stage, ticked, what_to_do};
use crate::report::picture::bar::{key, words};
use crate::report::record::{COLUMNS, Value, reason, record, stands_of};

/// The page.
pub(in crate::page) fn draw(frame: &Frame<'_>, view: &DeviceView) -> Markup {
    let DeviceView { campaign, head, row, now } = view;
    let stands = stands_of(row.life.state);
    let is_open = campaign.state == CampaignState::Open;
    let stage = Stage::of(is_open, head.handed_on, head.called_off);
    let id = row.device.map(|device| device.to_string()).unwrap_or_default();
    let name = row.name.as_deref().or(row.input_text.as_deref()).unwrap_or(&id);
    let title = format!("{} in {}", printable(name), campaign.name);
    let main = html! {
        h1 { bdi { (printable(name)) } }
        p class="sub" {
            "Line " (row.line) " of "
            a href=(frame.campaign(campaign)) { (campaign.name.as_str()) }
        }
        div class="say" {
            p {
                strong { (key(stands)) (words(stands)) "." }
                @if let Some(why) = reason(row, head) { " " bdi { (printable(&why)) } "." }
            }
            @if let State::Done(outcome) = row.life.state {
                @let of = Proposed { campaign: &campaign.name, store: frame.store };
                @let todo = what_to_do(Stands::Ended(outcome), stage, &of);
                p { "What to do: " (ticked(&todo)) "." }
            }
        }
        h2 { "Everything that is known" }
        (scrolls("Fields", &html! {
            table {
                thead { tr { th scope="col" { "Field" } th scope="col" { "Value" } } }
                tbody {
                    @for (name, value) in COLUMNS.iter().zip(record(row, head)) {
                        @if value != Value::Empty {
                            tr {
                                th scope="row" { (name) }
                                td {
                                    @match value {
                                        Value::Empty => {}
                                        Value::Text(link) if *name == "portal_link" => {
                                            a href=(link) rel="noreferrer" { (link) }
                                        }
                                        Value::Text(text) => bdi { (printable(&text)) },
                                        Value::Number(number) => (number),
                                        Value::Time(at) => (time(Some(at), now)),
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }))
        p { "These are the columns of its row in the report." }
    };
    frame.page(&title, "", &main)
}
