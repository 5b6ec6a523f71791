//! How all tenants look at once: a wall of tiles that fits one screen, or a table.

use maud::{Markup, html};

use super::{Frame, class, scrolls, sign};
use crate::domain::text::printable;
use crate::page::model::tenants::{TenantsView, Tile};
use crate::report::human::count;

/// The page.
pub(in crate::page) fn draw(frame: &Frame<'_>, view: &TenantsView) -> Markup {
    let main = html! {
        h1 { "Tenants" }
        div class=(format!("say {}", class(view.tone))) { p { strong { (view.first) } } }
        (form(frame, view))
        @if view.shown.is_empty() {
            p { "No tenant is so." }
        } @else if view.as_table {
            (scrolls("Tenants", &table(frame, view)))
        } @else {
            ul class="wall" { @for tile in &view.shown { li { (wall(frame, tile)) } } }
        }
        p class="t" {
            "Percent: devices of its campaign that are done. ✕ stopped, ! rows that need attention \
             or no run, ▶ runs and is expected to be done, ✓ as planned. The worst first."
        }
    };
    frame.wide_page("Tenants", &main)
}

fn form(frame: &Frame<'_>, view: &TenantsView) -> Markup {
    html! {
        form class="filter" role="search" action=(format!("{}/tenants", frame.prefix)) {
            div {
                label for="q" { "Tenant contains" }
                input id="q" name="q" value=(view.text);
            }
            div {
                label for="show" { "Show as" }
                select id="show" name="show" {
                    option value="" { "wall" }
                    option value="table" selected[view.as_table] { "table" }
                }
            }
            button { "Show" }
        }
    }
}

fn wall(frame: &Frame<'_>, tile: &Tile) -> Markup {
    let name = printable(&tile.name);
    let why = format!("{name}: {}", printable(&tile.why));
    html! {
        a class=(class(tile.tone)) href=(place(frame, tile)) title=(why) {
            b { bdi { (name) } }
            @if tile.campaign.is_some() { (tile.percent()) " % · " }
            (sign(tile.tone)) " " (tile.word)
        }
    }
}

fn table(frame: &Frame<'_>, view: &TenantsView) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "Tenant" }
                th scope="col" class="n" { "Devices done" }
                th scope="col" { "How it stands" }
            } }
            tbody {
                @for tile in &view.shown {
                    tr {
                        td class="dev" {
                            a href=(place(frame, tile)) { bdi { (printable(&tile.name)) } }
                        }
                        td class="n" { (count(tile.done)) " of " (count(tile.devices)) }
                        td { (sign(tile.tone)) " " (printable(&tile.why)) }
                    }
                }
            }
        }
    }
}

/// The campaign by which a tenant is judged, or else all that there are of it.
fn place(frame: &Frame<'_>, tile: &Tile) -> String {
    match &tile.campaign {
        Some(campaign) => frame.campaign(campaign),
        None => {
            let mut asked = url::form_urlencoded::Serializer::new(String::new());
            let asked = asked.append_pair("q", &tile.tenant).finish();
            format!("{}/?{asked}", frame.prefix)
        }
    }
}
