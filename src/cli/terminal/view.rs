//! What is shown while a campaign runs, and where log lines go meanwhile.

use std::io::{IsTerminal, Write};
use std::sync::LazyLock;
use std::time::Duration;

use crate::clock::local_now;
use crate::domain::Caught;
use crate::domain::event::Event;
use crate::domain::text::printable;
use crate::engine::StopLevel;
use crate::engine::cancel::Told;
use crate::ops::ui::Progress;
use crate::report::human::wrapped;
use crate::report::progress::{self, Style, Terminal};
use crate::system::terminal::NoCaret;

/// Standard error, once for bars and logs, so that neither tears the other.
static TERMINAL: LazyLock<Terminal> = LazyLock::new(Terminal::stderr);

/// Where log lines go.
pub(crate) fn log_writer() -> Terminal {
    TERMINAL.clone()
}

/// The progress of a run.
pub(crate) struct View {
    progress: progress::Progress,
    style: Style,
    _echo: Option<NoCaret>,
}

impl View {
    /// Begins to show progress: bars on a terminal, lines elsewhere.
    pub(crate) fn new() -> Self {
        let term = std::env::var("TERM").ok();
        let style = Style::pick(std::io::stderr().is_terminal(), term.as_deref());
        Self {
            progress: progress::Progress::new(style, &TERMINAL),
            style,
            _echo: if style == Style::Bars { Some(NoCaret::begin()) } else { None },
        }
    }
}

impl Progress for View {
    fn every(&self) -> Duration {
        match self.style {
            Style::Bars => Duration::from_millis(500),
            Style::Lines => Duration::from_secs(5),
        }
    }

    fn show(&mut self, event: &Event) {
        self.progress.show(event, &local_now());
    }

    fn cancelling(&mut self, told: &Told) {
        let now = local_now();
        match told {
            Told::Progress(progress) => self.progress.cancelling(progress, &now),
            Told::Note(note) => self.progress.show(&Event::Note(note.clone()), &now),
        }
    }

    fn stopping(&mut self, level: StopLevel, caught: Caught, resume: Option<&str>) {
        let goes_on = resume.map(|command| format!(" To go on: {command}")).unwrap_or_default();
        let by = match caught {
            Caught::Interrupt => String::new(),
            caught => format!(" ({caught})"),
        };
        self.warn(&match level {
            StopLevel::Run => return,
            StopLevel::Soft => format!(
                "Stopping{by}: no more orders; calls in flight finish (35 s at most). Ctrl-C again \
                 leaves at once.{goes_on}"
            ),
            StopLevel::Now => format!("Leaving at once.{goes_on}"),
        });
    }

    fn warn(&mut self, text: &str) {
        let text = printable(text);
        let text = if self.style == Style::Bars { wrapped(&text, 2) } else { text };
        // Who does not read standard error misses it; the campaign goes on.
        drop(TERMINAL.clone().write_all(format!("{text}\n").as_bytes()));
    }

    fn end(&mut self) {
        self.progress.end();
    }
}
