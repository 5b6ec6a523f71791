//! Who may look: a ticket stands in the link that was printed, works once and for two minutes, and
//! is exchanged for a session, which a browser keeps as a cookie. Only digests of both are held.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::Stamp;

/// How long a ticket works.
pub(super) const TICKET_LIVES: Duration = Duration::from_secs(2 * 60);
/// How long a session does.
pub(super) const SESSION_LIVES: Duration = Duration::from_secs(12 * 60 * 60);
/// Sessions at most; then the oldest ends.
const SESSIONS: usize = 100;

/// What was given out.
#[derive(Debug, Default)]
pub(super) struct Tickets(Mutex<Given>);

#[derive(Debug, Default)]
struct Given {
    tickets: Vec<Pass>,
    sessions: Vec<Pass>,
}

/// Something secret that works until a moment.
#[derive(Debug)]
struct Pass {
    digest: [u8; 32],
    until: Stamp,
}

impl Tickets {
    /// A new ticket, drawn from these bytes.
    pub(super) fn ticket(&self, drawn: [u8; 32], now: Stamp) -> String {
        let secret = URL_SAFE_NO_PAD.encode(drawn);
        self.lock().tickets.push(Pass::new(&secret, now.plus(TICKET_LIVES)));
        secret
    }

    /// Takes a ticket and returns the session that it is worth, drawn from these bytes. Returns
    /// `None` if it is unknown, was used, or is too old.
    pub(super) fn exchange(&self, ticket: &str, drawn: [u8; 32], now: Stamp) -> Option<String> {
        let mut given = self.lock();
        given.tickets.retain(|pass| pass.until > now);
        let at = given.tickets.iter().position(|pass| pass.is(ticket))?;
        given.tickets.remove(at);
        let session = URL_SAFE_NO_PAD.encode(drawn);
        given.sessions.retain(|pass| pass.until > now);
        if given.sessions.len() >= SESSIONS {
            given.sessions.remove(0);
        }
        given.sessions.push(Pass::new(&session, now.plus(SESSION_LIVES)));
        Some(session)
    }

    /// Whether this is a session that still works.
    pub(super) fn is_session(&self, session: &str, now: Stamp) -> bool {
        self.lock().sessions.iter().any(|pass| pass.until > now && pass.is(session))
    }

    fn lock(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    fn new(secret: &str, until: Stamp) -> Self {
        Self { digest: digest(secret), until }
    }

    /// Compares in a time that does not depend on where the two differ.
    fn is(&self, secret: &str) -> bool {
        self.digest.ct_eq(&digest(secret)).into()
    }
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Stamp {
        Stamp::ZERO.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_ticket_works_once_and_for_two_minutes() {
        let tickets = Tickets::default();
        let (one, other) = (tickets.ticket([1; 32], at(0)), tickets.ticket([2; 32], at(0)));
        assert!(!one.is_empty() && one != other);
        assert_eq!(tickets.exchange("guess", [3; 32], at(1)), None);
        let session = tickets.exchange(&one, [3; 32], at(119)).unwrap();
        assert_eq!(tickets.exchange(&one, [4; 32], at(119)), None, "it was used");
        assert_eq!(tickets.exchange(&other, [4; 32], at(120)), None, "it is too old");
        assert!(tickets.is_session(&session, at(119)) && !tickets.is_session(&one, at(119)));
    }

    #[test]
    fn a_session_ends_after_half_a_day_or_when_a_hundred_newer_ones_are_there() {
        let tickets = Tickets::default();
        let session = |number: u8, now| {
            let ticket = tickets.ticket([number; 32], now);
            tickets.exchange(&ticket, [number; 32], now).unwrap()
        };
        let first = session(0, at(0));
        let half_a_day = SESSION_LIVES.as_secs();
        assert!(tickets.is_session(&first, at(half_a_day - 1)));
        assert!(!tickets.is_session(&first, at(half_a_day)));
        let later: Vec<String> = (1..=100).map(|number| session(number, at(5))).collect();
        assert!(!tickets.is_session(&first, at(5)), "the oldest made room");
        assert!(later.iter().all(|one| tickets.is_session(one, at(5))));
    }
}
