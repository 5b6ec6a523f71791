//! Metrics in a file, for a collector that reads files. What they are is told beside this file, and
//! how they are written is `report::metrics`'.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use crate::clock::local_now;
use crate::ops::failure::Failure;
use crate::report::metrics;
use crate::store::Store;

/// Whether this file can hold metrics.
///
/// # Errors
/// `Failure` if it cannot.
pub(in crate::ops) fn check(path: &Path) -> Result<(), Failure> {
    metrics::check_writable(path).map_err(|why| {
        Failure::usage(
            format!("nothing was ordered: {} cannot hold metrics", path.display()),
            why,
            "name another file with --metrics, such as \
             /var/lib/prometheus/node-exporter/fleetsweep.prom",
        )
    })
}

/// Writes the metrics of the whole store. What cannot be written is told in the log and is missing
/// from a graph, and nothing else.
pub(in crate::ops) async fn write<S: Store>(store: &S, path: &Path) {
    let text = super::read(store, &local_now()).await;
    if let Err(why) = metrics::write(path, &text) {
        tracing::warn!(path = %path.display(), why, "the metrics could not be written");
    }
}

/// Writes them again and again, until nobody waits for it any more.
pub(in crate::ops) async fn keep<S: Store>(
    store: &S,
    path: Option<&Path>,
    every: Duration,
) -> Infallible {
    let Some(path) = path else { return std::future::pending().await };
    loop {
        write(store, path).await;
        sleep(every).await;
    }
}
