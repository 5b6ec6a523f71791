//! What a running campaign tells those who watch it. Events are emitted after the commit that they
//! speak of; they decide nothing.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::campaign::{CampaignName, Operation};
use super::outcome::Stop;
use super::quota::Quota;
use super::refusal::Refusal;
use super::tally::Tally;

/// What holds the next order back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// This quota is used up.
    Quota(Quota),
    /// A pause after a 429, or after faults that another run met.
    Pause,
    /// A pause after answers of this run that are of no use.
    Faults,
    /// Somebody paused the campaign.
    User,
    /// This campaign of high priority goes before it.
    Priority(CampaignName),
    /// The API or the sign-in service cannot be reached.
    Network,
    /// The sign-in service does not answer, so far.
    SignIn,
    /// The API does not answer the calls that are under way, so far.
    Answers,
    /// The store cannot be reached or written.
    Store,
    /// The store may have forgotten calls, as after a failover or a restore.
    Forgotten,
    /// The pace that spreads bursts.
    Pace,
    /// The window in which orders may leave has not opened yet.
    Window,
    /// The moment from which on orders may leave has not come yet.
    Start(Timestamp),
    /// A wave is over, and is judged before the next one begins.
    Wave,
}

impl HoldReason {
    /// Whether the campaign waits for a moment or for somebody, rather than for its next slot.
    pub fn is_a_wait(&self) -> bool {
        !matches!(self, HoldReason::Quota(_) | HoldReason::Pace)
    }

    /// Whether the API, or the sign-in before it, gives no answer of use.
    pub fn is_for_want_of_answers(&self) -> bool {
        matches!(
            self,
            HoldReason::Network | HoldReason::SignIn | HoldReason::Answers | HoldReason::Faults
        )
    }

    /// The word for it, as metrics have it.
    pub fn word(&self) -> &'static str {
        match self {
            HoldReason::Quota(quota) => match quota.window.as_secs() {
                60 => "quota_minute",
                3_600 => "quota_hour",
                _ => "quota",
            },
            HoldReason::Pause => "pause",
            HoldReason::Faults => "faults",
            HoldReason::User => "user",
            HoldReason::Priority(_) => "priority",
            HoldReason::Network => "network",
            HoldReason::SignIn => "sign_in",
            HoldReason::Answers => "answers",
            HoldReason::Store => "store",
            HoldReason::Forgotten => "forgotten",
            HoldReason::Pace => "pace",
            HoldReason::Window => "window",
            HoldReason::Start(_) => "start",
            HoldReason::Wave => "wave",
        }
    }

    /// Whether nobody can say when it ends, so that no end of the campaign can be foretold.
    pub fn is_open_ended(&self) -> bool {
        matches!(
            self,
            HoldReason::User
                | HoldReason::Priority(_)
                | HoldReason::Network
                | HoldReason::SignIn
                | HoldReason::Answers
                | HoldReason::Store
        )
    }
}

/// Where a campaign stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Its rows.
    pub tally: Tally,
    /// Scan calls made by this run.
    pub calls: u64,
    /// For each quota, how many calls count against it now.
    pub used: Vec<(Quota, u64)>,
    /// Answers with 429 in this run.
    pub throttled: u64,
    /// Calls of this run that wait for their answer.
    pub in_flight: usize,
    /// What holds the next order back, if anything does.
    pub hold: Option<HoldReason>,
    /// How long until the next order can leave, if something holds it and that is known.
    pub next_order: Option<Duration>,
    /// When the last call is likely to leave.
    pub finish_in: Option<Duration>,
    /// How long until its time is over or its window closes, if that comes before the last call.
    pub stops_in: Option<Duration>,
    /// The present wave, if another one follows.
    pub wave: Option<WaveShown>,
}

#[cfg(test)]
impl Snapshot {
    /// One of a run that this holds, for tests.
    pub(crate) fn held(hold: Option<HoldReason>) -> Self {
        Self {
            tally: Tally::default(),
            calls: 0,
            used: Vec::new(),
            throttled: 0,
            in_flight: 0,
            hold,
            next_order: None,
            finish_in: None,
            stops_in: None,
            wave: None,
        }
    }
}

/// A wave that another one follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaveShown {
    /// What it is called.
    pub name: String,
    /// Its devices.
    pub devices: u64,
    /// How many of them have their outcome.
    pub done: u64,
    /// How long it is waited for before it is judged, once it is over.
    pub wait: Option<Duration>,
    /// Devices of the waves after it.
    pub then: u64,
}

/// Something that is told once, as it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A 429 that the journal does not explain: others use this application.
    OthersCall,
    /// The server paused this operation for this long.
    Paused(Operation, Duration),
    /// The server named a limit that is lower than ours; it is kept from now on.
    LimitNamed(Quota),
    /// The server changes comments, so that actions are told apart by id and time.
    CommentsChanged,
    /// The API or the sign-in service cannot be reached; the campaign waits.
    Waiting(String),
    /// It can be reached again.
    Reached,
    /// The store cannot be reached or written; the run waits.
    StoreAway(String),
    /// It can be written again.
    StoreBack,
    /// The store may have forgotten calls; nothing is ordered for this long.
    Forgotten(Duration),
    /// The list of actions may not be read, and what the server says of that.
    ListForbidden(Refusal),
    /// The list of actions could not be read now.
    ListFailed(String),
    /// Orders are refused so, in the server's words.
    Refused {
        /// Those words.
        words: String,
        /// The device is asked once more later: its outcome is open.
        again: bool,
    },
    /// Answers to calls of this kind are of no use: what came instead, in its own words.
    Useless(Operation, String),
    /// Nothing more of this kind is called for, since this stops it; so many calls wait for their
    /// answer.
    Stopping(Operation, usize, Stop),
    /// This wave is over, and is judged after this wait.
    WaveOver(String, Duration),
    /// A wave did well, and the next one begins: how its devices stood, as a sentence.
    WavePassed(String),
}

/// What is told while calls are made, of a campaign or of its cancellation: `P` is what a snapshot
/// holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<P = Snapshot> {
    /// Where it stands.
    Progress(Box<P>),
    /// Something that is told once.
    Note(Note),
}
