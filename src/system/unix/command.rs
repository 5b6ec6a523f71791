//! A command line of the user's own, run by the shell, with all that it starts.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

pub use crate::system::values::Task;

/// Programs that open a file as a double click does, the first that is there.
pub const OPENERS: &[&[&str]] = &[&["xdg-open"], &["open"], &["wslview"]];

/// A command line for the shell, in a group of its own. What it writes goes to standard error.
///
/// # Errors
/// As of the system.
pub fn shell(line: &str) -> io::Result<Command> {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]);
    shell.stdout(Stdio::from(io::stderr().as_fd().try_clone_to_owned()?));
    shell.process_group(0);
    Ok(shell)
}

/// A child that was started by `shell`, with all that it starts.
#[derive(Debug)]
pub struct Tree(Option<Pid>);

impl Tree {
    /// That of this child, which still runs.
    pub fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// Kills all of it, as long as the child was not waited for.
    pub fn kill(&self) {
        if let Some(group) = self.0 {
            // What is gone already needs no killing.
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

/// The task for a command of this system, which runs in WSL then: `wsl.exe --exec` hands the words
/// over without a shell.
pub fn task(
    folder: &Path,
    variables: &[(String, String)],
    program: &str,
    words: Vec<String>,
) -> Task {
    let own = |text: &str| text.to_owned();
    let mut arguments = Vec::new();
    // WSL says so in every process that it starts.
    let distribution = std::env::var("WSL_DISTRO_NAME").ok().filter(|name| !name.is_empty());
    if let Some(name) = distribution {
        arguments.extend([own("--distribution"), name]);
    }
    arguments.extend([own("--cd"), folder.to_string_lossy().into_owned(), own("--exec")]);
    if !variables.is_empty() {
        arguments.push(own("/usr/bin/env"));
        arguments.extend(variables.iter().map(|(name, text)| format!("{name}={text}")));
    }
    arguments.push(own(program));
    arguments.extend(words);
    let program = own(r"%SystemRoot%\System32\wsl.exe");
    Task { program, arguments, folder: None, unset: Vec::new(), within: ", in WSL" }
}
