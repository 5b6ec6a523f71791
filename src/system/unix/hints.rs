//! What the user is told to do where the words are this system's own.

use std::path::Path;

/// What keeps others from reading a file, as a command for its user.
pub fn command_to_close(path: &Path) -> String {
    format!("chmod 600 {}", path.display())
}

/// As `command_to_close`, of a file that has no name yet.
pub fn how_to_close() -> String {
    "chmod 600".to_owned()
}

/// What to do when the certificates of the system cannot be used.
pub fn certificates() -> &'static str {
    "install the system's certificates (the package ca-certificates)"
}
