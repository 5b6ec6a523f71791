//! How the list of campaigns looks.

use maud::{Markup, html};

use super::{Frame, badge, class, scrolls};
use crate::domain::text::printable;
use crate::ops::named_tenant::name_of;
use crate::page::model::campaigns::{CampaignsView, Item, STATES};
use crate::report::human::{count, counted};
use crate::report::outcomes::ticked;
use crate::report::picture::bar;

/// Nights that did not begin and are told at once.
const NAMED: usize = 3;

/// The page.
pub(in crate::page) fn draw(frame: &Frame<'_>, view: &CampaignsView) -> Markup {
    let main = html! {
        h1 { "Campaigns" }
        div class=(format!("say {}", class(view.tone))) {
            p {
                strong { (view.first) }
                @for (campaign, does) in &view.needing {
                    @let tenant = name_of(frame.names, &campaign.order.target.tenant);
                    " " a href=(frame.campaign(campaign)) { (campaign.name.as_str()) }
                    @if let Some(tenant) = tenant { " (" bdi { (printable(tenant)) } ")" }
                    " is " (does) "."
                }
            }
            @for told in view.not_begun.iter().take(NAMED) { p { bdi { (told) } } }
            @if !view.not_begun.is_empty() {
                @let more = view.not_begun.len().saturating_sub(NAMED);
                p {
                    @if more > 0 { (counted(more as u64, "more run")) " did not begin. " }
                    a href=(format!("{}/nights", frame.prefix)) { "All nights" }
                }
            }
        }
        (form(frame, view))
        @if view.shown.is_empty() {
            p { "No campaign is so." }
        } @else {
            (scrolls("Campaigns", &table(frame, view)))
        }
        (pages(frame, view))
    };
    frame.page("Campaigns", "", &main)
}

fn form(frame: &Frame<'_>, view: &CampaignsView) -> Markup {
    html! {
        form class="filter" role="search" action=(format!("{}/", frame.prefix)) {
            div {
                label for="q" { "Name, tenant, ticket or comment" }
                input id="q" name="q" value=(view.text);
            }
            div {
                label for="state" { "State" }
                select id="state" name="state" {
                    @for (value, words) in STATES {
                        option value=(value) selected[value == view.state] { (words) }
                    }
                }
            }
            button { "Show" }
        }
    }
}

fn table(frame: &Frame<'_>, view: &CampaignsView) -> Markup {
    html! {
        table class="camps" {
            thead { tr {
                th scope="col" { "Campaign" }
                th scope="col" { "State" }
                th scope="col" class="n" { "Devices done" }
                th scope="col" { "What became of them" }
            } }
            tbody { @for item in &view.shown { (row(frame, item)) } }
        }
    }
}

fn row(frame: &Frame<'_>, item: &Item) -> Markup {
    let campaign = &item.status.campaign;
    html! {
        tr {
            td {
                a href=(frame.campaign(campaign)) { (campaign.name.as_str()) }
                br;
                span class="t" {
                    @if campaign.emulated { "EMULATED · " }
                    (frame.tenant(&campaign.order.target.tenant))
                    " · " (campaign.order.scan_type.to_string())
                    @if let Some(ticket) = &campaign.order.ticket { " · " (ticket.as_str()) }
                }
            }
            td { (badge(&item.status, item.first.tone)) }
            td class="n" {
                (count(item.done))
                br;
                span class="t" { "of " (count(item.status.tally.devices())) }
            }
            td class="m" {
                (bar(&item.status.tally, 12.0))
                span class="t" { (item.first.leaves) " " (ticked(&item.first.why)) }
            }
        }
    }
}

fn pages(frame: &Frame<'_>, view: &CampaignsView) -> Markup {
    let place = |page: usize| {
        let asked = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &view.text)
            .append_pair("state", &view.state)
            .append_pair("page", &page.to_string())
            .finish();
        format!("{}/?{asked}", frame.prefix)
    };
    html! {
        p {
            @if view.page > 0 { a href=(place(view.page - 1)) { "Later ones" } " " }
            @if view.more { a href=(place(view.page + 1)) { "Earlier ones" } }
        }
    }
}
