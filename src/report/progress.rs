//! Progress on standard error: bars on a terminal, else a line a minute. It shows what it is told
//! and decides nothing; the words are `text`'s. No colour is used, so that none is ever the only
//! sign and `NO_COLOR` has nothing to switch off.

mod screen;
pub mod text;

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use tracing_subscriber::fmt::MakeWriter;

pub use screen::Look;
use screen::{Out, Screen};

use super::human::{is_narrow, wrapped};
use crate::domain::cancel;
use crate::domain::event::{Event, Note, Snapshot};
use crate::domain::text::printable;

/// The least time between two lines, and between two equal notes.
const LINE_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Bars that are drawn in place.
    Bars,
    /// At most a line a minute, and notes as they come; no escape codes.
    Lines,
}

impl Style {
    /// The style for standard error. `term` is the variable `TERM`: a dumb terminal gets lines.
    pub fn pick(is_terminal: bool, term: Option<&str>) -> Self {
        match (is_terminal, term) {
            (true, Some(term)) if term != "dumb" && !term.is_empty() => Style::Bars,
            _ => Style::Lines,
        }
    }
}

/// Standard error, shared by progress and logs so that a log line never tears a bar. It is a
/// writer, and it makes writers for `tracing`; clones write to the same place.
#[derive(Clone)]
pub struct Terminal {
    bars: MultiProgress,
    out: Out,
    screen: Option<Screen>,
}

impl Terminal {
    /// Standard error.
    pub fn stderr() -> Self {
        let (is_terminal, out) = (io::stderr().is_terminal(), Box::new(io::stderr()));
        if is_terminal {
            Self::over(out, Look::stderr())
        } else {
            Self::new(ProgressDrawTarget::hidden(), out)
        }
    }

    /// Bars and text on a terminal that this writes to. Whatever becomes of it, nothing fails.
    pub fn over(out: Box<dyn Write + Send>, look: Look) -> Self {
        let out: Out = Arc::new(Mutex::new(out));
        let screen = Screen::new(out.clone(), look);
        let bars = MultiProgress::with_draw_target(screen.target());
        Self { bars, out, screen: Some(screen) }
    }

    /// Bars drawn here and text written there. An error of the bars' place is a panic: see `over`.
    pub fn new(bars: ProgressDrawTarget, out: Box<dyn Write + Send>) -> Self {
        let bars = MultiProgress::with_draw_target(bars);
        Self { bars, out: Arc::new(Mutex::new(out)), screen: None }
    }

    /// Whether bars can be drawn now: not while the program runs in the background.
    fn takes_bars(&self) -> bool {
        let Some(screen) = &self.screen else { return true };
        let (in_front, again) = screen.in_front();
        if again {
            // What stands above the cursor now is somebody else's.
            self.bars.set_draw_target(screen.target());
        }
        in_front
    }

