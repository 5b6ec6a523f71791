//! What carries the requests of a sign-in, under azure_identity and under the device code: each is
//! sent once, with our time-outs and a bounded body, and what came back is kept in the service's
//! own words for `sign_in_errors`. It decides nothing.

use std::fmt;
use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Method, Request};
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::{Host, Url, form_urlencoded};

use super::client::{SMALL_BODY, exchange};
use super::hosts::Origin;
use super::sign_in_errors::Heard;
use crate::domain::Reply;

/// The longest life of a token that is believed, in seconds: a year. Real ones last an hour or a
/// day.
const LIFE_MAX: i64 = 366 * 24 * 3600;

/// The fields of a form that no message may repeat.
const SECRET_FIELDS: [&str; 4] =
    ["client_secret", "client_assertion", "refresh_token", "device_code"];

/// The header that proves to Azure's own end point that a request comes from the same machine.
const IDENTITY_HEADER: &str = "x-identity-header";

/// Where requests go.
#[derive(Clone)]
pub(super) enum To {
    /// The sign-in service, wherever a library wants to go.
    Login(Origin),
    /// The end point that Azure gives a machine for its identity.
    Machine {
        /// The metadata service, if it is not where Azure has it.
        metadata: Option<Origin>,
    },
}

/// Carries the requests of one fetch.
pub(super) struct Wire {
    client: Client,
    to: To,
    heard: Mutex<Heard>,
}

/// There was no whole answer; `Wire::heard` says why.
#[derive(Debug, thiserror::Error)]
#[error("no answer from the sign-in service")]
pub(super) struct NoAnswer;

impl Wire {
    pub(super) fn new(client: Client, to: To) -> Self {
        Self { client, to, heard: Mutex::new(Heard::Nothing) }
    }

    /// What came back last.
    pub(super) fn heard(&self) -> Heard {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut heard, Heard::Nothing)
    }

    fn keep(&self, heard: Heard) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = heard;
    }

    async fn post(&self, request: oauth2::HttpRequest) -> Result<oauth2::HttpResponse, NoAnswer> {
        let (parts, form) = request.into_parts();
        let To::Login(origin) = &self.to else { return Err(NoAnswer) };
        let mut post = self.client.post(origin.at(parts.uri.path()));
        for (name, value) in &parts.headers {
            post = post.header(name, value);
        }
        let secrets = secrets_of(&form);
        let (status, body) = self.carry(post.body(form), &secrets).await?;
        let mut response = oauth2::HttpResponse::new(body);
        *response.status_mut() =
            oauth2::http::StatusCode::from_u16(status).map_err(|_| NoAnswer)?;
        Ok(response)
    }

    async fn carry(
        &self,
        request: RequestBuilder,
        secrets: &[SecretString],
    ) -> Result<(u16, Vec<u8>), NoAnswer> {
        match exchange(request, |_| SMALL_BODY).await {
            Ok(whole) => {
                let body = whole.body.unwrap_or_default();
                self.keep(Heard::answer(whole.status, &body, |text| scrub(text, secrets)));
                Ok((whole.status, body))
            }
            Err(Reply::NeverLeft { why } | Reply::NoAnswer { why }) => {
                self.keep(Heard::Trouble(why));
                Err(NoAnswer)
            }
            Err(Reply::Answer(_)) => Err(NoAnswer),
        }
    }

    /// The request as it goes out, and what no message may repeat of it.
    fn outgoing(&self, request: &Request) -> Result<(RequestBuilder, Vec<SecretString>), Error> {
        let refused = |why: &str| Error::with_message(ErrorKind::Other, why.to_owned());
        let (mut out, mut secrets) = match &self.to {
            To::Login(origin) => {
                let Body::Bytes(form) = request.body() else {
                    return Err(refused("a token request is a form"));
                };
                // Only the path is taken over: wherever the library wants to go, this goes to our
                // origin.
                let post = self.client.post(origin.at(request.url().path()));
                (post.body(form.clone()), secrets_of(form))
            }
            To::Machine { metadata } => {
                if request.method() != Method::Get {
                    return Err(refused("the identity of a machine is asked for by GET"));
                }
                let url = machine_url(request.url(), metadata.as_ref()).ok_or_else(|| {
                    refused("IDENTITY_ENDPOINT is neither https nor an address of this machine")
                })?;
                (self.client.get(url), Vec::new())
            }
        };
        for (name, value) in request.headers().iter() {
            if name.as_str() == IDENTITY_HEADER {
                secrets.push(SecretString::from(value.as_str()));
            }
            out = out.header(name.as_str(), value.as_str());
        }
        Ok((out, secrets))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            To::Login(origin) => write!(f, "Wire({origin})"),
            To::Machine { .. } => f.write_str("Wire(this machine)"),
        }
    }
}

