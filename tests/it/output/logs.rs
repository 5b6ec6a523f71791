//! Log lines with text from a server: one event is one line, and steers nothing.

use std::io::Write;
use std::sync::{Arc, Mutex};

use fleetsweep::report::progress::Terminal;
use indicatif::ProgressDrawTarget;
use tracing_subscriber::fmt::MakeWriter;

use super::{HOSTILE, steers};

/// Output in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is written when a server's text is logged in every way.
fn logged<W>(memory: &Memory, writer: W) -> String
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("{HOSTILE}");
        tracing::info!(error = HOSTILE, "as a text");
        tracing::info!(error = %HOSTILE, "as it shows itself");
        tracing::info!(error = ?HOSTILE, "as it is debugged");
        let span = tracing::info_span!("call", device = %HOSTILE);
        span.in_scope(|| tracing::info!("within a span"));
    });
    let written = memory.0.lock().unwrap().clone();
    String::from_utf8(written).unwrap()
}

#[test]
fn an_event_with_a_servers_text_is_one_line_and_steers_nothing() {
    let memory = Memory::default();
    let terminal = Terminal::new(ProgressDrawTarget::hidden(), Box::new(memory.clone()));
    let log = logged(&memory, terminal);
    assert_eq!(steers(&log), None);
    assert_eq!(log.lines().count(), 5, "{log}");
    assert!(log.lines().all(|line| line.contains(" INFO ") && line.contains("forged")), "{log}");
}

#[test]
fn without_the_writer_of_the_program_a_servers_text_forges_log_lines() {
    let memory = Memory::default();
    let plain = memory.clone();
    let log = logged(&memory, move || plain.clone());
    assert!(log.lines().any(|line| line.starts_with("error: forged")), "{log}");
    assert!(steers(&log).is_some());
}
