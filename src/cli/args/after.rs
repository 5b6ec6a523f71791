//! What the user typed about the time after a run.

use clap::Args;

/// After the run.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "State and output")]
pub struct AfterArgs {
    /// Run this by sh -c after the reports are written, with the summary of --json on its standard
    /// input; it has ten minutes, and its failure does not change the exit code
    #[arg(long, value_name = "COMMAND")]
    pub on_finish: Option<String>,
}
