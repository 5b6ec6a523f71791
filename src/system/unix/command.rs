//! A command line of the user's own, run by the shell, with all that it starts.

use std::io;
use std::os::fd::AsFd;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

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
