//! What all requests share, and where chance and time come from.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::door::Door;
use super::model::coverage::CoverageKept;
use super::scraper::Scraper;
use super::tickets::Tickets;
use crate::clock::SystemClock;
use crate::domain::Stamp;
use crate::ops::context::Commands;
use crate::ops::failure::Failure;
use crate::ops::named_tenant::NamedTenant;

/// What all requests share.
pub(super) struct Shared<S> {
    pub(super) store: Arc<S>,
    pub(super) commands: Commands,
    pub(super) door: Door,
    pub(super) tickets: Tickets,
    pub(super) scraper: Scraper,
    /// Each request that reads the store takes one.
    pub(super) turns: Semaphore,
    /// The tenants that the settings name.
    pub(super) named: Vec<NamedTenant>,
    /// What takes long to read.
    pub(super) coverage: Arc<CoverageKept>,
}

/// Now, by the clock that tickets go by.
pub(super) fn now() -> Stamp {
    Stamp(SystemClock::boot_time_us())
}

/// Bytes that nobody can guess.
///
/// # Errors
/// `Failure` if the system gives none.
pub(super) fn drawn() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::defect("nothing can be drawn", error))?;
    Ok(bytes)
}
