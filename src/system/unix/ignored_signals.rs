//! Signals that end nothing, though the system would end or stop the program by them: who sends one
//! asks for no end. And which signals whoever started the program wants ignored.

use std::sync::LazyLock;

use tokio::signal::unix::{SignalKind, signal};

/// What the system ends a program by, and which asks for no end: alarms, the user's own signals,
/// power, a file that grew too long (which is an error of the write then), and those
/// of real time.
const HARMLESS: [i32; 9] = [10, 12, 14, 16, 25, 26, 27, 29, 30];
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// The number of the signal that says that the terminal went away.
const HANGUP: u32 = 1;

/// Takes all signals that ask for nothing, and does nothing.
pub fn take_the_harmless() {
    LazyLock::force(&HANGUP_IGNORED);
    for number in HARMLESS.into_iter().chain(REAL_TIME) {
        // What is taken once stays taken; one that cannot be is as before.
        drop(signal(SignalKind::from_raw(number)));
    }
}

/// Whether SIGHUP was ignored when the program was started, as by nohup: then it ends nothing.
/// SIGINT is heeded in any case: shells ignore it for what they start with `&` without being asked,
/// and a run that stops loses nothing, while one that cannot be stopped orders on.
pub(super) fn is_hangup_ignored() -> bool {
    *HANGUP_IGNORED
}

/// Asked once, before anything changes it.
static HANGUP_IGNORED: LazyLock<bool> = LazyLock::new(|| {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_ignored(&status, HANGUP)
});

/// Whether a signal is among the ignored ones in the text of /proc/PID/status (see proc(5)).
fn is_ignored(status: &str, number: u32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (number - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_mask_of_the_process() {
        let status = "Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        assert!(is_ignored(status, 1));
        assert!(is_ignored(status, 13));
        assert!(!is_ignored(status, 2));
        for nothing in ["", "SigIgn:\tx\n", "SigIgn:\n"] {
            assert!(!is_ignored(nothing, 1), "{nothing:?}");
        }
    }
}
