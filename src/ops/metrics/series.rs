//! Figures of series: how their latest runs went, and how much of their fleets is covered.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::history::Ages;
use crate::domain::rhythm::next_due;
use crate::domain::{Campaign, Exit, FailedStart, LastRun, RunEnd, SeriesName};
use crate::ops::failed_starts::tenant_of;
use crate::ops::failure::Failure;
use crate::ops::status::{StartsMeant, latest_not_begun, windows_of};
use crate::report::metrics::{Metrics, Sample, seconds};
use crate::store::Store;

/// The campaigns of one series in one tenant, the latest first.
struct Series<'a> {
    name: SeriesName,
    /// The same as text.
    label: String,
    tenant: &'a str,
    campaigns: Vec<&'a Campaign>,
}

impl Series<'_> {
    /// The run that began last.
    fn run(&self) -> Option<&LastRun> {
        self.campaigns.iter().find_map(|one| one.last_run.as_ref())
    }

    /// How the latest run ended that has.
    fn end(&self) -> Option<&RunEnd> {
        self.campaigns.iter().find_map(|one| one.last_run.as_ref()?.ended.as_ref())
    }

    fn coverage(&self) -> Option<Ages> {
        self.campaigns.iter().find_map(|one| one.last_run.as_ref()?.coverage)
    }

    /// Its campaigns, each with its day.
    fn days(&self) -> impl Iterator<Item = (&Campaign, Date)> {
        self.campaigns.iter().filter_map(|one| Some((*one, self.name.day_of(&one.name)?)))
    }

    fn labels(&self) -> [(&'static str, &str); 2] {
        [("series", &self.label), ("tenant", self.tenant)]
    }
}

/// Adds them; the campaigns come with the latest first.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(super) async fn add<S: Store>(
    store: &S,
    campaigns: &[Campaign],
    now: Timestamp,
    metrics: &Metrics,
) -> Result<(), Failure> {
    let mut all: BTreeMap<(SeriesName, &str), Vec<&Campaign>> = BTreeMap::new();
    for one in campaigns {
        if let Some(series) = SeriesName::of(&one.name) {
            let key = (series, one.order.target.tenant.as_str());
            all.entry(key).or_default().push(one);
        }
    }
    let all: Vec<Series<'_>> = all
        .into_iter()
        .map(|((name, tenant), campaigns)| Series {
            label: name.to_string(),
            name,
            tenant,
            campaigns,
        })
        .collect();
    runs(&all, metrics);
    coverages(&all, metrics);
    due(store, &all, now, metrics).await;
    failed_starts(store, metrics).await
}

/// When the next runs should have begun.
async fn due<S: Store>(store: &S, all: &[Series<'_>], now: Timestamp, metrics: &Metrics) {
    let mut due = Vec::new();
    for one in all {
        let Some((latest, _)) = one.days().max_by_key(|(one, day)| (*day, one.opened_at)) else {
            continue;
        };
        let windows = match windows_of(store, latest).await {
            Ok(windows) => windows,
            // The other figures are not to be missing as well.
            Err(failure) => {
                tracing::warn!(series = one.label, why = failure.why, "its windows are not known");
                continue;
            }
        };
        let runs: Vec<_> = one.days().map(|(one, day)| (day, one.opened_at)).collect();
        let at = next_due(&runs, &windows, now);
        due.extend(at.map(|at| Sample::new(&one.labels(), seconds(at))));
    }
    let help = "When the next run of a series should have begun, by the weekdays and the time of \
                day of its runs so far, allowing 90 minutes.";
    metrics.gauge("series_next_run_due_timestamp_seconds", help, &due);
}

/// The starts that came to nothing, and after which no run began.
async fn failed_starts<S: Store>(store: &S, metrics: &Metrics) -> Result<(), Failure> {
    let latest = latest_not_begun(store, StartsMeant::default()).await?;
    let texts = |one: &FailedStart| Some((one.series()?.to_string(), one.exit_code.to_string()));
    let of_series = latest.iter().filter_map(|one| Some((texts(&one.start)?, &one.start)));
    let all: Vec<((String, String), &FailedStart)> = of_series.collect();
    let mut samples = Vec::new();
    for ((series, code), start) in &all {
        let tenant = tenant_of(start).unwrap_or_default();
        let labels = [("series", series.as_str()), ("tenant", tenant), ("exit_code", code)];
        samples.push(Sample::new(&labels, seconds(start.at)));
    }
    let help = "When a run of a series could not begin, as long as none has begun since.";
    metrics.gauge("series_failed_start_timestamp_seconds", help, &samples);
    Ok(())
}

fn runs(all: &[Series<'_>], metrics: &Metrics) {
    let figures = |value: &dyn Fn(&Series<'_>) -> Option<f64>| -> Vec<Sample<'_>> {
        let known = all.iter().filter_map(|one| Some((one, value(one)?)));
        known.map(|(one, value)| Sample::new(&one.labels(), value)).collect()
    };
    let begun = figures(&|one| Some(seconds(one.run()?.began_at)));
    let help = "When the latest run of a series began.";
    metrics.gauge("series_last_run_begin_timestamp_seconds", help, &begun);
    let ended = figures(&|one| Some(seconds(one.end()?.at)));
    let help = "When the latest run of a series ended that has.";
    metrics.gauge("series_last_run_end_timestamp_seconds", help, &ended);
    let code = figures(&|one| Some(f64::from(one.end()?.exit_code)));
    metrics.gauge("series_last_run_exit_code", "Its exit code.", &code);
    let planned = figures(&|one| {
        let as_planned = [Exit::Done, Exit::Attention].map(Exit::code);
        Some(if as_planned.contains(&one.end()?.exit_code) { 1.0 } else { 0.0 })
    });
    let help = "1 if it came to its end, or stopped when and as its plan foresaw.";
    metrics.gauge("series_last_run_planned", help, &planned);
}

fn coverages(all: &[Series<'_>], metrics: &Metrics) {
    let known: Vec<(&Series<'_>, Ages)> =
        all.iter().filter_map(|one| Some((one, one.coverage()?))).collect();
    let devices: Vec<Sample<'_>> = known
        .iter()
        .flat_map(|(one, ages)| {
            let [series, tenant] = one.labels();
            let Ages { at: _, week, month, quarter, never } = ages;
            let of_age = [("7d", week), ("30d", month), ("90d", quarter), ("never", never)];
            of_age
                .map(|(age, devices)| Sample::new(&[series, tenant, ("age", age)], *devices as f64))
        })
        .collect();
    let help = "Devices of a series' fleet by the age of their last order; never: not in 90 days.";
    metrics.gauge("coverage_devices", help, &devices);
    let at: Vec<_> =
        known.iter().map(|(one, ages)| Sample::new(&one.labels(), seconds(ages.at))).collect();
    metrics.gauge("coverage_computed_timestamp_seconds", "When that was so.", &at);
}
