//! Logs: to standard error, off by default but for warnings, and never torn into the progress bars.

use std::env;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Starts logging. `RUST_LOG` wins over `-v`.
pub(crate) fn start<W>(verbose: u8, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = match verbose {
        // What a library finds slow is no news for who only wants to know how far it is.
        0 => "warn,sqlx=error",
        1 => "warn,sqlx=error,fleetsweep=info",
        2 => "info,fleetsweep=debug",
        _ => "trace",
    };
    let filter = match env::var("RUST_LOG") {
        Ok(spec) => EnvFilter::try_new(spec).unwrap_or_else(|_| EnvFilter::new(level)),
        Err(_) => EnvFilter::new(level),
    };
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        // Otherwise a log line that cannot be written ends the program.
        .log_internal_errors(false)
        .try_init();
    // A second start, as in tests, keeps the first.
    drop(started);
}
