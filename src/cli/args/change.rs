//! What the user typed about the change request that a scan belongs to: its ticket, and the plan
//! that is to be approved, or was. Nothing is checked here beyond its form.

use std::path::PathBuf;

use clap::Args;

use super::{BusyArg, ScanArgs};
use crate::cli::failure::Failure;
use crate::cli::plan_file::Made;
use crate::domain::{BusyPolicy, FileDigest, ScanType, Ticket};

/// The change request.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Change requests")]
pub struct ChangeArgs {
    /// Number of the change request or incident; it stands in every action's comment, in the report
    /// and in what status tells
    #[arg(long, value_name = "TEXT")]
    pub ticket: Option<Ticket>,

    /// Write the plan to this file, and print its digest and the command that runs exactly this
    /// plan
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    pub plan_out: Option<PathBuf>,

    /// Run the plan of this file: what it says need not be typed again, and whatever would be
    /// ordered otherwise than planned is refused (exit 6)
    #[arg(long, value_name = "FILE", conflicts_with = "approve_max")]
    pub plan: Option<PathBuf>,

    /// Go without asking if the file of --plan has this digest, as it was approved
    #[arg(long, value_name = "sha256:HEX")]
    pub approve_plan: Option<FileDigest>,

    /// The plan, once its file was read.
    #[arg(skip)]
    pub made: Option<Box<Made>>,
}

impl ScanArgs {
    /// The type of the scan.
    ///
    /// # Errors
    /// `Failure` if neither the command line nor a plan says it.
    pub(in crate::cli) fn scan_type(&self) -> Result<ScanType, Failure> {
        self.scan_type.ok_or_else(|| {
            let next = "add --type quick or --type full";
            Failure::usage("no type is given", "neither --type nor --plan says it", next)
        })
    }

    /// The user's comment; an empty one is refused like none.
    pub(in crate::cli) fn comment(&self) -> &str {
        self.comment.as_deref().unwrap_or_default()
    }

    /// What is done with busy devices.
    pub(in crate::cli) fn busy_policy(&self) -> BusyPolicy {
        match self.busy {
            Some(BusyArg::Retry) => BusyPolicy::Retry,
            Some(BusyArg::Report) | None => BusyPolicy::Report,
        }
    }
}
