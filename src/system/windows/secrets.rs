//! Whether a file of a secret is its user's alone, by its list of rights.

use std::fs::File;
use std::io;
use std::path::Path;

use super::access::lets_others_in;
use super::files::command_to_close;
use super::win32;

/// Who may read or change a file.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    others: bool,
}

impl Access {
    /// Asks the system about an open file.
    ///
    /// # Errors
    /// As of the system.
    pub fn of(file: &File) -> io::Result<Self> {
        let (owner, list) = win32::owner_and_list(file)?;
        Ok(Self { others: lets_others_in(&owner, list.as_deref()) })
    }

    /// Whether nobody reads it but its owner, the system and the administrators.
    pub fn is_private(self) -> bool {
        !self.others
    }

    /// What the user can do about a file that is not private.
    pub fn remedy(self, path: &Path) -> String {
        format!("run `{}`", command_to_close(path))
    }
}
