//! Whether a file of a secret is its user's alone, by its list of rights; and secrets that the
//! Credential Manager keeps.

use std::fs::File;
use std::io;
use std::path::Path;

use super::access::lets_others_in;
use super::hints::command_to_close;
use super::shell::word;
use super::win32;
pub use crate::system::values::NotKept;

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

/// What the Credential Manager keeps for this user in a generic credential of this name.
///
/// # Errors
/// Why there is none, and what to do.
pub fn kept(name: &str) -> Result<Vec<u8>, NotKept> {
    let why = match win32::credential(name) {
        Ok(Some(bytes)) => return Ok(bytes),
        Ok(None) => "this user has no generic credential of that name".to_owned(),
        Err(error) => error.to_string(),
    };
    // Without a value it asks for the secret, which so stands in no history.
    let target = word(&format!("/generic:{name}"));
    let next =
        format!("store it as the user who runs this: cmdkey {target} /user:fleetsweep /pass");
    Err(NotKept { why, next })
}

#[cfg(test)]
mod tests {
    use super::super::win32::tried::{remove_credential, write_credential};
    use super::*;

    #[test]
    fn what_the_credential_manager_keeps_is_read_and_what_it_does_not_keep_is_told() {
        let name = "fleetsweep test of its own";
        // As cmdkey writes it.
        let mut text: Vec<u8> = "canary~secret".encode_utf16().flat_map(u16::to_le_bytes).collect();
        write_credential(name, &mut text);
        let read = kept(name);
        remove_credential(name);
        assert_eq!(read.unwrap(), text);
        let gone = kept(name).unwrap_err();
        assert!(gone.why.contains("no generic credential"), "{gone:?}");
        assert!(gone.next.contains("\"/generic:fleetsweep test of its own\""), "{gone:?}");
    }
}
