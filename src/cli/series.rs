//! A series: runs that follow one another by one command line, each a campaign of its own. It names
//! them, and it ends the one before; what is ordered is `scan`'s.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::ZonedDateTime;
use jiff::civil::Date;
use tokio::sync::{mpsc, watch};

use super::args::ScanArgs;
use super::failure::Failure;
use super::reports::Reports;
use super::say;
use super::settings::Speed;
use super::stores::{self, Place};
use crate::clock::{Clock, wall_clock};
use crate::defender::Inventory;
use crate::domain::{CalledOff, Campaign, CampaignName, CampaignState, Ending, LastRun};
use crate::engine::{self, Settings, StopLevel};
use crate::report::human;
use crate::store::Store;

/// The name of a series: that of a campaign, with room for the date and the number of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesName(String);

/// The most characters of a series' name: `-2026-11-23-999` must fit behind it.
const MOST: usize = CampaignName::MAX - 15;

/// Runs of one day.
const RUNS: u32 = 999;

impl SeriesName {
    /// The names of the runs of this day, in their order.
    pub fn names(&self, day: Date) -> impl Iterator<Item = CampaignName> {
        (1..=RUNS).filter_map(move |run| {
            let run = if run == 1 { String::new() } else { format!("-{run}") };
            format!("{}-{day}{run}", self.0).parse().ok()
        })
    }

    /// Whether a campaign is one of this series.
    pub fn has(&self, campaign: &CampaignName) -> bool {
        let rest = campaign.as_str().strip_prefix(&self.0).and_then(|rest| rest.strip_prefix('-'));
        let Some((day, run)) = rest.and_then(|rest| rest.split_at_checked(10)) else {
            return false;
        };
        let number = |run: &str| run.parse::<u32>().is_ok_and(|run| run > 1);
        day.parse::<Date>().is_ok() && (run.is_empty() || run.strip_prefix('-').is_some_and(number))
    }
}

