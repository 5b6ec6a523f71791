//! Writing to standard output and standard error. A reader that goes away must not end a campaign,
//! as the standard macros would: they panic where a pipe is closed or a disk is full.

use std::io::{self, ErrorKind, Write};

use super::failure::Failure;

/// Writes a line of data to standard output. A reader that has read enough is no failure.
///
/// # Errors
/// `Failure` if the data cannot be written, as on a full disk.
pub(super) fn data(text: &str) -> Result<(), Failure> {
    written(&mut io::stdout().lock(), text).map_err(|error| {
        let next = "free space where standard output goes, then run `fleetsweep status`";
        Failure::new(1, "standard output cannot be written", error.to_string(), next)
    })
}

/// Writes a line for people to standard error. Who does not read it misses it.
pub(super) fn note(text: &str) {
    written(&mut io::stderr().lock(), text).ok();
}

fn written(to: &mut impl Write, text: &str) -> io::Result<()> {
    let line = format!("{text}\n");
    match to.write_all(line.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}
