//! The HTTP client underneath both the API and the sign-in: one request a call, whatever happens, a
//! bounded body, and errors told apart by whether a byte can have left.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{
    CONTENT_LENGTH, DATE, HeaderMap, RETRY_AFTER, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use reqwest::{
    Certificate, Client, ClientBuilder, RequestBuilder, Response, Version, redirect, retry,
};

use jiff::Timestamp;

use super::hosts::Origin;
use super::proxy;
use super::retry_after::{http_date, retry_after};
use super::secret_text::decode;
use super::text::excerpt;
use crate::domain::{Reply, Timing};
use crate::system::hints;

/// The largest decoded body of an action, an error or a token. The largest ever seen is under 4
/// KiB; this leaves room for a proxy's page and none for a bomb. JSON in memory can be sixteen
/// times as large as its text.
pub(super) const SMALL_BODY: usize = 256 << 10;

/// The largest decoded page of the list: 10,000 actions of at most 1.6 KiB each, twice what is
/// usual.
pub(super) const LIST_BODY: usize = 16 << 20;

/// The largest decoded page of machines: 10,000 of at most 6.5 KiB each. A record with many
/// addresses, tags and a virtual machine's description has been seen at 3 KiB.
pub(super) const MACHINES_BODY: usize = 64 << 20;

/// Idle connections are closed after this: sooner than the services in between close theirs, so
/// that few requests go into a connection that is closing, where nobody can say whether they
/// arrived.
const IDLE: Duration = Duration::from_secs(30);

/// The name of this program for servers.
const USER_AGENT: &str = concat!("fleetsweep/", env!("CARGO_PKG_VERSION"));

/// Why no HTTP client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of additional certificate authorities cannot be read.
    #[error(
        "cannot read the CA file {}: {source}; check its path and who may read it",
        .path.display()
    )]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// It holds no certificates.
    #[error(
        "the CA file {} holds no certificates ({why}); give a file in PEM form",
        .path.display()
    )]
    NoCertificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {0}; {next}", next = hints::certificates())]
    Tls(String),
}

/// HTTP clients that were made, one for each way to connect: the tenants of a process share their
/// connections and the certificates that each client holds.
#[derive(Default)]
pub struct HttpClients(Mutex<Vec<(Way, Client)>>);

/// All that one client differs from another by.
#[derive(Clone, Debug, PartialEq)]
struct Way {
    to: Reachable,
    timing: Timing,
    ca_file: Option<PathBuf>,
}

/// Where a client leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reachable {
    /// Anywhere, encrypted.
    Network,
    /// This machine; also without encryption if that is `plain`.
    Loopback { plain: bool },
    /// What a cloud gives this machine for its identity.
    Machine,
}

impl HttpClients {
    /// A client for this origin.
    pub(super) fn to(
        &self,
        origin: &Origin,
        timing: &Timing,
        ca_file: Option<&Path>,
    ) -> Result<Client, ClientError> {
        let to = if origin.is_loopback() {
            Reachable::Loopback { plain: origin.is_plain() }
        } else {
            Reachable::Network
        };
        let way = Way { to, timing: *timing, ca_file: ca_file.map(Path::to_owned) };
        self.get_or_make(way, || client(origin, timing, ca_file))
    }

    /// A client for the end point of this machine's identity.
    pub(super) fn to_machine(&self, timing: &Timing) -> Result<Client, ClientError> {
        let way = Way { to: Reachable::Machine, timing: *timing, ca_file: None };
        self.get_or_make(way, || machine_client(timing))
    }

    fn get_or_make(
        &self,
        way: Way,
        make: impl FnOnce() -> Result<Client, ClientError>,
    ) -> Result<Client, ClientError> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, there)) = made.iter().find(|(one, _)| *one == way) {
            return Ok(there.clone());
        }
        let new = make()?;
        made.push((way, new.clone()));
        Ok(new)
    }
}

/// A client for one origin.
pub(super) fn client(
    origin: &Origin,
    timing: &Timing,
    ca_file: Option<&Path>,
) -> Result<Client, ClientError> {
    let mut builder = builder(timing).https_only(!origin.is_plain());
    if origin.is_loopback() {
        // What runs on this machine is not reached through the proxy of the network.
        builder = builder.no_proxy();
    }
    if let Some(path) = ca_file {
        builder = builder.tls_certs_merge(certificates(path)?);
    }
    builder.build().map_err(|error| ClientError::Tls(chain(&error)))
}

/// A client for the end point that a cloud gives a machine for its identity, which lies on this
/// machine or its host: no proxy of the network is ever in between.
pub(super) fn machine_client(timing: &Timing) -> Result<Client, ClientError> {
    builder(timing).no_proxy().build().map_err(|error| ClientError::Tls(chain(&error)))
}

fn builder(timing: &Timing) -> ClientBuilder {
    Client::builder()
        .user_agent(USER_AGENT)
        .retry(retry::never())
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(timing.connect_timeout)
        .timeout(timing.request_timeout)
        .pool_idle_timeout(IDLE)
}

/// A whole response.
pub(super) struct Whole {
    pub(super) status: u16,
    pub(super) date: Option<Timestamp>,
    pub(super) retry_after: Option<Duration>,
    /// What the server wants to be answered before it gives more.
    pub(super) challenge: Option<String>,
    /// The decoded body; `None` if it was longer than allowed and not read to its end.
    pub(super) body: Option<Vec<u8>>,
}

