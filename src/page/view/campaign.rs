//! How one campaign looks.

use maud::{Markup, html};

use super::{Frame, figure_of_calls, first_sentences, scrolls};
use crate::domain::Priority;
use crate::domain::text::printable;
use crate::page::model::campaign::CampaignView;
use crate::report::human::{and_taken_back, count, duration};
use crate::report::outcomes::{Proposed, Stage, table};
use crate::report::picture::bar;

/// The page.
pub(in crate::page) fn draw(frame: &Frame<'_>, view: &CampaignView) -> Markup {
    let campaign = &view.status.campaign;
    let main = html! {
        h1 { (campaign.name.as_str()) }
        p class="sub" { (about(frame, view)) }
        (first_sentences(&view.first))
        (facts(view))
        (calls(view))
        (left(view))
        div class="two" {
            div { (outcomes(frame, view)) }
            div { (happened(view)) }
        }
        (commands(view))
    };
    let title = format!("{} % {}", view.percent, campaign.name);
    frame.page(&title, &runner(view), &main)
}

/// Who works on it, as far as that is known, for the line of the time.
fn runner(view: &CampaignView) -> String {
    let run = view.status.campaign.last_run.as_ref();
    let at_work =
        run.map(|run| run.at_work(view.now.timestamp(), &crate::domain::Timing::default()));
    at_work
        .filter(|words| !words.is_empty())
        .map_or_else(String::new, |words| format!(" · a run is at work{}", printable(&words)))
}

fn about(frame: &Frame<'_>, view: &CampaignView) -> Markup {
    let campaign = &view.status.campaign;
    let order = &campaign.order;
    html! {
        @if campaign.emulated { strong { "EMULATED" } " · " }
        (order.scan_type.api_name()) " scan · tenant " (frame.tenant(&order.target.tenant))
        @if let Some(ticket) = &order.ticket { " · ticket " (ticket.as_str()) }
        " · “" bdi { (printable(&order.comment)) } "”"
        @if campaign.priority == Priority::High { " · priority high" }
        @if let Some(begun) = view.status.begun.as_ref().filter(|begun| !begun.host.is_empty()) {
            " · by " bdi { (printable(&begun.by)) } " on " bdi { (printable(&begun.host)) }
        }
        @if let Some(hours) = &view.status.hours { " · orders leave " (hours.to_string()) }
    }
}

fn facts(view: &CampaignView) -> Markup {
    let (tally, status) = (&view.status.tally, &view.status);
    let left = format!("of {} devices{}", count(tally.devices()), wave(view));
    html! {
        dl class="facts" {
            @if status.followed {
                (fact("Handed on", status.handed_on(), "to the next run of its series"))
            } @else if status.campaign.called_off && tally.open() == 0 {
                (fact("Taken back", view.taken_back, "by fleetsweep cancel"))
            } @else {
                (fact("Left", tally.open(), &left))
            }
            @for (quota, used) in &status.used {
                @let by = if status.named.contains(quota) { ", named by the server" } else { "" };
                @let of = format!("of {} calls{by}", count(u64::from(quota.calls.get())));
                (fact(&format!("Last {}", window(quota.window)), *used, &of))
            }
            (fact("Need attention", view.attention, &of_rows(view)))
            (fact("Answered 429", view.throttled, &format!("of {} calls", count(status.calls))))
        }
    }
}

fn of_rows(view: &CampaignView) -> String {
    let back = and_taken_back(view.taken_back);
    format!("of {} rows{back}", count(view.status.tally.rows()))
}

fn wave(view: &CampaignView) -> String {
    let wave = view.status.wave.as_ref();
    wave.map_or_else(String::new, |wave| format!("; now {}", printable(&wave.name)))
}

fn window(window: std::time::Duration) -> String {
    match window.as_secs() {
        60 => "minute".to_owned(),
        3_600 => "hour".to_owned(),
        _ => duration(window),
    }
}

