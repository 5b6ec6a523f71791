//! Why nothing left, along the time: from what happened in a campaign and from its minutes to
//! stretches with a reason each. Nothing is drawn here.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::minutes::Grid;
use crate::domain::happening::{Happened, Happening, Needed};
use crate::domain::{Minute, Operation};

/// What kind of reason it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BandKind {
    /// The limit of an hour was used up.
    Limit,
    /// The server paused it, or could not be reached.
    Server,
    /// It waited for its window, a wave, or for somebody.
    Wait,
    /// No run of it was at work.
    Nobody,
}

/// A stretch in which nothing left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// What kind of reason it is.
    pub kind: BandKind,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// The reason, in words.
    pub why: String,
}

/// Bands at most; then the latest are shown.
const MOST: usize = 80;
/// A limit that was used up for fewer minutes makes no band.
const SHORTEST: usize = 2;

/// The stretches between these moments in which nothing left, and why.
pub fn bands(
    happenings: &[Happening],
    minutes: &[Minute],
    per_hour: Option<u64>,
    (from, to): (Timestamp, Timestamp),
) -> Vec<Band> {
    let mut all = told(happenings, to);
    let by_limit = used_up(&Grid::of(minutes, to), per_hour);
    let covered = |band: &Band| all.iter().any(|one| one.from < band.to && band.from < one.to);
    let by_limit: Vec<Band> = by_limit.into_iter().filter(|band| !covered(band)).collect();
    all.extend(by_limit);
    for band in &mut all {
        (band.from, band.to) = (band.from.max(from), band.to.min(to));
    }
    all.retain(|band| band.from < band.to);
    all.sort_by_key(|band| band.from);
    all.split_off(all.len().saturating_sub(MOST))
}

/// What opens a stretch of each sort, and what closes it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Away(Needed),
    Paused,
    Window,
    Wave,
    Nobody,
}

fn told(happenings: &[Happening], to: Timestamp) -> Vec<Band> {
    let mut bands = Vec::new();
    let mut open: Vec<(Sort, Band)> = Vec::new();
    for Happening { at, what, .. } in happenings {
        let at = *at;
        let band = |kind, why: &str| Band { kind, from: at, to, why: why.to_owned() };
        let opens = match what {
            Happened::ServerPaused { operation: Operation::Scan, until } => {
                let why = "the server paused orders";
                bands.push(Band { to: *until, ..band(BandKind::Server, why) });
                None
            }
            Happened::OutOfReach { needed: Needed::Api, .. } => {
                Some((Sort::Away(Needed::Api), band(BandKind::Server, "the API was out of reach")))
            }
            Happened::OutOfReach { needed: Needed::Store, .. } => {
                let why = "the store was out of reach";
                Some((Sort::Away(Needed::Store), band(BandKind::Wait, why)))
            }
            Happened::Paused => Some((Sort::Paused, band(BandKind::Wait, "somebody paused it"))),
            Happened::WindowClosed => {
                Some((Sort::Window, band(BandKind::Wait, "its window was closed")))
            }
            Happened::WaveOver { .. } => {
                Some((Sort::Wave, band(BandKind::Wait, "it waited before the next wave")))
            }
            Happened::RunEnded { .. } => {
                Some((Sort::Nobody, band(BandKind::Nobody, "no run was at work")))
            }
            _ => None,
        };
        let closes = |sort: Sort| match what {
            Happened::Reached { needed } => sort == Sort::Away(*needed),
            Happened::WentOn => sort == Sort::Paused,
            Happened::WindowOpened => sort == Sort::Window,
            Happened::WaveJudged { .. } => sort == Sort::Wave,
            Happened::RunBegun => sort == Sort::Nobody,
            Happened::Finished | Happened::Cancelled { .. } | Happened::Followed { .. } => true,
            // A run that ended says nothing of what it waited for any more.
            Happened::RunEnded { .. } => matches!(sort, Sort::Away(_) | Sort::Wave),
            _ => false,
        };
        let (closed, still): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|(sort, _)| closes(*sort));
        bands.extend(closed.into_iter().map(|(_, band)| Band { to: at, ..band }));
        open = still;
        if let Some((sort, band)) = opens
            && open.iter().all(|(one, _)| *one != sort)
        {
            open.push((sort, band));
        }
    }
    bands.extend(open.into_iter().map(|(_, band)| band));
    bands
}

