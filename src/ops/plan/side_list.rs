//! Lists beside the list of a scan, of `--first` and `--canary-file`: files that are read whole
//! for the devices that they name. What these are for, and what is said of a wrong one, is the
//! caller's.

use std::ops::ControlFlow;
use std::path::Path;

use crate::domain::DeviceId;
use crate::intake::{self, IntakeError, Options, Row, RowError, RowKind, Seen};
use crate::ops::failure::Failure;

/// The devices of a list, each once, with their lines, and what is wrong with its other rows.
pub(crate) type Rows = (Vec<(DeviceId, u64)>, Vec<RowError>);

/// Reads one, in any form that a list of devices may have.
///
/// # Errors
/// `IntakeError` if it is refused as a whole.
pub(crate) fn rows(path: &Path, options: &Options) -> Result<Rows, IntakeError> {
    let (mut devices, mut bad) = (Vec::new(), Vec::new());
    let mut emit = |row: Row| {
        match row.kind {
            RowKind::Device(device) => devices.push((device, row.line)),
            RowKind::Duplicate { .. } | RowKind::Foreign(_) => {}
            RowKind::Bad(error) => bad.push(error),
        }
        ControlFlow::Continue(())
    };
    let (name, reader) = (path.display().to_string(), intake::open(path)?);
    intake::read(&name, reader, options, &mut Seen::new(), &mut emit)?;
    Ok((devices, bad))
}

/// Reads lists on a thread of its own, where files may be slow.
///
/// # Errors
/// `Failure` of the reading.
pub(crate) fn apart<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> impl Future<Output = Result<T, Failure>> {
    let reading = tokio::task::spawn_blocking(read);
    async { reading.await.map_err(|error| Failure::defect("reading a list failed", error))? }
}

/// Standard input comes but once, and is the list's own.
///
/// # Errors
/// `Failure` if the option names it.
pub(crate) fn not_standard_input(option: &str, path: &Path) -> Result<(), Failure> {
    if path != Path::new("-") {
        return Ok(());
    }
    Err(Failure::usage(
        format!("{option} reads no standard input"),
        "that is for the list itself",
        "write these devices into a file",
    ))
}
