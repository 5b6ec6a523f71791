//! `devices`: lists the tenant's machines as lines that `scan` reads back. A list that was not read
//! to its end is not printed: it must not look like a whole one.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::Path;

use super::args::{DevicesArgs, SpeedArgs};
use super::connect::Destination;
use super::failure::Failure;
use super::say;
use super::settings;
use super::stores::{self, Place};
use super::tenant::{failure_of, forbidden_by_token, lists};
use crate::clock::{local_now, wall_clock};
use crate::domain::Machine;
use crate::engine::lists::{ListEnd, Listed, Patience};
use crate::report::Format;
use crate::report::human::counted;
use crate::report::machines::{header, line};

/// Runs `devices` and returns the exit code.
///
/// # Errors
/// `Failure` with its exit code.
pub(super) async fn devices(args: DevicesArgs) -> Result<u8, Failure> {
    let (now, format) = (wall_clock(), format(&args)?);
    if let Some(path) = &args.output {
        refuse_existing(path, args.force)?;
    }
    let filter = args.machines.filter(now)?;
    let destination = Destination::new(&args.connect, &args.emulator)?;
    let speed = settings::speed(&SpeedArgs::of_the_api(), destination.loopback(), &local_now())?;
    let destination = destination.identified(speed.timing).await?;
    let (target, emulated) = (destination.target(), destination.emulated());
    let place = Place::new(&args.place(), emulated)?;
    let store = stores::open(&place, speed.timing, None).await?;
    let (api, emulator) = destination.connect(&speed).await?;
    let mut lines = Lines::new(format)?;
    let listed = match forbidden_by_token(&api).await {
        Some(end) => Ok(Listed { end, calls: 0 }),
        None => {
            let patience = Patience::needed(speed.timing.max_wait);
            let lists = lists(&store, &api, &target, &speed, patience);
            let take = |machine: Machine| {
                if args.machines.takes(&machine, now) {
                    lines.add(&machine);
                }
            };
            lists.machines(&filter, take).await.map_err(Failure::from)
        }
    };
    if let Some(emulator) = emulator {
        emulator.shutdown().await;
    }
    let listed = stores::close(&store, listed).await?;
    if let Some(failure) = failure_of(&listed.end) {
        return Err(failure);
    }
    debug_assert_eq!(listed.end, ListEnd::Whole);
    let devices = lines.seen.len() as u64;
    lines.finish(args.output.as_deref())?;
    let emulated = if emulated { "EMULATED: " } else { "" };
    let (devices, calls) = (counted(devices, "device"), counted(listed.calls, "call"));
    say::note(&format!("{emulated}{devices} in {calls}"));
    Ok(0)
}

fn format(args: &DevicesArgs) -> Result<Format, Failure> {
    match &args.output {
        _ if args.json => Ok(Format::JsonLines),
        None => Ok(Format::Csv),
        Some(path) => Format::of(path).map_err(|_| {
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

/// The lines of the list, kept in a file without a name until all of them are there.
struct Lines {
    file: io::BufWriter<File>,
    format: Format,
    /// Lists move while they are read, so a machine can come twice.
    seen: HashSet<crate::domain::DeviceId>,
    failed: Option<io::Error>,
}

impl Lines {
    fn new(format: Format) -> Result<Self, Failure> {
        let file = tempfile::tempfile().map_err(|error| unwritable(&error))?;
        let mut lines =
            Self { file: io::BufWriter::new(file), format, seen: HashSet::new(), failed: None };
        lines.write(&header(format));
        Ok(lines)
    }

    fn add(&mut self, machine: &Machine) {
        if self.seen.insert(machine.id) {
            self.write(&line(machine, self.format));
        }
    }

    /// The first failure is told at the end.
    fn write(&mut self, text: &str) {
        if self.failed.is_none() {
            self.failed = self.file.write_all(text.as_bytes()).err();
        }
    }

    fn finish(mut self, output: Option<&Path>) -> Result<(), Failure> {
        let copied = match self.failed.take() {
            Some(error) => Err(error),
            None => self.copy(output),
        };
        match copied {
            // Whoever closed the pipe has read enough.
            Err(error) if output.is_none() && say::is_unread(&error) => Ok(()),
            Err(error) => Err(unwritable(&error)),
            Ok(()) => Ok(()),
        }
    }

    fn copy(self, output: Option<&Path>) -> io::Result<()> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        let Some(path) = output else {
            let mut out = io::stdout().lock();
            io::copy(&mut file, &mut out)?;
            return out.flush();
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut there = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        io::copy(&mut file, &mut there)?;
        there.as_file().sync_all()?;
        there.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

fn unwritable(error: &io::Error) -> Failure {
    let next = "make room, or check the folder of --output and the one for temporary files";
    Failure::new(1, "the list could not be written", error.to_string(), next)
}
