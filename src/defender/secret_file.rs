//! Reading what must stay secret from a file. A file that others on this machine can read is
//! refused: what it holds is no secret any more.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// The longest file that is read. A certificate with its chain and key has under 20 KiB.
const MOST: u64 = 1 << 20;

/// Why a file of a secret is not used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// Others can read or change it.
    #[error("others on this machine can read or change {}", .0.display())]
    Open(PathBuf),
    /// It cannot be read, or holds nothing that could be used.
    #[error("{} cannot be read: {why}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// The text of a file without the white space around it.
///
/// # Errors
/// `SecretFileError` if others can read it, or if there is nothing to read.
pub fn read_secret(path: &Path) -> Result<SecretString, SecretFileError> {
    let unreadable = |why: String| SecretFileError::Unreadable { path: path.to_owned(), why };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    // The file that is open is the one that is judged, whatever its name leads to meanwhile.
    let about = file.metadata().map_err(|error| unreadable(error.to_string()))?;
    if about.permissions().mode() & 0o077 != 0 && !is_credential(path) {
        return Err(SecretFileError::Open(path.to_owned()));
    }
    let mut text = String::new();
    let read = file.take(MOST + 1).read_to_string(&mut text);
    let length = read.map_err(|error| unreadable(error.to_string()))?;
    if length as u64 > MOST {
        return Err(unreadable("it is longer than any secret".to_owned()));
    }
    let text = SecretString::from(text.trim());
    match secrecy::ExposeSecret::expose_secret(&text) {
        "" => Err(unreadable("it is empty".to_owned())),
        _ => Ok(text),
    }
}

/// Whether systemd put the file there. It shows a group's bit for the access list that lets the
/// service's user in, and nobody else.
fn is_credential(path: &Path) -> bool {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
    folder.is_some_and(|folder| fs::canonicalize(path).is_ok_and(|path| path.starts_with(folder)))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn with_mode(mode: u32, text: &str) -> Result<SecretString, SecretFileError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        read_secret(file.path())
    }

    #[test]
    fn a_file_that_only_its_owner_can_read_is_read_without_its_line_end() {
        for mode in [0o600, 0o400, 0o700] {
            assert_eq!(with_mode(mode, " s3cret\n").unwrap().expose_secret(), "s3cret");
        }
    }

    #[test]
    fn a_file_that_others_can_read_or_write_is_refused() {
        for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o666, 0o610] {
            let refused = with_mode(mode, "s3cret").unwrap_err();
            assert!(matches!(refused, SecretFileError::Open(_)), "{mode:o}: {refused}");
        }
    }

    #[test]
    fn an_empty_a_missing_and_a_huge_file_are_no_secret() {
        let huge = "x".repeat(2 << 20);
        for text in ["", " \n", &huge] {
            let refused = with_mode(0o600, text).unwrap_err();
            assert!(matches!(refused, SecretFileError::Unreadable { .. }), "{refused}");
        }
        assert!(read_secret(Path::new("no such file")).is_err());
    }
}
