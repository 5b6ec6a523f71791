//! One request, from the door to the bytes of its answer. What a page holds is read by `model` and
//! drawn by `view`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use maud::Markup;

use super::door::{Door, Refusal};
use super::model::campaign::CampaignView;
use super::model::campaigns::CampaignsView;
use super::model::devices::{DeviceView, DevicesView, filter, rows_as_csv};
use super::model::limits::LimitsView;
use super::model::nights::NightsView;
use super::model::tenants::TenantsView;
use super::query::Query;
use super::route::Route;
use super::scraper::NoScraper;
use super::shared::{Shared, drawn, now};
use super::tickets::SESSION_LIVES;
use super::view::{self, Frame};
use crate::clock::local_now;
use crate::domain::Campaign;
use crate::ops::failure::Failure;
use crate::ops::run::reports::head_of;
use crate::report::picture::STYLE;
use crate::store::Store;

/// What stands on every answer: nothing runs that did not come from here, no other site gets
/// anything, nobody keeps it.
const HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
         img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

const ICON: &str = include_str!("icon.svg");

const SCRIPT: &str = include_str!("live.js");

/// Answers a request.
pub(super) async fn answer<S: Store>(shared: Arc<Shared<S>>, request: Request) -> Response<Body> {
    // A request that reads has no body that anybody would want.
    let answered = inner(&shared, &request.into_parts().0).await;
    let mut response = answered.unwrap_or_else(|refusal| {
        let mut response = plain(refusal.status(), refusal.words().to_owned());
        if refusal == Refusal::Method {
            let methods = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, methods);
        }
        response
    });
    for (name, value) in HEADERS {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        response.headers_mut().insert(name, value);
    }
    response
}

async fn inner<S: Store>(
    shared: &Arc<Shared<S>>,
    request: &Parts,
) -> Result<Response<Body>, Refusal> {
    let (door, tickets) = (&shared.door, &shared.tickets);
    door.admits(request)?;
    let path = door.path(request.uri.path());
    if path == "/metrics" {
        return Ok(metrics(shared, request).await);
    }
    let query = Query::of(request.uri.query().unwrap_or_default());
    if let ("/", Some(ticket)) = (path, query.get("ticket")) {
        let session = drawn().ok().and_then(|drawn| tickets.exchange(ticket, drawn, now()));
        return session.map_or(Err(Refusal::NoSession), |session| Ok(begin(door, &session)));
    }
    let holds = door.holds_session(&request.headers, |one| tickets.is_session(one, now()));
    if !holds && !door.address().by_proxy {
        return Err(Refusal::NoSession);
    }
    let Some(route) = Route::of(path) else { return Ok(missing(shared)) };
    let _turn = shared.turns.acquire().await;
    Ok(shown(shared, route, &query).await.unwrap_or_else(|failure| failed(shared, &failure)))
}

