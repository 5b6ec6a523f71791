//! `devices`: where the list of the tenant's machines goes, and in which form.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::cli::args::DevicesArgs;
use crate::cli::terminal::say;
use crate::domain::Exit;
use crate::domain::request::{Said, ScanRequest};
use crate::ops::context::Context;
use crate::ops::devices::{self, Devices, unwritable};
use crate::ops::failure::Failure;
use crate::report::Format;
use crate::report::human::columns;
use crate::report::machines::MachineList;

/// Lists the tenant's devices.
///
/// # Errors
/// `Failure` of its kind.
pub(super) async fn devices(
    cx: &Context<'_>,
    args: DevicesArgs,
    defaults: ScanRequest,
) -> Result<Exit, Failure> {
    let list = list(&args)?;
    if let Some(path) = &args.output {
        refuse_existing(path, args.force)?;
    }
    let output = args.output.clone();
    let mut request = args.request()?;
    request.connect = request.connect.or(defaults.run.connect);
    let Devices { text, told } = devices::devices(cx, request, list).await?;
    match copy(text, output.as_deref()) {
        // Whoever closed the pipe has read enough.
        Err(error) if output.is_none() && say::is_unread(&error) => {}
        copied => copied.map_err(|error| unwritable(&error))?,
    }
    cx.ui.say(&told);
    Ok(Exit::Done)
}

/// People see a table at their terminal; whatever else reads is given what `scan` reads back.
fn list(args: &DevicesArgs) -> Result<MachineList, Failure> {
    match &args.output {
        _ if args.json => Ok(MachineList::Lines(Format::JsonLines)),
        None if io::stdout().is_terminal() => Ok(MachineList::Table(columns())),
        None => Ok(MachineList::Lines(Format::Csv)),
        Some(path) => Format::of(path).map(MachineList::Lines).map_err(|_| {
            Failure::usage(
                format!("the file `{}` has no known format", path.display()),
                "its ending is neither .csv nor .jsonl",
                "give another name with --output",
            )
        }),
    }
}

fn refuse_existing(path: &Path, force: bool) -> Result<(), Failure> {
    if force || !path.exists() {
        return Ok(());
    }
    Err(Failure::usage(
        format!("the file `{}` is not overwritten", path.display()),
        "it is there already",
        "give another name with --output, or add --force",
    ))
}

fn copy(mut text: File, output: Option<&Path>) -> io::Result<()> {
    let Some(path) = output else {
        let mut out = io::stdout().lock();
        io::copy(&mut text, &mut out)?;
        return out.flush();
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut there = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    io::copy(&mut text, &mut there)?;
    there.as_file().sync_all()?;
    there.persist(path).map_err(|error| error.error)?;
    Ok(())
}
