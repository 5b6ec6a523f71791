//! `status --nights`: the runs of series, a line a night, also for nights on which none began.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;

use crate::clock::local_now;
use crate::domain::{Campaign, CampaignFilter, CampaignState, Doing, Exit, SeriesName, Tally};
use crate::ops::failure::Failure;
use crate::report::human::{count, counted};
use crate::report::{Document, jsonl};
use crate::store::Store;

/// Nights that are told of.
const NIGHTS: i64 = 35;

/// A run of a series.
struct Night {
    campaign: Campaign,
    tally: Tally,
    doing: Doing,
}

/// The runs of one series in one tenant.
pub(super) struct Nights {
    series: String,
    tenant: String,
    /// Each night from the first run that is told of to today, the latest first.
    nights: Vec<(Date, Vec<Night>)>,
}

/// The nights of every series, or of this one.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(super) async fn read<S: Store>(
    store: &S,
    series: Option<&SeriesName>,
) -> Result<Vec<Nights>, Failure> {
    let now = local_now();
    let today = now.date();
    let since = today.checked_sub((NIGHTS - 1).days()).unwrap_or(today);
    let all = CampaignFilter::default();
    let all = series.map_or(all.clone(), |series| all.of_series(series));
    let mut of_series: BTreeMap<(String, String), BTreeMap<Date, Vec<Night>>> = BTreeMap::new();
    for campaign in store.select(&all).await? {
        let Some(own) = SeriesName::of(&campaign.name) else { continue };
        let begun = campaign.opened_at.to_zoned_datetime(now.time_zone().clone()).date();
        if series.is_some_and(|series| *series != own) || begun < since {
            continue;
        }
        let tally = store.tally(campaign.id).await?;
        let doing = Doing::of(&campaign, now.timestamp());
        let key = (own.to_string(), campaign.order.target.tenant.clone());
        let nights = of_series.entry(key).or_default();
        nights.entry(begun).or_default().push(Night { campaign, tally, doing });
    }
    let whole = of_series.into_iter().map(|((series, tenant), mut by_day)| {
        let first = by_day.keys().next().copied().unwrap_or(today);
        let days = first.series(1.day()).take_while(|day| *day <= today);
        let mut nights: Vec<_> =
            days.map(|day| (day, by_day.remove(&day).unwrap_or_default())).collect();
        // Tonight's run may still come.
        if nights.last().is_some_and(|(_, runs)| runs.is_empty()) {
            nights.pop();
        }
        nights.reverse();
        Nights { series, tenant, nights }
    });
    Ok(whole.collect())
}

impl Night {
    fn exit_code(&self) -> Option<u8> {
        Some(self.campaign.last_run.as_ref()?.ended.as_ref()?.exit_code)
    }

    /// How it ended, in a few words.
    fn word(&self) -> String {
        let code = self.exit_code();
        let word = match self.doing {
            Doing::Running | Doing::Waiting | Doing::Killed => self.doing.word(),
            _ if code == Some(Exit::Safety.code()) => "stopped by a rule",
            _ if code == Some(Exit::SignIn.code()) => "sign-in failed",
            Doing::Finished | Doing::Cancelled if self.tally.needs_attention() => "needs attention",
            Doing::Stopped if code == Some(Exit::Done.code()) => "as planned",
            doing => doing.word(),
        };
        match (self.campaign.state, self.tally.open()) {
            (CampaignState::Open, open) if open > 0 => format!("{word}, {} left", count(open)),
            _ => word.to_owned(),
        }
    }
}

impl Document for Nights {
    fn text(&self) -> String {
        let runs = self.nights.iter().map(|(_, runs)| runs.len() as u64).sum();
        let head = format!("{}, tenant {}: {}", self.series, self.tenant, counted(runs, "run"));
        let mut lines = vec![head];
        for (day, runs) in &self.nights {
            let day = day.strftime("%a %Y-%m-%d");
            if runs.is_empty() {
                lines.push(format!("  {day}  no run began"));
            }
            for run in runs {
                let ordered =
                    format!("{} of {}", count(run.tally.covered()), count(run.tally.devices()));
                lines.push(format!("  {day}  {ordered:>17} ordered  {}", run.word()));
            }
        }
        lines.join("\n")
    }

    fn json(&self) -> String {
        let lines = self.nights.iter().flat_map(|(day, runs)| {
            let none = serde_json::json!({
                "v": 1, "type": "night", "series": self.series, "tenant": self.tenant,
                "date": day.to_string(), "campaign": null,
            });
            let none = if runs.is_empty() { Some(none) } else { None };
            none.into_iter().chain(runs.iter().map(|run| {
                let last = run.campaign.last_run.as_ref();
                serde_json::json!({
                    "v": 1, "type": "night", "series": self.series, "tenant": self.tenant,
                    "date": day.to_string(), "campaign": run.campaign.name,
                    "doing": run.doing.word().replace(' ', "_"),
                    "devices": run.tally.devices(), "ordered": run.tally.covered(),
                    "open": run.tally.open(), "exit_code": run.exit_code(),
                    "began_at": last.map(|last| last.began_at),
                    "ended_at": last.and_then(|last| last.ended.as_ref()).map(|end| end.at),
                })
            }))
        });
        lines.map(|line| jsonl::line(&line)).collect::<Vec<_>>().join("\n")
    }
}
