//! How the limits look.

use maud::{Markup, html};

use super::{Frame, class, scrolls};
use crate::domain::Priority;
use crate::domain::text::printable;
use crate::page::model::limits::{BudgetView, LimitsView};
use crate::report::human::{count, used_of};

/// Campaigns of a budget that are named.
const NAMED: usize = 6;

/// The page.
pub(in crate::page) fn draw(frame: &Frame<'_>, view: &LimitsView) -> Markup {
    let main = html! {
        h1 { "Limits" }
        p class="sub" {
            "What each application may call in each tenant, and who uses it. The API counts each \
             kind of call apart."
        }
        div class=(format!("say {}", class(view.tone))) { p { strong { (view.first) } } }
        @if !view.budgets.is_empty() {
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
                    tbody { @for budget in &view.budgets { (row(frame, budget)) } }
                }
            }))
        }
    };
    frame.page("Limits", "", &main)
}

fn row(frame: &Frame<'_>, budget: &BudgetView) -> Markup {
    html! {
        tr {
            td { bdi { (printable(&budget.key.tenant)) } }
            td { bdi { (printable(&budget.key.application)) } }
            td { (budget.key.operation.to_string()) }
            td {
                @for (at, one) in budget.used.iter().enumerate() {
                    @if at > 0 { br; }
                    span class="w" { (used_of(std::slice::from_ref(one), &budget.named)) }
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
