//! The calls over HTTP. Each method is at most one request to the API, and none signs in by the
//! way.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION};
use reqwest::{Client, RequestBuilder};
use url::{Url, form_urlencoded};

use super::claims::Claims;
use super::client::{
    ClientError, HttpClients, LIST_BODY, MACHINES_BODY, SMALL_BODY, Whole, exchange,
};
use super::hosts::Origin;
use super::text::excerpt;
use super::token::{Held, TokenCache, TokenSource, WallClock};
use super::wire::{self, CancelRequest, PAGE, ScanRequest};
use super::{
    ActionQuery, CancelApi, Inventory, ListPage, ListReply, MachineFilter, NextPage, ScanApi,
    ScanOrder, SignInError,
};
use crate::domain::action::SCAN_ACTION;
use crate::domain::cancel::is_nameable;
use crate::domain::{Action, Answer, Body, Machine, Reply, Timing};

/// What a client of the API needs.
pub struct HttpSettings {
    /// Where the API is.
    pub api_origin: Origin,
    /// Time-outs.
    pub timing: Timing,
    /// More certificate authorities than the system's, in PEM form.
    pub ca_file: Option<PathBuf>,
    /// Where tokens come from.
    pub tokens: Box<dyn TokenSource>,
    /// The wall clock that the ends of tokens are compared with.
    pub now: WallClock,
}

/// The API over HTTP.
pub struct HttpApi {
    origin: Origin,
    client: Client,
    tokens: TokenCache,
}

impl HttpApi {
    /// A client; nothing is sent before the first call.
    ///
    /// # Errors
    /// `ClientError` if the CA file or the system's certificates cannot be used.
    pub fn new(settings: HttpSettings) -> Result<Self, ClientError> {
        Self::sharing(settings, &HttpClients::default())
    }

    /// A client that shares connections with those that were made from these.
    ///
    /// # Errors
    /// As `new`.
    pub fn sharing(settings: HttpSettings, clients: &HttpClients) -> Result<Self, ClientError> {
        let HttpSettings { api_origin, timing, ca_file, tokens, now } = settings;
        let client = clients.to(&api_origin, &timing, ca_file.as_deref())?;
        Ok(Self { origin: api_origin, client, tokens: TokenCache::new(tokens, now) })
    }

    /// What the token at hand says about itself. Returns `None` before `ready`, and if the token is
    /// opaque.
    pub fn claims(&self) -> Option<Claims> {
        self.tokens.claims()
    }

    fn with_token(&self, request: RequestBuilder) -> Result<(RequestBuilder, Arc<Held>), Reply> {
        let Some(held) = self.tokens.at_hand() else {
            let why = "no access token is at hand: none was got yet, or it ended or was refused";
            return Err(Reply::NeverLeft { why: why.to_owned() });
        };
        let request = request.header(ACCEPT, "application/json");
        Ok((request.header(AUTHORIZATION, held.header()), held))
    }

    async fn send(&self, request: RequestBuilder, limit: fn(u16) -> usize) -> Result<Whole, Reply> {
        let (request, held) = self.with_token(request)?;
        let mut whole = exchange(request, limit).await?;
        if whole.status == 401 {
            held.mark_refused();
        }
        // An echo of the request must not carry the token into reports.
        if whole.body.as_ref().is_some_and(|body| held.is_repeated_in(body)) {
            whole.body = Some(b"a body that repeats the access token".to_vec());
        }
        Ok(whole)
    }

    async fn reply_to(&self, request: RequestBuilder) -> Reply {
        match self.send(request, |_| SMALL_BODY).await {
            Ok(whole) => Reply::Answer(answer(whole)),
            Err(reply) => reply,
        }
    }

    /// One page of a list: what `read` finds in it, and the server's time.
    async fn page<T>(
        &self,
        url: Url,
        limit: fn(u16) -> usize,
        read: fn(&[u8]) -> Result<T, String>,
    ) -> Result<(T, Option<Timestamp>), Reply> {
        let whole = self.send(self.client.get(url), limit).await?;
        let body = match &whole.body {
            Some(body) if whole.status == 200 => body,
            _ => return Err(Reply::Answer(answer(whole))),
        };
        match read(body) {
            Ok(found) => Ok((found, whole.date)),
            Err(what) => {
                // A page is too large to be read a second time as any other answer.
                Err(Reply::Answer(with_body(&whole, Body::Other(what))))
            }
        }
    }

    /// A link that was checked when it was read, checked again: it comes back through the caller.
    fn followed(&self, NextPage(link): &NextPage) -> Result<Option<Url>, Reply> {
        let NextPage(link) = self.same_origin(link, &self.origin.at("/"))?;
        Ok(Url::parse(&link).ok())
    }

    /// The link, if it lies on our origin: the token must not go anywhere else.
    fn same_origin(&self, link: &str, base: &Url) -> Result<NextPage, Reply> {
        match base.join(link.trim()) {
            Ok(url) if self.origin.holds(&url) => Ok(NextPage(url.into())),
            _ => {
                let why = format!(
                    "the list goes on at another address than {}, which is not followed: {}",
                    self.origin,
                    excerpt(link)
                );
                Err(Reply::NoAnswer { why })
            }
        }
    }
}

impl ScanApi for HttpApi {
    async fn ready(&self) -> Result<(), SignInError> {
        self.tokens.ready().await
    }

    async fn token_refused(&self) {
        self.tokens.drop_refused();
    }

