//! Connections that can be cut at any byte of an answer. The server writes as ever; the connection
//! itself lets only so many bytes through and then breaks.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Where an answer is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// After so many bytes of the whole answer.
    Head(usize),
    /// After so many bytes of its body.
    Body(usize),
}

/// Arms the cut of one connection's next answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Switch(Arc<Mutex<Option<CutAnswer>>>);

impl Switch {
    /// The next answer on this connection is cut there.
    pub(super) fn arm(&self, cut: Cut) {
        *self.lock() = Some(CutAnswer { cut, matched: 0 });
    }

    fn lock(&self) -> MutexGuard<'_, Option<CutAnswer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far an answer that will be cut has been written.
#[derive(Clone, Copy, Debug)]
struct CutAnswer {
    cut: Cut,
    /// How many bytes of the empty line that ends the head were seen in a row; four: it has ended.
    matched: usize,
}

impl CutAnswer {
    /// Whether one more byte may pass; if so it has.
    fn pass(&mut self, byte: u8) -> bool {
        const END: &[u8; 4] = b"\r\n\r\n";
        match &mut self.cut {
            Cut::Body(_) if self.matched < END.len() => {
                self.matched = match byte {
                    b if b == END[self.matched] => self.matched + 1,
                    b'\r' => 1,
                    _ => 0,
                };
                true
            }
            Cut::Head(left) | Cut::Body(left) => {
                let passes = *left > 0;
                *left = left.saturating_sub(1);
                passes
            }
        }
    }
}

/// Listens, and makes every connection one that can be cut.
#[derive(Debug)]
pub(super) struct CutListener(pub(super) TcpListener);

impl Listener for CutListener {
    type Io = CutStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CutStream, SocketAddr) {
        // The listener of axum itself knows how to go on after an error.
        let (stream, from) = Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the emulator's connection keeps its delay");
        }
        (CutStream { stream, switch: Switch::default() }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, CutListener>> for Switch {
    fn connect_info(stream: IncomingStream<'_, CutListener>) -> Switch {
        stream.io().switch.clone()
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct CutStream {
    stream: TcpStream,
    switch: Switch,
}

impl AsyncRead for CutStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CutStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let switch = self.switch.clone();
        let mut armed = switch.lock();
        let Some(progress) = armed.as_mut() else {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        };
        let mut probe = *progress;
        let allowed = bytes.iter().take_while(|byte| probe.pass(**byte)).count();
        if allowed == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, &bytes[..allowed]);
        if let Poll::Ready(Ok(count)) = written {
            // The socket may have taken less than was allowed.
            bytes[..count].iter().for_each(|byte| {
                progress.pass(*byte);
            });
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(cut: Cut, answer: &[u8]) -> usize {
        let mut progress = CutAnswer { cut, matched: 0 };
        answer.iter().take_while(|byte| progress.pass(**byte)).count()
    }

    #[test]
    fn a_cut_in_the_body_counts_from_the_end_of_the_head() {
        let answer = b"HTTP/1.1 200 OK\r\na: b\r\n\r\nbody";
        assert_eq!(passed(Cut::Head(0), answer), 0);
        assert_eq!(passed(Cut::Head(5), answer), 5);
        assert_eq!(passed(Cut::Body(0), answer), answer.len() - 4);
        assert_eq!(passed(Cut::Body(3), answer), answer.len() - 1);
        assert_eq!(passed(Cut::Body(9), answer), answer.len());
    }
}
