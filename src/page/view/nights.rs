//! How the runs of a series look.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::{Frame, class, scrolls, sign, time};
use crate::domain::history::Coverage;
use crate::domain::text::{cut, printable};
use crate::ops::named_tenant::name_of;
use crate::page::model::coverage::{CoverageView, Waited};
use crate::page::model::nights::{Day, NightsView};
use crate::report::human::{clock_exact, count, counted};
use crate::report::outcomes::{share, ticked};
use crate::report::series::SeriesRun;
use crate::report::standing::Tone;

/// Characters of a name or a message that a list shows.
const SHOWN: usize = 120;

/// The page.
///
/// `coverage` is missing while it is read.
pub(in crate::page) fn draw(
    frame: &Frame<'_>,
    view: &NightsView,
    coverage: Option<&CoverageView>,
) -> Markup {
    let main = html! {
        h1 {
            @match &view.series {
                Some(series) => { "Nights of the series " (series.to_string()) }
                None => "Nights",
            }
        }
        div class=(format!("say {}", class(view.tone))) {
            p {
                @if let Some(coverage) = coverage {
                    strong { (share_of(coverage, &fleet(frame, view, coverage))) } " "
                }
                (view.first)
            }
        }
        @if view.all.len() > 1 { (others(frame, view)) }
        @if !view.weeks.is_empty() {
            h2 { "Each night" }
            (scrolls("Calendar of nights", &calendar(frame, view)))
            p class="t" {
                "Large: devices on which a scan was ordered. ✕ stopped, ! needs attention or did \
                 not run, ✓ finished or ended as planned, ▶ runs."
            }
        }
        @if view.series.is_some() {
            @let fleet = coverage.map(|coverage| fleet(frame, view, coverage));
            h2 { "How much of " (fleet.as_deref().unwrap_or("the fleet")) " had a scan" }
            @match coverage {
                Some(coverage) => {
                    (covered(frame, coverage, view))
                    @if view.is_of_several {
                        p class="t" {
                            (ticked(&of_each_tenant(frame, view)))
                        }
                    }
                }
                None => p { "Every row of 90 days is being read; it stands here in a while." },
            }
        }
    };
    frame.page("Nights", "", &main)
}

fn others(frame: &Frame<'_>, view: &NightsView) -> Markup {
    html! {
        form class="filter" action=(format!("{}/nights", frame.prefix)) {
            div {
                label for="series" { "Series" }
                select id="series" name="series" {
                    @for one in &view.all {
                        option value=(one.to_string()) selected[Some(one) == view.series.as_ref()] {
                            (one.to_string())
                        }
                    }
                }
            }
            button { "Show" }
        }
    }
}

fn calendar(frame: &Frame<'_>, view: &NightsView) -> Markup {
    html! {
        table class="nights" {
            thead { tr {
                @for day in ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] {
                    th scope="col" { (day) }
                }
            } }
            tbody {
                @for week in &view.weeks {
                    tr { @for day in week { td { (cell(frame, day, view)) } } }
                }
            }
        }
    }
}

fn cell(frame: &Frame<'_>, day: &Day, view: &NightsView) -> Markup {
    let date = day.date.strftime("%-d %b").to_string();
    html! {
        @if day.runs.is_empty() && day.counts {
            span
                class=(if is_missed(day, view) { "att" } else { "none" })
                title=[refused(frame, day)]
            {
                (date)
                b {
                    @if is_missed(day, view) { (sign(Tone::Attention)) " no run" }
                    @else if day.is_off == Some(true) { "no window" }
                    @else if day.date >= view.may_begin { "not yet" }
                    @else { "no run" }
                }
            }
        } @else if !day.refused.is_empty() {
            span class="att" title=[refused(frame, day)] {
                (date)
                b { (sign(Tone::Attention)) " no run" }
                "in " (counted(day.refused.len() as u64, "tenant"))
            }
        }
        @for one in &day.runs { (run(frame, one, &date, view.now.time_zone())) }
        @if day.more > 0 {
            @let series = view.series.as_ref().map(ToString::to_string).unwrap_or_default();
            a href=(format!("{}/?q={series}-{}", frame.prefix, day.date)) {
                "and " (count(day.more as u64)) " more"
            }
        }
    }
}

/// A window began on it, and no run did, or one was refused.
fn is_missed(day: &Day, view: &NightsView) -> bool {
    !day.refused.is_empty() || day.is_off == Some(false) && day.date < view.may_begin
}