    async fn scan(&self, order: &ScanOrder) -> Reply {
        let url = self.origin.at(&format!("/api/machines/{}/runAntiVirusScan", order.device));
        let scan_type = order.scan_type.api_name();
        let order = ScanRequest { comment: &order.comment, scan_type };
        self.reply_to(self.client.post(url).json(&order)).await
    }

    async fn actions(&self, query: &ActionQuery, next: Option<&NextPage>) -> ListReply<Action> {
        let url = match next {
            Some(next) => self.followed(next)?,
            None => list_url(&self.origin, query),
        };
        let Some(url) = url else {
            // Nothing was asked for, so nothing is the whole answer.
            return Ok(ListPage { items: Vec::new(), next: None, date: None });
        };
        let limit = |status| if status == 200 { LIST_BODY } else { SMALL_BODY };
        let (found, date) = self.page(url.clone(), limit, wire::page).await?;
        let next = match found.next {
            Some(link) => Some(self.same_origin(&link, &url)?),
            None => skip_page(url, found.items.len()),
        };
        Ok(ListPage { items: found.items, next, date })
    }
}

impl Inventory for HttpApi {
    fn may_read(&self) -> Option<bool> {
        self.claims().map(|claims| claims.may_read())
    }

    async fn machines(
        &self,
        filter: &MachineFilter,
        next: Option<&NextPage>,
    ) -> ListReply<Machine> {
        let url = match next {
            Some(next) => self.followed(next)?,
            None => None,
        };
        let url = url.unwrap_or_else(|| machines_url(&self.origin, filter));
        let limit = |status| if status == 200 { MACHINES_BODY } else { SMALL_BODY };
        let (found, date) = self.page(url.clone(), limit, wire::machine_page).await?;
        let by_link = next.is_some_and(|NextPage(link)| !link.ends_with(SKIPPED));
        let next = match found.next {
            Some(link) => Some(self.same_origin(&link, &url)?),
            // A server that led here by its links ends the list by giving none.
            None if by_link => None,
            None => skip_machines(url, found.listed),
        };
        Ok(ListPage { items: found.items, next, date })
    }
}

impl CancelApi for HttpApi {
    async fn cancel(&self, id: &str, comment: &str) -> Reply {
        if !is_nameable(id) {
            let why = format!("no call can name the action `{}`", excerpt(id));
            return Reply::NeverLeft { why };
        }
        let url = self.origin.at(&format!("/api/machineactions/{id}/cancel"));
        self.reply_to(self.client.post(url).json(&CancelRequest { comment })).await
    }
}

fn answer(whole: Whole) -> Answer {
    let body = match &whole.body {
        Some(bytes) => wire::body(bytes),
        None => Body::Other("a body that is too large to be an answer of the API".to_owned()),
    };
    with_body(&whole, body)
}

/// The answer with a body that has been read already.
fn with_body(whole: &Whole, body: Body) -> Answer {
    Answer { status: whole.status, date: whole.date, retry_after: whole.retry_after, body }
}

/// The first page of a query. Returns `None` if it asks for no device. The values are ids and
/// times, which need no quoting; times stand without quotes ("OData queries" page).
fn list_url(origin: &Origin, query: &ActionQuery) -> Option<Url> {
    let which = match query {
        ActionQuery::CreatedSince(since) => format!("creationDateTimeUtc ge {since}"),
        ActionQuery::Open => "(status eq 'Pending' or status eq 'InProgress')".to_owned(),
        ActionQuery::OfDevices(devices) if devices.is_empty() => return None,
        ActionQuery::OfDevices(devices) => {
            let each: Vec<_> = devices.iter().map(|id| format!("machineId eq '{id}'")).collect();
            format!("({})", each.join(" or "))
        }
    };
    let mut url = origin.at("/api/machineactions");
    url.set_query(Some(&format!(
        "$filter=type eq '{SCAN_ACTION}' and {which}&$orderby=creationDateTimeUtc desc&$top={PAGE}"
    )));
    Some(url)
}

/// The first page of the list of machines. The filter may hold anything, so nothing of it is left
/// unencoded that could end it.
fn machines_url(origin: &Origin, filter: &MachineFilter) -> Url {
    let mut url = origin.at("/api/machines");
    // Without `$top` the server itself says where the rest is, and a last page that is full needs
    // no further call to show that it was the last.
    if let Some(text) = filter.text() {
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        url.set_query(Some(&format!("$filter={}", encoded.replace('+', "%20"))));
    }
    url
}

/// What a page that this client asks for by a skip of its own is told by. A fragment is never sent.
const SKIPPED: &str = "#skipped";

/// The page of machines after a full one that names no rest.
fn skip_machines(mut url: Url, found: usize) -> Option<NextPage> {
    url.set_fragment(None);
    let query = url.query().unwrap_or_default();
    if !query.contains("$top=") {
        let and = if query.is_empty() { "" } else { "&" };
        let query = format!("{query}{and}$top={PAGE}");
        url.set_query(Some(&query));
    }
    let NextPage(link) = skip_page(url, found)?;
    Some(NextPage(link + SKIPPED))
}

/// The page after a full one that names no rest: a server that was told `$top` need not say that
/// there is more, and a list that is cut short must not look like a whole one.
fn skip_page(mut url: Url, found: usize) -> Option<NextPage> {
    if found < PAGE {
        return None;
    }
    let query = url.query().unwrap_or_default().to_owned();
    let (rest, skipped) = match query.rsplit_once("&$skip=") {
        Some((rest, skipped)) => (rest.to_owned(), skipped.parse().ok()?),
        None => (query, 0),
    };
    url.set_query(Some(&format!("{rest}&$skip={}", found.checked_add(skipped)?)));
    Some(NextPage(url.into()))
}
