//! Whether a server can be reached at all, and what time it is there: one request without a token
//! to its root, whose answer may be anything. No budget counts it, since it names no application.

use std::path::Path;

use jiff::Timestamp;

use super::client::{ClientError, SMALL_BODY, client, exchange};
use super::hosts::Origin;
use crate::domain::{Reply, Timing};

/// A server that answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The status of its answer.
    pub status: u16,
    /// Its `Date`, in whole seconds.
    pub date: Option<Timestamp>,
}

/// Asks for the root of an origin.
///
/// # Errors
/// `ClientError` if no client can be made, such as for a CA file that cannot be read.
pub async fn reach(
    origin: &Origin,
    timing: &Timing,
    ca_file: Option<&Path>,
) -> Result<Result<Reached, Reply>, ClientError> {
    let client = client(origin, timing, ca_file)?;
    let answer = exchange(client.get(origin.at("/")), |_| SMALL_BODY).await;
    Ok(answer.map(|whole| Reached { status: whole.status, date: whole.date }))
}
