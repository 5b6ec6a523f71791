//! What the user typed about the change request that a scan belongs to: its ticket, and the plan
//! that is to be approved, or was. Nothing is checked here beyond its form.

use std::path::PathBuf;

use clap::Args;

use crate::domain::{FileDigest, Ticket};

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
}
