//! A clock of tests that notices an engine which waits for the past, and that can be set wrong.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetsweep::clock::{Clock, TokioClock};
use fleetsweep::domain::Stamp;
use jiff::{SignedDuration, Timestamp};

/// No engine needs this many questions at one and the same moment.
pub(super) const MOST_AT_ONCE: u64 = 5_000;

/// A clock that notices who waits for the past again and again, and that can be set wrong.
#[derive(Clone)]
pub(crate) struct WatchedClock {
    inner: TokioClock,
    past: Arc<Mutex<(Stamp, u64)>>,
    /// Microseconds that stamps are behind: time that a restart of the machine lost.
    behind: Arc<AtomicI64>,
    /// Microseconds that the wall clock is off.
    wall: Arc<AtomicI64>,
}

impl WatchedClock {
    pub(crate) fn new(inner: TokioClock) -> Self {
        Self { inner, past: Arc::default(), behind: Arc::default(), wall: Arc::default() }
    }

    /// The machine was started anew and its wall clock did not know for how long it was off, so the
    /// store's clock goes on from its last stamp.
    pub(crate) fn lose(&self, time: Duration) {
        self.behind.fetch_add(time.as_micros() as i64, Ordering::SeqCst);
    }

    /// Somebody sets the wall clock by so many seconds.
    pub(crate) fn step_wall(&self, seconds: i64) {
        self.wall.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for WatchedClock {
    fn now(&self) -> Stamp {
        Stamp(self.inner.now().0 - self.behind.load(Ordering::SeqCst))
    }

    fn utc(&self) -> Timestamp {
        let off = SignedDuration::from_micros(self.wall.load(Ordering::SeqCst));
        self.inner.utc().checked_add(off).unwrap()
    }

    async fn sleep_until(&self, at: Stamp) {
        let now = self.now();
        if at <= now {
            let mut past = self.past.lock().unwrap();
            *past = if past.0 == now { (now, past.1 + 1) } else { (now, 1) };
            assert!(past.1 < MOST_AT_ONCE, "the engine waits for the past");
        }
        let inner = Stamp(at.0.saturating_add(self.behind.load(Ordering::SeqCst)));
        self.inner.sleep_until(inner).await;
    }
}
