//! What the user typed about campaigns that wait for one another.

use clap::Args;

use crate::domain::Priority;

/// Which campaign goes before others.
#[derive(Clone, Debug, Default, Args)]
pub struct PriorityArgs {
    /// high: campaigns of normal priority that share its limits wait while this one has a device to
    /// order; kept with the campaign until another is given [default: normal]
    #[arg(long, value_name = "normal|high", value_parser = priority)]
    pub priority: Option<Priority>,
}

fn priority(text: &str) -> Result<Priority, String> {
    text.parse().map_err(|()| "write normal or high".to_owned())
}
