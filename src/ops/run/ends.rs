//! What a run does at its end and what it says where there was none, by how it ended.

use std::time::Duration;

use tokio::time::timeout;

use crate::domain::history::Ages;
use crate::domain::{Campaign, Ending, Exit, Skipped, Stop, Tally};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::store::Store;

/// It was left before its report was written.
pub(super) fn left_before_the_report(cx: &Context<'_>, campaign: &Campaign) -> Failure {
    Failure::new(
        Exit::LeftAtOnce,
        "left before the report was whole",
        "a second signal came while it was written",
        format!("run `{}` to write it", cx.commands.of_store(&format!("report {}", campaign.name))),
    )
}

/// How much of the fleet of its series is covered at the end of a run. It is read here, where
/// nobody waits for it, and kept for metrics, since it reads all that was ordered in three months.
pub(super) async fn coverage<S: Store>(store: &S, campaign: &Campaign) -> Option<Ages> {
    const LIMIT: Duration = Duration::from_secs(60);
    timeout(LIMIT, crate::ops::coverage::ages(store, campaign)).await.ok()?.ok()?
}

/// Whether nothing was ordered though nobody asked for that: of a list that names devices, or of a
/// tenant in which no device matches, as by a tag with a typing error.
pub(super) fn left_nothing(tally: &Tally, skipped: &Skipped, is_series: bool) -> bool {
    let named = tally.devices() == 0 && (skipped.total() > 0 || tally.rows() == 0);
    named && !skipped.may_leave_nothing(is_series)
}

/// Whether a series stopped when its time was over, having made as many calls as the plan saw; the
/// forecast knows the answers' time only roughly.
pub(super) fn is_as_planned(ending: &Ending, foreseen: u64, calls: u64) -> bool {
    is_time(ending) && calls.saturating_mul(100) >= foreseen * 95
}

/// Whether it stopped when its time was over.
pub(super) fn is_time(ending: &Ending) -> bool {
    matches!(ending, Ending::Stopped(Stop::Window | Stop::Time))
}

/// Whether it makes sense to ask the API something more.
pub(super) fn is_reachable(ending: &Ending) -> bool {
    !matches!(
        ending,
        Ending::Stopped(
            Stop::SecondSignal | Stop::Unreachable(_) | Stop::NeverReached(_) | Stop::SignIn(_)
        )
    )
}

/// Whether no order is to come: all are given, or time and window ended them. After a signal or a
/// failure nobody waits for scans.
pub(super) fn is_over(ending: &Ending) -> bool {
    matches!(ending, Ending::Finished | Ending::Stopped(Stop::Time | Stop::Window))
}

pub(super) fn panicked(error: &tokio::task::JoinError) -> Failure {
    Failure::failed(
        "the program failed inside",
        error,
        "run `fleetsweep resume`, and report this as a defect",
    )
}
