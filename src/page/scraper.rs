//! Who may read metrics: a program that shows the token of a file. A browser's session is of no use
//! to it, and a token opens nothing else.

use std::path::Path;

use axum::http::{HeaderMap, header};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::ops::failure::Failure;
use crate::ops::secrets::value_in;

/// The token, of which only the digest is held; without one nobody may read them.
#[derive(Debug)]
pub(super) struct Scraper(Option<[u8; 32]>);

/// Why somebody may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoScraper {
    /// There is no token.
    NotAsked,
    /// The token is another one, or is missing.
    WrongToken,
}

impl Scraper {
    /// By the token in this file.
    ///
    /// # Errors
    /// `Failure` if others can read it, or if it holds no token.
    pub(super) fn by(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(file) = file else { return Ok(Self(None)) };
        let token = value_in(file, "token for metrics")?;
        Ok(Self(Some(Sha256::digest(token.expose_secret().as_bytes()).into())))
    }

    /// Whether a request shows the token (RFC 6750, section 2.1).
    ///
    /// # Errors
    /// Why not.
    pub(super) fn admits(&self, headers: &HeaderMap) -> Result<(), NoScraper> {
        let Some(token) = self.0 else { return Err(NoScraper::NotAsked) };
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, shown)) = shown.and_then(|value| value.split_once(' ')) else {
            return Err(NoScraper::WrongToken);
        };
        let shown: [u8; 32] = Sha256::digest(shown.trim().as_bytes()).into();
        let is_same: bool = token.ct_eq(&shown).into();
        if is_same && scheme.eq_ignore_ascii_case("bearer") {
            Ok(())
        } else {
            Err(NoScraper::WrongToken)
        }
    }
}