/// Sends one request and reads its answer, at most `limit(status)` bytes of it.
///
/// # Errors
/// The reply `NeverLeft` if not a byte can have left, else `NoAnswer`.
pub(super) async fn exchange(
    request: RequestBuilder,
    limit: fn(u16) -> usize,
) -> Result<Whole, Reply> {
    let (client, request) = request.build_split();
    let request = request.map_err(|error| unsent_or_unanswered(&error))?;
    let url = request.url().clone();
    let response = match client.execute(request).await {
        Ok(response) => response,
        Err(error) if error.is_connect() && is_of_proxy(&error) => {
            let why = match proxy::refusal(&url).await {
                Some(refusal) => format!("cannot connect: {refusal}"),
                None => no_connection(&error),
            };
            return Err(Reply::NeverLeft { why });
        }
        Err(error) => return Err(unsent_or_unanswered(&error)),
    };
    let status = response.status().as_u16();
    let date = date_of(response.headers());
    let waits = response.headers().get_all(RETRY_AFTER).iter().map(|value| value.as_bytes());
    let retry_after = retry_after(waits, date);
    let challenge = response.headers().get(WWW_AUTHENTICATE);
    let challenge = challenge.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let open_ended = ends_with_the_connection(&response);
    let body = read(response, limit(status)).await.map_err(|error| no_answer(&error))?;
    if open_ended && body.as_ref().is_some_and(Vec::is_empty) {
        // A body that is ended only by the end of the connection may have been cut before its
        // start.
        let why = "the connection was closed after the head of the answer".to_owned();
        return Err(Reply::NoAnswer { why });
    }
    Ok(Whole { status, date, retry_after, challenge, body })
}

async fn read(mut response: Response, limit: usize) -> reqwest::Result<Option<Vec<u8>>> {
    // All at once where the length is told, since a buffer that grows takes up to twice its size.
    let told = response.content_length().and_then(|length| usize::try_from(length).ok());
    let mut body = Vec::with_capacity(told.unwrap_or(0).min(limit));
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn date_of(headers: &HeaderMap) -> Option<Timestamp> {
    headers.get(DATE).and_then(|value| value.to_str().ok()).and_then(http_date)
}

fn ends_with_the_connection(response: &Response) -> bool {
    let headers = response.headers();
    response.version() <= Version::HTTP_11
        && !matches!(response.status().as_u16(), 204 | 304)
        && !headers.contains_key(CONTENT_LENGTH)
        && !headers.contains_key(TRANSFER_ENCODING)
}

/// An error before the head of the answer. Only a connection that was never opened proves that
/// nothing left; a kept connection that the other side closes may have carried the request.
fn unsent_or_unanswered(error: &reqwest::Error) -> Reply {
    if error.is_builder() {
        return Reply::NeverLeft { why: format!("cannot make the request: {}", chain(error)) };
    }
    if error.is_connect() {
        return Reply::NeverLeft { why: no_connection(error) };
    }
    no_answer(error)
}

fn no_answer(error: &reqwest::Error) -> Reply {
    let what = if error.is_timeout() { "no whole answer in time" } else { "no whole answer" };
    Reply::NoAnswer { why: format!("{what}: {}", chain(error)) }
}

fn no_connection(error: &reqwest::Error) -> String {
    let why = chain(error);
    // What the proxy says comes first: behind it, neither the name nor the certificate was met.
    let hint = if is_of_proxy(error) {
        "; check HTTPS_PROXY, NO_PROXY and the proxy's credentials"
    } else if error.is_dns() {
        "; check the name, this machine's DNS, and HTTPS_PROXY if a proxy is needed here"
    } else if why.to_ascii_lowercase().contains("certificate") {
        "; if a proxy inspects TLS here, or the server has a CA of its own, name its certificate \
         with --ca-file (FLEETSWEEP_CA_FILE)"
    } else {
        "; check the address, and HTTPS_PROXY and NO_PROXY if a proxy is needed here"
    };
    format!("cannot connect: {why}{hint}")
}

/// Whether a proxy was used and did not lead to the server.
fn is_of_proxy(error: &reqwest::Error) -> bool {
    let why = chain(error).to_ascii_lowercase();
    ["tunnel", "proxy", "socks"].iter().any(|word| why.contains(word))
}

/// An error and its causes in one short line, without the URL and without saying anything twice.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = cause.source();
    }
    if parts.is_empty() {
        // Only here can the outermost error be the whole story; its text may hold the URL, which is
        // no secret.
        parts.push(error.to_string());
    }
    excerpt(&parts.join(": "))
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let pem = std::fs::read(path)
        .map_err(|source| ClientError::CaFile { path: path.to_owned(), source })?;
    let none = |why: String| ClientError::NoCertificates { path: path.to_owned(), why };
    // Marks before the first certificate would hide it.
    let pem = decode(&pem).map_err(|why| none(why.to_owned()))?;
    let found =
        Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| none(chain(&error)))?;
    if found.is_empty() {
        return Err(none("no BEGIN CERTIFICATE in it".to_owned()));
    }
    Ok(found)
}