fn fact(name: &str, number: u64, of: &str) -> Markup {
    html! { div class="fact" { dt { (name) } dd { (count(number)) " " small { (of) } } } }
}

fn calls(view: &CampaignView) -> Markup {
    let picture = &view.pictures.calls;
    html! {
        h2 { "Calls against both limits" }
        (figure_of_calls("Picture of calls", picture))
        @if !view.spans.is_empty() {
            details {
                summary { "The same as a table" }
                (scrolls("Calls by the hour", &html! {
                    table {
                        thead { tr {
                            th scope="col" { "From" }
                            th scope="col" class="n" { "Calls" }
                            th scope="col" class="n" { "Accepted" }
                            th scope="col" class="n" { "429" }
                        } }
                        tbody {
                            @for span in &view.spans {
                                tr {
                                    td { (span.from) }
                                    td class="n" { (count(span.calls)) }
                                    td class="n" { (count(span.accepted)) }
                                    td class="n" { (count(span.throttled)) }
                                }
                            }
                        }
                    }
                }))
                @if !picture.bands.is_empty() {
                    ul { @for band in &picture.bands { li { (band.words(&picture.zone)) } } }
                }
            }
        }
    }
}

fn left(view: &CampaignView) -> Markup {
    let picture = &view.pictures.left;
    html! {
        h2 {
            @if picture.now.is_some() { "When will it be done" } @else { "How it went" }
        }
        figure {
            div class="pan" tabindex="0" role="region" aria-label="Picture of devices left" {
                (picture.svg())
            }
            figcaption {
                "Solid: devices left so far. "
                @if !picture.ahead.is_empty() { "Dotted: what is foreseen. " }
                @if !picture.by_limits.is_empty() {
                    "Dashed: what its limits and windows alone would have asked for. "
                }
                (picture.words())
            }
        }
        details {
            summary { "The same as a table" }
            (scrolls("Devices left", &html! {
                table {
                    thead { tr {
                        th scope="col" { "At" }
                        th scope="col" class="n" { "Devices left" }
                        th scope="col" { "" }
                    } }
                    tbody {
                        @for (at, devices, foreseen) in picture.rows() {
                            tr {
                                td { (at) }
                                td class="n" { (count(devices)) }
                                td { @if foreseen { "foreseen" } @else { "so far" } }
                            }
                        }
                    }
                }
            }))
        }
    }
}

fn outcomes(frame: &Frame<'_>, view: &CampaignView) -> Markup {
    let tally = &view.status.tally;
    let place = frame.campaign(&view.status.campaign);
    let status = &view.status;
    let stage = Stage::of(tally.open() > 0, status.followed, status.campaign.called_off);
    let devices = format!("{place}/devices");
    let proposed = Proposed { campaign: &status.campaign.name, store: frame.store };
    let table = table(&proposed, tally, stage, Some(&devices));
    html! {
        h2 { "What became of them" }
        (bar(tally, 14.0))
        (scrolls("Outcomes", &table))
        p {
            a href=(format!("{place}/devices")) { "All devices" }
            @if view.attention > 0 {
                " · "
                a href=(format!("{place}/devices?outcome=attention")) { "Those to be looked at" }
            }
        }
    }
}

fn happened(view: &CampaignView) -> Markup {
    html! {
        h2 { "What happened" }
        ol class="ev" {
            @for one in &view.happened {
                li {
                    time { (one.at) }
                    span {
                        (printable(&one.what))
                        @if !one.by.is_empty() { span class="t" { " (" (printable(&one.by)) ")" } }
                    }
                }
            }
        }
        @if view.earlier > 0 { p class="t" { (count(view.earlier as u64)) " more before that." } }
    }
}

fn commands(view: &CampaignView) -> Markup {
    html! {
        h2 { "Commands" }
        pre tabindex="0" {
            @for command in &view.commands {
                "# " (command.what) "\n" (printable(&command.line)) "\n"
            }
        }
    }
}
