//! The time since the machine was started, and what names that start.

use super::win32;

/// Microseconds since the machine was started, sleep and hibernation included. No step of the wall
/// clock moves it, and all processes of the machine read the same.
pub fn time_us() -> i64 {
    i64::try_from(win32::milliseconds_since_start()).unwrap_or(i64::MAX).saturating_mul(1_000)
}

/// What names this start of the machine, to all of its processes that read one `time_us`. A machine
/// that was shut down with Fast Startup goes on with both.
///
/// # Errors
/// Why it is not known, and what to do, as a part of a sentence.
pub fn identity() -> Result<String, String> {
    let moment = win32::moment_of_start().map_err(|error| {
        format!(
            "Windows does not say when it was started ({error}), so the store's clock is not safe; \
             run on another machine"
        )
    })?;
    // Neither is promised by the system; a false new start is only slow, and a false old one is
    // caught by a clock that reads less than the store saw.
    let number = win32::number_of_start().map_or(String::new(), |number| format!("-{number}"));
    Ok(format!("windows-{moment}{number}"))
}
