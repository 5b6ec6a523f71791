//! Posting to an address that is a secret, since whoever knows it may post there: a webhook of a
//! chat, or a check that waits for a sign of life. Nothing that is told of it repeats the address.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Error};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::client::HttpClients;
use super::hosts::Origin;
use crate::domain::Timing;

/// How long an answer is waited for.
const LIMIT: Duration = Duration::from_secs(10);

/// An address to post to.
pub struct Webhook {
    url: SecretString,
    client: Client,
}

/// Never the address.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Webhook(..)")
    }
}

/// What is posted.
#[derive(Clone, Debug)]
pub struct Post {
    /// What stands behind the path of the address, such as `/start`.
    pub behind: String,
    /// A parameter that is added to its query.
    pub parameter: Option<(&'static str, String)>,
    /// The type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// Why a post was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPosted {
    /// The server answered so.
    #[error("the server answered {0}")]
    Refused(u16),
    /// There was no answer in time.
    #[error("no answer came within 10 s")]
    TimedOut,
    /// No connection came about.
    #[error("no connection could be made")]
    NoConnection,
    /// It broke off.
    #[error("the connection broke off")]
    BrokeOff,
}

impl NotPosted {
    /// Whether it may be taken if it is posted again.
    pub fn may_pass(self) -> bool {
        match self {
            NotPosted::Refused(status) => status >= 500 || status == 429 || status == 408,
            NotPosted::TimedOut | NotPosted::NoConnection | NotPosted::BrokeOff => true,
        }
    }
}

impl Webhook {
    /// A webhook at this address: https, or plain http towards this machine alone.
    ///
    /// # Errors
    /// What is wrong with the address, as a part of a sentence that does not repeat it.
    pub fn new(
        address: SecretString,
        clients: &HttpClients,
        ca_file: Option<&Path>,
    ) -> Result<Self, String> {
        let no_address = || "its address is none; copy it anew, from https:// on".to_owned();
        let url = Url::parse(address.expose_secret()).map_err(|_| no_address())?;
        let origin = Origin::parse(&url.origin().ascii_serialization());
        let origin =
            origin.map_err(|_| "its address must begin with https:// and a host".to_owned())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("its address holds a user name or a password".to_owned());
        }
        let timing = Timing { connect_timeout: LIMIT, request_timeout: LIMIT, ..Timing::default() };
        let client = clients.to(&origin, &timing, ca_file).map_err(|error| error.to_string())?;
        Ok(Self { url: address, client })
    }

    /// Posts once. A redirect is an answer that refuses: a secret goes nowhere else.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn post(&self, post: &Post) -> Result<(), NotPosted> {
        let mut url = Url::parse(self.url.expose_secret()).map_err(|_| NotPosted::NoConnection)?;
        if !post.behind.is_empty() {
            let path = format!("{}{}", url.path().trim_end_matches('/'), post.behind);
            url.set_path(&path);
        }
        if let Some((name, value)) = &post.parameter {
            url.query_pairs_mut().append_pair(name, value);
        }
        let request = self.client.post(url).header(CONTENT_TYPE, post.content_type);
        let answer = request.body(post.body.clone()).send().await;
        let answer = answer.map_err(|error| why(&error))?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(NotPosted::Refused(answer.status().as_u16()))
        }
    }
}

/// What happened; the error itself would name the address.
fn why(error: &Error) -> NotPosted {
    if error.is_timeout() {
        NotPosted::TimedOut
    } else if error.is_connect() {
        NotPosted::NoConnection
    } else {
        NotPosted::BrokeOff
    }
}
