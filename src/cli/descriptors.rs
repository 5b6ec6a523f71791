//! How many files and connections the process may have open: raised as far as the system lets it,
//! and asked before a run, so that no run fails in its middle for want of them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::failure::Failure;

/// What a run has open beside its calls: the store's connections with their logs, the timers, the
/// reports and the standard streams (27 were counted), and some to spare.
const BESIDE: u64 = 32;

/// Takes all that the system allows; shells begin with less (1,024 on most).
pub(super) fn raise() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If it is refused, what there was stays, and `check` judges by that.
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).ok();
}

/// Whether so many calls in flight can be served. Towards this machine a call may need the other
/// end of its connection as well.
///
/// # Errors
/// `Failure` says how many are allowed and needed.
pub(super) fn check(concurrency: usize, loopback: bool) -> Result<(), Failure> {
    let Some(allowed) = getrlimit(Resource::Nofile).current else { return Ok(()) };
    let needed = needed(concurrency, loopback);
    if allowed >= needed {
        return Ok(());
    }
    Err(Failure::usage(
        format!("this process may open {allowed} files, and {concurrency} calls at once need more"),
        format!("calls, store and reports need {needed}"),
        format!("raise the limit (`ulimit -n {needed}`), or lower --concurrency"),
    ))
}

fn needed(concurrency: usize, loopback: bool) -> u64 {
    let each = if loopback { 2 } else { 1 };
    BESIDE + each * concurrency as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_fits_into_64_files_and_a_call_to_this_machine_counts_twice() {
        assert_eq!(needed(16, false), 48);
        assert_eq!(needed(16, true), 64);
    }
}
