//! What the user typed about the time after the last order.

use super::typed::typed;

use crate::domain::request::Length;

typed! {
    /// After the run.
    AfterArgs => AfterRequest {
        /// Run this by sh -c after the reports are written, with the summary of --json on its
        /// standard input; it has ten minutes, and its failure does not change the exit code
        #[arg(long, value_name = "COMMAND")]
        on_finish: Option<String>,

        /// Run this by sh -c when a run begins, ends or does not go as foreseen, with the event as
        /// a JSON line on its standard input; see `fleetsweep help monitoring`
        #[arg(long, value_name = "COMMAND")]
        on_event: Option<String>,

        /// Follow the scans to their end before the summary
        ///
        /// As `fleetsweep follow` does, after the last order; Ctrl-C ends that alone
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
