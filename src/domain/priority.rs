//! Which campaign goes before the others on its budget. That the others yield is the stores' rule,
//! and for how long a runner's word holds is `Timing::engaged_for`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How urgent a campaign is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// It yields to campaigns of high priority.
    #[default]
    Normal,
    /// Others wait while it has a device to order and a runner at work.
    High,
}

impl Priority {
    /// The word on the command line, in JSON and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Priority::Normal => "normal",
            Priority::High => "high",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Priority {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Priority::Normal, Priority::High];
        all.into_iter().find(|one| one.name() == text).ok_or(())
    }
}
