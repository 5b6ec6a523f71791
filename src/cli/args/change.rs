//! What the user typed about the change request that a scan belongs to: its ticket, and the plan
//! that was made and approved before. Nothing is checked here beyond its form.

use clap::Args;

use crate::domain::Ticket;

/// The change request.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Change requests")]
pub struct ChangeArgs {
    /// Number of the change request or incident; it stands in every action's comment, in the report
    /// and in what status tells
    #[arg(long, value_name = "TEXT")]
    pub ticket: Option<Ticket>,
}
