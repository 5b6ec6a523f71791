//! The life of a token, on a clock that the test moves.

use std::sync::atomic::{AtomicI64, AtomicUsize};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::*;

/// A source that gives tokens of one life, and fails on demand.
struct Source {
    now: Arc<AtomicI64>,
    life: i64,
    fetched: AtomicUsize,
    failing: AtomicBool,
    /// Each fetch waits for one of these.
    tickets: Semaphore,
}

impl TokenSource for Arc<Source> {
    fn fetch(&self) -> Fetch<'_> {
        Box::pin(async move {
            self.tickets.acquire().await.expect("the test never closes it").forget();
            let number = self.fetched.fetch_add(1, Ordering::Relaxed) + 1;
            if self.failing.load(Ordering::Relaxed) {
                return Err(SignInError::Unavailable(format!("failure {number}")));
            }
            let ends = self.now.load(Ordering::Relaxed) + self.life;
            Ok(Token::new(format!("t{number}").into(), second(ends)))
        })
    }
}

fn second(at: i64) -> Timestamp {
    Timestamp::from_second(at).unwrap()
}

struct Bench {
    now: Arc<AtomicI64>,
    source: Arc<Source>,
    cache: Arc<TokenCache>,
}

fn bench(life: i64) -> Bench {
    let now = Arc::new(AtomicI64::new(0));
    let source = Arc::new(Source {
        now: now.clone(),
        life,
        fetched: AtomicUsize::new(0),
        failing: AtomicBool::new(false),
        tickets: Semaphore::new(1_000),
    });
    let clock = now.clone();
    let clock: WallClock = Box::new(move || second(clock.load(Ordering::Relaxed)));
    let cache = Arc::new(TokenCache::new(Box::new(source.clone()), clock));
    Bench { now, source, cache }
}

impl Bench {
    fn at(&self, seconds: i64) -> &Self {
        self.now.store(seconds, Ordering::Relaxed);
        self
    }

    fn fail(&self, failing: bool) {
        self.source.failing.store(failing, Ordering::Relaxed);
    }

    fn fetched(&self) -> usize {
        self.source.fetched.load(Ordering::Relaxed)
    }

    fn at_hand(&self) -> Option<String> {
        self.cache.at_hand().map(|held| held.bearer.expose_secret().to_owned())
    }

    /// How many fetches there were after a `ready` at each of these seconds.
    async fn fetches_at(&self, seconds: &[i64]) -> Vec<usize> {
        let mut counts = Vec::new();
        for second in seconds {
            self.at(*second).cache.ready().await.unwrap();
            counts.push(self.fetched());
        }
        counts
    }
}

#[tokio::test]
async fn a_token_is_renewed_at_four_fifths_of_its_life() {
    assert_eq!(bench(3600).fetches_at(&[0, 2879, 2880, 2881]).await, [1, 1, 2, 2]);
    assert_eq!(bench(30).fetches_at(&[0, 23, 24, 25, 47, 48]).await, [1, 1, 2, 2, 2, 3]);
}

/// How many calls of five minutes, five in a second, would use a token of 30 s that has ended by
/// the server's clock. The client's clock goes with it, or stands still.
async fn ended_uses(client_clock_goes: bool) -> (usize, usize) {
    let bench = bench(30);
    let stands: WallClock = Box::new(|| second(0));
    let cache = match client_clock_goes {
        true => bench.cache.clone(),
        false => Arc::new(TokenCache::new(Box::new(bench.source.clone()), stands)),
    };
    let mut ended = 0;
    for fifth in 0..1500 {
        bench.at(fifth / 5);
        cache.ready().await.unwrap();
        let held = cache.at_hand().unwrap();
        ended += usize::from(held.expires <= second(fifth / 5));
    }
    (ended, bench.fetched())
}

#[tokio::test]
async fn tokens_of_thirty_seconds_carry_five_minutes_without_one_that_ended() {
    assert_eq!(ended_uses(true).await, (0, 13), "at 0, 24, 48, ... 288 s");
}

/// Negative control: without renewal ahead of the end, most calls would carry a dead token.
#[tokio::test]
async fn a_client_whose_clock_stands_still_uses_tokens_that_ended() {
    assert_eq!(ended_uses(false).await, (1350, 1));
}

#[tokio::test]
async fn a_token_of_some_minutes_is_renewed_five_minutes_before_its_end() {
    assert_eq!(bench(900).fetches_at(&[0, 599, 600, 601]).await, [1, 1, 2, 2]);
}

