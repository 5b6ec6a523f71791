//! Serving the page: opening the store to read, listening, printing the link. Who is let in is
//! `door`'s to say, what is shown `answer`'s.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::address::{Address, Listen};
use super::answer::answer;
use super::door::Door;
use super::scraper::Scraper;
use super::shared::{Shared, drawn, now};
use super::tickets::Tickets;
use crate::domain::Exit;
use crate::domain::text::in_words;
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::named_tenant::{NamedTenant, by_ids};
use crate::ops::status::open_and_latest;
use crate::ops::stores::{self, Place};
use crate::ops::ui::Service;
use crate::report::Document;
use crate::store::Store;
use crate::system::socket;

/// Requests that are answered at once; the others wait.
const AT_ONCE: usize = 4;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct ServeRequest {
    /// Where it listens.
    pub listen: Listen,
    /// The address by which browsers reach it, if that is another one.
    pub public_url: Option<String>,
    /// The file of the token by which metrics are read, if they are.
    pub metrics_token_file: Option<PathBuf>,
    /// The tenants that the settings name.
    pub named: Vec<NamedTenant>,
}

/// Serves the page until a signal.
///
/// # Errors
/// `Failure` if the store cannot be read, or if it cannot listen.
pub async fn serve(cx: &Context<'_>, request: ServeRequest) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let scraper = Scraper::by(request.metrics_token_file.as_deref())?;
    let store = stores::open_to_read(&place).await?;
    let mut stopping = cx.stop.listen()?;
    // The address is judged before anything listens, and read again once the port is known.
    Address::of(&request.listen, request.public_url.as_deref())?;
    let (listen, listener) = Listener::bind(&request.listen).await?;
    let address = Address::of(&listen, request.public_url.as_deref())?;
    let latest = open_and_latest(&store).await?;
    let service = latest.first().map_or("", |one| &one.order.target.api_origin);
    let named = by_ids(&store, &request.named, service).await?;
    let shared = Arc::new(Shared {
        store: Arc::new(store),
        commands: cx.commands.clone(),
        door: Door::new(address),
        tickets: Tickets::default(),
        scraper,
        turns: Semaphore::new(AT_ONCE),
        named,
        coverage: Arc::default(),
    });
    tell(cx, &shared, &listen)?;
    cx.ui.service(&Service::Ready);
    let ended = stopping.unless_stopped(listener.run(shared)).await;
    cx.ui.service(&Service::Stopping);
    if let Listen::Socket(path) = &listen {
        // Whoever comes next makes a new one.
        fs::remove_file(path).ok();
    }
    ended.unwrap_or(Ok(())).map(|()| Exit::Done)
}

fn tell<S: Store>(cx: &Context<'_>, shared: &Shared<S>, listen: &Listen) -> Result<(), Failure> {
    let address = shared.door.address();
    if let (true, Listen::Socket(path)) = (address.by_proxy, listen) {
        cx.say(&format!(
            "The page is on the socket {} for a proxy, which has to ask who its users are: \
             whoever can open the socket sees all of it.",
            path.display()
        ));
        return cx.ui.show(&Link { url: address.url("/") });
    }
    let ticket = shared.tickets.ticket(drawn()?, now());
    cx.say(
        "The page shows what the store holds and changes nothing. Open this link within two \
         minutes; it works once. Ctrl-C ends the page, and no campaign.",
    );
    if let Listen::Tcp(at) = listen
        && !address.secure
    {
        cx.say(&format!(
            "From another machine, first: `ssh -L {port}:127.0.0.1:{port} THIS-MACHINE`",
            port = at.port()
        ));
    }
    cx.ui.show(&Link { url: address.url(&format!("/?ticket={ticket}")) })
}

/// The link to open.
struct Link {
    url: String,
}

impl Document for Link {
    fn text(&self) -> String {
        self.url.clone()
    }

    fn json(&self) -> String {
        serde_json::json!({ "v": 1, "type": "page", "url": self.url }).to_string()
    }
}

/// What listens.
enum Listener {
    Tcp(TcpListener),
    Socket(socket::Listener),
}

impl Listener {
    /// Begins to listen, and says where: a port that was left open has a number then.
    async fn bind(listen: &Listen) -> Result<(Listen, Self), Failure> {
        match listen {
            Listen::Tcp(at) => {
                let bound = TcpListener::bind(at).await.and_then(|bound| {
                    let at = bound.local_addr()?;
                    Ok((Listen::Tcp(at), Self::Tcp(bound)))
                });
                bound.map_err(|error| cannot_listen(listen, &error))
            }
            Listen::Socket(path) => {
                let bound = socket::bind(path).map_err(|error| cannot_listen(listen, &error))?;
                Ok((listen.clone(), Self::Socket(bound)))
            }
        }
    }

    async fn run<S: Store>(self, shared: Arc<Shared<S>>) -> Result<(), Failure> {
        let service =
            Router::new().fallback(move |request: Request| answer(shared.clone(), request));
        let served = match self {
            Self::Tcp(listener) => axum::serve(listener, service).await,
            Self::Socket(listener) => axum::serve(listener, service).await,
        };
        let next = "start it again";
        served.map_err(|error| Failure::failed("the page is not served any more", error, next))
    }
}

fn cannot_listen(listen: &Listen, error: &io::Error) -> Failure {
    let place = match listen {
        Listen::Tcp(at) => at.to_string(),
        Listen::Socket(path) => path.display().to_string(),
    };
    let what = format!("the page cannot listen on {place}");
    match listen {
        Listen::Tcp(at) if error.kind() == ErrorKind::AddrInUse => Failure::usage(
            what,
            format!("another program has port {}, perhaps another `serve`", at.port()),
            format!(
                "take a free port with --listen {}, or name one in the place of 0",
                SocketAddr::new(at.ip(), 0)
            ),
        ),
        _ => {
            let next = "name another address with --listen, or a socket with --socket";
            Failure::usage(what, in_words(error), next)
        }
    }
}
