//! Asking on the terminal. What is asked, and which answers there are, is `ops::plan::approve`'s.

use std::io::{BufRead, BufReader, IsTerminal, Write};

use super::say::by_words;
use crate::ops::ui::{Question, Unasked};
use crate::system::terminal::Console;

/// Asks, and returns what was typed.
pub(crate) async fn ask(question: Question) -> Result<String, Unasked> {
    let (typed, answer) = tokio::sync::oneshot::channel();
    // A thread of its own, since nothing ends the wait for a line; it goes with the process.
    std::thread::spawn(move || typed.send(ask_here(&question.headline, &question.prompt)).ok());
    answer.await.unwrap_or(Err(Unasked::NoTerminal))
}

/// Asks on the terminal, also when the list comes by a pipe.
fn ask_here(headline: &str, prompt: &str) -> Result<String, Unasked> {
    // In CI a terminal can be allocated though nobody sits at it.
    if std::env::var_os("CI").is_some() || !std::io::stderr().is_terminal() {
        return Err(Unasked::NoTerminal);
    }
    let console = Console::open().map_err(|_| Unasked::NoTerminal)?;
    if console.is_in_background() {
        return Err(Unasked::Background);
    }
    match ask_on(&console, headline, prompt) {
        Ok(Some(typed)) => Ok(typed),
        Ok(None) => Err(Unasked::Ended),
        Err(_) => Err(Unasked::NoTerminal),
    }
}

/// The line that was typed; `None` if the input ended.
fn ask_on(console: &Console, headline: &str, prompt: &str) -> std::io::Result<Option<String>> {
    // What was typed before the question is no answer to it.
    console.forget_what_was_typed()?;
    let mut out = console.output();
    writeln!(out, "{}", by_words(headline))?;
    write!(out, "{}", by_words(prompt))?;
    out.flush()?;
    let mut line = String::new();
    if BufReader::new(console.input()).read_line(&mut line)? == 0 {
        // The terminal stands behind the prompt.
        writeln!(out)?;
        return Ok(None);
    }
    Ok(Some(line.trim().to_owned()))
}
