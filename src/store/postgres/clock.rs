//! The clock that all hosts of a store share, and the test clocks in its place. The rule is
//! `domain::bounded_clock`'s.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::clock::{Clock, ManualClock, SystemClock, sleep_on};
use crate::domain::Stamp;
use crate::domain::bounded_clock::{BoundedClock, Moment, Reading};

/// A clock that a transaction's moment comes from.
pub trait SharedClock: Clock {
    /// Whether a first reading is needed before it can be asked.
    fn is_new(&self) -> bool;

    /// Begins with this reading.
    fn begin(&self, first: Reading);

    /// The moment of a transaction, from what the server's clock said in it.
    fn take(&self, reading: Reading, last: Stamp) -> Moment;
}

/// The server's clock as this host knows it. What it says between two transactions is an estimate;
/// claims stamp themselves.
#[derive(Clone, Debug, Default)]
pub struct ServerClock {
    known: Arc<Mutex<Option<BoundedClock>>>,
}

impl ServerClock {
    fn known<R>(&self, work: impl FnOnce(&mut Option<BoundedClock>) -> R) -> R {
        work(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for ServerClock {
    fn now(&self) -> Stamp {
        let own = SystemClock::boot_time_us();
        self.known(|known| known.map_or(Stamp::ZERO, |clock| clock.estimate(own)))
    }

    fn utc(&self) -> Timestamp {
        SystemClock::with_offset(0).utc()
    }

    fn shared_utc(&self) -> Timestamp {
        let now = if self.is_new() { None } else { Timestamp::from_microsecond(self.now().0).ok() };
        now.unwrap_or_else(|| self.utc())
    }

    async fn sleep_until(&self, at: Stamp) {
        sleep_on(self, at).await;
    }
}

impl SharedClock for ServerClock {
    fn is_new(&self) -> bool {
        self.known(|known| known.is_none())
    }

    fn begin(&self, first: Reading) {
        self.known(|known| {
            known.get_or_insert_with(|| BoundedClock::beginning_with(first));
        });
    }

    fn take(&self, reading: Reading, last: Stamp) -> Moment {
        self.known(|known| {
            known.get_or_insert_with(|| BoundedClock::beginning_with(reading)).take(reading, last)
        })
    }
}

impl SharedClock for ManualClock {
    fn is_new(&self) -> bool {
        false
    }

    fn begin(&self, _: Reading) {}

    fn take(&self, _: Reading, _: Stamp) -> Moment {
        Moment { now: self.now(), correction_us: None }
    }
}
