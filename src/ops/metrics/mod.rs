//! What is measured, read from the store at each scrape: the durable figures of all its runs,
//! whatever process they are in. A store that cannot be read is a figure too. How they are written
//! is `report::metrics`'.

mod budgets;
mod campaigns;
pub(in crate::ops) mod file;
mod series;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::failure::Failure;
use crate::domain::{Campaign, CampaignFilter};
use crate::report::metrics::{Metrics, Sample};
use crate::store::Store;

/// How long a campaign that ended is measured.
const CAMPAIGNS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long ago the latest run of a series may have been, so that a series that runs no more is
/// still seen to be late.
const SERIES: SignedDuration = SignedDuration::from_hours(35 * 24);

/// All figures of a store as text.
pub(crate) async fn read<S: Store>(store: &S, now: &ZonedDateTime) -> String {
    let of_store = Metrics::default();
    let is_up = of_store_at(store, now, &of_store).await;
    let metrics = if is_up.is_ok() { of_store } else { Metrics::default() };
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    let build = Sample::new(&version, 1.0);
    metrics.gauge("build_info", "Version of the program; always 1.", &[build]);
    let up = Sample::new(&[], if is_up.is_ok() { 1.0 } else { 0.0 });
    metrics.gauge("store_up", "1 if the store could be read at this scrape.", &[up]);
    if let Err(failure) = is_up {
        tracing::warn!(why = failure.why, "the store cannot be read for its metrics");
    }
    metrics.into_text()
}

async fn of_store_at<S: Store>(
    store: &S,
    now: &ZonedDateTime,
    metrics: &Metrics,
) -> Result<(), Failure> {
    let now = now.timestamp();
    let since = |long| now.checked_sub(long).unwrap_or(Timestamp::MIN);
    let recent =
        CampaignFilter { not_over_before: Some(since(SERIES)), ..CampaignFilter::default() };
    let all = store.select(&recent).await?;
    series::add(store, &all, now, metrics).await?;
    let is_shown = |one: &&Campaign| one.finished_at.is_none_or(|at| at >= since(CAMPAIGNS));
    let shown: Vec<&Campaign> = all.iter().filter(is_shown).collect();
    campaigns::add(store, &shown, now, metrics).await?;
    budgets::add(store, &shown, now, metrics).await
}
