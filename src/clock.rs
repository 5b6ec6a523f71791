//! Clocks: the only place, beside the emulator's own, that asks what time it is. Stamps are for the
//! limiter and are only subtracted; UTC is for people and is never compared with a server's time.

#![expect(clippy::disallowed_methods, reason = "this is where clocks are read")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use crate::domain::Stamp;
use crate::system::boot;

/// The longest single sleep of a clock that counts suspends: timers stand still meanwhile, so what
/// is waited for can come this much late after one. It is as long as a run waits between two looks,
/// so that a thousand runs that wait wake up no more often than they look around.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// A clock of a store: where stamps come from, and how to wait for one.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Now, in microseconds of this clock.
    fn now(&self) -> Stamp;

    /// Now, for people.
    fn utc(&self) -> Timestamp;

    /// The same as all hosts read it that share a store, whose own clocks may stand apart.
    fn shared_utc(&self) -> Timestamp {
        self.utc()
    }

    /// Waits until `now()` has reached the stamp; at once if it has.
    fn sleep_until(&self, at: Stamp) -> impl Future<Output = ()> + Send;
}

/// The time since the machine was started, suspend included, plus an offset that a store chooses
/// once for each boot. A step of the wall clock does not move it.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    offset_us: i64,
}

impl SystemClock {
    /// The clock with this offset, in microseconds.
    pub fn with_offset(offset_us: i64) -> Self {
        Self { offset_us }
    }

    /// Microseconds since the machine was started, suspend included.
    pub fn boot_time_us() -> i64 {
        boot::time_us()
    }

    /// The wall clock in microseconds since 1970, for choosing an offset.
    pub fn wall_us() -> i64 {
        Timestamp::now().as_microsecond()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Stamp {
        Stamp(Self::boot_time_us().saturating_add(self.offset_us))
    }

    fn utc(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, at: Stamp) {
        sleep_on(self, at).await;
    }
}

/// Waits until a clock that counts suspends has reached the stamp.
pub(crate) async fn sleep_on(clock: &impl Clock, at: Stamp) {
    loop {
        let left = at.since(clock.now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
    }
}

/// The wall clock, for people and for the ends of tokens.
pub fn wall_clock() -> Timestamp {
    Timestamp::now()
}

/// The wall clock in local time. If the system names a zone that cannot be read, its zone is
/// unknown, which is shown as UTC, and times of day that somebody typed mean nothing.
pub fn local_now() -> ZonedDateTime {
    let now = ZonedDateTime::now();
    if now.time_zone().is_unknown() && unreadable_zone().is_none() {
        return now.with_time_zone(TimeZone::UTC);
    }
    now
}

/// The zone that the system names and that cannot be read, such as one without its file; nothing if
/// local time is known. A system that names none, or UTC, is in UTC.
pub fn unreadable_zone() -> Option<String> {
    if TimeZone::try_system().is_ok() {
        return None;
    }
    let tz = std::env::var_os("TZ").filter(|tz| !tz.is_empty());
    let link = || std::fs::symlink_metadata(LOCALTIME).is_ok();
    let (name, told) = match tz {
        Some(tz) => {
            let tz = tz.to_string_lossy().into_owned();
            (tz.clone(), format!("TZ={tz}"))
        }
        None if link() => {
            let target = std::fs::read_link(LOCALTIME).unwrap_or_default();
            (target.to_string_lossy().into_owned(), LOCALTIME.to_owned())
        }
        None => return None,
    };
    (!is_utc(&name)).then_some(told)
}

/// The rule of the system's time zone, such as `CET-1CEST,M3.5.0,M10.5.0/3`: what tells a zone that
/// has no name of the tz database to another machine. It is what TZ says, or what the zone's file
/// says of the times to come. Returns `None` if neither says one.
pub fn zone_rule() -> Option<String> {
    let is_rule = |text: &str| TimeZone::posix(text).is_ok();
    let file = match std::env::var_os("TZ").filter(|tz| !tz.is_empty()) {
        Some(tz) => {
            let tz = tz.into_string().ok()?;
            if is_rule(&tz) {
                return Some(tz);
            }
            std::path::PathBuf::from(tz.trim_start_matches(':'))
        }
        None => LOCALTIME.into(),
    };
    let whole = std::fs::read(file).ok()?;
    if !whole.starts_with(b"TZif") {
        return None;
    }
    // The last line of a file of the second format (RFC 9636, section 3.3).
    let text = whole.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
    let rule = String::from_utf8(text.to_vec()).ok()?;
    if is_rule(&rule) { Some(rule) } else { None }
}

/// Where the system's zone is if no variable names it.
const LOCALTIME: &str = "/etc/localtime";

/// Whether a name of a zone stands for UTC, which needs no file.
fn is_utc(name: &str) -> bool {
    const NAMES: [&str; 6] = ["UTC", "GMT", "UCT", "ZULU", "UNIVERSAL", "GREENWICH"];
    let name = name.trim_start_matches(':').to_ascii_uppercase();
    let name = name.rsplit_once("ZONEINFO/").map_or(name.as_str(), |(_, name)| name);
    NAMES.contains(&name.strip_prefix("ETC/").unwrap_or(name))
}

/// tokio's clock, which tests can pause: a campaign of days plays in seconds.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    start: tokio::time::Instant,
}

/// Where the stamps of test clocks begin: far from zero, which means "never left".
const TEST_START_US: i64 = 1_000_000_000_000_000;

impl TokioClock {
    /// A clock that begins now; call it inside the runtime.
    #[expect(clippy::new_without_default, reason = "it reads a clock, which a default should not")]
    pub fn new() -> Self {
        Self { start: tokio::time::Instant::now() }
    }

