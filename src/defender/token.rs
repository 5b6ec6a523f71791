//! The access token at hand: fetched before it is needed, renewed early, one request for however
//! many wait for it. Where tokens come from is `sign_in`'s; a scan only ever uses what is at hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex, MutexGuard};

use super::SignInError;
use super::claims::{self, Claims};

/// A token is renewed this long before its end, if its life is long enough for that.
const MARGIN: SignedDuration = SignedDuration::from_secs(5 * 60);

/// The shortest life of which `MARGIN` still leaves half.
const LONG_LIFE: SignedDuration = SignedDuration::from_secs(10 * 60);

/// With less than this left, a failed renewal is an error. Of a life under ten minutes it is a
/// tenth.
const LAST_MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// The longest time between two tries of an early renewal that fails.
const RETRY_CEILING: SignedDuration = SignedDuration::from_secs(30);

/// An access token, which nothing can print.
pub struct Token {
    bearer: SecretString,
    expires: Timestamp,
}

impl Token {
    /// A token and the moment of its end, by the clock that `HttpSettings::now` reads.
    pub fn new(bearer: SecretString, expires: Timestamp) -> Self {
        Self { bearer, expires }
    }

    /// The token itself.
    pub(super) fn bearer(&self) -> &str {
        self.bearer.expose_secret()
    }
}

/// A reading of the wall clock, which the ends of tokens are compared with.
pub type WallClock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// The answer of a source, later.
pub type Fetch<'a> = Pin<Box<dyn Future<Output = Result<Token, SignInError>> + Send + 'a>>;

/// Where tokens come from.
pub trait TokenSource: Send + Sync + 'static {
    /// Asks for a token that is not kept here: at most one request. Sources that others keep (the
    /// Azure CLI, a file, the identity of a machine) can give one that they gave before.
    fn fetch(&self) -> Fetch<'_>;
}

/// A token that is held, as requests need it.
pub(super) struct Held {
    header: HeaderValue,
    bearer: SecretString,
    fetched: Timestamp,
    expires: Timestamp,
    refused: AtomicBool,
}

impl Held {
    /// The value of the `Authorization` header, marked sensitive.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// Remembers that the API answered 401 to this very token.
    pub(super) fn mark_refused(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    /// Whether some bytes repeat the token.
    pub(super) fn is_repeated_in(&self, bytes: &[u8]) -> bool {
        let token = self.bearer.expose_secret().as_bytes();
        bytes.windows(token.len()).any(|window| window == token)
    }

    fn need(&self, now: Timestamp) -> Need {
        if self.refused.load(Ordering::Relaxed) || now >= self.expires {
            return Need::Now;
        }
        let life = self.expires.duration_since(self.fetched);
        let four_fifths = now.duration_since(self.fetched) >= life / 5 * 4;
        let last_minutes = life >= LONG_LIFE && self.expires.duration_since(now) <= MARGIN;
        if four_fifths || last_minutes { Need::Soon } else { Need::Nothing }
    }

    /// Whether the token lasts long enough to go on with it after a failed renewal.
    fn will_do(&self, now: Timestamp) -> bool {
        let life = self.expires.duration_since(self.fetched);
        !self.refused.load(Ordering::Relaxed)
            && self.expires.duration_since(now) > LAST_MINUTE.min(life / 10)
    }
}

/// How urgently a new token is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    Soon,
    Now,
}

/// What only the one that fetches may touch.
#[derive(Default)]
struct Renewal {
    /// After a failed early renewal, not before this moment.
    not_before: Option<Timestamp>,
    /// How the last fetch failed, for those who waited for it.
    failure: Option<SignInError>,
}

/// Keeps one token.
pub(super) struct TokenCache {
    source: Box<dyn TokenSource>,
    now: WallClock,
    held: RwLock<Option<Arc<Held>>>,
    renewal: Mutex<Renewal>,
    fetches: AtomicU64,
}

