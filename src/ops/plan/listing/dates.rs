//! What the dates of a list show as a whole, before its devices are put in order by them. Each list
//! is read once for that.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::input::open_keeping;
use crate::domain::facts::Dates;
use crate::intake::{self, IntakeError, Options, Row, Seen};

/// What the dates of each list show. Standard input comes but once, so that what was read of it is
/// kept in a file without a name, unless it is already.
pub(crate) fn survey(
    sources: &[PathBuf],
    kept: &mut Option<File>,
    options: &Options,
) -> Result<Vec<Dates>, IntakeError> {
    // What a name stands for has nothing to do with dates.
    let options = Options { names: None, ..options.clone() };
    let mut seen = Seen::new();
    let mut of = |path: &PathBuf| {
        let (name, reader) = open_keeping(path, kept)?;
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
