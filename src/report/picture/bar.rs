//! What became of the devices, as one bar: a colour and a hatch for each outcome, so that nobody
//! has to tell colours.

use maud::{Markup, html};

use super::hatch::{Area, Hatch};
use super::short;
use crate::domain::{Outcome, Stands, Tally};
use crate::report::human::count;

/// The colour and the hatch of rows that stand so.
fn look(stands: Stands) -> (&'static str, Hatch) {
    match stands {
        Stands::Ended(outcome) => match outcome {
            Outcome::Accepted => ("s-ok", Hatch::Plain),
            Outcome::ScanFailed => ("s-rej", Hatch::Rising),
            Outcome::AlreadyInProgress { covered: true } => ("s-cov", Hatch::Rising),
            Outcome::AlreadyInProgress { covered: false } => ("s-busy", Hatch::Falling),
            Outcome::Rejected => ("s-rej", Hatch::Grid),
            Outcome::NotFound => ("s-nf", Hatch::Across),
            Outcome::Failed => ("s-rej", Hatch::Falling),
            Outcome::Unknown => ("s-unk", Hatch::Dots),
            Outcome::NotAttempted => ("s-can", Hatch::Plain),
            Outcome::Cancelled { taken_back: true } => ("s-can", Hatch::Rising),
            Outcome::Cancelled { taken_back: false } => ("s-can", Hatch::Falling),
            Outcome::BadRow => ("s-can", Hatch::Dots),
            Outcome::Duplicate | Outcome::Skipped => ("s-can", Hatch::Across),
        },
        Stands::Attention(_) => ("s-busy", Hatch::Plain),
        Stands::Open | Stands::Waiting => ("s-wait", Hatch::Plain),
        Stands::Sent => ("s-wait", Hatch::Rising),
        Stands::NotKnown => ("s-wait", Hatch::Dots),
    }
}

/// The sample that stands beside the words in a table.
pub fn key(stands: Stands) -> Markup {
    html! {
        span class="key" aria-hidden="true" {
            svg viewBox="0 0 14 14" width="14" height="14" { (sample(stands)) }
        }
    }
}

fn sample(stands: Stands) -> Markup {
    let (class, hatch) = look(stands);
    let area = Area { x: 0.0, y: 0.0, width: 14.0, height: 14.0 };
    html! {
        rect class=(class) width="14" height="14" {}
        path class="pat" d=(hatch.path(area, 5.0)) {}
    }
}

/// The samples of a long table, once each; its lines show them by `key_of`.
pub fn keys(all: impl Iterator<Item = Stands>) -> Markup {
    let mut shown: Vec<Stands> = Vec::new();
    all.for_each(|stands| {
        if !shown.contains(&stands) {
            shown.push(stands);
        }
    });
    html! {
        svg class="keys" width="0" height="0" aria-hidden="true" {
            @for stands in shown {
                symbol id=(format!("k-{}", stands.word())) viewBox="0 0 14 14" { (sample(stands)) }
            }
        }
    }
}

/// One of the samples of `keys`.
pub fn key_of(stands: Stands) -> Markup {
    html! {
        svg class="key" aria-hidden="true" { use href=(format!("#k-{}", stands.word())) {} }
    }
}

/// How many rows stand where, in the order of reports; only where there are any.
pub fn stands(tally: &Tally) -> Vec<(Stands, u64)> {
    let ended = Outcome::ALL.map(|outcome| (Stands::Ended(outcome), tally.of(outcome)));
    let open = [
        (Stands::NotKnown, tally.doubtful),
        (Stands::Sent, tally.claimed),
        (Stands::Waiting, tally.queued + tally.draft),
    ];
    ended.into_iter().chain(open).filter(|(_, rows)| *rows > 0).collect()
}

/// Words for rows that stand so.
pub fn words(stands: Stands) -> &'static str {
    match stands {
        Stands::Attention(_) => "needs attention",
        Stands::Open => "open",
        Stands::Waiting => "waiting for its turn",
        Stands::Sent => "sent, answer not in yet",
        Stands::NotKnown => "sent, answer not known yet",
        Stands::Ended(outcome) => crate::report::advice::told(outcome),
    }
}

/// The bar of these rows, this high.
pub fn bar(tally: &Tally, height: f64) -> Markup {
    const WIDTH: f64 = 1000.0;
    let aside = [Outcome::BadRow, Outcome::Duplicate, Outcome::Skipped].map(Stands::Ended);
    let mut parts = stands(tally);
    parts.retain(|(stands, _)| !aside.contains(stands));
    let all: u64 = parts.iter().map(|(_, rows)| rows).sum();
    let said: Vec<String> =
        parts.iter().map(|(stands, rows)| format!("{} {}", count(*rows), words(*stands))).collect();
    // One device in a hundred thousand is seen, too: what comes last gives way.
    let (mut x, mut drawn) = (0.0, Vec::new());
    let last = parts.len().saturating_sub(1);
    for (number, (stands, rows)) in parts.into_iter().enumerate() {
        let share = WIDTH * rows as f64 / all.max(1) as f64;
        let width = if number == last { WIDTH - x } else { share.max(2.0).min(WIDTH - 2.0 - x) };
        drawn.push((stands, rows, Area { x, y: 0.0, width, height }));
        x += width;
    }
    html! {
        svg class="bar" viewBox=(format!("0 0 {WIDTH} {height}")) preserveAspectRatio="none"
            role="img" aria-label=(format!("{}.", said.join(", "))) {
            @for (stands, rows, area) in drawn {
                @let (class, hatch) = look(stands);
                g {
                    title { (count(rows)) " " (words(stands)) }
                    rect class=(format!("seg {class}")) x=(short(area.x)) width=(short(area.width))
                        height=(short(height)) {}
                    path class="pat" d=(hatch.path(area, 7.0)) {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::State;

    #[test]
    fn each_outcome_has_a_look_of_its_own() {
        let mut looks: Vec<_> = Outcome::ALL
            .into_iter()
            .filter(|one| *one != Outcome::Skipped)
            .map(|one| format!("{:?}", look(Stands::Ended(one))))
            .collect();
        looks.sort();
        let all = looks.len();
        looks.dedup();
        assert_eq!(looks.len(), all);
    }

    #[test]
    fn the_bar_says_in_words_what_it_shows_and_one_device_is_seen() {
        let mut tally = Tally::default();
        tally.add(State::Done(Outcome::Accepted), 99_999);
        tally.add(State::Done(Outcome::Rejected), 1);
        tally.add(State::Done(Outcome::Duplicate), 7);
        let bar = bar(&tally, 14.0).into_string();
        assert!(bar.contains("99,999 accepted: scan ordered, 1 rejected."), "{bar}");
        assert!(bar.contains("<rect class=\"seg s-rej\" x=\"998\" width=\"2\""), "{bar}");
    }
}
