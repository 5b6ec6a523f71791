//! The client of a run, made when it is first needed: before the plan if the tenant is asked
//! something, else when the first order leaves. One client, so that one token serves both.

use std::sync::Arc;

use super::client::{Terms, refused};
use super::context::Context;
use super::destination::Destination;
use super::lists::check_expiry_rights;
use crate::clock::{Clock, SystemClock, wall_clock};
use crate::defender::{HttpApi, SignInError};
use crate::domain::text::printable;
use crate::emulator::Emulator;
use crate::ops::failure::Failure;
use crate::ops::limits::Speed;
use crate::report::human::duration;

/// A destination, or the client that it became.
#[derive(Default)]
pub(super) struct LazyClient {
    destination: Option<Destination>,
    api: Option<Arc<HttpApi>>,
    emulator: Option<Emulator>,
    terms: Option<Terms>,
}

impl LazyClient {
    /// Not connected yet.
    pub(super) fn new(destination: Destination) -> Self {
        let terms = destination.terms();
        Self { destination: Some(destination), terms, ..Self::default() }
    }

    /// The client.
    ///
    /// # Errors
    /// `Failure` if it, or the embedded emulator, cannot be set up.
    pub(super) async fn api(
        &mut self,
        cx: &Context<'_>,
        speed: &Speed,
    ) -> Result<Arc<HttpApi>, Failure> {
        if let Some(destination) = self.destination.take() {
            let (api, emulator) = destination.client(cx, speed).await?;
            self.api = Some(Arc::new(api));
            self.emulator = emulator;
        }
        self.api.clone().ok_or_else(|| {
            let next = "report this as a defect";
            Failure::failed("there is no client", "it could not be set up before", next)
        })
    }

    /// Signs in before a plan is confirmed that could not be carried out. A service that fails in
    /// passing is waited for where somebody is to be asked, as long as a run would that never
    /// reached the API. Else the run itself waits for it with its queue intact, and what it waits
    /// for is given, for the plan.
    ///
    /// # Errors
    /// `Failure` if nobody signs in, or if nothing can be ordered with what the token allows.
    pub(super) async fn sign_in(
        &mut self,
        cx: &Context<'_>,
        speed: &Speed,
        asks: bool,
    ) -> Result<Option<String>, Failure> {
        let Some(terms) = self.terms.clone() else { return Ok(None) };
        let api = self.api(cx, speed).await?;
        let (timing, clock) = (&speed.timing, SystemClock::with_offset(0));
        let (began, mut wait) = (clock.now(), timing.reconnect_floor);
        while let Err(error) = terms.ready(cx.ui, &api, timing).await {
            let most = duration(timing.first_contact);
            let why = format!("nobody can sign in now ({}): {error}", terms.kind);
            if matches!(error, SignInError::Refused(_)) {
                return Err(refused(terms.kind, &error));
            }
            if is_later(speed) {
                return Ok(Some(format!("{why}; the run signs in when its first order is due")));
            }
            if !asks {
                return Ok(Some(format!("{why}; the run waits {most} at most for that")));
            }
            if clock.now().since(began) + wait > timing.first_contact {
                return Err(unavailable(&terms, &error, speed));
            }
            if wait == timing.reconnect_floor {
                let told = format!("Waiting {most} at most: {why}");
                cx.say(&printable(&told));
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(timing.reconnect_ceiling);
        }
        terms.check_audience(&api)?;
        terms.check_rights(&api)?;
        check_expiry_rights(speed, &*api)?;
        Ok(None)
    }

    /// Whether it signs in at all.
    pub(super) fn signs_in(&self) -> bool {
        self.terms.is_some()
    }

    /// Looks for a dry run whether a run could sign in and order, and says what would end it.
    ///
    /// # Errors
    /// `Failure` if a run would be refused and the tenant cannot be asked anything either.
    pub(super) async fn try_sign_in(
        &mut self,
        cx: &Context<'_>,
        speed: &Speed,
    ) -> Result<Vec<String>, Failure> {
        let Some(terms) = self.terms.clone() else { return Ok(Vec::new()) };
        let api = self.api(cx, speed).await?;
        match terms.ready(cx.ui, &api, &speed.timing).await {
            Err(error @ SignInError::Refused(_)) => Err(refused(terms.kind, &error)),
            Err(error) => Ok(vec![format!(
                "nobody can sign in now ({}): {error}; a run waits {} for that and orders nothing \
                 without",
                terms.kind,
                duration(speed.timing.first_contact)
            )]),
            Ok(()) => {
                terms.check_audience(&api)?;
                let ends = [terms.check_rights(&api), check_expiry_rights(speed, &*api)];
                let ends = ends.into_iter().filter_map(Result::err);
                let told = |end: Failure| {
                    format!(
                        "a run ends with exit code {}: {}; {}",
                        end.kind.code(),
                        end.why,
                        end.next
                    )
                };
                Ok(ends.map(told).collect())
            }
        }
    }

    /// Ends the embedded emulator, if there is one.
    pub(super) async fn end(self) {
        if let Some(emulator) = self.emulator {
            emulator.shutdown().await;
        }
    }
}

/// Whether no order is due yet.
fn is_later(speed: &Speed) -> bool {
    let now = wall_clock();
    let opening = speed.hours.as_ref().and_then(|hours| hours.opening(now));
    opening.is_some_and(|opening| opening.opens > now)
}

fn unavailable(terms: &Terms, error: &SignInError, speed: &Speed) -> Failure {
    let tried = duration(speed.timing.first_contact);
    Failure::failed(
        format!("cannot sign in ({})", terms.kind),
        format!("{error}; it was tried for {tried}"),
        "nothing was ordered and no campaign was begun; `fleetsweep doctor` looks at network, \
         proxy and sign-in; then run the same command again",
    )
}
