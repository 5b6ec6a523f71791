//! Tokens that live for 30 s through a whole campaign: real engine, real client, real sockets, with
//! the wall clock and the limits running thirty times as fast. The server refuses what has expired.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fleetsweep::clock::{Clock, SystemClock, wall_clock};
use fleetsweep::defender::{Fetch, HttpApi, HttpSettings, Origin, Token, TokenSource};
use fleetsweep::domain::{BusyPolicy, Ending, Outcome, Quota, Stamp, Timing};
use fleetsweep::engine::{self, Settings, StopLevel};
use fleetsweep::store::Store;
use fleetsweep::store::memory::MemoryStore;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};

use crate::engine::at_the_apis_limits;
use crate::kit::canned::{Canned, close};
use crate::kit::support::campaign;

/// How much faster the wall clock of these tests runs.
const SCALE: u32 = 30;

/// A token's life by that clock.
const LIFE: SignedDuration = SignedDuration::from_secs(30);

/// A wall clock that runs fast from the moment at which it was made.
#[derive(Clone)]
struct FastClock {
    clock: SystemClock,
    start: Stamp,
    at_start: Timestamp,
}

impl FastClock {
    fn new() -> Self {
        let clock = SystemClock::with_offset(0);
        Self { start: clock.now(), clock, at_start: wall_clock() }
    }

    fn now(&self) -> Timestamp {
        let passed = self.clock.now().since(self.start) * SCALE;
        self.at_start.checked_add(passed).unwrap()
    }
}

/// What the source and the server count.
#[derive(Default)]
struct Counts {
    fetches: AtomicUsize,
    under_way: AtomicUsize,
    at_once: AtomicUsize,
    expired: AtomicUsize,
}

/// Gives tokens that hold their own end, and takes a while for each.
struct Source {
    clock: FastClock,
    counts: Arc<Counts>,
}

impl TokenSource for Source {
    fn fetch(&self) -> Fetch<'_> {
        Box::pin(async {
            let under_way = self.counts.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.counts.at_once.fetch_max(under_way, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            let expires = self.clock.now().checked_add(LIFE).unwrap();
            self.counts.fetches.fetch_add(1, Ordering::SeqCst);
            self.counts.under_way.fetch_sub(1, Ordering::SeqCst);
            Ok(Token::new(format!("until-{expires}").into(), expires))
        })
    }
}

/// A server that accepts every order whose token has not expired by the same clock.
async fn server(clock: FastClock, counts: Arc<Counts>) -> Canned {
    Canned::serve(move |number, request| {
        let token = request.lines().find_map(|line| line.split_once("until-")).unwrap().1;
        let expires: Timestamp = token.trim().parse().unwrap();
        if clock.now() >= expires {
            counts.expired.fetch_add(1, Ordering::SeqCst);
            return close(401, r#"{"error":{"code":"Unauthorized","message":"expired"}}"#);
        }
        let comment = request.split_once("\"Comment\":").unwrap().1;
        let comment = comment.split_once(",\"ScanType\"").unwrap().0;
        close(201, format!(r#"{{"id":"a-{number}","requestorComment":{comment}}}"#))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_30_s_are_renewed_in_time_one_at_a_time_and_fail_no_device() {
    let (clock, counts) = (FastClock::new(), Arc::new(Counts::default()));
    let server = server(clock.clone(), counts.clone()).await;
    let source = Source { clock: clock.clone(), counts: counts.clone() };
    let timing = Timing::default();
    let api = HttpApi::new(HttpSettings {
        api_origin: Origin::parse(&server.origin()).unwrap(),
        timing,
        ca_file: None,
        tokens: Box::new(source),
        now: Box::new(move || clock.now()),
    })
    .unwrap();
    let quotas: Vec<Quota> = vec!["20/500ms".parse().unwrap()];
    let store = Arc::new(MemoryStore::new(SystemClock::with_offset(0), timing));
    let campaign = campaign(&store, "c", 0..160, &quotas, BusyPolicy::Report).await;
    let settings = Settings { pace: None, quotas, timing, ..at_the_apis_limits() };
    let (_stop, stopped) = watch::channel(StopLevel::Run);
    let (events, _watcher) = mpsc::channel(1_000);
    let id = campaign.id;
    let ran = engine::run(store.clone(), Arc::new(api), campaign, settings, stopped, events);
    assert_eq!(ran.await.unwrap().ending, Ending::Finished);
    assert_eq!(store.tally(id).await.unwrap().of(Outcome::Accepted), 160);
    let rows = store.rows(id, 0, usize::MAX).await.unwrap();
    assert!(rows.iter().all(|row| row.life.tries == 0), "an expiry used up a try");
    let count = |count: &AtomicUsize| count.load(Ordering::SeqCst);
    let (fetches, expired) = (count(&counts.fetches), count(&counts.expired));
    println!("{fetches} tokens, {expired} calls with one that had expired");
    assert_eq!(count(&counts.at_once), 1, "two refreshes at once");
    // Seven windows and a half of half a second are 112 s and more by the fast clock.
    assert!(fetches >= 4, "{fetches} tokens");
    let orders = server.seen().len();
    assert_eq!(orders, 160 + expired, "each order is answered once");
}
