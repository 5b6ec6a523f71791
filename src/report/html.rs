//! The form of a report that people open: one file that asks nobody for anything, runs nothing and
//! prints well. It holds the rows that need attention, and not all.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::gathered::Gathered;
use super::happenings::words as happened;
use super::human::{capital, count, counted, moment, needing_attention};
use super::mark::mark;
use super::outcomes::{Stage, fitting, share, table, ticked};
use super::picture::bar::{key_of, keys, words};
use super::picture::calls::legend;
use super::picture::{STYLE, bar};
use super::record::{ReportHead, reason, said, stands_of};
use super::story::Story;
use crate::domain::text::{cut, printable};
use crate::domain::{Outcome, Row, Stands, Tally};

/// Characters of a name or a message that are shown.
const SHOWN: usize = 200;

/// Bytes of rows that need attention; a report stays below a megabyte.
const FITS: usize = 750_000;

/// Kinds of failure that are told apart.
const KINDS: usize = 20;

/// The report.
pub(super) fn draw(head: &ReportHead, gathered: &Gathered) -> Markup {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="generator" content=(mark(head));
                title { (head.campaign.as_str()) " · fleetsweep" }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (main(head, gathered)) } }
        }
    }
}

fn main(head: &ReportHead, gathered: &Gathered) -> Markup {
    let tally = &gathered.tally;
    let attention = gathered.attention() > 0 || head.cancel_left.is_some();
    let tone = if attention { "att" } else { "ok" };
    let stage = Stage::of(tally.open() > 0, head.handed_on, head.called_off);
    html! {
        h1 { (head.campaign.as_str()) }
        p class="sub" {
            @if head.emulated { strong { "EMULATED: no real device was asked" } " · " }
            (head.scan_type.api_name()) " scan · tenant " bdi { (printable(&head.tenant)) }
            @if let Some(ticket) = &head.ticket { " · ticket " (ticket.as_str()) }
            " · “" bdi { (printable(&head.comment)) } "”"
        }
        div class=(format!("say {tone}")) { p { strong { (headline(gathered)) "." } } }
        @if let Some((how, next)) = head.ended_early() {
            div class=(format!("say {tone}")) {
                p { bdi { (ticked(&capital(&(how + &next)))) } }
            }
        }
        @if let Some(story) = &head.story { (facts(story, tally)) }
        h2 { "What became of them" }
        (bar(tally, 14.0))
        (scrolls("Outcomes", &table(&head.proposed(), tally, stage, None)))
        @for told in gathered.totals.beside() { p { (ticked(&told)) } }
        (failures(gathered))
        @if let Some(story) = &head.story { (told(story, tally)) }
        (rows(head, gathered))
        footer {
            "“Accepted” is an order: a device that sleeps scans when it wakes. Every row stands \
             in the report that ends in .csv or .jsonl: "
            code { "fleetsweep report " (head.campaign.as_str()) }
            " · fleetsweep " (env!("CARGO_PKG_VERSION"))
        }
    }
}

/// What a report says first: `96.3 % of 12,000 devices ordered or covered; 462 rows need ...`.
pub(super) fn headline(gathered: &Gathered) -> String {
    let tally = &gathered.tally;
    let (covered, attention) = (tally.covered(), gathered.attention());
    let some = |rows: u64, what: String| if rows > 0 { format!("; {what}") } else { String::new() };
    let (open, skipped) = (tally.open(), tally.of(Outcome::Skipped));
    let failed = tally.of(Outcome::ScanFailed);
    let beside = [
        some(gathered.taken_back, format!("{} taken back", count(gathered.taken_back))),
        some(open, format!("{} open still", count(open))),
        some(skipped, format!("{} of the list skipped", counted(skipped, "row"))),
    ];
    format!(
        "{} of {} ordered or covered{}; {}{}",
        share(covered, tally.devices()),
        counted(tally.devices(), "device"),
        some(failed, format!("{} failed", counted(failed, "scan"))),
        needing_attention(attention),
        beside.concat()
    )
}

/// A region that scrolls by itself where a screen is narrow, and by the keyboard.
fn scrolls(name: &str, inner: &Markup) -> Markup {
    html! { div class="scroll" tabindex="0" role="region" aria-label=(name) { (inner) } }
}

fn pan(name: &str, picture: &Markup) -> Markup {
    html! { div class="pan" tabindex="0" role="region" aria-label=(name) { (picture) } }
}

