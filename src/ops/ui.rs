//! What an operation needs of its face: to say something, to show a result, to ask, to show how far
//! it is. A terminal is one face; a page or a test is another. Nothing is decided here.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::failure::Failure;
use crate::domain::Caught;
use crate::domain::event::Event;
use crate::engine::StopLevel;
use crate::engine::cancel::Told;
use crate::report::Document;

/// What is asked before something is done that cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is about to be done, in lines.
    pub headline: String,
    /// What is to be typed.
    pub prompt: String,
}

/// Why nobody was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// Nobody is there.
    NoTerminal,
    /// Whoever asks there is stopped, and whoever sits there types for somebody else.
    Background,
    /// The input ended before anything was typed.
    Ended,
}

impl Unasked {
    /// The reason as a part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Unasked::NoTerminal => "there is no terminal to ask on",
            Unasked::Ended => "the input ended before it was answered",
            Unasked::Background => "it runs in the background of its terminal, where it cannot ask",
        }
    }
}

/// Says something from wherever, as long as the process lives.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// How a service is, for what started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// It has begun.
    Ready,
    /// What it does now.
    Status(String),
    /// It is about to end.
    Stopping,
}

/// The face of an operation.
#[async_trait]
pub trait Ui: Send + Sync {
    /// Says something to people.
    fn say(&self, text: &str);

    /// What says something from wherever.
    fn sayer(&self) -> Say;

    /// Tells what started this process how it is, if that wants to know.
    fn service(&self, service: &Service);

    /// Shows a result.
    ///
    /// # Errors
    /// `Failure` if it cannot be written where programs read it.
    fn show(&self, document: &dyn Document) -> Result<(), Failure>;

    /// Draws a text in the place of the one before, for who watches.
    ///
    /// # Errors
    /// `Failure` if nothing can be drawn there.
    fn redraw(&self, text: &str, is_first: bool) -> Result<(), Failure>;

    /// Writes data as it is to where programs read it.
    ///
    /// # Errors
    /// `Failure` if it cannot be written, though somebody reads it.
    fn write(&self, data: &[u8]) -> Result<(), Failure>;

    /// Opens a file as people of this machine open it.
    ///
    /// # Errors
    /// Why not, as a part of a sentence.
    async fn open(&self, path: &std::path::Path) -> Result<(), String>;

    /// Asks, and returns what was answered.
    async fn ask(&self, question: Question) -> Result<String, Unasked>;

    /// A question ended without an answer, or a signal came: what is said next begins a line.
    fn unanswered(&self);

    /// Begins to show how far something is.
    fn progress(&self) -> Box<dyn Progress>;

    /// What runs commands of the user's, from wherever.
    fn hooks(&self) -> Arc<dyn Hooks>;
}

/// What runs commands of the user's.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Runs a command with this line on its standard input. It ends the command once `ended` has
    /// ended.
    ///
    /// # Errors
    /// Says what became of the command, as a part of a sentence.
    async fn run(
        &self,
        command: &str,
        line: &str,
        ended: std::pin::Pin<&mut (dyn Future<Output = ()> + Send)>,
    ) -> Result<(), String>;
}

/// How far something is, as it goes on.
pub trait Progress: Send {
    /// How often a snapshot is worth taking; zero for never.
    fn every(&self) -> Duration;

    /// Shows what happened in a run.
    fn show(&mut self, event: &Event);

    /// Shows what happened in a cancellation.
    fn cancelling(&mut self, told: &Told);

    /// Says what a signal does to a run, and with which command to go on.
    fn stopping(&mut self, level: StopLevel, caught: Caught, resume: Option<&str>);

    /// Says a sentence beside it.
    fn warn(&mut self, text: &str);

    /// Ends it.
    fn end(&mut self);
}
