//! A socket in the file system, which its rights guard.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

pub use tokio::net::UnixListener as Listener;
use tokio_postgres::config::Host;

pub use crate::system::values::Reach;

/// Listens on a socket that its user and group alone can open. One that nobody listens on any more
/// makes room.
///
/// # Errors
/// As of the system.
pub fn bind(path: &Path) -> io::Result<Listener> {
    if fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket())
        && std::os::unix::net::UnixStream::connect(path).is_err()
    {
        fs::remove_file(path)?;
    }
    let listener = Listener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Where this one is reached.
pub fn reach(host: &Host) -> Reach<'_> {
    match host {
        Host::Tcp(name) => Reach::Name(name),
        Host::Unix(folder) => Reach::Folder(folder),
    }
}