    /// Time since the clock was made.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Stamp {
        Stamp(TEST_START_US).plus(self.start.elapsed())
    }

    fn utc(&self) -> Timestamp {
        test_utc(self.now())
    }

    async fn sleep_until(&self, at: Stamp) {
        tokio::time::sleep(at.since(self.now())).await;
    }
}

/// A clock that stands until somebody moves it, for tests of stores.
#[derive(Clone, Debug)]
pub struct ManualClock {
    us: Arc<AtomicI64>,
    moved: Arc<tokio::sync::Notify>,
}

impl Default for ManualClock {
    fn default() -> Self {
        let us = Arc::new(AtomicI64::new(TEST_START_US));
        Self { us, moved: Arc::new(tokio::sync::Notify::new()) }
    }
}

impl ManualClock {
    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.us.store(self.now().plus(by).0, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Stamp {
        Stamp(self.us.load(Ordering::SeqCst))
    }

    fn utc(&self) -> Timestamp {
        test_utc(self.now())
    }

    async fn sleep_until(&self, at: Stamp) {
        loop {
            let moved = self.moved.notified();
            if self.now() >= at {
                return;
            }
            moved.await;
        }
    }
}

/// Test clocks show a fixed day, so that what tests print does not change.
fn test_utc(now: Stamp) -> Timestamp {
    let day = Timestamp::constant(1_795_500_000, 0);
    day.checked_add(now.since(Stamp(TEST_START_US))).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_pausable_clock_plays_an_hour_at_once() {
        let clock = TokioClock::new();
        let start = clock.now();
        clock.sleep_until(start.plus(Duration::from_secs(3600))).await;
        assert_eq!(clock.now().since(start), Duration::from_secs(3600));
    }

    #[test]
    fn utc_is_known_by_all_its_names_and_needs_no_file() {
        for name in ["UTC", ":UTC", "Etc/UTC", "/usr/share/zoneinfo/Etc/UTC", "GMT", "Zulu"] {
            assert!(is_utc(name), "{name}");
        }
        for name in ["Europe/Berlin", "Foo/Bar", "UTC+1", "", "../usr/share/zoneinfo/CET"] {
            assert!(!is_utc(name), "{name}");
        }
    }

    #[test]
    fn the_system_clock_runs_forward_from_its_offset() {
        let clock = SystemClock::with_offset(5_000_000_000);
        let first = clock.now();
        assert!(first.0 >= 5_000_000_000);
        assert!(clock.now() >= first);
    }
}
