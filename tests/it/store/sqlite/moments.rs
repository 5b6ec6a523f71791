//! Time goes on while a verb is at work: what it chose by one moment it must not judge by another.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

use super::*;

/// A clock that moves on by a microsecond whenever it is asked.
#[derive(Clone, Default)]
struct Restless(Arc<AtomicI64>);

impl Clock for Restless {
    fn now(&self) -> Stamp {
        Stamp(self.0.fetch_add(1, Ordering::SeqCst))
    }

    fn utc(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep_until(&self, at: Stamp) {
        self.0.fetch_max(at.0, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_claim_that_ends_while_the_ended_ones_are_given_up_waits_for_the_next_time() {
    let (_folder, path) = place();
    let clock = Restless(Arc::new(AtomicI64::new(1_000_000_000)));
    let store =
        SqliteStore::open_with_clock(&path, Timing::default(), clock.clone()).await.unwrap();
    let id = campaign(&store, 0..1, opening("c", &["100/1m"])).await;
    let ClaimAnswer::Call(claim) = store.claim(id, true).await.unwrap() else { panic!() };
    let until = claim.claimed_at.plus(Timing::default().horizon()).0;
    let mut given_up = 0;
    // From before its end to behind it, so that one of the times lies between two questions.
    for moment in until - 20..=until {
        clock.0.store(moment, Ordering::SeqCst);
        given_up += store.expire(id).await.unwrap();
    }
    assert_eq!(given_up, 1);
}