    /// Writes a line of text and its end.
    fn say(&mut self, text: &str) {
        // Who does not read standard error misses progress; the campaign goes on.
        drop(self.write_all(format!("{text}\n").as_bytes()));
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.takes_bars();
        if self.screen.as_ref().is_some_and(|screen| !screen.takes_text()) {
            return Ok(bytes.len());
        }
        // All at once, so that nothing can come between two halves of a line.
        self.bars.suspend(|| {
            let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
            out.write_all(bytes)?;
            out.flush()
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what `tracing` writes, which is one whole event at a time: whatever a server, a list or a
/// library put into it, it stays one line and steers no terminal.
pub struct LogLine(Terminal);

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let event = String::from_utf8_lossy(bytes);
        let line = event.strip_suffix('\n').unwrap_or(&event);
        self.0.say(&printable(line));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Terminal {
    type Writer = LogLine;

    fn make_writer(&self) -> LogLine {
        LogLine(self.clone())
    }
}

/// Progress of one run.
pub struct Progress {
    terminal: Terminal,
    /// Bars; lines are said where there are none, and while the terminal takes none.
    bars: Option<Bars>,
    last_line: Option<Timestamp>,
    last_note: Option<(Note, Timestamp)>,
}

impl Progress {
    /// Begins to show progress.
    pub fn new(style: Style, terminal: &Terminal) -> Self {
        let bars = match style {
            Style::Bars => Some(Bars::new(&terminal.bars)),
            Style::Lines => None,
        };
        Self { terminal: terminal.clone(), bars, last_line: None, last_note: None }
    }

    /// Shows an event, if it is time to.
    pub fn show(&mut self, event: &Event, now: &ZonedDateTime) {
        match event {
            Event::Progress(snapshot) => {
                self.advance(now, |bars| bars.show(snapshot, now), || text::line(snapshot, now))
            }
            Event::Note(note) => self.note(note, now),
        }
    }

    /// Shows how far cancelling is, if it is time to.
    pub fn cancelling(&mut self, progress: &cancel::CancelProgress, now: &ZonedDateTime) {
        self.advance(
            now,
            |bars| bars.cancelling(progress, now),
            || text::cancelling(progress, now),
        );
    }

    /// Moves the bars, or says a line where there are none.
    fn advance(
        &mut self,
        now: &ZonedDateTime,
        draw: impl FnOnce(&Bars),
        line: impl FnOnce() -> String,
    ) {
        if let Some(bars) = &self.bars
            && self.terminal.takes_bars()
        {
            draw(bars);
        } else if is_due(self.last_line, now) {
            self.last_line = Some(now.timestamp());
            self.terminal.say(&line());
        }
    }

    /// Takes the bars away, so that what is printed next stands alone.
    pub fn end(&mut self) {
        if let Some(bars) = &self.bars {
            bars.clear();
        }
    }

    /// A note that comes again and again, as pauses do, is told once a minute.
    fn note(&mut self, note: &Note, now: &ZonedDateTime) {
        let same = self.last_note.as_ref().filter(|(last, _)| last == note);
        if is_due(same.map(|(_, at)| *at), now) {
            self.last_note = Some((note.clone(), now.timestamp()));
            let text = text::note(note, now);
            let text = if self.bars.is_some() { wrapped(&text, 2) } else { text };
            self.terminal.say(&text);
        }
    }
}

/// Whether a minute has passed; a clock that was set back must not silence the program.
fn is_due(last: Option<Timestamp>, now: &ZonedDateTime) -> bool {
    last.is_none_or(|last| {
        let since = now.timestamp().duration_since(last);
        since >= LINE_EVERY || since.is_negative()
    })
}

/// One bar and three texts below it, each broken between words where a line is too short for it:
/// what is cut off is often what matters, the rarest of the outcomes.
struct Bars {
    bar: ProgressBar,
    lines: [ProgressBar; 3],
}

impl Bars {
    fn new(all: &MultiProgress) -> Self {
        let style = |template: &str| {
            ProgressStyle::with_template(template)
                .expect("a constant template")
                .progress_chars("=> ")
        };
        let bar = if is_narrow() { "[{bar:10}] {wide_msg}" } else { "[{bar:20}] {wide_msg}" };
        let bar = all.add(ProgressBar::new(0).with_style(style(bar)));
        let line = || all.add(ProgressBar::new(0).with_style(style("{msg}")));
        Self { bar, lines: [line(), line(), line()] }
    }

    fn show(&self, snapshot: &Snapshot, now: &ZonedDateTime) {
        let tally = &snapshot.tally;
        self.bar.set_length(tally.devices());
        self.bar.set_position(tally.devices_done());
        self.bar.set_message(text::done(tally));
        let wave = snapshot.wave.as_ref().map(|wave| text::wave(wave, now) + "; ");
        let texts = [
            text::outcomes(tally).trim_start_matches(": ").to_owned(),
            text::limits(snapshot),
            wave.unwrap_or_default() + &text::finish(snapshot, now),
        ];
        for (line, text) in self.lines.iter().zip(texts) {
            line.set_message(wrapped(&text, 2));
        }
    }

    fn cancelling(&self, progress: &cancel::CancelProgress, now: &ZonedDateTime) {
        self.bar.set_length(progress.all);
        self.bar.set_position(progress.cancelled + progress.ended + progress.refused);
        self.bar.set_message(text::cancelled(progress));
        self.lines[0].set_message(wrapped(&text::until(progress, now), 2));
    }

    fn clear(&self) {
        for line in self.lines.iter().rev() {
            line.finish_and_clear();
        }
        self.bar.finish_and_clear();
    }
}