/// The answer to a ticket: a session, and the way to the page without the ticket in its address.
fn begin(door: &Door, session: &str) -> Response<Body> {
    let mut response = plain(StatusCode::SEE_OTHER, String::new());
    let place = format!("{}/", door.address().prefix);
    for (name, value) in
        [(header::LOCATION, place), (header::SET_COOKIE, door.cookie(session, SESSION_LIVES))]
    {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// What Prometheus gets. It has no session, and a session of a browser has no use of it.
async fn metrics<S: Store>(shared: &Shared<S>, request: &Parts) -> Response<Body> {
    match shared.scraper.admits(&request.headers) {
        Ok(()) => {
            let _turn = shared.turns.acquire().await;
            let text = crate::ops::metrics::read(&*shared.store, &local_now()).await;
            typed("text/plain; version=0.0.4; charset=utf-8", text.into())
        }
        Err(NoScraper::NotAsked) => plain(
            StatusCode::NOT_FOUND,
            "Metrics are served to who has a token: start `fleetsweep serve` with \
             --metrics-token-file.\n"
                .to_owned(),
        ),
        Err(NoScraper::WrongToken) => {
            let words = "Show the token of --metrics-token-file as Authorization: Bearer TOKEN.\n";
            let mut response = plain(StatusCode::UNAUTHORIZED, words.to_owned());
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
            response
        }
    }
}

async fn shown<S: Store>(
    shared: &Arc<Shared<S>>,
    route: Route,
    query: &Query,
) -> Result<Response<Body>, Failure> {
    let (store, commands) = (&*shared.store, &shared.commands);
    let (frame, now) = (frame(shared), local_now());
    Ok(match route {
        Route::Style => typed("text/css; charset=utf-8", STYLE.into()),
        Route::Script => typed("text/javascript; charset=utf-8", SCRIPT.into()),
        Route::Icon => typed("image/svg+xml", ICON.into()),
        Route::Campaigns => {
            let read = CampaignsView::read(store, commands, &shared.named, query, now).await?;
            html(&view::campaigns::draw(&frame, &read))
        }
        Route::Named(name) => match &store.named(&name).await?[..] {
            [] => missing(shared),
            [one] => redirect(&frame.campaign(one)),
            _ => redirect(&format!("{}/?q={name}", frame.prefix)),
        },
        Route::Nights => {
            let read = NightsView::read(store, query, now).await?;
            let series = read.series.as_ref();
            let kept = |series| shared.coverage.of(&shared.store, series, read.runs.clone());
            let coverage = series.and_then(kept);
            html(&view::nights::draw(&frame, &read, coverage.as_deref()))
        }
        Route::Tenants => {
            let read = TenantsView::read(store, &shared.named, query, now).await?;
            html(&view::tenants::draw(&frame, &read))
        }
        Route::Limits => html(&view::limits::draw(&frame, &LimitsView::read(store, now).await?)),
        Route::Campaign(id) | Route::Devices(id) | Route::DevicesCsv(id) | Route::Device(id, _) => {
            match store.campaign(id).await? {
                Some(campaign) => of_campaign(shared, &frame, campaign, route, query).await?,
                None => missing(shared),
            }
        }
    })
}

async fn of_campaign<S: Store>(
    shared: &Arc<Shared<S>>,
    frame: &Frame<'_>,
    campaign: Campaign,
    route: Route,
    query: &Query,
) -> Result<Response<Body>, Failure> {
    let (store, commands) = (&*shared.store, &shared.commands);
    let now = local_now();
    Ok(match route {
        Route::Devices(_) => {
            let read = DevicesView::read(store, campaign, query, now).await?;
            html(&view::devices::draw(frame, &read))
        }
        Route::DevicesCsv(_) => {
            let how = format!("attachment; filename=\"{}-devices.csv\"", campaign.name);
            let head = head_of(store, &campaign).await?;
            let filter = filter(query, head.rest());
            let rows = rows_as_csv(shared.clone(), &campaign, head, filter);
            let body = Body::from_stream(rows);
            let mut response = typed("text/csv; charset=utf-8", body);
            if let Ok(how) = HeaderValue::from_str(&how) {
                response.headers_mut().insert(header::CONTENT_DISPOSITION, how);
            }
            response
        }
        Route::Device(_, seq) => match DeviceView::read(store, campaign, seq, now).await? {
            Some(read) => html(&view::device::draw(frame, &read)),
            None => missing(shared),
        },
        _ => html(&view::campaign::draw(
            frame,
            &CampaignView::read(store, commands, &shared.named, campaign, now).await?,
        )),
    })
}

fn frame<S: Store>(shared: &Shared<S>) -> Frame<'_> {
    let (prefix, place) = (&shared.door.address().prefix, shared.store.place());
    let store = &shared.commands.store;
    Frame { prefix, place, store, names: &shared.named, now: local_now() }
}

fn html(page: &Markup) -> Response<Body> {
    typed("text/html; charset=utf-8", page.0.clone().into())
}

fn typed(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn plain(status: StatusCode, text: String) -> Response<Body> {
    let mut response = typed("text/plain; charset=utf-8", text.into());
    *response.status_mut() = status;
    response
}

fn redirect(place: &str) -> Response<Body> {
    let mut response = plain(StatusCode::SEE_OTHER, String::new());
    if let Ok(place) = HeaderValue::from_str(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

fn missing<S: Store>(shared: &Shared<S>) -> Response<Body> {
    let words = "There is no such page here, or its campaign is not in this store.";
    let mut response = html(&view::trouble(&frame(shared), "Not found", words, ""));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn failed<S: Store>(shared: &Shared<S>, failure: &Failure) -> Response<Body> {
    let page = view::trouble(&frame(shared), &failure.what, &failure.why, &failure.next);
    let mut response = html(&page);
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
