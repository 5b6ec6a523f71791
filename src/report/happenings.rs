//! The words for what happened in a campaign. When it is told is `ops`'.

use jiff::ZonedDateTime;

use crate::domain::Operation;
use crate::domain::happening::{Happened, Happening, Needed};
use crate::domain::text::printable;
use crate::report::human::{clock_exact, counted, wrapped};
use crate::report::standing::because;

/// A happening in one line: when, what, and by whom.
pub fn line(happening: &Happening, now: &ZonedDateTime) -> String {
    let Happening { at, what, by, host } = happening;
    let at = clock_exact(&at.to_zoned_datetime(now.time_zone().clone()), now);
    let by = match host.as_str() {
        "" => String::new(),
        host => format!(" ({} on {})", printable(by), printable(host)),
    };
    wrapped(&format!("    {at}: {}{by}", words(what, now)), 6)
}

/// What happened, in words.
pub fn words(what: &Happened, now: &ZonedDateTime) -> String {
    let name = |needed: &Needed| match needed {
        Needed::Api => "the API",
        Needed::Store => "the store",
    };
    match what {
        Happened::Begun => "begun".to_owned(),
        Happened::RunBegun => "a run began".to_owned(),
        Happened::Paused => "paused".to_owned(),
        Happened::WentOn => "not paused any more".to_owned(),
        Happened::Changed { changes } => format!("changed: {}", printable(&changes.join("; "))),
        Happened::ServerPaused { operation, until } => {
            let what = match operation {
                Operation::Scan => "orders",
                Operation::Read => "reading",
                Operation::Cancel => "cancelling",
            };
            let until = until.to_zoned_datetime(now.time_zone().clone());
            format!("the server paused {what} until {}", clock_exact(&until, now))
        }
        Happened::OutOfReach { needed, why } => {
            format!("{} could not be reached: {}", name(needed), printable(why))
        }
        Happened::Reached { needed } => format!("{} could be reached again", name(needed)),
        Happened::WindowOpened => "the window opened".to_owned(),
        Happened::WindowClosed => "the window closed".to_owned(),
        Happened::WaveOver { wave } => format!("{} is over", printable(wave)),
        Happened::WaveJudged { figures, .. } => format!("judged: {}", printable(figures)),
        Happened::RunEnded { why, exit_code } => {
            format!("a run ended with exit code {exit_code}{}", because(&printable(why)))
        }
        Happened::NotBegun { why, exit_code } => {
            format!("no run could begin (exit code {exit_code}){}", because(&printable(why)))
        }
        Happened::NextNotBegun { day, why, exit_code } => {
            let why = because(&printable(why));
            format!("a run of its series could not begin on {day} (exit code {exit_code}){why}")
        }
        Happened::Finished => "finished".to_owned(),
        Happened::Cancelled { devices, scans } => format!(
            "cancelled: {} not asked, {} cancelled",
            counted(*devices, "device"),
            counted(*scans, "scan")
        ),
        Happened::Followed { devices } => {
            format!("ended by the next run of its series, with {}", counted(*devices, "device"))
        }
        Happened::OrderedAgain { campaign } => {
            format!("{campaign} was begun, to order again what this one left uncovered")
        }
        Happened::Unknown => "something that only a later version of fleetsweep knows".to_owned(),
    }
}
