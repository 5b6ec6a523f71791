//! Reading what must stay secret from a file. A file that others on this machine can read is
//! refused: what it holds is no secret any more.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::secret_text::{FormError, bare_value, decode};
use crate::domain::text::in_words;
use crate::system::secrets::Access;

/// The longest file that is read. A certificate with its chain and key has under 20 KiB.
const MOST: u64 = 1 << 20;

/// Why a file of a secret is not used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// Others can read or change it.
    #[error("others on this machine can read or change {}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the user can do about it.
        next: String,
    },
    /// It cannot be read, or holds nothing that could be used.
    #[error("{} cannot be read: {why}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
        /// It is not there or empty, as a file is for a moment while another takes its place.
        gone: bool,
    },
    /// It is binary.
    #[error("{} cannot be read: {why}", .path.display())]
    NoText {
        /// The file.
        path: PathBuf,
        /// What it is not.
        why: &'static str,
    },
    /// It holds something besides the value.
    #[error("{} is not the value alone: {why}", .path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What else.
        why: FormError,
    },
}

/// The text of a file that nobody else can read, without the marks and the white space around it.
///
/// # Errors
/// `SecretFileError` if others can read it, or if there is nothing to read.
pub fn read_secret(path: &Path) -> Result<SecretString, SecretFileError> {
    read(path, true)
}

/// The value of a file that nobody else can read and that holds nothing else, such as a secret or a
/// token.
///
/// # Errors
/// As `read_secret`, and what stands in the file besides.
pub fn read_value(path: &Path) -> Result<SecretString, SecretFileError> {
    only_value(path, true)
}

/// The one value of a file that others may read, such as the token that Kubernetes projects for a
/// service account.
pub(super) fn read_shared(path: &Path) -> Result<SecretString, SecretFileError> {
    only_value(path, false)
}

fn only_value(path: &Path, private: bool) -> Result<SecretString, SecretFileError> {
    let form = |why| SecretFileError::Form { path: path.to_owned(), why };
    bare_value(read(path, private)?.expose_secret()).map_err(form)
}

fn read(path: &Path, private: bool) -> Result<SecretString, SecretFileError> {
    let unreadable =
        |why: String, gone| SecretFileError::Unreadable { path: path.to_owned(), why, gone };
    let failed = |error: io::Error| {
        let gone = error.kind() == io::ErrorKind::NotFound;
        unreadable(in_words(&error), gone)
    };
    let file = File::open(path).map_err(failed)?;
    // The file that is open is the one that is judged, whatever its name leads to meanwhile.
    let access = Access::of(&file).map_err(failed)?;
    if private && !access.is_private() && !is_credential(path) {
        return Err(SecretFileError::Open { path: path.to_owned(), next: access.remedy(path) });
    }
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST {
        return Err(unreadable("it is longer than any secret".to_owned(), false));
    }
    let text =
        decode(&bytes).map_err(|why| SecretFileError::NoText { path: path.to_owned(), why })?;
    match text.as_str() {
        "" => Err(unreadable("it is empty".to_owned(), true)),
        _ => Ok(SecretString::from(text)),
    }
}

/// Whether systemd put the file there. It shows a group's bit for the access list that lets the
/// service's user in, and nobody else.
fn is_credential(path: &Path) -> bool {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
    folder.is_some_and(|folder| fs::canonicalize(path).is_ok_and(|path| path.starts_with(folder)))
}

// By modes; `system::windows` has tests of its own.
#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

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
            assert!(matches!(refused, SecretFileError::Open { .. }), "{mode:o}: {refused}");
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
