//! How the runs of a series look.

use maud::{Markup, html};

use super::{Frame, class, scrolls, sign};
use crate::page::model::nights::{Day, Night, NightsView};
use crate::report::human::count;

/// The page.
pub(in crate::page) fn draw(frame: &Frame<'_>, view: &NightsView) -> Markup {
    let main = html! {
        h1 {
            @match &view.series {
                Some(series) => { "Nights of the series " (series.to_string()) }
                None => "Nights",
            }
        }
        div class=(format!("say {}", class(view.tone))) { p { strong { (view.first) } } }
        @if view.all.len() > 1 { (others(frame, view)) }
        @if !view.weeks.is_empty() {
            h2 { "Each night" }
            (scrolls("Calendar of nights", &calendar(frame, view)))
            p class="t" {
                "Large: devices that were ordered or found covered. ✕ stopped, ! needs attention, \
                 ✓ finished or ended as planned, ▶ runs."
            }
        }
        @if let Some(series) = &view.series {
            h2 { "How much of the fleet had a scan" }
            p { "This reads every row of 90 days, so it is asked for by hand:" }
            pre tabindex="0" { "fleetsweep status --coverage --series " (series.to_string()) }
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
            span { (date) b { @if day.date == view.now.date() { "not yet" } @else { "no run" } } }
        }
        @for night in &day.runs { (run(frame, night, &date)) }
    }
}

fn run(frame: &Frame<'_>, night: &Night, date: &str) -> Markup {
    html! {
        a class=(class(night.tone)) href=(frame.campaign(&night.campaign)) {
            (date)
            b { (sign(night.tone)) " " (count(night.ordered)) }
            "of " (count(night.devices)) ", " (night.word)
        }
    }
}
