//! The face that operations have on a terminal: text for people on standard error, or on standard
//! output where it is what was asked for, and JSON lines for programs on standard output.

use std::io::IsTerminal;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;

use super::view::View;
use super::{confirm, hook, open, say};
use crate::ops::failure::Failure;
use crate::ops::ui::{Hooks, Progress, Question, Say, Service, Ui, Unasked};
use crate::report::Document;
use crate::system::service;

/// A terminal.
pub(crate) struct TerminalUi {
    /// Programs read standard output.
    pub json: bool,
    /// What is shown is what was asked for, and goes to standard output.
    pub answers: bool,
    /// All of it is shown, however long it is.
    pub details: bool,
}

#[async_trait]
impl Ui for TerminalUi {
    fn say(&self, text: &str) {
        say::told(text);
    }

    fn sayer(&self) -> Say {
        Arc::new(say::told)
    }

    fn service(&self, state: &Service) {
        service::tell(match state {
            Service::Ready => service::State::Ready,
            Service::Status(text) => service::State::Doing(text),
            Service::Stopping => service::State::Stopping,
        });
    }

    fn show(&self, document: &dyn Document) -> Result<(), Failure> {
        // Some results are for programs alone.
        let text = if self.details { document.details() } else { document.text() };
        let text = if document.is_line() { say::fitting(&text, self.answers) } else { text };
        if !self.answers {
            if !text.is_empty() {
                say::show(&text);
            }
        } else if !self.json {
            return if text.is_empty() { Ok(()) } else { say::answer(&text) };
        }
        if !self.json {
            return Ok(());
        }
        let line = document.json();
        if line.is_empty() { Ok(()) } else { say::data(&line) }
    }

    fn redraw(&self, text: &str, is_first: bool) -> Result<(), Failure> {
        say::redraw(text, is_first)
    }

    fn write(&self, data: &[u8]) -> Result<(), Failure> {
        say::bytes(data)
    }

    async fn open(&self, path: &std::path::Path) -> Result<(), String> {
        open::open(path).await
    }

    async fn ask(&self, question: Question) -> Result<String, Unasked> {
        confirm::ask(question).await
    }

    fn unanswered(&self) {
        // The terminal stands behind the question, and perhaps behind a ^C.
        if std::io::stderr().is_terminal() {
            say::note("");
        }
    }

    fn progress(&self) -> Box<dyn Progress> {
        Box::new(View::new())
    }

    fn hooks(&self) -> Arc<dyn Hooks> {
        Arc::new(Shell)
    }
}

/// What runs commands by the shell.
struct Shell;

#[async_trait]
impl Hooks for Shell {
    async fn run(
        &self,
        command: &str,
        line: &str,
        ended: Pin<&mut (dyn Future<Output = ()> + Send)>,
    ) -> Result<(), String> {
        hook::run(command, line, ended).await
    }
}