/// What kept runs of a day from beginning, with their tenants. Returns `None` if that is not known.
fn refused(frame: &Frame<'_>, day: &Day) -> Option<String> {
    let told = |(tenant, why): &(Option<String>, String)| match tenant {
        Some(tenant) => {
            format!("{}: {why}", printable(name_of(frame.names, tenant).unwrap_or(tenant)))
        }
        None => why.clone(),
    };
    let all: Vec<String> = day.refused.iter().map(told).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

fn run(frame: &Frame<'_>, one: &SeriesRun, date: &str, zone: &TimeZone) -> Markup {
    let (tone, told) = (one.tone(), one.told(zone));
    html! {
        a class=(class(tone)) href=(frame.campaign(&one.campaign)) title=(told) {
            (date)
            b { (sign(tone)) " " (count(one.ordered())) }
            "of " (count(one.tally.devices())) ", " (one.word())
        }
    }
}

/// What tells of the fleets of all tenants.
fn of_each_tenant(frame: &Frame<'_>, view: &NightsView) -> String {
    let series = view.series.as_ref().map(|series| format!(" --series {series}"));
    let (series, store) = (series.unwrap_or_default(), frame.store);
    format!("`fleetsweep status --coverage{series}{store}` tells of each tenant.")
}

/// Which fleet it is: of several tenants only one is told of.
fn fleet(frame: &Frame<'_>, view: &NightsView, coverage: &CoverageView) -> String {
    match coverage.tenant.as_ref().filter(|_| view.is_of_several) {
        Some(tenant) => {
            let name = name_of(frame.names, tenant).unwrap_or(tenant);
            format!("the fleet of {}", printable(name))
        }
        None => "the fleet".to_owned(),
    }
}

/// The share of a fleet that had an order lately, as a sentence.
fn share_of(coverage: &CoverageView, fleet: &str) -> String {
    let Coverage { devices, week, .. } = &coverage.covered.coverage;
    let mut text =
        format!("{} of {fleet} had a scan ordered within 7 days.", share(week.ordered, *devices));
    if coverage.refused > 0 {
        let (refused, are) = (counted(coverage.refused, "device"), coverage.refused);
        let are = if are == 1 { "was" } else { "were" };
        text.push_str(&format!(" {refused} {are} refused every time."));
    }
    text
}

fn covered(frame: &Frame<'_>, coverage: &CoverageView, view: &NightsView) -> Markup {
    let Coverage { devices, week, month, never, .. } = &coverage.covered.coverage;
    let older = devices.saturating_sub(month.ordered).saturating_sub(*never);
    let at = clock_exact(&coverage.covered.at, &view.now);
    html! {
        dl class="facts" {
            (fact("Within 7 days", week.ordered, *devices))
            (fact("8 to 30 days ago", month.ordered.saturating_sub(week.ordered), *devices))
            (fact("31 to 90 days ago", older, *devices))
            (fact("None within 90 days", *never, *devices))
        }
        p class="t" {
            "The latest order of each of " (counted(*devices, "device")) ", as of " (at) ". An "
            "order is not a scan: " (count(week.succeeded)) " of the " (count(week.ordered))
            " within 7 days are “Succeeded” as the API calls it."
        }
        @if coverage.waited.is_empty() {
            p { "None of them waits for longer than 7 days." }
        } @else {
            h2 { "Waited longest" }
            (scrolls("Waited longest", &html! {
                table {
                    thead { tr {
                        th scope="col" { "Device" }
                        th scope="col" { "Last order" }
                        th scope="col" { "What the server said last, or why" }
                    } }
                    tbody { @for one in &coverage.waited { (waited(frame, one, view)) } }
                }
            }))
        }
    }
}

fn fact(name: &str, devices: u64, of: u64) -> Markup {
    html! {
        div class="fact" {
            dt { (name) }
            dd { (count(devices)) " " small { (share(devices, of)) } }
        }
    }
}

fn waited(frame: &Frame<'_>, one: &Waited, view: &NightsView) -> Markup {
    let name = cut(&printable(&one.name), SHOWN);
    html! {
        tr {
            td class="dev" {
                @match &one.row {
                    Some((campaign, seq)) => {
                        a href=(format!("{}/devices/{seq}", frame.campaign(campaign))) {
                            bdi { (name) }
                        }
                    }
                    None => bdi { (name) },
                }
            }
            td { @if one.ordered.is_some() { (time(one.ordered, &view.now)) } @else { "none" } }
            td class="dev" { bdi { (cut(&printable(&one.said), SHOWN)) } }
        }
    }
}
