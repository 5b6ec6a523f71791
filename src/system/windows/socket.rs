//! A socket in the file system: there is none here that the page could listen on.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use axum::serve::Listener as Listens;
use tokio::net::TcpStream;
use tokio_postgres::config::Host;

pub use crate::system::values::Reach;

/// What listens on such a socket: nothing ever does.
#[derive(Debug)]
pub struct Listener(Infallible);

impl Listens for Listener {
    type Io = TcpStream;
    type Addr = ();

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.0 {}
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        match self.0 {}
    }
}

/// Refuses.
///
/// # Errors
/// Always.
pub fn bind(_path: &Path) -> io::Result<Listener> {
    let why = "there are no such sockets on Windows; listen on an address (--listen)";
    Err(io::Error::new(io::ErrorKind::Unsupported, why))
}

/// Where this one is reached: by its name, since there are no sockets in folders.
pub fn reach(host: &Host) -> Reach<'_> {
    let Host::Tcp(name) = host;
    Reach::Name(name)
}