/// What went wrong, the most frequent first.
fn failures(gathered: &Gathered) -> Markup {
    let groups = gathered.totals.groups();
    let left_out = groups.get(KINDS..).unwrap_or_default();
    html! {
        @if !groups.is_empty() {
            h2 { "What went wrong" }
            (scrolls("What went wrong", &html! {
                table class="kinds" {
                    thead { tr {
                        th scope="col" class="n" { "Rows" }
                        th scope="col" { "Outcome" }
                        th scope="col" { "Code" }
                        th scope="col" { "What the server said of the first, or why" }
                    } }
                    tbody {
                        @for group in groups.iter().take(KINDS) {
                            tr {
                                td class="n" { (count(group.rows)) }
                                td { (words(Stands::Ended(group.outcome))) }
                                td class="dev" {
                                    (cut(&printable(group.code.as_deref().unwrap_or("")), SHOWN))
                                }
                                td class="dev" { bdi {
                                    (cut(&printable(group.message.as_deref().unwrap_or("")), SHOWN))
                                } }
                            }
                        }
                    }
                }
            }))
            @if !left_out.is_empty() {
                p {
                    (counted(left_out.iter().map(|group| group.rows).sum(), "more row")) " for "
                    (counted(left_out.len() as u64, "more reason")) "."
                }
            }
        }
    }
}

fn facts(story: &Story, tally: &Tally) -> Markup {
    let [from, to] =
        [story.opened_at, story.end()].map(|at| moment(&at.to_zoned_datetime(story.zone.clone())));
    let fact = |name: &str, value: String| {
        html! { div class="fact" { dt { (name) } dd { (value) } } }
    };
    html! {
        p class="sub" { (from) " to " (to) }
        dl class="facts" {
            (fact("Devices", count(tally.devices())))
            (fact("Accepted", count(tally.ordered())))
            (fact("Calls", count(story.calls)))
            (fact("Answered 429", count(story.throttled())))
        }
    }
}

fn told(story: &Story, tally: &Tally) -> Markup {
    let pictures = story.pictures(tally);
    let now = story.end().to_zoned_datetime(story.zone.clone());
    html! {
        h2 { "Calls against both limits" }
        figure {
            (pan("Picture of calls", &pictures.calls.svg()))
            figcaption { "Bars: calls of each minute. " (legend(&pictures.calls.bands)) }
        }
        h2 { "How it went" }
        figure {
            (pan("Picture of devices left", &pictures.left.svg()))
            figcaption { (pictures.left.words()) }
        }
        h2 { "What happened" }
        ol class="ev" {
            @for one in &story.happenings {
                li {
                    time { (moment(&one.at.to_zoned_datetime(story.zone.clone()))) }
                    span {
                        (printable(&happened(&one.what, &now)))
                        @if !one.host.is_empty() {
                            span class="t" {
                                " (" (printable(&one.by)) " on " (printable(&one.host)) ")"
                            }
                        }
                    }
                }
            }
        }
    }
}

fn rows(head: &ReportHead, gathered: &Gathered) -> Markup {
    let several = gathered.tenants.len() > 1;
    let rows = gathered.rows.iter();
    let lines = rows.map(|(row, tenant)| line(head, row, several.then_some(tenant)));
    let lines = fitting(lines, FITS);
    let more = gathered.more + (gathered.rows.len() - lines.len()) as u64;
    html! {
        @if !gathered.rows.is_empty() {
            h2 { "Rows that need attention" }
            (keys(gathered.rows.iter().map(|(row, _)| stands_of(row.life.state))))
            @if more > 0 {
                p {
                    "The first " (count(lines.len() as u64)) "; " (count(more))
                    " more stand in the other reports."
                }
            }
            (scrolls("Rows that need attention", &html! {
                table class="rows" {
                    colgroup {
                        @if several { col class="d"; }
                        col class="l"; col class="d"; col class="o"; col class="r";
                    }
                    thead { tr {
                        @if several { th scope="col" { "Tenant" } }
                        th scope="col" class="n" { "Line" }
                        th scope="col" { "Device" }
                        th scope="col" { "Outcome" }
                        th scope="col" { "What the server said, or why" }
                    } }
                    tbody { @for line in &lines { (line) } }
                }
            }))
        }
    }
}

/// A row, with its tenant where there are several.
fn line(head: &ReportHead, row: &Row, tenant: Option<&String>) -> Markup {
    let stands = stands_of(row.life.state);
    let id = row.device.map(|device| device.to_string()).unwrap_or_default();
    let name = row.name.as_deref().or(row.input_text.as_deref()).unwrap_or(&id);
    let why = reason(row, head);
    html! {
        tr {
            @if let Some(tenant) = tenant {
                td class="dev" { bdi { (cut(&printable(tenant), SHOWN)) } }
            }
            td class="n" { (row.line) }
            td class="dev" {
                bdi { (cut(&printable(name), SHOWN)) }
                @if !id.is_empty() && name != id { br; code class="id" { (id) } }
            }
            td { (key_of(stands)) (words(stands)) }
            td class="dev" {
                @if let Some(code) = &row.detail.error_code {
                    b { (cut(&printable(code), SHOWN)) } " "
                }
                @if let Some(text) = said(row).or(why.as_deref()) {
                    bdi { (cut(&printable(text), SHOWN)) }
                }
            }
        }
    }
}
