//! Progress: its words, how often it is told, and that nothing tears the bars.

use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetsweep::domain::event::{Event, HoldReason, Note, Snapshot, WaveShown};
use fleetsweep::domain::{Operation, Outcome, Refusal, State, Stop, Tally};
use fleetsweep::report::progress::{Look, Progress, Style, Terminal, text};
use indicatif::{ProgressDrawTarget, TermLike};
use jiff::{SignedDuration, ZonedDateTime};

fn now() -> ZonedDateTime {
    "2026-11-24T22:00[Europe/Berlin]".parse().unwrap()
}

fn later(seconds: i64) -> ZonedDateTime {
    now().checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn snapshot(done: u64) -> Snapshot {
    let hour = "1500/1h".parse().unwrap();
    let mut tally = Tally { queued: 12_000 - done, ..Tally::default() };
    tally.add(State::Done(Outcome::Accepted), done);
    tally.add(State::Done(Outcome::Duplicate), 100);
    Snapshot {
        next_order: None,
        tally,
        calls: done,
        used: vec![("100/1m".parse().unwrap(), 25), (hour, 1_500)],
        throttled: 0,
        in_flight: 0,
        hold: Some(HoldReason::Quota(hour)),
        finish_in: Some(Duration::from_secs(18_720)),
        stops_in: None,
        wave: None,
    }
}

#[test]
fn the_line_says_how_far_how_fast_until_when_and_why() {
    let usual = snapshot(4_210);
    let start = Snapshot { hold: Some(HoldReason::Pace), used: vec![], ..snapshot(0) };
    let mut mixed = snapshot(4_000);
    mixed.tally.doubtful = 3;
    for covered in [true, false] {
        mixed.tally.add(State::Done(Outcome::AlreadyInProgress { covered }), 30);
    }
    (mixed.in_flight, mixed.throttled, mixed.hold) = (4, 2, Some(HoldReason::Pause));
    let network = Snapshot { hold: Some(HoldReason::Network), finish_in: None, ..snapshot(4_210) };
    let ten = HoldReason::Start("2026-11-24T21:00:00Z".parse().unwrap());
    let waits = Snapshot { hold: Some(ten), ..snapshot(0) };
    let mut last = snapshot(11_999);
    (last.tally.queued, last.tally.claimed, last.hold) = (0, 1, Some(HoldReason::Pause));
    let end = Snapshot { hold: None, finish_in: None, ..snapshot(12_000) };
    let wave = |done, wait: Option<u64>| WaveShown {
        name: "the canary".to_owned(),
        devices: 20,
        done,
        wait: wait.map(Duration::from_secs),
        then: 11_980,
    };
    let canary = Snapshot { wave: Some(wave(7, None)), ..snapshot(7) };
    let hold = Some(HoldReason::Wave);
    let held = Snapshot { wave: Some(wave(20, Some(1_200))), hold, ..snapshot(20) };
    let week =
        Snapshot { finish_in: Some(Duration::from_secs(700_000)), hold: None, ..snapshot(1) };
    let stops = Snapshot { stops_in: Some(Duration::from_secs(7_200)), ..snapshot(4_210) };
    let all = [usual, start, mixed, network, last, end, canary, held, waits, week, stops];
    let lines: Vec<String> = all.iter().map(|snapshot| text::line(snapshot, &now())).collect();
    insta::assert_snapshot!("progress-lines", lines.join("\n"));
}

#[test]
fn every_note_is_a_sentence_that_says_what_happens_next() {
    let refusal = |code: &str| Refusal {
        status: 403,
        code: Some(code.to_owned()),
        message: Some("no \u{1b}[31m".to_owned()),
        target: None,
    };
    let page = "HTTP 403 with an HTML page: a proxy answers in the API's place";
    let notes = [
        Note::OthersCall,
        Note::Paused(Operation::Scan, Duration::from_secs(30)),
        Note::Paused(Operation::Cancel, Duration::from_secs(86_400)),
        Note::Paused(Operation::Read, Duration::from_secs(90)),
        Note::LimitNamed("30/1m".parse().unwrap()),
        Note::CommentsChanged,
        Note::Waiting("dns \u{1b}[31m error".into()),
        Note::Reached,
        Note::StoreAway("the disk is full".into()),
        Note::StoreBack,
        Note::Forgotten(Duration::from_secs(3_669)),
        Note::ListForbidden(refusal("Forbidden")),
        Note::ListForbidden(refusal("DisabledFeature")),
        Note::Refused { words: "HTTP 400 InvalidRequestBody: \u{1b}[31m".into(), again: false },
        Note::Refused { words: "HTTP 404 ResourceNotFound".into(), again: true },
        Note::Useless(Operation::Scan, page.into()),
        Note::Useless(Operation::Cancel, page.into()),
        Note::Useless(Operation::Read, page.into()),
        Note::ListFailed("HTTP 503".into()),
        Note::Stopping(Operation::Scan, 1, Stop::Failures("8 of 100 results failed".into())),
        Note::Stopping(Operation::Cancel, 2, Stop::Time),
        Note::WaveOver("the canary".into(), Duration::from_secs(1_800)),
        Note::WaveOver("the canary".into(), Duration::from_secs(40 * 3_600)),
        Note::WavePassed("0 of 20 devices of the canary failed".into()),
    ];
    let notes: Vec<String> = notes.iter().map(|note| text::note(note, &now())).collect();
    insta::assert_snapshot!("progress-notes", notes.join("\n"));
}

#[test]
fn an_end_beyond_the_calendar_is_left_out_and_does_not_stop_the_program() {
    let far = Snapshot { finish_in: Some(Duration::MAX), ..snapshot(1) };
    assert_eq!(text::finish(&far, &now()), "limited by 1,500/h");
    text::note(&Note::Paused(Operation::Scan, Duration::MAX), &now());
}

#[test]
fn bars_are_for_real_terminals_alone() {
    assert_eq!(Style::pick(true, Some("xterm-256color")), Style::Bars);
    assert_eq!(Style::pick(true, Some("dumb")), Style::Lines);
    assert_eq!(Style::pick(true, None), Style::Lines);
    assert_eq!(Style::pick(false, Some("xterm")), Style::Lines);
}

/// What a terminal or a file receives, in order.
#[derive(Clone, Debug, Default)]
struct Received(Arc<Mutex<String>>);

impl Received {
    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    fn add(&self, text: &str) -> io::Result<()> {
        self.0.lock().unwrap().push_str(text);
        Ok(())
    }
}

impl Write for Received {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(std::str::from_utf8(bytes).unwrap()).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal of 40 columns.
impl TermLike for Received {
    fn width(&self) -> u16 {
        40
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        self.add("<up>")
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        self.add("<down>")
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        self.add("<right>")
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        self.add("<left>")
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.add(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add("<clear>")
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

fn shown(style: Style, events: &[(i64, Event)]) -> String {
    let received = Received::default();
    let terminal = Terminal::new(ProgressDrawTarget::hidden(), Box::new(received.clone()));
    let mut progress = Progress::new(style, &terminal);
    for (seconds, event) in events {
        progress.show(event, &later(*seconds));
    }
    progress.end();
    received.text()
}

#[test]
fn without_a_terminal_there_is_one_line_a_minute_and_notes_come_at_once() {
    let mut events = Vec::new();
    for at in 0..180_i64 {
        events.push((at, Event::Progress(Box::new(snapshot(at.unsigned_abs())))));
        if (60..120).contains(&at) {
            events.push((at, Event::Note(Note::Paused(Operation::Scan, Duration::from_secs(30)))));
        }
    }
    let text = shown(Style::Lines, &events);
    let starts: Vec<&str> = text.lines().map(|line| line.split(" of ").next().unwrap()).collect();
    let pause = "Paused by the server for 30 s, until 22:01:30 CET; it goes on by itself";
    assert_eq!(starts, ["0", "60", pause, "120"]);
    assert!(!text.contains(['\u{1b}', '\r']));
}

#[test]
fn a_clock_that_is_set_back_does_not_silence_the_lines() {
    let event = || Event::Progress(Box::new(snapshot(1)));
    let text = shown(Style::Lines, &[(0, event()), (-3_600, event()), (-3_599, event())]);
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn a_narrow_terminal_breaks_its_lines_and_a_log_line_never_tears_them() {
    let screen = Received::default();
    let draw = ProgressDrawTarget::term_like(Box::new(screen.clone()));
    let mut terminal = Terminal::new(draw, Box::new(screen.clone()));
    let mut progress = Progress::new(Style::Bars, &terminal);
    progress.show(&Event::Progress(Box::new(snapshot(6_000))), &now());
    terminal.write_all(b"WARN something\n").unwrap();
    let text = screen.text();
    // The bars are cleared right before the log line, and drawn again after it.
    let (before, after) = text.split_once("WARN something\n").unwrap();
    assert!(before.ends_with("<clear>") || before.ends_with("<up>"), "{before}");
    let drawn = after.replace("<up>", "");
    let drawn: Vec<char> = drawn.chars().collect();
    let lines: Vec<String> =
        drawn.chunks(40).map(|line| line.iter().collect::<String>().trim_end().into()).collect();
    assert_eq!(
        lines,
        [
            "[==========>         ] 6,000 of 12,000 d",
            "6,000 accepted",
            "calls 25 of 100/min, 1,500 of 1,500/h",
            "done about Wed 25 Nov 03:12 CET (in 5 h",
            "12 min, limited by 1,500/h)",
        ]
    );
    progress.end();
    assert!(screen.text().len() > text.len());
}

/// A terminal that went away: it takes nothing.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::from_raw_os_error(5))
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(5))
    }
}

const LOOK: Look = Look { size: || (40, 20), is_in_front: || true, stops_writers: || false };

#[test]
fn a_terminal_that_takes_nothing_any_more_harms_nothing() {
    let mut terminal = Terminal::over(Box::new(Gone), LOOK);
    let mut progress = Progress::new(Style::Bars, &terminal);
    for at in 0..50_u8 {
        progress.show(&Event::Progress(Box::new(snapshot(at.into()))), &later(at.into()));
        progress.show(&Event::Note(Note::Reached), &later(i64::from(at) * 100));
        assert!(terminal.write_all(b"WARN something\n").is_err());
    }
    progress.end();
}

/// The same place as the library that draws takes it.
impl TermLike for Gone {
    fn width(&self) -> u16 {
        40
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn write_str(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(5))
    }
}

impl std::fmt::Debug for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gone")
    }
}

/// Why the bars have a screen of their own: on a plain target the same ends the program.
#[test]
fn without_its_own_screen_a_terminal_that_goes_away_is_a_panic() {
    let shown = std::panic::catch_unwind(|| {
        let draw = ProgressDrawTarget::term_like(Box::new(Gone));
        // Nothing is dropped on the way out, where a second panic would end all tests.
        let mut terminal = ManuallyDrop::new(Terminal::new(draw, Box::new(io::sink())));
        let mut progress = ManuallyDrop::new(Progress::new(Style::Bars, &terminal));
        progress.show(&Event::Progress(Box::new(snapshot(1))), &now());
        terminal.write_all(b"WARN something\n")
    });
    assert!(shown.is_err());
}

static IN_FRONT: AtomicBool = AtomicBool::new(true);
static STOPS: AtomicBool = AtomicBool::new(false);

#[test]
fn in_the_background_there_are_lines_and_no_bars_and_back_in_front_nothing_above_is_touched() {
    let received = Received::default();
    let look = Look {
        size: || (80, 20),
        is_in_front: || IN_FRONT.load(Ordering::SeqCst),
        stops_writers: || STOPS.load(Ordering::SeqCst),
    };
    let terminal = Terminal::over(Box::new(received.clone()), look);
    let mut progress = Progress::new(Style::Bars, &terminal);
    let mut after = |seconds: i64, done: u64| {
        let before = received.text().len();
        progress.show(&Event::Progress(Box::new(snapshot(done))), &later(seconds));
        received.text()[before..].to_owned()
    };
    assert!(after(0, 1).contains('\u{1b}') || after(1, 2).contains('\u{1b}'));
    IN_FRONT.store(false, Ordering::SeqCst);
    let line = after(2, 3);
    assert!(line.starts_with("3 of 12,000 devices") && !line.contains('\u{1b}'), "{line:?}");
    assert_eq!(after(3, 4), "", "a line a minute");
    STOPS.store(true, Ordering::SeqCst);
    assert_eq!(after(100, 4), "", "it would be stopped for a line");
    STOPS.store(false, Ordering::SeqCst);
    IN_FRONT.store(true, Ordering::SeqCst);
    // The first thing that is drawn goes up over nothing.
    let back = after(200, 5);
    let drawn = back.find("of 12,000 devices").expect("the bars are back");
    assert!(back.find('\u{1b}').is_none_or(|up| drawn < up), "{back:?}");
}

#[test]
fn nothing_that_stands_still_has_a_finish_time() {
    let other = HoldReason::Priority("incident".parse().unwrap());
    for hold in [HoldReason::User, other, HoldReason::Network] {
        let held = Snapshot { hold: Some(hold), ..snapshot(1) };
        let text = text::finish(&held, &now());
        assert!(!text.contains("done about"), "{text}");
        assert!(text.contains("paused by") || text.contains("wait"), "{text}");
    }
}