/// The requests of the device code.
impl<'a> oauth2::AsyncHttpClient<'a> for Wire {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<oauth2::HttpResponse, NoAnswer>> + Send + 'a>>;

    fn call(&'a self, request: oauth2::HttpRequest) -> Self::Future {
        Box::pin(self.post(request))
    }
}

/// The requests of azure_identity.
#[async_trait]
impl HttpClient for Wire {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let (out, secrets) = self.outgoing(request)?;
        let login = matches!(self.to, To::Login(_));
        // The library repeats some requests of managed identities whatever it is told; to this
        // status it never does, and what really came back is kept here.
        let nothing = || AsyncRawResponse::from_bytes(400.into(), Headers::new(), Vec::new());
        match self.carry(out, &secrets).await {
            Ok((200, body)) if login && !has_sane_life(&body) => {
                let why = "the answer holds no token with a believable life";
                Err(Error::with_message(ErrorKind::DataConversion, why))
            }
            Ok((status, body)) if login || status == 200 => {
                Ok(AsyncRawResponse::from_bytes(status.into(), Headers::new(), body))
            }
            Err(error) if login => Err(Error::with_message(ErrorKind::Io, error.to_string())),
            Ok(_) | Err(_) => Ok(nothing()),
        }
    }
}

/// The address of the end point for a machine's identity, if it is safe to ask without encryption:
/// only addresses that never leave the machine or its host are.
fn machine_url(asked: &Url, metadata: Option<&Origin>) -> Option<Url> {
    let service: Host<&str> = Host::Ipv4(Ipv4Addr::new(169, 254, 169, 254));
    if let Some(metadata) = metadata
        && asked.host() == Some(service)
    {
        let mut url = metadata.at(asked.path());
        url.set_query(asked.query());
        return Some(url);
    }
    let safe = asked.scheme() == "https" || is_near(asked);
    if safe { Some(asked.clone()) } else { None }
}

/// Whether an address never leaves the machine or its host.
pub(super) fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unicast_link_local(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// What proves who we are in a form, both as it is and as it is sent.
fn secrets_of(form: &[u8]) -> Vec<SecretString> {
    let fields = form.split(|byte| *byte == b'&').filter_map(|field| {
        let (name, value) = form_urlencoded::parse(field).next()?;
        if !SECRET_FIELDS.contains(&&*name) || value.is_empty() {
            return None;
        }
        let sent = String::from_utf8_lossy(&field[field.len().min(name.len() + 1)..]).into_owned();
        Some([value.into_owned(), sent].map(SecretString::from))
    });
    fields.flatten().collect()
}

fn scrub(text: &str, secrets: &[SecretString]) -> String {
    secrets
        .iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), "[the secret]"))
}

/// Whether `expires_in` lies in a range that can be added to a time without overflow.
pub(super) fn has_sane_life(body: &[u8]) -> bool {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let life = answer.as_ref().and_then(|answer| answer.get("expires_in")?.as_i64());
    life.is_some_and(|seconds| (1..=LIFE_MAX).contains(&seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_a_machine_goes_nowhere_in_the_clear_but_to_the_machine_itself() {
        let goes = |url: &str| machine_url(&Url::parse(url).unwrap(), None).is_some();
        for url in [
            "http://127.0.0.1:41/msi/token",
            "http://localhost:42356/msi/token",
            "http://169.254.130.4:8081/msi/token",
            "http://169.254.169.254/metadata/identity/oauth2/token",
            "https://identity.example/token",
        ] {
            assert!(goes(url), "{url}");
        }
        for url in ["http://10.0.0.4/msi/token", "http://identity.example/token"] {
            assert!(!goes(url), "{url}");
        }
    }

    #[test]
    fn only_the_metadata_service_is_looked_for_elsewhere() {
        let elsewhere = Origin::parse("http://127.0.0.1:5").unwrap();
        let goes = |url: &str| machine_url(&Url::parse(url).unwrap(), Some(&elsewhere)).unwrap();
        let asked = "http://169.254.169.254/metadata/identity/oauth2/token?resource=r";
        let to = "http://127.0.0.1:5/metadata/identity/oauth2/token?resource=r";
        assert_eq!(goes(asked).as_str(), to);
        assert_eq!(goes("http://127.0.0.1:9/msi").as_str(), "http://127.0.0.1:9/msi");
    }
}