/// Where no call left and the hour before was full. A run keeps a guard below the limit, so almost
/// full is full.
fn used_up(grid: &Grid, per_hour: Option<u64>) -> Vec<Band> {
    let Some(limit) = per_hour else { return Vec::new() };
    let full = limit - limit / 50;
    let mut bands = Vec::new();
    let mut since = None;
    for at in 0..=grid.calls.len() {
        let held = at < grid.calls.len() && grid.calls[at] == 0 && grid.in_hour[at] >= full;
        match (held, since) {
            (true, None) => since = Some(at),
            (false, Some(begin)) => {
                if at - begin >= SHORTEST {
                    bands.push(band_of(grid, begin, at));
                }
                since = None;
            }
            _ => {}
        }
    }
    bands
}

fn band_of(grid: &Grid, begin: usize, end: usize) -> Band {
    let moment = |at| Timestamp::from_second(grid.second(at)).unwrap_or_default();
    Band {
        kind: BandKind::Limit,
        from: moment(begin),
        to: moment(end),
        why: "the limit of an hour was used up".to_owned(),
    }
}

impl Band {
    /// The reason with its times: `the server paused orders, 23:11 to 23:20`.
    pub fn words(&self, zone: &TimeZone) -> String {
        let [from, to] = [self.from, self.to]
            .map(|at| at.to_zoned_datetime(zone.clone()).strftime("%H:%M").to_string());
        format!("{}, {from} to {to}", self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-24T{text}:00Z").parse().unwrap()
    }

    fn happened(when: &str, what: Happened) -> Happening {
        Happening { at: at(when), what, by: String::new(), host: String::new() }
    }

    #[test]
    fn each_stretch_has_the_reason_that_was_noted_and_ends_with_what_ended_it() {
        let until = at("22:20");
        let ended = Happened::RunEnded { why: "x".to_owned(), exit_code: 5 };
        let all = [
            happened("22:00", Happened::Begun),
            happened("22:10", Happened::ServerPaused { operation: Operation::Scan, until }),
            happened("22:30", Happened::Paused),
            happened("22:35", Happened::Paused),
            happened("22:40", Happened::WentOn),
            happened("22:50", Happened::WindowClosed),
            happened("22:51", ended),
            happened("23:00", Happened::RunBegun),
            happened("23:05", Happened::WindowOpened),
        ];
        let told: Vec<String> = bands(&all, &[], None, (at("22:15"), at("23:30")))
            .iter()
            .map(|band| band.words(&TimeZone::UTC))
            .collect();
        assert_eq!(
            told,
            [
                "the server paused orders, 22:15 to 22:20",
                "somebody paused it, 22:30 to 22:40",
                "its window was closed, 22:50 to 23:05",
                "no run was at work, 22:51 to 23:00",
            ]
        );
    }

    #[test]
    fn minutes_without_a_call_behind_a_full_hour_are_the_limits() {
        let minute = |number: i64| Minute {
            at: at("22:00") + jiff::SignedDuration::from_mins(number),
            calls: 100,
            accepted: 100,
            throttled: 0,
        };
        let minutes: Vec<Minute> = (0..15).map(minute).collect();
        let span = (at("22:00"), at("23:30"));
        let full = bands(&[], &minutes, Some(1500), span);
        assert_eq!(full.len(), 1);
        assert_eq!(
            (full[0].kind, full[0].from, full[0].to),
            (BandKind::Limit, at("22:15"), at("23:00"))
        );
        assert_eq!(bands(&[], &minutes, Some(1600), span), []);
        // What was noted explains it better.
        let paused = [happened("22:15", Happened::Paused), happened("23:00", Happened::WentOn)];
        let kinds: Vec<_> = bands(&paused, &minutes, Some(1500), span);
        assert_eq!(kinds.iter().map(|band| band.kind).collect::<Vec<_>>(), [BandKind::Wait]);
    }
}
