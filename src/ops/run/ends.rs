//! What a run does at its end and what it says where there was none, by how it ended.

use crate::domain::{Campaign, Ending, Exit, Stop};
use crate::ops::context::Context;
use crate::ops::failure::Failure;

/// It was left before its report was written.
pub(super) fn left_before_the_report(cx: &Context<'_>, campaign: &Campaign) -> Failure {
    Failure::new(
        Exit::LeftAtOnce,
        "left before the report was whole",
        "a second signal came while it was written",
        format!("run `{}` to write it", cx.commands.of_store(&format!("report {}", campaign.name))),
    )
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