impl FromStr for SeriesName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<CampaignName>() {
            Ok(_) if text.len() <= MOST => Ok(Self(text.to_owned())),
            Ok(_) => Err(format!("use at most {MOST} characters, since the date follows")),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl fmt::Display for SeriesName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a run: the one that was found for it, or of a series the first that is free.
///
/// # Errors
/// `Failure` if the store cannot be read, or if no name is left.
pub(super) async fn free_name(
    args: &ScanArgs,
    name: CampaignName,
    place: Option<&Place>,
    now: &ZonedDateTime,
) -> Result<CampaignName, Failure> {
    let Some(series) = &args.due.series else { return Ok(name) };
    let Some(place) = place.filter(|place| place.exists()) else { return Ok(name) };
    let store = stores::open_to_read(place).await?;
    for name in series.names(now.date()) {
        if store.find(&name).await?.is_none() {
            store.close().await?;
            return Ok(name);
        }
    }
    Err(Failure::usage(
        "no name is left for a run of this series today",
        format!("{series} ran {RUNS} times today"),
        "give another name with --series",
    ))
}

/// The campaigns of the series that are open still, which this run ends before it begins.
///
/// # Errors
/// `Failure` if one of them is at work, or was paused: then nothing is ordered.
pub(super) async fn open_ones<S: Store>(
    store: &S,
    series: Option<&SeriesName>,
    speed: &Speed,
) -> Result<Vec<Campaign>, Failure> {
    let Some(series) = series else { return Ok(Vec::new()) };
    let mut all = store.campaigns().await?;
    all.retain(|one| one.state == CampaignState::Open && series.has(&one.name));
    for one in &all {
        // One that was opened a moment ago has not said yet that it runs.
        let opened = LastRun::begun(one.opened_at);
        if one.last_run.as_ref().unwrap_or(&opened).is_alive(wall_clock(), &speed.timing) {
            return Err(at_work(&one.name));
        }
        if one.paused {
            let name = &one.name;
            return Err(Failure::new(
                5,
                format!("nothing was ordered: {name} of this series is paused"),
                "somebody ran `fleetsweep pause`",
                format!(
                    "go on with `fleetsweep resume {name}`, or end it: `fleetsweep cancel \
                         --queue-only {name}`"
                ),
            ));
        }
    }
    Ok(all)
}

/// A run while the last one still works joins nothing and orders nothing.
pub(super) fn at_work(last: &CampaignName) -> Failure {
    Failure::new(
        5,
        format!("nothing was ordered: {last} of this series still works"),
        "its run was seen at work within the last 20 seconds",
        format!(
            "see `fleetsweep status {last}`; the next run of the series comes after it; if it was \
             killed just now, try again in half a minute"
        ),
    )
}

/// Ends the runs before this one: what waits there is this one's, and what became of calls whose
/// answers were lost is found out.
///
/// # Errors
/// `Failure` if the store fails.
pub(super) async fn end<S: Store, A: Inventory>(
    store: &Arc<S>,
    api: Arc<A>,
    ones: Vec<Campaign>,
    speed: &Speed,
) -> Result<(), Failure> {
    for one in ones {
        let CalledOff { ended, open, finished } = store.call_off(one.id).await?;
        let ended = human::counted(ended, "device");
        say::note(&human::wrapped(
            &format!("{} is ended; {ended} that waited there come with this run.", one.name),
            2,
        ));
        if !finished {
            let open = human::counted(open, "order");
            say::note(&format!("Finding out what became of {open} of {}.", one.name));
            find_out(store.clone(), api.clone(), one.clone(), speed).await?;
        }
        // Its report says what became of its devices, and not that they wait. One that cannot be
        // written holds up no night: `fleetsweep report` writes it at any time.
        if let Some(reports) = Reports::of_last_run(&one) {
            let one = store.find(&one.name).await?.unwrap_or(one);
            let written = reports.write(&**store, &one).await;
            tracing::debug!(campaign = %one.name, ok = written.is_ok(), "rewrote the last report");
        }
    }
    Ok(())
}

/// Looks for what is not known of a campaign in which nothing waits, for a while at most.
async fn find_out<S: Store, A: Inventory>(
    store: Arc<S>,
    api: Arc<A>,
    campaign: Campaign,
    speed: &Speed,
) -> Result<(), Failure> {
    let now = store.clock().now();
    let settings = Settings {
        concurrency: 1,
        quotas: campaign.quotas.clone(),
        pace: speed.pace,
        gate: true,
        timing: speed.timing,
        until: Some(now.plus(speed.timing.horizon() * 3)),
        hours: None,
        progress_every: Duration::ZERO,
    };
    let (name, (_go_on, stop)) = (campaign.name.clone(), watch::channel(StopLevel::Run));
    // Nobody watches it: what it finds is in the store.
    let (events, _) = mpsc::channel(1);
    let ran = engine::run(store, api, campaign, settings, stop, events).await?;
    if ran.ending != Ending::Finished {
        say::note(&human::wrapped(
            &format!(
                "Some orders of {name} are not known still; `fleetsweep resume {name}` looks \
                      again."
            ),
            2,
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_knows_its_runs_and_no_others() {
        let series: SeriesName = "nightly".parse().unwrap();
        let day = "2026-11-23".parse().unwrap();
        let names: Vec<_> = series.names(day).take(2).collect();
        assert_eq!(names[0].as_str(), "nightly-2026-11-23");
        assert_eq!(names[1].as_str(), "nightly-2026-11-23-2");
        assert!(names.iter().all(|name| series.has(name)));
        for other in [
            "nightly",
            "nightly-x-2026-11-23",
            "nightly-2026-13-01",
            "nightly-2026-11-2",
            "nightly-2026-11-23-retry1",
            "nightly-2026-11-23-1",
            "other-2026-11-23",
        ] {
            assert!(!series.has(&other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn a_name_that_leaves_no_room_for_the_date_is_refused() {
        assert!("x".repeat(MOST).parse::<SeriesName>().is_ok());
        assert!("x".repeat(MOST + 1).parse::<SeriesName>().is_err());
        assert!("a b".parse::<SeriesName>().is_err());
    }
}
