//! How pages look: values become HTML, whose texts are escaped by their type. Nothing is read or
//! computed here.

use jiff::ZonedDateTime;
use maud::{DOCTYPE, Markup, html};

use super::route::path_of;
use crate::domain::text::printable;
use crate::domain::{Campaign, Doing, Night};
use crate::ops::named_tenant::{NamedTenant, name_of};
use crate::ops::status::CampaignStatus;
use crate::report::human::moment;
use crate::report::outcomes::ticked;
use crate::report::picture::CallsPicture;
use crate::report::picture::calls::legend;
use crate::report::standing::{FirstSentences, Tone};

pub(super) mod campaign;
pub(super) mod campaigns;
pub(super) mod device;
pub(super) mod devices;
pub(super) mod limits;
pub(super) mod nights;
pub(super) mod tenants;

/// What stands around every page.
pub(super) struct Frame<'a> {
    /// What the paths of all pages begin with.
    pub(super) prefix: &'a str,
    /// Where the store is.
    pub(super) place: String,
    /// The option by which commands name it, with a space before it; empty for the usual one.
    pub(super) store: &'a str,
    /// What people call tenants.
    pub(super) names: &'a [NamedTenant],
    pub(super) now: ZonedDateTime,
}

impl Frame<'_> {
    /// Where a campaign is.
    pub(super) fn campaign(&self, campaign: &Campaign) -> String {
        format!("{}{}", self.prefix, path_of(campaign.id, campaign.name.as_str()))
    }

    /// What a tenant is called: by its name, if it has one.
    fn tenant(&self, tenant: &str) -> Markup {
        match name_of(self.names, tenant) {
            Some(name) => html! { bdi title=(printable(tenant)) { (printable(name)) } },
            None => html! { bdi { (printable(tenant)) } },
        }
    }

    /// A whole page. `beside` is told beside its time.
    fn page(&self, title: &str, beside: &str, main: &Markup) -> Markup {
        self.whole(title, beside, &html! { main id="main" { (main) } })
    }

    /// A page as wide as the screen.
    fn wide_page(&self, title: &str, main: &Markup) -> Markup {
        self.whole(title, "", &html! { main id="main" class="wide" { (main) } })
    }

    fn whole(&self, title: &str, beside: &str, main: &Markup) -> Markup {
        let prefix = self.prefix;
        let at = self.now.strftime("%H:%M:%S %Z").to_string();
        let utc = self.now.timestamp().strftime("%F %T UTC").to_string();
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width,initial-scale=1";
                    title { (title) " · fleetsweep" }
                    link rel="stylesheet" href=(format!("{prefix}/style.css"));
                    link rel="icon" href=(format!("{prefix}/icon.svg"));
                    script src=(format!("{prefix}/live.js")) defer {}
                    noscript { meta http-equiv="refresh" content="30"; }
                }
                body {
                    a class="skip" href="#main" { "To the content" }
                    header class="top" {
                        span class="name" { "fleetsweep" }
                        nav aria-label="Pages" {
                            a href=(format!("{prefix}/")) { "Campaigns" }
                            a href=(format!("{prefix}/nights")) { "Nights" }
                            a href=(format!("{prefix}/limits")) { "Limits" }
                            a href=(format!("{prefix}/tenants")) { "Tenants" }
                        }
                        span class="fresh" {
                            span role="status" title=(utc) { "as of " (at) (beside) }
                        }
                    }
                    (main)
                    footer {
                        "“Accepted” is an order: a device that sleeps scans when it wakes. Store "
                        (printable(&self.place)) " · fleetsweep " (env!("CARGO_PKG_VERSION"))
                        " · times of " (self.now.strftime("%Z (UTC%:z)").to_string())
                    }
                }
            }
        }
    }
}

/// A page that says what went wrong, and what to do.
pub(super) fn trouble(frame: &Frame<'_>, what: &str, why: &str, next: &str) -> Markup {
    let main = html! {
        h1 { (printable(what)) }
        div class="say stop" {
            p { (printable(why)) }
            @if !next.is_empty() { p { (ticked(next)) } }
        }
    };
    frame.page(what, "", &main)
}

/// The class for how a sentence is meant.
fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Stopped => "stop",
        Tone::Attention => "att",
        Tone::Runs => "run",
        Tone::Idle => "idle",
        Tone::Good => "ok",
    }
}

/// The sign for how a sentence is meant.
fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Stopped => "✕",
        Tone::Attention => "!",
        Tone::Runs => "▶",
        Tone::Idle => "‖",
        Tone::Good => "✓",
    }
}

/// What a campaign does, as a word with a sign. Nobody has to look at one that stands still as
/// planned.
fn badge(status: &CampaignStatus, tone: Tone) -> Markup {
    let (tone, word) = match status.doing {
        Doing::Stopped | Doing::Cancelled if status.at_a_glance(tone) < tone => {
            (Tone::Attention, "needs attention")
        }
        Doing::Stopped if tone == Tone::Idle => (Tone::Good, Night::AsPlanned.word()),
        Doing::Cancelled if status.followed => handed_on(status),
        Doing::Finished if tone == Tone::Attention => (tone, "needs attention"),
        doing if doing.is_over() => (tone, status.does()),
        doing => (tone, doing.word()),
    };
    html! { span class=(format!("badge {}", class(tone))) { (sign(tone)) " " (word) } }
}

/// How a run of a series ended that the next one took over.
fn handed_on(status: &CampaignStatus) -> (Tone, &'static str) {
    let night = Night::of(status.doing, status.campaign.last_run.as_ref(), status.followed);
    // Nobody has to do anything: the next run has what waited.
    let tone = if night == Night::AsPlanned { Tone::Good } else { Tone::Idle };
    (tone, night.word())
}

/// The first sentences as the box at the top of a page.
fn first_sentences(first: &FirstSentences) -> Markup {
    html! {
        div class=(format!("say {}", class(first.tone))) {
            p { strong { (first.doing) } " " (first.stands) }
            p {
                @if !first.leaves.is_empty() { strong { (first.leaves) } " " }
                (ticked(&first.why))
            }
        }
    }
}

/// A moment as people read it, with the same in UTC beside.
fn time(at: Option<jiff::Timestamp>, now: &ZonedDateTime) -> Markup {
    html! {
        @if let Some(at) = at {
            time datetime=(at.to_string()) title=(at.strftime("%F %T UTC").to_string()) {
                (moment(&at.to_zoned_datetime(now.time_zone().clone())))
            }
        }
    }
}

/// The picture of calls against both limits, with what its marks mean; `label` says what it shows.
fn figure_of_calls(label: &str, picture: &CallsPicture) -> Markup {
    html! {
        figure {
            div class="pan" tabindex="0" role="region" aria-label=(label) { (picture.svg()) }
            figcaption {
                "Bars: calls of each minute"
                @if !picture.ahead.is_empty() { "; pale: what the limits leave to come" }
                ". " (legend(&picture.bands))
            }
        }
    }
}

/// A region that scrolls by itself where a screen is narrow, and by the keyboard.
fn scrolls(name: &str, inner: &Markup) -> Markup {
    html! { div class="scroll" tabindex="0" role="region" aria-label=(name) { (inner) } }
}
