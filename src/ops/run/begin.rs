//! How a run begins to be told of.

use jiff::Timestamp;

use crate::clock::Clock;
use crate::domain::LastRun;
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::store::Store;
use crate::system::process;

/// A run that begins in this process, as it is told from now on.
///
/// # Errors
/// `Failure` if the system has no random numbers, by which it is told from others.
pub(in crate::ops) fn begun_here<S: Store>(
    cx: &Context<'_>,
    store: &S,
    at: Timestamp,
) -> Result<LastRun, Failure> {
    Ok(LastRun {
        id: random_id()?,
        seen_at: Some(store.clock().shared_utc()),
        by: cx.host.user.clone(),
        host: cx.host.name.clone(),
        found_at: process::own(),
        ..LastRun::begun(at)
    })
}

/// What tells a run, or a process, from others.
///
/// # Errors
/// `Failure` if the system has no random numbers.
pub(in crate::ops) fn random_id() -> Result<String, Failure> {
    let id = getrandom::u64().map_err(|error| {
        let next = "check that the system has its random numbers (getrandom(2))";
        Failure::failed("the run cannot be told from others", error, next)
    })?;
    Ok(format!("{id:016x}"))
}