#[tokio::test]
async fn a_renewal_that_fails_leaves_the_old_token_until_its_last_minute() {
    let bench = bench(3600);
    bench.cache.ready().await.unwrap();
    bench.fail(true);
    assert_eq!(bench.fetches_at(&[2880, 2881, 2909, 2910]).await, [2, 2, 2, 3], "every 30 s");
    assert_eq!(bench.at_hand().as_deref(), Some("t1"));
    bench.at(3545);
    assert_eq!(bench.cache.ready().await, Err(SignInError::Unavailable("failure 4".into())));
    bench.fail(false);
    assert!(bench.cache.ready().await.is_ok());
    assert_eq!(bench.at_hand().as_deref(), Some("t5"));
}

#[tokio::test]
async fn a_failing_renewal_of_a_short_token_is_borne_until_a_tenth_is_left() {
    let bench = bench(30);
    bench.cache.ready().await.unwrap();
    bench.fail(true);
    assert!(bench.at(26).cache.ready().await.is_ok());
    assert!(bench.at(28).cache.ready().await.is_err());
}

#[tokio::test]
async fn a_token_that_ended_is_not_at_hand() {
    let bench = bench(30);
    assert_eq!(bench.at_hand(), None);
    bench.cache.ready().await.unwrap();
    assert!(bench.cache.at_hand().unwrap().header().is_sensitive());
    bench.at(30);
    assert_eq!(bench.at_hand(), None);
}

#[tokio::test]
async fn sixteen_refusals_of_one_token_make_one_renewal() {
    let bench = bench(3600);
    bench.cache.ready().await.unwrap();
    let used: Vec<_> = (0..16).map(|_| bench.cache.at_hand().unwrap()).collect();
    for held in used {
        held.mark_refused();
        bench.cache.drop_refused();
        bench.cache.ready().await.unwrap();
    }
    assert_eq!(bench.fetched(), 2);
    assert_eq!(bench.at_hand().as_deref(), Some("t2"));
}

#[tokio::test]
async fn a_token_that_nobody_refused_is_kept() {
    let bench = bench(3600);
    bench.cache.ready().await.unwrap();
    bench.cache.drop_refused();
    assert_eq!(bench.at_hand().as_deref(), Some("t1"));
}

/// Starts calls of `ready`, and gives the source `tickets` once all of them wait.
async fn wait_together(
    bench: &Bench,
    calls: usize,
    tickets: usize,
) -> Vec<Result<(), SignInError>> {
    bench.source.tickets.forget_permits(1_000);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..calls {
        let cache = bench.cache.clone();
        tasks.spawn(async move { cache.ready().await });
    }
    tokio::task::yield_now().await;
    bench.source.tickets.add_permits(tickets);
    // With a ticket too few this would hang, so a fetch too many fails the test here.
    tokio::time::timeout(Duration::from_secs(3600), tasks.join_all()).await.expect("one fetch")
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_share_one_fetch_and_its_failure() {
    let first = bench(3600);
    assert!(wait_together(&first, 16, 1).await.iter().all(Result::is_ok));
    assert_eq!(first.fetched(), 1);
    let second = bench(3600);
    second.fail(true);
    let failure = Err(SignInError::Unavailable("failure 1".into()));
    assert!(wait_together(&second, 16, 1).await.iter().all(|result| *result == failure));
    assert_eq!(second.fetched(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_early_renewal_but_the_one_who_does_it() {
    let bench = bench(3600);
    bench.cache.ready().await.unwrap();
    bench.at(3000);
    bench.source.tickets.forget_permits(1_000);
    let cache = bench.cache.clone();
    let renewing = tokio::spawn(async move { cache.ready().await });
    tokio::task::yield_now().await;
    assert!(bench.cache.ready().await.is_ok());
    assert_eq!((bench.fetched(), bench.at_hand().as_deref()), (1, Some("t1")));
    bench.source.tickets.add_permits(1);
    assert!(renewing.await.unwrap().is_ok());
    assert_eq!(bench.at_hand().as_deref(), Some("t2"));
}

#[test]
fn an_answer_without_a_usable_token_is_an_error() {
    let at = second(100);
    let refused =
        |text: &str, ends| hold(Token::new(text.to_owned().into(), second(ends)), at).err();
    assert!(refused("", 200).is_some());
    assert!(refused("a\nb", 200).is_some());
    assert!(refused("a", 100).is_some());
    assert!(refused("a", 101).is_none());
}
