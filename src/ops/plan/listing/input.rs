//! Where a list is read from: a file, or standard input, which comes but once.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write as _};
use std::path::Path;

use crate::intake::{self, Fault, IntakeError};

/// What standard input is called.
const INPUT: &str = "standard input";

/// A reader that keeps what it reads in a file.
struct Copied<R> {
    from: R,
    to: File,
}

impl<R: Read> Read for Copied<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(into)?;
        self.to.write_all(&into[..length])?;
        Ok(length)
    }
}

/// Opens a list; standard input as it was kept, if it was.
pub(super) fn open(
    path: &Path,
    kept: Option<File>,
) -> Result<(String, Box<dyn Read + Send>), IntakeError> {
    if !is_input(path) {
        return Ok((path.display().to_string(), Box::new(intake::open(path)?)));
    }
    let name = INPUT.to_owned();
    let Some(mut kept) = kept else { return Ok((name, Box::new(io::stdin()))) };
    match kept.rewind() {
        Ok(()) => Ok((name, Box::new(kept))),
        Err(error) => Err(IntakeError { input: name, fault: Fault::Io(error) }),
    }
}

/// Opens a list that is opened again later: what is read of standard input is kept in a file
/// without a name, unless it is already.
pub(super) fn open_keeping(
    path: &Path,
    kept: &mut Option<File>,
) -> Result<(String, Box<dyn Read + Send>), IntakeError> {
    if !is_input(path) {
        return open(path, None);
    }
    let failed = |error| IntakeError { input: INPUT.to_owned(), fault: Fault::Io(error) };
    if let Some(kept) = kept {
        return open(path, Some(kept.try_clone().map_err(failed)?));
    }
    let to = tempfile::tempfile().map_err(failed)?;
    *kept = Some(to.try_clone().map_err(failed)?);
    let (name, from) = open(path, None)?;
    Ok((name, Box::new(Copied { from, to })))
}

/// Whether a list is standard input.
pub(super) fn is_input(path: &Path) -> bool {
    path == Path::new("-")
}
