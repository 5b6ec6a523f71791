//! A server that answers with given bytes and keeps what it was sent. It knows nothing of the API: a
//! test says what comes back, down to the byte at which the connection is cut.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends these bytes and closes the connection.
    Close(Vec<u8>),
    /// Sends these bytes and waits for the next request on the same connection.
    Keep(Vec<u8>),
    /// Sends these bytes and then nothing, with the connection open.
    Hang(Vec<u8>),
    /// Sends these bytes one by one, with this time between them.
    Drip(Vec<u8>, Duration),
    /// Sends these bytes over and over until the client has had enough.
    Flood(Vec<u8>),
}

/// A server on loopback that lives as long as its test.
pub(crate) struct Canned {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    /// Starts a server; `act` is given each request and its number, from 0.
    pub(crate) async fn serve(act: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (act, kept) = (Arc::new(act), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (act, kept) = (act.clone(), kept.clone());
                tokio::spawn(async move { converse(stream, &*act, &kept).await });
            }
        });
        Self { address, seen }
    }

    /// A server that answers every request alike.
    pub(crate) async fn always(act: Act) -> Self {
        Self::serve(move |_, _| act.clone()).await
    }

    /// Its origin, over plain http.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, head and body.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no test panics while it holds this").clone()
    }
}

/// A whole response with a length, after which the connection closes.
pub(crate) fn response(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 {status} X\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\nContent-Length: {}\r\n\
         Connection: close\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A response like `response`, and then the end of the connection.
pub(crate) fn close(status: u16, body: impl AsRef<[u8]>) -> Act {
    Act::Close(response(status, "Content-Type: application/json\r\n", body))
}

async fn converse(
    mut stream: TcpStream,
    act: &(dyn Fn(usize, &str) -> Act + Send + Sync),
    kept: &Mutex<Vec<String>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        let number = {
            let mut kept = kept.lock().expect("no test panics while it holds this");
            kept.push(request.clone());
            kept.len() - 1
        };
        if !perform(&mut stream, act(number, &request)).await {
            return;
        }
    }
}

/// Whether the connection goes on.
async fn perform(stream: &mut TcpStream, act: Act) -> bool {
    match act {
        Act::Close(bytes) => {
            // A client that has had enough closes first; that is for the client's side to judge.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            false
        }
        Act::Keep(bytes) => stream.write_all(&bytes).await.is_ok(),
        Act::Hang(bytes) => {
            let _ = stream.write_all(&bytes).await;
            std::future::pending().await
        }
        Act::Drip(bytes, between) => {
            for byte in bytes {
                if stream.write_all(&[byte]).await.is_err() {
                    return false;
                }
                tokio::time::sleep(between).await;
            }
            false
        }
        Act::Flood(bytes) => {
            while stream.write_all(&bytes).await.is_ok() {}
            false
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
