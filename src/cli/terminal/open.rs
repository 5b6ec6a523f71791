//! Opening a file for people, by the program of the desktop. Which file is not decided here.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::system::command::OPENERS;

/// How long such a program may take to say that it cannot.
const LIMIT: Duration = Duration::from_secs(10);

/// Opens a file.
///
/// # Errors
/// Why not, as a part of a sentence.
pub(super) async fn open(path: &Path) -> Result<(), String> {
    for line in OPENERS {
        let [program, arguments @ ..] = line else { continue };
        let mut command = Command::new(program);
        command.args(arguments);
        let quiet = || Stdio::null();
        command.arg(path).stdin(quiet()).stdout(quiet()).stderr(quiet());
        let Ok(mut child) = command.spawn() else { continue };
        // One that still runs shows the file itself.
        return match timeout(LIMIT, child.wait()).await {
            Ok(Ok(status)) if !status.success() => Err(format!("{program} could not open it")),
            Ok(Err(error)) => Err(error.to_string()),
            Ok(Ok(_)) | Err(_) => Ok(()),
        };
    }
    Err(format!("none of {} is there", OPENERS.concat().join(", ")))
}
