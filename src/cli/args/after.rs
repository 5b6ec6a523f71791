//! What the user typed about the time after the last order.

use clap::Args;

use crate::domain::request::Length;

/// After the run.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "State and output")]
pub struct AfterArgs {
    /// Run this by sh -c after the reports are written, with the summary of --json on its standard
    /// input; it has ten minutes, and its failure does not change the exit code
    #[arg(long, value_name = "COMMAND")]
    pub on_finish: Option<String>,

    /// After the last order follow the ordered scans to their end, as `fleetsweep follow` does, and
    /// tell the summary then; Ctrl-C ends that alone
    #[arg(long)]
    pub follow: bool,

    /// Stop following after this long, such as 4h
    #[arg(long, value_name = "TIME")]
    pub follow_for: Option<Length>,

    /// Time between two looks; each costs one call for 10,000 scans [default: 5m]
    #[arg(long, value_name = "TIME")]
    pub follow_every: Option<Length>,
}
