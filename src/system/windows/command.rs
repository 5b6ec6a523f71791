//! A command line of the user's own, run by the shell, with all that it starts.

use std::io;
use std::os::windows::io::AsHandle;
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::win32::Job;
pub use crate::system::values::Task;

/// Programs that open a file as a double click does, the first that is there.
pub const OPENERS: &[&[&str]] = &[&["rundll32", "url.dll,FileProtocolHandler"]];

/// A command line for the shell. What it writes goes to standard error.
///
/// # Errors
/// As of the system.
pub fn shell(line: &str) -> io::Result<Command> {
    let mut shell = Command::new("cmd.exe");
    // The shell has rules of its own: what stands between the outer quotes is taken as it is.
    shell.raw_arg("/D /S /C").raw_arg(format!("\"{line}\""));
    shell.stdout(Stdio::from(io::stderr().as_handle().try_clone_to_owned()?));
    Ok(shell)
}

/// A child that was started by `shell`, with all that it starts.
#[derive(Debug)]
pub struct Tree(Option<Job>);

impl Tree {
    /// That of this child, which still runs. What it started before this call is not part of it.
    pub fn of(child: &Child) -> Self {
        Self(child.raw_handle().and_then(|process| Job::of(process).ok()))
    }

    /// Kills all of it.
    pub fn kill(&self) {
        if let Some(job) = &self.0 {
            job.end();
        }
    }
}

/// The task for a command of this system: the program itself, in its folder. A task has no
/// variables of its own.
pub fn task(
    folder: &Path,
    variables: &[(String, String)],
    program: &str,
    words: Vec<String>,
) -> Task {
    Task {
        program: program.to_owned(),
        arguments: words,
        folder: Some(folder.to_owned()),
        unset: variables.iter().map(|(name, _)| name.clone()).collect(),
        within: "",
    }
}
