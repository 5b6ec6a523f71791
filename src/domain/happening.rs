//! What happened in a campaign, for who asks later: some tens in each run. What is shown while a
//! run goes on is `event`'s, and nothing goes by these.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::campaign::{CampaignName, Operation};

/// How many are kept of a campaign. Then the oldest make room, but for the first.
pub const HAPPENINGS_KEPT: usize = 500;

/// What happened at some moment, and by whose doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: Happened,
    /// The user whose command it was, or whose run met it.
    pub by: String,
    /// The machine of that user.
    pub host: String,
}

/// A happening as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedHappening {
    /// Its place among all of its store: later ones have greater ones.
    pub id: i64,
    /// What happened.
    pub happening: Happening,
}

/// What a run can lose for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Needed {
    /// The API or the sign-in service.
    Api,
    /// The store.
    Store,
}

/// What can happen in a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Happened {
    /// It was confirmed.
    Begun,
    /// A run of it began.
    RunBegun,
    /// Somebody paused it.
    Paused,
    /// Somebody took the pause back.
    WentOn,
    /// Somebody changed what was kept of it.
    Changed {
        /// What is otherwise from now on, in words.
        changes: Vec<String>,
    },
    /// The server paused an operation.
    ServerPaused {
        /// Which.
        operation: Operation,
        /// Until when.
        until: Timestamp,
    },
    /// Something could not be reached any more.
    OutOfReach {
        /// What.
        needed: Needed,
        /// Why.
        why: String,
    },
    /// It could be reached again.
    Reached {
        /// What.
        needed: Needed,
    },
    /// Orders may leave from here on, after they waited for that.
    WindowOpened,
    /// No order leaves any more, since the window closed.
    WindowClosed,
    /// A wave is over, and waits to be judged.
    WaveOver {
        /// What it is called.
        wave: String,
    },
    /// A wave was judged.
    WaveJudged {
        /// Whether the next one may begin.
        passed: bool,
        /// How its devices stood, in words.
        figures: String,
    },
    /// A run ended.
    RunEnded {
        /// Why, as a part of a sentence.
        why: String,
        /// Its exit code.
        exit_code: u8,
    },
    /// No run could begin.
    NotBegun {
        /// Why, as a part of a sentence.
        why: String,
        /// What that is worth as an exit code.
        exit_code: u8,
    },
    /// The next run of its series could not begin.
    NextNotBegun {
        /// The day by which that run would have been named.
        day: Date,
        /// Why, as a part of a sentence.
        why: String,
        /// What that is worth as an exit code.
        exit_code: u8,
    },
    /// All of it is done.
    Finished,
    /// Somebody cancelled it.
    Cancelled {
        /// Devices that waited and are not asked any more.
        devices: u64,
        /// Scans that were cancelled.
        scans: u64,
    },
    /// The next run of its series ended it.
    Followed {
        /// Devices that waited, which that run has.
        devices: u64,
    },
    /// A campaign of its own was begun that orders again what it left uncovered, or some of it.
    OrderedAgain {
        /// That campaign.
        campaign: CampaignName,
    },
    /// What a later version of this program noted, and this one does not know.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_later_version_noted_is_read_as_not_known() {
        let later = r#"{"what": "taken_to_the_moon", "by_rocket": true}"#;
        assert_eq!(serde_json::from_str::<Happened>(later).unwrap(), Happened::Unknown);
        let known = serde_json::from_str::<Happened>(r#"{"what": "paused"}"#).unwrap();
        assert_eq!(known, Happened::Paused);
    }
}
