//! Origins: the scheme, host and port that requests go to, and nothing else. An origin that is held
//! is safe to send a token to: https, or plain http towards this machine alone.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use crate::domain::text::printable;

/// The most characters of foreign text that an error repeats.
const SHOWN: usize = 200;

/// Scheme, host and port of a service.
#[derive(Clone, PartialEq, Eq)]
pub struct Origin(Url);

/// Why a text names no origin that this program calls.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Not a URL at all.
    #[error(
        "`{text}` is not an address ({why}); give scheme and host, such as \
         https://api.security.microsoft.com"
    )]
    NotAnAddress {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Plain http to another machine, or another scheme.
    #[error(
        "`{0}` would send the access token without encryption; use https:// (plain http:// is \
         accepted for loopback addresses alone)"
    )]
    NotEncrypted(String),
    /// More than scheme, host and port.
    #[error("`{text}` holds {what}; give scheme and host alone, such as `{better}`")]
    TooMuch {
        /// What was given.
        text: String,
        /// What there is too much of.
        what: &'static str,
        /// What to give instead.
        better: String,
    },
    /// A user name or a password. The text is not repeated: it may hold a secret.
    #[error(
        "the address holds a user name or a password; give scheme and host alone, and the \
         credentials through the environment"
    )]
    UserInfo,
}

impl Origin {
    /// Reads an origin: https anywhere, http for loopback alone, with no path, query or user.
    ///
    /// # Errors
    /// `HostError` says what is wrong, and what to give instead.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let text = text.trim();
        let shown = || printable(&text.chars().take(SHOWN).collect::<String>());
        let not_an_address = |why: &str| {
            // An address with an `@` may hold a password, however broken it is.
            if text.contains('@') {
                return HostError::UserInfo;
            }
            HostError::NotAnAddress { text: shown(), why: why.to_owned() }
        };
        // The parser of URLs drops tabs and line ends, and turns backslashes round.
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(not_an_address("it holds white space, control characters or backslashes"));
        }
        let url = Url::parse(text).map_err(|error| not_an_address(&error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HostError::UserInfo);
        }
        if url.host().is_none() || !matches!(url.scheme(), "http" | "https") {
            return Err(not_an_address("it does not begin with https:// and a host"));
        }
        let better = || url.origin().ascii_serialization();
        let too_much = |what| HostError::TooMuch { text: shown(), what, better: better() };
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(HostError::NotEncrypted(shown()));
        }
        if !matches!(url.path(), "" | "/") {
            return Err(too_much("a path"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(too_much("a query or a fragment"));
        }
        Ok(Self(url))
    }

    /// Whether the host is this machine: 127.0.0.0/8, `[::1]` or `localhost`.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Whether requests go out unencrypted, which is so for loopback alone.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Host and port, for a look at the name service.
    pub fn host_and_port(&self) -> (String, u16) {
        let port = self.0.port_or_known_default().unwrap_or(443);
        (self.0.host_str().unwrap_or_default().to_owned(), port)
    }

    /// Whether a URL lies on this origin: same scheme, host and port, and no user in it.
    pub(super) fn holds(&self, url: &Url) -> bool {
        url.origin() == self.0.origin() && url.username().is_empty() && url.password().is_none()
    }

    /// The URL of a path, which begins with a slash and needs no encoding.
    pub(super) fn at(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }

    /// The origin with https in place of http, for a library that knows only https.
    pub(super) fn as_https(&self) -> String {
        let whole = self.to_string();
        whole.strip_prefix("http://").map_or(whole.clone(), |rest| format!("https://{rest}"))
    }
}

impl FromStr for Origin {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        Self::parse(text)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_shown_as_scheme_host_and_unusual_port() {
        let shown = |text: &str| Origin::parse(text).unwrap().to_string();
        assert_eq!(shown(" https://API.Security.Microsoft.com:443/ "), {
            "https://api.security.microsoft.com"
        });
        assert_eq!(shown("https://proxy.example:8443"), "https://proxy.example:8443");
        assert_eq!(shown("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(shown("http://127.9.9.9"), "http://127.9.9.9");
        assert_eq!(shown("http://[::1]:1"), "http://[::1]:1");
        assert_eq!(shown("http://localhost:1"), "http://localhost:1");
        assert!(Origin::parse("http://localhost").unwrap().is_loopback());
    }

    #[test]
    fn plain_http_is_refused_for_every_other_host() {
        for text in [
            "http://api.security.microsoft.com",
            "http://10.0.0.1",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://0.0.0.0",
            "http://[::ffff:10.0.0.1]",
        ] {
            assert!(matches!(Origin::parse(text), Err(HostError::NotEncrypted(_))), "{text}");
        }
    }

    #[test]
    fn more_than_an_origin_is_refused_by_name() {
        let refused = |text: &str| Origin::parse(text).unwrap_err().to_string();
        assert!(refused("https://a.example/api").contains("a path"));
        assert!(refused("https://a.example/?x").contains("a query"));
        assert!(refused("https://a.example/#x").contains("fragment"));
        assert!(refused("https://a.example/api").contains("`https://a.example`"));
        for text in
            ["", "api.example", "ftp://a.example", "https://", "https://a\\b", "https://a b"]
        {
            assert!(matches!(Origin::parse(text), Err(HostError::NotAnAddress { .. })), "{text:?}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_repeated() {
        for text in ["https://me:hunter2@a.example", "https://me:hunter2@a .example", "hunter2@x"] {
            let error = Origin::parse(text).unwrap_err();
            assert_eq!(error, HostError::UserInfo, "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
