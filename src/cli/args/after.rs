//! What the user typed about the time after the last order.

use super::typed::typed;

use crate::domain::request::Length;

typed! {
    /// After the run.
    #[command(next_help_heading = "State and output")]
    AfterArgs => AfterRequest {
        /// Run this by sh -c after the reports are written, with the summary of --json on its
        /// standard input; it has ten minutes, and its failure does not change the exit code
        #[arg(long, value_name = "COMMAND")]
        on_finish: Option<String>,

        /// After the last order follow the ordered scans to their end, as `fleetsweep follow` does,
        /// and tell the summary then; Ctrl-C ends that alone
        #[arg(long)]
        follow: bool,

        /// Stop following after this long, such as 4h
        #[arg(long, value_name = "TIME")]
        follow_for: Option<Length>,

        /// Time between two looks; each costs one call for 10,000 scans [default: 5m]
        #[arg(long, value_name = "TIME")]
        follow_every: Option<Length>,
    }
}
