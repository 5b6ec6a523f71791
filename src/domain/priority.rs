//! Which campaign goes before the others on its budget. That the others yield is the stores' rule,
//! and for how long a runner's word holds is `Timing::engaged_for`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::spelling::{shown_by_word, worded};

worded! {
    /// How urgent a campaign is.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    Priority {
        /// It yields to campaigns of high priority.
        #[default]
        Normal = "normal",
        /// Others wait while it has a device to order and a runner at work.
        High = "high",
    }
}

shown_by_word!(Priority);

impl FromStr for Priority {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Priority::named(text).ok_or(())
    }
}
