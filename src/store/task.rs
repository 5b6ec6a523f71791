//! A verb as a task of its own. Whoever runs many campaigns in one task may wait for one of them
//! while the verb of another holds a connection: it must give it back all the same, or all wait for
//! each other. It decides nothing.

use super::{Result, StoreError};

/// Runs a verb that was doing `what`. It goes on if the caller stops waiting.
pub(super) async fn run<R: Send + 'static>(
    what: &'static str,
    verb: impl Future<Output = Result<R>> + Send + 'static,
) -> Result<R> {
    let interrupted = |error: tokio::task::JoinError| StoreError::Failed {
        what,
        why: format!("it was interrupted: {error}"),
    };
    tokio::spawn(verb).await.map_err(interrupted)?
}
