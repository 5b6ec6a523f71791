//! How all tenants look at once: a wall of tiles that fits one screen, or a table.

use maud::{Markup, html};

use super::{Frame, class, scrolls, sign};
use crate::domain::text::printable;
use crate::page::model::tenants::{TenantsView, Tile};
use crate::report::human::count;

/// Characters of a name that a tile has room for.
const FITS: usize = 14;

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
            b { bdi { (short(&name)) } }
            // What has no room at the end is the percentage.
            (sign(tile.tone)) " " (tile.word)
            @if tile.campaign.is_some() {
                @if !tile.word.is_empty() { " · " }
                (tile.percent()) " %"
            }
        }
    }
}

/// A name as it fits a tile, whose title says it whole: names of tenants differ at their beginning
/// or at their end, and domains before their first dot.
fn short(name: &str) -> String {
    if name.chars().count() <= FITS {
        return name.to_owned();
    }
    let name = name.split('.').next().unwrap_or(name);
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= FITS {
        return name.to_owned();
    }
    let (begin, end) = (&letters[..FITS / 2], &letters[letters.len() - (FITS / 2 - 1)..]);
    format!("{}…{}", begin.iter().collect::<String>(), end.iter().collect::<String>())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_tile_has_no_room_for_keeps_its_beginning_and_its_end() {
        assert_eq!(short("contoso"), "contoso");
        assert_eq!(short("contoso.onmicrosoft.com"), "contoso");
        assert_eq!(short("birken-kanzlei-007.example"), "birken-…ei-007");
        assert_eq!(short("8a2f0c11-3333-4444-5555-666677778888"), "8a2f0c1…778888");
    }
}
