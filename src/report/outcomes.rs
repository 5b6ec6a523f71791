//! What became of the rows of a campaign as a table of HTML, with what somebody can do about them.

use maud::{Markup, html};

use super::advice::{TAKEN_BACK, advice, advice_before_the_end};
use super::human::count;
use super::picture::bar::{key, stands, words};
use crate::domain::text::printable;
use crate::domain::{CampaignName, Outcome, Rest, Stands, Tally};

/// The table of a campaign. `place` is where the rows of an outcome are shown, if that is anywhere.
pub fn table(of: &Proposed<'_>, tally: &Tally, stage: Stage, place: Option<&str>) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "Outcome" }
                th scope="col" class="n" { "Rows" }
                th scope="col" class="n" { "Of all rows" }
                th scope="col" { "What to do" }
            } }
            tbody {
                @for (stands, rows) in stands(tally) {
                    tr {
                        td {
                            (key(stands))
                            @if let Some(place) = place {
                                a href=(format!("{place}?outcome={}", stands.word())) {
                                    (words(stands))
                                }
                            } @else { (words(stands)) }
                        }
                        td class="n" { (count(rows)) }
                        td class="n" { (share(rows, tally.rows())) }
                        td { (ticked(&what_to_do(stands, stage, of))) }
                    }
                }
            }
        }
    }
}

/// How far the campaign of some rows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Rows of it are open.
    Open,
    /// The next run of its series took over what waited in it.
    HandedOn,
    /// Somebody took back what waited in it.
    CalledOff,
    /// Every row of it has ended.
    Ended,
}

impl Stage {
    /// That of a campaign, by whether rows of it are open.
    pub fn of(is_open: bool, handed_on: bool, called_off: bool) -> Self {
        match (handed_on, is_open, called_off) {
            (true, _, _) => Self::HandedOn,
            (false, true, _) => Self::Open,
            (false, false, true) => Self::CalledOff,
            (false, false, false) => Self::Ended,
        }
    }
}

/// What proposed commands are about.
#[derive(Clone, Copy, Debug)]
pub struct Proposed<'a> {
    /// The campaign.
    pub campaign: &'a CampaignName,
    /// The option that names its store, with a space before it; empty for the usual one.
    pub store: &'a str,
}

/// What somebody can do about rows that stand so; commands stand in backticks.
pub fn what_to_do(stands: Stands, stage: Stage, of: &Proposed<'_>) -> String {
    let Proposed { campaign, store } = of;
    let told = advice_on(stands, stage).split('`').map(|part| {
        let command = ["fleetsweep retry", "fleetsweep resume"];
        let command = command.into_iter().find(|command| part.starts_with(command));
        match command.map(|command| (command, &part[command.len()..])) {
            Some((command, options)) => format!("{command} {campaign}{options}{store}"),
            None => part.to_owned(),
        }
    });
    told.collect::<Vec<_>>().join("`")
}

fn advice_on(stands: Stands, stage: Stage) -> &'static str {
    match stands {
        Stands::Ended(Outcome::Accepted) => "an order, not yet a scan",
        Stands::Ended(Outcome::AlreadyInProgress { covered: true }) => {
            "nothing: a scan that is wide enough runs"
        }
        Stands::Ended(outcome)
            if stage == Stage::HandedOn && Rest::HandedOn.is_handed_on(outcome) =>
        {
            "nothing: the next run of the series has them"
        }
        Stands::Ended(Outcome::NotAttempted) if stage == Stage::CalledOff => TAKEN_BACK,
        Stands::Ended(outcome) if stage == Stage::Open => advice_before_the_end(outcome),
        Stands::Ended(outcome) => advice(outcome),
        Stands::Waiting => "waits for its turn; if nobody runs it: `fleetsweep resume`",
        _ => "",
    }
}

/// Lines of a table, as long as they fit into so many bytes.
pub fn fitting(lines: impl Iterator<Item = Markup>, most: usize) -> Vec<Markup> {
    let mut bytes = 0;
    let fitting = lines.take_while(|line| {
        bytes += line.0.len();
        bytes <= most
    });
    fitting.collect()
}

/// A share of all, as `35.3 %`.
pub fn share(rows: u64, all: u64) -> String {
    match (rows * 1_000 + all / 2).checked_div(all).unwrap_or(0) {
        0 if rows > 0 => "< 0.1 %".to_owned(),
        some => format!("{}.{} %", some / 10, some % 10),
    }
}

/// A text with what stands in backticks as commands.
pub fn ticked(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (printable(part)) } } @else { (printable(part)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_proposed_names_the_campaign_and_a_store_that_is_not_the_usual_one() {
        let campaign: CampaignName = "inc".parse().unwrap();
        let told = |store: &str| {
            let of = Proposed { campaign: &campaign, store };
            what_to_do(Stands::Ended(Outcome::ScanFailed), Stage::Ended, &of)
        };
        assert_eq!(told(""), "again: `fleetsweep retry inc --outcome scan_failed`");
        let elsewhere = "again: `fleetsweep retry inc --outcome scan_failed --store sqlite:x.db`";
        assert_eq!(told(" --store sqlite:x.db"), elsewhere);
        let of = Proposed { campaign: &campaign, store: " --store sqlite:x.db" };
        let waits = what_to_do(Stands::Waiting, Stage::Open, &of);
        assert!(waits.ends_with("`fleetsweep resume inc --store sqlite:x.db`"), "{waits}");
    }
}
