//! A server that answers with given bytes and keeps what it was sent. It knows nothing of the API:
//! a test says what comes back, down to the byte at which the connection is cut.

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

/// A gzip stream of uncompressed blocks.
pub(crate) fn stored(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let mut out = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01".to_vec();
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(data);
    out.extend(crc32(data).to_le_bytes());
    out.extend(u32::from(length).to_le_bytes());
    out
}

/// A gzip stream that unpacks to nearly this many zero bytes, about a thousand times its size: one
/// literal, and then copies of 258 bytes from one byte back, in two bits each.
pub(crate) fn bomb(unpacked: usize) -> Vec<u8> {
    let mut out = Bits { bytes: b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(), held: 0, count: 0 };
    // The last block, with codes of its own: 286 for literals and lengths, one for distances.
    out.push(&[(0b101, 3), (29, 5), (0, 5), (14, 4)]);
    // Lengths of the codes that the code lengths are written in: one bit for 18, two for 1 and 2.
    for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1] {
        out.push(&[(
            match symbol {
                18 => 1,
                1 | 2 => 2,
                _ => 0,
            },
            3,
        )]);
    }
    let (one, two, zeros) = ((0b01, 2), (0b11, 2), (0, 1));
    // Two bits for the literal 0 and for the end, one for the length 258 and for the distance.
    out.push(&[
        two,
        zeros,
        (138 - 11, 7),
        zeros,
        (117 - 11, 7),
        two,
        zeros,
        (28 - 11, 7),
        one,
        one,
    ]);
    out.push(&[(0b01, 2)]);
    (0..unpacked / 258).for_each(|_| out.push(&[(0, 2)]));
    out.push(&[(0b11, 2), (0, 7)]);
    out.bytes
}

/// Bits in the order of deflate, the lowest first.
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    /// Values and their lengths.
    fn push(&mut self, values: &[(u32, u32)]) {
        for (value, length) in values {
            self.held |= value << self.count;
            self.count += length;
            while self.count >= 8 {
                self.bytes.push((self.held & 0xff) as u8);
                self.held >>= 8;
                self.count -= 8;
            }
        }
    }
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
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
            drop(stream.write_all(&bytes).await);
            drop(stream.shutdown().await);
            false
        }
        Act::Keep(bytes) => stream.write_all(&bytes).await.is_ok(),
        Act::Hang(bytes) => {
            drop(stream.write_all(&bytes).await);
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
