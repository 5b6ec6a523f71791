//! What is shown while a campaign runs, and where log lines go meanwhile.

use std::io::IsTerminal;
use std::sync::LazyLock;
use std::time::Duration;

use crate::clock::local_now;
use crate::domain::CampaignName;
use crate::domain::event::Event;
use crate::domain::text::printable;
use crate::engine::StopLevel;
use crate::report::progress::{Progress, Style, Terminal};
use std::io::Write;

/// Standard error, once for bars and logs, so that neither tears the other.
static TERMINAL: LazyLock<Terminal> = LazyLock::new(Terminal::stderr);

/// Where log lines go.
pub(super) fn log_writer() -> Terminal {
    TERMINAL.clone()
}

/// The progress of a run.
pub(super) struct View {
    progress: Progress,
    style: Style,
}

impl View {
    /// Begins to show progress: bars on a terminal, lines elsewhere.
    pub(super) fn new() -> Self {
        let term = std::env::var("TERM").ok();
        let style = Style::pick(false, std::io::stderr().is_terminal(), term.as_deref());
        Self { progress: Progress::new(style, &TERMINAL), style }
    }

    /// How often a snapshot is worth taking.
    pub(super) fn every(&self) -> Duration {
        match self.style {
            Style::Bars => Duration::from_millis(500),
            Style::Lines => Duration::from_secs(5),
            Style::Quiet => Duration::ZERO,
        }
    }

    /// Shows an event.
    pub(super) fn show(&mut self, event: &Event) {
        self.progress.show(event, &local_now());
    }

    /// Says at once what a signal does.
    pub(super) fn stopping(&mut self, level: StopLevel, campaign: &CampaignName) {
        self.warn(&match level {
            StopLevel::Run => return,
            StopLevel::Soft => format!(
                "Stopping: no more orders; calls in flight finish (35 s at most). Ctrl-C again \
                 leaves at once. `fleetsweep resume {campaign}` goes on."
            ),
            StopLevel::Now => format!("Leaving at once. `fleetsweep resume {campaign}` goes on."),
        });
    }

    /// Says a sentence above the bars.
    pub(super) fn warn(&mut self, text: &str) {
        // Who does not read standard error misses it; the campaign goes on.
        drop(TERMINAL.clone().write_all(format!("{}\n", printable(text)).as_bytes()));
    }

    /// Takes the bars away.
    pub(super) fn end(&mut self) {
        self.progress.end();
    }
}
