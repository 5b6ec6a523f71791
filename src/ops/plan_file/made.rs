//! A plan that was made before, as its file says it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use jiff::Timestamp;

use crate::clock::wall_clock;
use crate::domain::Order;
use crate::domain::digest::FileDigest;
use crate::domain::plan_file::{KIND, PlanFile, VERSION};
use crate::domain::request::{Said, ScanRequest};
use crate::domain::text::{in_words, printable};
use crate::intake::DEFAULT_MAX_ROWS;
use crate::ops::destination::Destination;
use crate::ops::failure::Failure;

/// Bytes that a plan file may have: it holds no list.
const MOST_BYTES: u64 = 4 << 20;

/// A plan that was made before.
#[derive(Debug)]
pub struct Made {
    /// What was planned.
    pub(super) file: PlanFile,
    /// The digest of the file's bytes.
    pub(super) digest: FileDigest,
    /// That digest was approved.
    pub(super) approved: bool,
}

/// Reads the plan that is to be run, and fills from it what was not said.
///
/// # Errors
/// `Failure` if the file is not the approved one, or no plan.
pub fn filled(request: ScanRequest) -> Result<(ScanRequest, Option<Made>), Failure> {
    let Some(path) = &request.plan_file.read_from else { return Ok((request, None)) };
    let made = Made::read(path, request.plan_file.approved.as_ref())?;
    let planned = made.request(&request);
    Ok((request.or(planned), Some(made)))
}

impl Made {
    /// What the plan says of what was not said.
    fn request(&self, said: &ScanRequest) -> ScanRequest {
        let mut planned = self.file.request.clone();
        // A list that is as long as planned is not too long.
        planned.max_rows = Some(DEFAULT_MAX_ROWS.max(self.file.list.rows));
        planned.campaign = Some(self.file.campaign.clone());
        planned.scan_type = Some(self.file.order.scan_type);
        planned.comment = Some(self.file.order.comment.clone());
        planned.ticket = self.file.order.ticket.clone();
        if !said.devices.is_empty() || said.from_tenant {
            planned.devices.clear();
            (planned.from_tenant, planned.machines, planned.column) = Default::default();
        }
        let speed = &mut planned.run.speed;
        if said.run.speed.leave.is_some() {
            speed.limits = None;
        }
        speed.hours.forget_past_start(wall_clock());
        let waves = &mut planned.waves;
        if said.waves.has_canary() {
            // What was said without a seed is drawn with the plan's.
            if !said.waves.canary_random {
                waves.canary_seed = None;
            }
            if !waves.has_canary() {
                waves.canary_wait = None;
            }
            (waves.canary, waves.canary_tag, waves.canary_file) = (None, None, None);
        }
        // The devices are judged by what they were judged by when the plan was made: by the
        // tenant's inventory too, or by the list alone.
        let asks = planned.check;
        planned.check = false;
        if !said.check && !said.no_check {
            planned.check = asks;
            planned.no_check = !asks;
        }
        planned
    }

    /// When it was made.
    pub fn made_at(&self) -> Timestamp {
        self.file.times.made_at
    }

    /// Whether this is where the plan is to be run: asked before anything at all is sent there.
    ///
    /// # Errors
    /// `Failure` of the kind `Refused` says what differs.
    pub fn same_place(&self, destination: &Destination) -> Result<(), Failure> {
        let order = Order { target: destination.planned.target.clone(), ..self.file.order.clone() };
        let now = PlanFile { order, emulated: destination.planned.emulated, ..self.file.clone() };
        refuse(&self.file.differences(&now))
    }

    /// A plan that nobody confirmed, with how a plan of a file is.
    pub fn unconfirmed(&self, failure: Failure) -> Failure {
        let next = format!(
            "run it on a terminal, or have the file approved and add --approve-plan {}",
            self.digest
        );
        Failure { next, ..failure }
    }

    fn read(path: &Path, approved: Option<&FileDigest>) -> Result<Self, Failure> {
        let shown = printable(&path.display().to_string());
        let what = format!("the plan file {shown}");
        let bytes = bytes(path).map_err(|why| no_plan(&what, why))?;
        // Before anything is made of its content.
        let digest = FileDigest::of(&bytes);
        if let Some(approved) = approved.filter(|approved| **approved != digest) {
            return Err(Failure::refused(
                format!("nothing was ordered: {what} is not the approved one"),
                format!("approved is {approved}, and the file has {digest}"),
                "restore the approved file, or have this one approved",
            ));
        }
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| no_plan(&what, error.to_string()))?;
        if value["v"] != VERSION || value["type"] != KIND {
            let why = format!("it is no `{KIND}` of version {VERSION}");
            return Err(no_plan(&what, why));
        }
        let file: PlanFile =
            serde_json::from_slice(&bytes).map_err(|error| no_plan(&what, error.to_string()))?;
        Ok(Self { file, digest, approved: approved.is_some() })
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| in_words(&error))?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| in_words(&error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("it has more than {MOST_BYTES} bytes"));
    }
    Ok(bytes)
}

pub(super) fn refuse(differs: &[String]) -> Result<(), Failure> {
    if differs.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(
        "nothing was ordered: this is not what was planned",
        format!("what differs: {}", differs.join("; ")),
        "restore what was planned, or make a new plan with --plan-out and have it approved",
    ))
}

fn no_plan(what: &str, why: impl ToString) -> Failure {
    let next = "name a file that --plan-out of this version of the program wrote";
    Failure::usage(format!("nothing was ordered: {what} cannot be used"), why, next)
}