impl TokenCache {
    pub(super) fn new(source: Box<dyn TokenSource>, now: WallClock) -> Self {
        let (held, renewal) = (RwLock::new(None), Mutex::new(Renewal::default()));
        Self { source, now, held, renewal, fetches: AtomicU64::new(0) }
    }

    /// The token at hand, if it can be used; this asks nobody.
    pub(super) fn at_hand(&self) -> Option<Arc<Held>> {
        self.held().filter(|held| held.need((self.now)()) != Need::Now)
    }

    /// What the token at hand says about itself.
    pub(super) fn claims(&self) -> Option<Claims> {
        self.held().and_then(|held| claims::peek(held.bearer.expose_secret()))
    }

    /// Makes sure that a token is at hand.
    pub(super) async fn ready(&self) -> Result<(), SignInError> {
        match self.need() {
            Need::Nothing => Ok(()),
            // Somebody renews already, and what is at hand still works.
            Need::Soon => match self.renewal.try_lock() {
                Ok(renewal) => self.renew_early(renewal).await,
                Err(_) => Ok(()),
            },
            Need::Now => self.renew_now().await,
        }
    }

    /// Lets go of the token at hand if the API refused it, and not of one that came after it.
    pub(super) fn drop_refused(&self) {
        let mut slot = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_some_and(|held| held.refused.load(Ordering::Relaxed)) {
            *slot = None;
        }
    }

    fn held(&self) -> Option<Arc<Held>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn need(&self) -> Need {
        self.held().map_or(Need::Now, |held| held.need((self.now)()))
    }

    async fn renew_now(&self) -> Result<(), SignInError> {
        let before = self.fetches.load(Ordering::Acquire);
        let mut renewal = self.renewal.lock().await;
        if self.need() != Need::Now {
            return Ok(());
        }
        // Somebody else's fetch failed while this one waited: it is this one's answer too.
        if self.fetches.load(Ordering::Acquire) != before
            && let Some(failure) = &renewal.failure
        {
            return Err(failure.clone());
        }
        self.fetch(&mut renewal).await
    }

    async fn renew_early(&self, mut renewal: MutexGuard<'_, Renewal>) -> Result<(), SignInError> {
        let now = (self.now)();
        let must_wait = renewal.not_before.is_some_and(|not_before| now < not_before);
        if must_wait {
            return Ok(());
        }
        let Some(old) = self.held() else { return Ok(()) };
        let Err(error) = self.fetch(&mut renewal).await else { return Ok(()) };
        let now = (self.now)();
        if !old.will_do(now) {
            return Err(error);
        }
        let left = old.expires.duration_since(now);
        tracing::warn!(%error, left_s = left.as_secs(), "could not renew the token; going on");
        renewal.not_before = now.checked_add(RETRY_CEILING.min(left / 4)).ok();
        Ok(())
    }

    async fn fetch(&self, renewal: &mut Renewal) -> Result<(), SignInError> {
        let asked_at = (self.now)();
        let outcome = self.source.fetch().await.and_then(|token| hold(token, asked_at));
        self.fetches.fetch_add(1, Ordering::Release);
        let held = outcome.inspect_err(|error| renewal.failure = Some(error.clone()))?;
        tracing::debug!(expires = %held.expires, "got a token");
        *renewal = Renewal::default();
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(held));
        Ok(())
    }
}

fn hold(token: Token, asked_at: Timestamp) -> Result<Held, SignInError> {
    let Token { bearer, expires } = token;
    let unusable = |what: &str| {
        let next = "try again; if it stays so, a proxy may answer in place of the service";
        SignInError::Unavailable(format!("the sign-in service's answer holds {what}; {next}"))
    };
    if bearer.expose_secret().is_empty() {
        return Err(unusable("no token"));
    }
    if expires <= asked_at {
        return Err(unusable("a token that has expired already"));
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {}", bearer.expose_secret()))
        .map_err(|_| unusable("a token that no header can carry"))?;
    header.set_sensitive(true);
    Ok(Held { header, bearer, fetched: asked_at, expires, refused: AtomicBool::new(false) })
}

#[cfg(test)]
mod tests;
