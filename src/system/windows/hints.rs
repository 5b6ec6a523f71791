//! What the user is told to do where the words are this system's own.

use std::path::Path;

use super::host;
use super::shell::word;

/// What keeps others from reading a file, as a command for its user: nothing is inherited from the
/// folder any more, and the user alone is let in.
pub fn command_to_close(path: &Path) -> String {
    let (file, user) = (path.display().to_string(), format!("{}:F", host::user()));
    format!("icacls {} /inheritance:r /grant:r {}", word(&file), word(&user))
}

/// As `command_to_close`, of a file that has no name yet.
pub fn how_to_close() -> String {
    command_to_close(Path::new("FILE"))
}

/// What to do when the certificates of the system cannot be used.
pub fn certificates() -> &'static str {
    "look at the certificates of this computer (certlm.msc), or name a file of them with --ca-file"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_closed_by_a_command_that_both_shells_take() {
        let command = command_to_close(Path::new(r"C:\my files\secret"));
        let head = r#"icacls "C:\my files\secret" /inheritance:r /grant:r "#;
        assert!(command.starts_with(head), "{command}");
        assert!(!command.contains('%') && how_to_close().starts_with("icacls FILE /inh"));
    }
}
