//! What the dates of a list show as a whole, before its devices are put in order by them. Each list
//! is read once for that.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::input::{Copied, is_input, open};
use crate::domain::facts::Dates;
use crate::intake::{self, Fault, IntakeError, Options, Row, Seen};

/// What the dates of each list show. Standard input comes but once, so that what was read of it is
/// kept in a file without a name, unless it is already.
pub(in crate::ops) fn survey(
    sources: &[PathBuf],
    kept: &mut Option<File>,
    options: &Options,
) -> Result<Vec<Dates>, IntakeError> {
    // What a name stands for has nothing to do with dates.
    let options = Options { names: None, ..options.clone() };
    let mut seen = Seen::new();
    let mut of = |path: &PathBuf| {
        let input = is_input(path);
        let failed =
            |error| IntakeError { input: "standard input".to_owned(), fault: Fault::Io(error) };
        let again = match kept.as_ref().filter(|_| input) {
            Some(kept) => Some(kept.try_clone().map_err(failed)?),
            None => None,
        };
        let is_fresh = input && again.is_none();
        let (name, mut reader) = open(path, again)?;
        if is_fresh {
            let copy = tempfile::tempfile().map_err(failed)?;
            *kept = Some(copy.try_clone().map_err(failed)?);
            reader = Box::new(Copied { from: reader, to: copy });
        }
        let mut dates = Dates::default();
        let mut emit = |row: Row| {
            dates.add(&row.facts);
            ControlFlow::Continue(())
        };
        intake::read(&name, reader, &options, &mut seen, &mut emit)?;
        Ok(dates)
    };
    sources.iter().map(&mut of).collect()
}
