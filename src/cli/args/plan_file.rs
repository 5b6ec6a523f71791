//! What the user typed about the plan of a change request, which is to be approved or was. Nothing
//! is checked here beyond its form.

use std::path::PathBuf;

use super::typed::typed;
use crate::domain::FileDigest;

typed! {
    /// The plan as a file.
    PlanFileArgs => PlanFileRequest {
        /// Write the plan to this file, and print its digest and the command that runs exactly this
        /// plan
        #[arg(id = "plan_out", long = "plan-out", value_name = "FILE", conflicts_with = "plan")]
        write_to: Option<PathBuf>,

        /// Run the plan of this file: what it says need not be typed again, and whatever would be
        /// ordered otherwise than planned is refused (exit 6)
        #[arg(id = "plan", long = "plan", value_name = "FILE", conflicts_with = "approve_max")]
        read_from: Option<PathBuf>,

        /// Go without asking if the file of --plan has this digest, as it was approved
        #[arg(id = "approve_plan", long = "approve-plan", value_name = "sha256:HEX")]
        approved: Option<FileDigest>,
    }
}
