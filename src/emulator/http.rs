//! The world behind HTTP on loopback: sockets, real time, and faults on real connections. It
//! decides nothing; what is answered and what goes wrong is the world's.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Config;
use super::clock::Clock;
use super::cut::{Cut, CutListener, Switch};
use super::ledger::Ledger;
use super::message::{Answer, Fault, Request};
use super::world::World;

/// A connection on which nothing is ever answered is held so long, then closed.
const HOLD: Duration = Duration::from_secs(120);

/// The longest body that is read.
const MAX_BODY: usize = 1 << 20;

/// A running emulator; it stops when it is dropped.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    shared: Shared,
    server: Option<JoinHandle<()>>,
}

/// What all connections share.
#[derive(Clone, Debug)]
struct Shared {
    world: Arc<Mutex<World>>,
    clock: Clock,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Shared {
    /// The world; the lock is never held over a wait.
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts an emulator on a loopback address; port 0 takes any that is free.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] if the address is not a loopback one or the settings make no
/// sense; else what binding the address says.
pub async fn start(config: Config, address: SocketAddr) -> io::Result<Emulator> {
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
    if !address.ip().is_loopback() {
        return Err(invalid(format!(
            "the emulator answers everybody who can reach it, so it listens on loopback only, and \
             {address} is not; use 127.0.0.1 or [::1]"
        )));
    }
    let mut world = World::new(config).map_err(|error| invalid(error.to_string()))?;
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    world.set_base_url(&format!("http://{address}"));
    let shared = Shared {
        world: Arc::new(Mutex::new(world)),
        clock: Clock::start(),
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    let service = Router::new()
        .fallback(handle)
        .with_state(shared.clone())
        .into_make_service_with_connect_info::<Switch>();
    let stop = shared.stop.clone().cancelled_owned();
    let server = tokio::spawn(async move {
        let serving = axum::serve(CutListener(listener), service).with_graceful_shutdown(stop);
        if let Err(error) = serving.await {
            tracing::error!(%error, "the emulator stopped serving");
        }
    });
    Ok(Emulator { address, shared, server: Some(server) })
}

impl Emulator {
    /// The origin of the API and of the token end point, without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A copy of the ledger as it is now.
    pub fn ledger(&self) -> Ledger {
        self.shared.world().ledger()
    }

    /// Looks into the world; no call is answered meanwhile.
    #[cfg(feature = "testing")]
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.shared.world())
    }

    /// Stops: cuts what is not answered yet, and waits for the connections to close (at most 2 s).
    pub async fn shutdown(mut self) {
        self.shared.stop.cancel();
        if let Some(mut server) = self.server.take()
            && tokio::time::timeout(Duration::from_secs(2), &mut server).await.is_err()
        {
            server.abort();
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

/// Answers one request.
async fn handle(
    State(shared): State<Shared>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    request: axum::extract::Request,
) -> Response<Body> {
    if let Some(name) = foreign_name(request.headers()) {
        return refuse_name(&name);
    }
    let Some(request) = read(request).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    if request.path == "/emulator/ledger" {
        return ledger(&shared, &request);
    }
    // The call goes on if the client goes away: what was sent arrives.
    let arrival = shared.tasks.spawn(arrive(shared.clone(), request));
    let answer = match arrival.await {
        Ok(Some(answer)) => answer,
        Ok(None) | Err(_) => return cut(&switch, Cut::Head(0)),
    };
    let (wait, at) = match answer.fault {
        Fault::None => (answer.after, None),
        fault if fault.times_out() => (HOLD, Some(Cut::Head(0))),
        Fault::CutMidHead(bytes) => (answer.after, Some(Cut::Head(bytes))),
        Fault::CutMidBody(bytes) => (answer.after, Some(Cut::Body(bytes))),
        _ => (answer.after, Some(Cut::Head(0))),
    };
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => return cut(&switch, Cut::Head(0)),
        () = tokio::time::sleep(wait) => {}
    }
    if let Some(at) = at {
        switch.arm(at);
    }
    response(answer)
}

/// Waits until the call arrives and lets it arrive. `None` if the emulator stops before.
async fn arrive(shared: Shared, request: Request) -> Option<Answer> {
    let plan = shared.world().plan(shared.clock.now(), &request);
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => return None,
        () = tokio::time::sleep(plan.before) => {}
    }
    let mut world = shared.world();
    // The clock is read under the lock, so that arrivals come in order.
    let now = shared.clock.now();
    Some(world.arrive(now, &request, &plan))
}

/// The request as the world takes it. `None` if its body is too long or breaks off.
async fn read(request: axum::extract::Request) -> Option<Request> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY).await.ok()?;
    let authorization = parts.headers.get(header::AUTHORIZATION);
    Some(Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        authorization: authorization.and_then(|value| value.to_str().ok()).map(str::to_owned),
        body: body.to_vec(),
    })
}

/// Domains of the real service, for a proxy that leads the real names to the emulator. No page can
/// have them resolved to this machine.
const REAL: [&str; 6] = [
    "microsoft.com",
    "microsoft.us",
    "microsoftonline.com",
    "microsoftonline.us",
    "windows.com",
    "windows.net",
];

/// The name by which the emulator was called, if it is one that a page in a browser could have made
/// lead here (DNS rebinding): such a page could read the ledger and play with the world.
fn foreign_name(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?;
    let Ok(text) = host.to_str() else { return Some("one that cannot be read".to_owned()) };
    let name = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => text.split(':').next().unwrap_or_default(),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_loopback = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let below = |domain: &str| {
        name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let known = is_loopback || below("localhost") || REAL.into_iter().any(below);
    if known { None } else { Some(name) }
}

fn refuse_name(name: &str) -> Response<Body> {
    let name: String = name.chars().take(100).flat_map(char::escape_default).collect();
    let mut response = plain(StatusCode::MISDIRECTED_REQUEST);
    *response.body_mut() = Body::from(format!(
        "the emulator is called by 127.0.0.1, [::1] or localhost, and not by {name}\n"
    ));
    response
}

fn response(answer: Answer) -> Response<Body> {
    let mut response = plain(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK));
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in &answer.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    *response.body_mut() = Body::from(answer.body);
    response
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An answer of which nothing beyond the cut gets through.
fn cut(switch: &Switch, at: Cut) -> Response<Body> {
    switch.arm(at);
    plain(StatusCode::SERVICE_UNAVAILABLE)
}

/// The ledger as JSON; with `entries=0` only its sums.
fn ledger(shared: &Shared, request: &Request) -> Response<Body> {
    let ledger = match request.query.as_str() {
        "entries=0" => shared.world().summary(),
        _ => shared.world().ledger(),
    };
    let mut response = plain(StatusCode::OK);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    match serde_json::to_vec(&ledger) {
        Ok(body) => *response.body_mut() = Body::from(body),
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(host: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        foreign_name(&headers)
    }

    #[test]
    fn it_is_called_by_the_names_of_this_machine_and_of_the_service_alone() {
        for host in [
            "127.0.0.1:8080",
            "127.8.8.8",
            "[::1]:8080",
            "localhost:1",
            "LOCALHOST.",
            "a.localhost",
            "api.security.microsoft.com",
            "login.microsoftonline.com:443",
        ] {
            assert_eq!(called(host), None, "{host}");
        }
        for host in [
            "evil.example:8080",
            "192.168.1.1:8080",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "notmicrosoft.com",
            "evilocalhost",
            "",
        ] {
            assert!(called(host).is_some(), "{host}");
        }
        assert_eq!(foreign_name(&HeaderMap::new()), None, "HTTP/1.0 names nobody");
    }
}
