//! Listing the tenant's machines as lines that `scan` reads back. A list that was not read to its
//! end is not given: it must not look like a whole one.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Seek, Write};

use super::context::Context;
use super::destination::{Destination, Planned};
use super::failure::Failure;
use super::lists::{Wanted, failure_of, forbidden_by_token, lists};
use super::stores::{self, Place};
use crate::clock::{local_now, wall_clock};
use crate::domain::request::{DevicesRequest, SpeedRequest};
use crate::domain::{DeviceId, Machine};
use crate::engine::lists::{Listed, Patience};
use crate::report::human::counted;
use crate::report::machines::{MachineList, header, line};

/// The whole list.
pub struct Devices {
    /// Its text, from the beginning.
    pub text: File,
    /// How many devices there are, and in how many calls that was found out.
    pub told: String,
}

/// Lists the tenant's devices.
///
/// # Errors
/// `Failure` of its kind.
pub async fn devices(
    cx: &Context<'_>,
    request: DevicesRequest,
    list: MachineList,
) -> Result<Devices, Failure> {
    let now = wall_clock();
    let machines = &request.machines;
    let filter = machines.filter(now)?;
    let destination = Destination::new(cx, &request.connect, &request.emulator)?;
    let speed = destination.speed(cx, &SpeedRequest::default(), &local_now())?;
    let destination = destination.identified(cx, speed.timing).await?;
    let Planned { target, emulated, .. } = destination.planned.clone();
    let place = Place::new(cx.store, emulated)?;
    let store = stores::open(&place, speed.timing, None).await?;
    let (api, emulator) = destination.connect(cx, &speed).await?;
    let mut lines = Lines::new(list)?;
    let listed = match forbidden_by_token(&api).await {
        Some(end) => Ok(Listed { end, calls: 0 }),
        None => {
            let patience = Patience::needed(speed.timing.max_wait);
            let lists = lists(&store, &api, &target, &speed, patience);
            let take = |machine: Machine| {
                if machines.takes(&machine, now) {
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
    if let Some(failure) = failure_of(Wanted::Reading, &listed.end) {
        return Err(failure);
    }
    let emulated = if emulated { "EMULATED: " } else { "" };
    let (devices, calls) =
        (counted(lines.seen.len() as u64, "device"), counted(listed.calls, "call"));
    let told = format!("{emulated}{devices} in {calls}");
    let text = lines.end().map_err(|error| unwritable(&error))?;
    Ok(Devices { text, told })
}

/// How many lines of a table leave its head on the screen.
const HEAD_IS_SEEN: usize = 20;

/// The lines of the list, kept in a file without a name until all of them are there.
struct Lines {
    file: io::BufWriter<File>,
    list: MachineList,
    /// Lists move while they are read, so a machine can come twice.
    seen: HashSet<DeviceId>,
    failed: Option<io::Error>,
}

impl Lines {
    fn new(list: MachineList) -> Result<Self, Failure> {
        let file = tempfile::tempfile().map_err(|error| unwritable(&error))?;
        let mut lines =
            Self { file: io::BufWriter::new(file), list, seen: HashSet::new(), failed: None };
        lines.write(&header(list));
        Ok(lines)
    }

    fn add(&mut self, machine: &Machine) {
        if self.seen.insert(machine.id) {
            self.write(&line(machine, self.list));
        }
    }

    /// The first failure is told at the end.
    fn write(&mut self, text: &str) {
        if self.failed.is_none() {
            self.failed = self.file.write_all(text.as_bytes()).err();
        }
    }

    fn end(mut self) -> io::Result<File> {
        if self.seen.len() > HEAD_IS_SEEN && matches!(self.list, MachineList::Table(_)) {
            self.write(&header(self.list));
        }
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(file)
    }
}

/// What is told of a list that could not be written.
pub fn unwritable(error: &io::Error) -> Failure {
    let next = "make room, or check the folder of --output and the one for temporary files";
    Failure::failed("the list could not be written", error, next)
}
