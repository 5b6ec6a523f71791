//! Figures of series: how their latest runs went, and how much of their fleets is covered.

use std::collections::BTreeMap;

use crate::domain::history::Ages;
use crate::domain::{Campaign, Exit, LastRun, RunEnd, SeriesName};
use crate::report::metrics::{Metrics, Sample, seconds};

/// The campaigns of one series in one tenant, the latest first.
struct Series<'a> {
    name: String,
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

    fn labels(&self) -> [(&'static str, &str); 2] {
        [("series", &self.name), ("tenant", self.tenant)]
    }
}

/// Adds them; the campaigns come with the latest first.
pub(super) fn add(campaigns: &[Campaign], metrics: &Metrics) {
    let mut all: BTreeMap<(String, &str), Vec<&Campaign>> = BTreeMap::new();
    for one in campaigns {
        if let Some(series) = SeriesName::of(&one.name) {
            let key = (series.to_string(), one.order.target.tenant.as_str());
            all.entry(key).or_default().push(one);
        }
    }
    let all: Vec<Series<'_>> = all
        .into_iter()
        .map(|((name, tenant), campaigns)| Series { name, tenant, campaigns })
        .collect();
    runs(&all, metrics);
    coverages(&all, metrics);
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
