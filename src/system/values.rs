//! What every kind of system is asked with and answers, so that no kind says it anew.

use std::path::{Path, PathBuf};

/// What a program writes to.
#[derive(Clone, Copy, Debug)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How a task of the Windows scheduler starts a command.
#[derive(Debug)]
pub struct Task {
    /// The program.
    pub program: String,
    /// What it gets.
    pub arguments: Vec<String>,
    /// Where it is started, if its arguments do not say it.
    pub folder: Option<PathBuf>,
    /// The variables that the command reads and that the task cannot set.
    pub unset: Vec<String>,
    /// Where the command runs, as the end of a sentence.
    pub within: &'static str,
}

/// Why the system keeps no secret of a name.
#[derive(Debug)]
pub struct NotKept {
    /// Why.
    pub why: String,
    /// What the user can do about it.
    pub next: String,
}

/// What a service manager is told.
#[derive(Clone, Copy, Debug)]
pub enum State<'a> {
    /// It has begun.
    Ready,
    /// What it does now.
    Doing(&'a str),
    /// It is about to end.
    Stopping,
}

/// Where a database server is reached.
#[derive(Clone, Copy, Debug)]
pub enum Reach<'a> {
    /// By a name or an address.
    Name(&'a str),
    /// By a socket in this folder.
    Folder(&'a Path),
}
