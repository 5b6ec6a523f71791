//! How the limits look.

use maud::{Markup, html};

use super::{Frame, class, figure_of_calls, scrolls};
use crate::domain::text::printable;
use crate::domain::{BudgetKey, Campaign, Priority, Quota};
use crate::ops::named_tenant::name_of;
use crate::page::model::limits::{BudgetView, LimitsView};
use crate::report::human::{count, counted, first_of, used_of};
use crate::report::outcomes::fitting;
use crate::report::picture::minutes::spans;

/// Campaigns of a budget that are named.
const NAMED: usize = 6;

/// Bytes of pictures; the table tells of all budgets.
const FITS: usize = 26_000;

/// The page.
pub(in crate::page) fn draw(frame: &Frame<'_>, view: &LimitsView) -> Markup {
    let all = view.budgets.iter().filter_map(|budget| picture(frame, budget));
    let pictures = fitting(all, FITS);
    let main = html! {
        h1 { "Limits" }
        p class="sub" {
            "What each application may call in each tenant, and who uses it. The API counts each \
             kind of call apart."
        }
        div class=(format!("say {}", class(view.tone))) { p { strong { (view.first) } } }
        @for picture in &pictures { (picture) }
        @if !view.budgets.is_empty() {
            @if view.all > view.budgets.len() {
                h2 { "Limits of open campaigns first" }
                p class="sub" {
                    (count(view.budgets.len() as u64)) " of " (counted(view.all as u64, "limit"))
                    " are shown. The page of a campaign shows its own."
                }
            } @else if !pictures.is_empty() { h2 { "All limits" } }
            (scrolls("Limits", &html! {
                table {
                    thead { tr {
                        th scope="col" { "Tenant" }
                        th scope="col" { "Application" }
                        th scope="col" { "Calls to" }
                        th scope="col" { "Used now" }
                        th scope="col" { "Next call" }
                        th scope="col" { "Open campaigns on it" }
                    } }
                    tbody { @for budget in &view.budgets { (row(frame, view, budget)) } }
                }
            }))
        }
    };
    frame.page("Limits", "", &main)
}

/// The calls of a budget that open campaigns use.
fn picture(frame: &Frame<'_>, budget: &BudgetView) -> Option<Markup> {
    if budget.campaigns.is_empty() {
        return None;
    }
    let (key, picture) = (&budget.key, budget.picture.as_ref()?);
    let tenant = name_of(frame.names, &key.tenant).unwrap_or(&key.tenant);
    let whose = format!("{}, {}", printable(tenant), printable(&key.application));
    Some(html! {
        h2 {
            (frame.tenant(&key.tenant)) " · " bdi { (printable(&key.application)) } " · "
            (key.operation.to_string())
        }
        (figure_of_calls(&format!("Picture of calls of {whose}"), picture))
        @if !picture.minutes.is_empty() {
            details {
                summary { "The same as a table" }
                (scrolls(&format!("Calls by the hour of {whose}"), &html! {
                    table {
                        thead { tr {
                            th scope="col" { "From" }
                            th scope="col" class="n" { "Calls" }
                        } }
                        tbody {
                            @for span in spans(&picture.minutes, &picture.zone) {
                                tr { td { (span.from) } td class="n" { (count(span.calls)) } }
                            }
                        }
                    }
                }))
            }
        }
    })
}

fn row(frame: &Frame<'_>, view: &LimitsView, budget: &BudgetView) -> Markup {
    let key = &budget.key;
    // Only the address tells those of one tenant apart that is called at several.
    let is_twin = |other: &BudgetView| {
        let BudgetKey { api_origin, tenant, application, operation } = &other.key;
        (tenant, application, operation) == (&key.tenant, &key.application, &key.operation)
            && *api_origin != key.api_origin
    };
    let place = view.budgets.iter().any(is_twin).then_some(&key.api_origin);
    html! {
        tr {
            td { (frame.tenant(&key.tenant)) }
            td { bdi { (printable(&key.application)) } }
            td {
                (key.operation.to_string())
                @if let Some(place) = place { " at " span class="w" { (printable(place)) } }
            }
            td {
                @for (at, one) in budget.used.iter().enumerate() {
                    @if at > 0 { br; }
                    span class="w" { (used_of(std::slice::from_ref(one), &budget.named)) }
                    @if let Some(whose) = whose(budget, &one.0) { " " (whose) }
                }
            }
            td { (budget.held.as_deref().unwrap_or("free")) }
            td {
                @for (at, campaign) in budget.campaigns.iter().take(NAMED).enumerate() {
                    @if at > 0 { ", " }
                    a href=(frame.campaign(campaign)) { (campaign.name.as_str()) }
                    @if campaign.priority == Priority::High { " (high)" }
                }
                @if budget.campaigns.len() > NAMED {
                    " and " (count((budget.campaigns.len() - NAMED) as u64)) " more"
                }
            }
        }
    }
}

/// Whose limit it is, where it is not the one of all campaigns on a budget.
fn whose(budget: &BudgetView, quota: &Quota) -> Option<String> {
    let all = &budget.campaigns;
    let keeps = |one: &&Campaign| one.quotas.contains(quota);
    let keepers: Vec<&str> = all.iter().filter(keeps).map(|one| one.name.as_str()).collect();
    let is_of_some = !keepers.is_empty() && keepers.len() < all.len();
    is_of_some.then(|| format!("(of {})", first_of(&keepers, NAMED, "campaign")))
}
