//! The name of a series of runs that follow one another by one command line, each a campaign of its
//! own, and the names of those campaigns.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

use super::CampaignName;
use super::spelling::{as_told, serialised_as_text};

/// The name of a series: that of a campaign, with room for the date and the number of the run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesName(String);

/// The most characters of a series' name: `-2026-11-23-999` must fit behind it.
const MOST: usize = CampaignName::MAX - 15;

/// Runs of one day.
pub const RUNS: u32 = 999;

impl SeriesName {
    /// The names of the runs of this day, in their order.
    pub fn names(&self, day: Date) -> impl Iterator<Item = CampaignName> {
        (1..=RUNS).filter_map(move |run| {
            let run = if run == 1 { String::new() } else { format!("-{run}") };
            format!("{}-{day}{run}", self.0).parse().ok()
        })
    }

    /// How the names of its campaigns begin.
    pub fn begin(&self) -> String {
        format!("{}-", self.0)
    }

    /// Whether a campaign is one of this series.
    pub fn has(&self, campaign: &CampaignName) -> bool {
        self.day_of(campaign).is_some()
    }

    /// The day of a run of this series. Returns `None` for another campaign.
    pub fn day_of(&self, campaign: &CampaignName) -> Option<Date> {
        let rest = campaign.as_str().strip_prefix(&self.0)?.strip_prefix('-')?;
        let (day, run) = rest.split_at_checked(10)?;
        let number = |run: &str| run.parse::<u32>().is_ok_and(|run| run > 1);
        if !run.is_empty() && !run.strip_prefix('-').is_some_and(number) {
            return None;
        }
        day.parse().ok()
    }

    /// The series of a campaign, as its name tells. Returns `None` if it is of none.
    pub fn of(campaign: &CampaignName) -> Option<Self> {
        let name = campaign.as_str();
        let mut ends = name.match_indices('-').map(|(at, _)| at);
        let series = ends.find_map(|at| {
            let series = Self(name[..at].to_owned());
            if series.has(campaign) { Some(series) } else { None }
        })?;
        series.0.parse().ok()
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

serialised_as_text!(SeriesName; as_told);

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
        assert!(names.iter().all(|name| SeriesName::of(name).as_ref() == Some(&series)));
        assert_eq!(series.day_of(&names[1]), Some(day));
        assert_eq!(SeriesName::of(&"full-2026-11-24-k3x9qa".parse().unwrap()), None);
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
