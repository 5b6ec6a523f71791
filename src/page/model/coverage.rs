//! How much of a fleet has had a scan, and who waits longest. It takes every row of ninety days to
//! tell, so it is read beside the requests, and again only when a run of the series has ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::SystemClock;
use crate::domain::{Campaign, CampaignId, RowFilter, Seq, SeriesName, Stamp};
use crate::ops::coverage::{FleetCoverage, Waiting, fleet_coverage};
use crate::ops::failure::Failure;
use crate::ops::run::reports::head_of;
use crate::report::coverage::Covered;
use crate::report::record::{ReportHead, reason};
use crate::store::Store;

/// How long figures are shown that no run has changed since: devices grow older meanwhile.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);
/// How long nothing is read anew, whatever ends.
const REST: Duration = Duration::from_secs(60);

/// How much of a fleet has had a scan.
pub(in crate::page) struct CoverageView {
    /// The tenant that it is the fleet of.
    pub(in crate::page) tenant: Option<String>,
    pub(in crate::page) covered: Covered,
    /// Devices without any order, which the server refused.
    pub(in crate::page) refused: u64,
    /// Those that have waited longest.
    pub(in crate::page) waited: Vec<Waited>,
}

/// A device that has waited long.
pub(in crate::page) struct Waited {
    pub(in crate::page) name: String,
    /// Where the latest list has it.
    pub(in crate::page) row: Option<(Campaign, Seq)>,
    pub(in crate::page) ordered: Option<Timestamp>,
    /// What the server said to it last, or why nothing was asked.
    pub(in crate::page) said: String,
}

/// What the runs of a series have come to; figures of other runs are old.
pub(in crate::page) type Runs = Vec<(CampaignId, Option<Timestamp>)>;

/// The figures of each series that somebody looked at.
#[derive(Default)]
pub(in crate::page) struct CoverageKept(Mutex<BTreeMap<String, Kept>>);

#[derive(Default)]
struct Kept {
    read: Option<Arc<CoverageView>>,
    runs: Runs,
    at: Option<Stamp>,
    is_read_now: bool,
}

impl CoverageKept {
    /// The figures of a series, as far as they were read. If they are missing or old, they are read
    /// from now on, for who asks later.
    pub(in crate::page) fn of<S: Store>(
        self: &Arc<Self>,
        store: &Arc<S>,
        series: &SeriesName,
        runs: Runs,
    ) -> Option<Arc<CoverageView>> {
        let mut all = self.lock();
        let kept = all.entry(series.to_string()).or_default();
        let age = kept.at.map(|at| now().since(at));
        let is_fresh = kept.runs == runs && age.is_some_and(|age| age < KEPT_FOR);
        let rests = age.is_some_and(|age| age < REST);
        if !kept.is_read_now && !is_fresh && !rests {
            kept.is_read_now = true;
            let (own, store, series) = (self.clone(), store.clone(), series.clone());
            tokio::spawn(async move { own.read(&*store, &series, runs).await });
        }
        kept.read.clone()
    }

    async fn read<S: Store>(&self, store: &S, series: &SeriesName, runs: Runs) {
        let read = CoverageView::read(store, series).await;
        let mut all = self.lock();
        let kept = all.entry(series.to_string()).or_default();
        (kept.is_read_now, kept.at) = (false, Some(now()));
        match read {
            Ok(read) => (kept.read, kept.runs) = (read.map(Arc::new), runs),
            Err(failure) => tracing::warn!(%series, why = %failure.why, "no coverage can be read"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> Stamp {
    Stamp(SystemClock::boot_time_us())
}

impl CoverageView {
    async fn read<S: Store>(store: &S, series: &SeriesName) -> Result<Option<Self>, Failure> {
        let Some(read) = fleet_coverage(store, Some(series)).await? else { return Ok(None) };
        let FleetCoverage { covered, refused, waited: waiting, latest } = read;
        let latest = store.campaign(latest).await?;
        let tenant = latest.as_ref().map(|one| one.order.target.tenant.clone());
        let latest = match latest.filter(|one| one.pruned_at.is_none()) {
            Some(campaign) => Some((head_of(store, &campaign).await?, campaign)),
            None => None,
        };
        let mut waited = Vec::with_capacity(waiting.len());
        for one in waiting {
            waited.push(Waited::read(store, latest.as_ref(), one).await?);
        }
        Ok(Some(Self { tenant, covered, refused, waited }))
    }
}

impl Waited {
    async fn read<S: Store>(
        store: &S,
        latest: Option<&(ReportHead, Campaign)>,
        waiting: Waiting,
    ) -> Result<Self, Failure> {
        let Waiting { device, ordered } = waiting;
        let id = device.to_string();
        let mut found = None;
        if let Some((head, campaign)) = latest {
            let filter = RowFilter { text: Some(id.clone()), ..RowFilter::default() };
            let row = store.matching(campaign.id, &filter, 0, 1).await?.pop();
            found = row.map(|row| (head, campaign, row));
        }
        let Some((head, campaign, row)) = found else {
            return Ok(Self { name: id, row: None, ordered, said: String::new() });
        };
        let code = row.detail.error_code.clone();
        let said = code.or_else(|| reason(&row, head).map(|why| why.to_string()));
        Ok(Self {
            name: row.name.clone().unwrap_or(id),
            row: Some((campaign.clone(), row.seq)),
            ordered,
            said: said.unwrap_or_default(),
        })
    }
}
