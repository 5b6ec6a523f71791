//! The life of a device. One function, `next`, holds all of it; live running and recovery both go
//! through it, and every store. It does not say what a reply means (`verdict`) or when a slot is
//! free.
//!
//! ```text
//! draft -> queued -> claimed(n) -> accepted | already_in_progress | rejected | not_found
//!                               -> queued, not before t         (429, 401, never left, first 404)
//!                               -> doubtful(n) -> accepted | already_in_progress | rejected
//!                                   | not_found | queued again | unknown | failed
//! queued -> not_attempted | failed | already_in_progress | not_found   (campaign called off)
//! queued -> not_attempted | failed                         (the next run of its series has it)
//! queued -> doubtful          (the store may have forgotten its call)
//! rejected -> queued          (a run stopped since too many were refused this way)
//! accepted -> scan failed, and back                     (as the list of actions tells of its scan)
//! accepted | scan failed -> cancelled                      (this program cancelled its action)
//! ```

use super::campaign::BusyPolicy;
use super::outcome::Outcome;
use super::timing::{LOOKS, Stamp, Timing};

/// At most this many tries a device.
pub const TRIES_MAX: u8 = 3;

/// At most this many further asks for a busy device under `--busy retry`.
pub const BUSY_ASKS_MAX: u8 = 3;

/// Where a device stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Read, and not confirmed yet.
    #[default]
    Draft,
    /// Waiting for its turn, not before this moment.
    Queued(Stamp),
    /// Taken by a runner; the horizon of its call ends at this moment. The claim is its own lease.
    Claimed(Stamp),
    /// A call was sent and its answer is not known.
    Doubtful {
        /// How often the list of actions has been asked.
        looks: u8,
        /// When it is to be asked next.
        look_at: Stamp,
        /// The server said "busy" to a repeat, and what runs may be ours.
        busy: bool,
    },
    /// Ended.
    Done(Outcome),
}

impl State {
    /// Whether it ended because a scan was already in progress.
    pub fn is_busy(self) -> bool {
        matches!(self, State::Done(Outcome::AlreadyInProgress { .. }))
    }
}

/// The order among waiting devices: first asks come before repeats, those of devices that are
/// likely asleep after the others, and repeats after a 404 come last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Not asked yet, or asked without using up a try.
    #[default]
    First,
    /// As `First`, for a device that has not been seen for long: the others do not wait for it.
    Late,
    /// Asked again after doubt, because it was busy, or after a refusal that was not its own.
    Again,
    /// Asked again after a 404.
    Last,
}

/// All that the life of a device depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// Where it stands.
    pub state: State,
    /// The number of its last claim; answers of other attempts change nothing.
    pub attempt: u32,
    /// Tries that are used up.
    pub tries: u8,
    /// Its place among waiting devices.
    pub rank: Rank,
    /// An earlier attempt was doubtful, so what runs may be ours.
    pub doubted: bool,
    /// How often it was found busy.
    pub busy_asks: u8,
    /// What is in the way is not known yet; the list of actions is asked once.
    pub unseen: bool,
    /// The end of the horizon of its last claim that came into doubt: what was sent in it has
    /// arrived by then, and an action that was created later is not its. Zero before the first.
    pub arrives_by: Stamp,
}

/// What an answer does to the life of its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// A new action of ours.
    Accepted,
    /// A new action of ours that has failed already.
    Failed,
    /// A scan was in progress already.
    Busy {
        /// Whether it covers the device, as far as the answer tells.
        covered: bool,
    },
    /// Refused for good.
    Rejected,
    /// Not known to the server.
    NotFound,
    /// Neither a try nor the device's fault: 429, 401, never left.
    NotNow(Stamp),
    /// Sent, with no answer that settles it.
    Doubtful,
}

/// What the list of actions says about a doubtful device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// An action of ours.
    Ours,
    /// An action of ours that has failed already.
    OursFailed,
    /// None of ours; whether one of somebody else covers the device.
    NotOurs {
        /// Whether it covers the device.
        covered: bool,
    },
    /// The list may not be read.
    Forbidden,
}

/// What happens to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeEvent {
    /// The plan was confirmed.
    Opened,
    /// A runner took it; the horizon ends at this moment.
    Claimed(Stamp),
    /// The answer of an attempt, or its absence.
    Answered {
        /// Which attempt.
        attempt: u32,
        /// What it does.
        answer: Answered,
        /// Now.
        now: Stamp,
    },
    /// The horizon of its claim has passed.
    Expired {
        /// Now.
        now: Stamp,
    },
    /// The list of actions was asked.
    LookedUp {
        /// Which attempt was looked for.
        attempt: u32,
        /// What was found.
        found: Found,
        /// Now.
        now: Stamp,
    },
    /// The list of actions was asked what is in the way of a busy device.
    Seen {
        /// Whether what runs covers the device.
        covered: bool,
    },
    /// So many were refused alike that it may not be its own fault: it waits again, behind those
    /// that were not asked yet, so that it does not keep them from their turn.
    Reopened {
        /// Which attempt was refused.
        attempt: u32,
    },
    /// Its campaign was called off: it is not ordered any more.
    CalledOff,
    /// The next run of its series asks it: it ends here, whatever it was asked so far.
    HandedOn,
    /// The store may have forgotten that it was ordered: the list of actions is asked first.
    Forgotten {
        /// Now; what was sent has arrived long ago.
        now: Stamp,
    },
    /// The list of actions told how the scan is that it ordered.
    Told {
        /// It failed, timed out or was cancelled by somebody else.
        failed: bool,
    },
    /// The action that it ordered was cancelled by this program.
    Cancelled {
        /// Whether somebody took it back; otherwise its window or its time was over.
        taken_back: bool,
    },
}

/// An event that does not fit the state: an answer of an older attempt, or a second settling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} does not fit {life:?}")]
pub struct IllegalTransition {
    /// The life that it met.
    pub life: Life,
    /// The event.
    pub event: LifeEvent,
}

impl Life {
    /// Whether it has its outcome.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    /// How often it was looked up in vain since it is in doubt.
    pub fn looks(&self) -> u8 {
        match self.state {
            State::Doubtful { looks, .. } => looks,
            _ => 0,
        }
    }

    /// A device that was read and not confirmed.
    pub fn draft() -> Self {
        Self::in_state(State::Draft)
    }

    /// A device that was read and not confirmed, and is to be asked after the others.
    pub fn late_draft() -> Self {
        Self { rank: Rank::Late, ..Self::draft() }
    }

    /// A row that ended when it was read.
    pub fn ended(outcome: Outcome) -> Self {
        Self::in_state(State::Done(outcome))
    }

    /// Whether asking this device is a repeat, which the budget of repeats must allow.
    pub fn is_repeat(&self) -> bool {
        self.tries > 0
    }

    /// Whether it waits, or was asked, again only since too many were refused alike.
    pub fn was_reopened(&self) -> bool {
        self.rank == Rank::Again && self.tries == 0 && self.busy_asks == 0 && !self.doubted
    }

    /// Whether the list of actions must be asked for this very device: before it can be asked
    /// again, whatever the clocks say of the list as a whole, and where any scan in the way counts
    /// and not only one of ours.
    pub fn asks_by_id(&self) -> bool {
        match self.state {
            State::Doubtful { looks, busy, .. } => busy || usize::from(looks) + 1 >= LOOKS,
            _ => false,
        }
    }

    /// Whether the server said of it last that a scan was in progress already.
    pub fn is_busy(&self) -> bool {
        self.state.is_busy() || matches!(self.state, State::Doubtful { busy: true, .. })
    }

    /// Whether it is in doubt only since the store may have forgotten a call: no answer is known to
    /// be lost, which would have used up a try.
    pub fn may_be_forgotten(&self) -> bool {
        self.tries == 0 && matches!(self.state, State::Doubtful { busy: false, .. })
    }

    fn in_state(state: State) -> Self {
        Self { state, ..Self::default() }
    }

    fn to(self, state: State) -> Self {
        Self { state, ..self }
    }
}

/// The next life of a device.
///
/// # Errors
/// `IllegalTransition` if the event does not fit, such as the answer of an older attempt: the
/// caller keeps the life as it is and writes the answer to the journal alone.
pub fn next(
    life: Life,
    event: LifeEvent,
    busy: BusyPolicy,
    timing: &Timing,
) -> Result<Life, IllegalTransition> {
    let rules = Rules { busy, timing };
    match (life.state, event) {
        (State::Draft, LifeEvent::Opened) => Ok(life.to(State::Queued(Stamp::ZERO))),
        (State::Queued(_), LifeEvent::Claimed(until)) => {
            Ok(Life { attempt: life.attempt + 1, ..life.to(State::Claimed(until)) })
        }
        (State::Done(Outcome::Rejected), LifeEvent::Reopened { attempt })
            if attempt == life.attempt =>
        {
            let rank = life.rank.max(Rank::Again);
            Ok(Life { rank, ..life.to(State::Queued(Stamp::ZERO)) })
        }
        (State::Queued(_), LifeEvent::CalledOff) => Ok(life.to(State::Done(called_off(&life)))),
        (State::Queued(_), LifeEvent::HandedOn) => Ok(life.to(State::Done(handed_on(&life)))),
        (State::Queued(_), LifeEvent::Forgotten { now }) => {
            let state = State::Doubtful { looks: 0, look_at: now, busy: false };
            Ok(Life { arrives_by: now, ..life.to(state) })
        }
        (State::Done(Outcome::Accepted | Outcome::ScanFailed), LifeEvent::Told { failed }) => {
            let outcome = if failed { Outcome::ScanFailed } else { Outcome::Accepted };
            Ok(life.to(State::Done(outcome)))
        }
        (
            State::Done(Outcome::Accepted | Outcome::ScanFailed),
            LifeEvent::Cancelled { taken_back },
        ) => Ok(life.to(State::Done(Outcome::Cancelled { taken_back }))),
        (
            State::Claimed(_) | State::Doubtful { .. },
            LifeEvent::Answered { attempt, answer, now },
        ) if attempt == life.attempt => Ok(rules.answered(life, answer, now)),
        (State::Claimed(until), LifeEvent::Expired { now }) if until <= now => {
            Ok(rules.doubt(life, now, false))
        }
        // Two runners can look for one device at the same time: a second look that is not due yet
        // says nothing new, and must not shorten the wait for a call that arrives late.
        (
            State::Doubtful { looks, look_at, busy: is_busy },
            LifeEvent::LookedUp { attempt, found, now },
        ) if attempt == life.attempt
            && (look_at <= now || !matches!(found, Found::NotOurs { .. })) =>
        {
            match found {
                Found::NotOurs { covered } if is_busy => {
                    Ok(rules.found_busy(life, covered, life.tries, now))
                }
                _ => Ok(rules.looked_up(life, looks, is_busy, found, now)),
            }
        }
        (State::Done(Outcome::AlreadyInProgress { .. }), LifeEvent::Seen { covered }) => {
            let state = State::Done(Outcome::AlreadyInProgress { covered });
            Ok(Life { unseen: false, ..life.to(state) })
        }
        _ => Err(IllegalTransition { life, event }),
    }
}

/// What the life of every device of a campaign goes by.
struct Rules<'a> {
    busy: BusyPolicy,
    timing: &'a Timing,
}

impl Rules<'_> {
    fn answered(&self, life: Life, answer: Answered, now: Stamp) -> Life {
        // A late answer undoes the try that its doubt had used up.
        let was_doubtful = matches!(life.state, State::Doubtful { .. });
        let used_one = matches!(life.state, State::Doubtful { busy: false, .. });
        let tries = life.tries.saturating_sub(u8::from(used_one));
        match answer {
            Answered::Accepted => life.to(State::Done(Outcome::Accepted)),
            Answered::Failed => life.to(State::Done(Outcome::Failed)),
            Answered::Rejected => life.to(State::Done(Outcome::Rejected)),
            Answered::NotNow(not_before) => Life { tries, ..life.to(State::Queued(not_before)) },
            Answered::Doubtful if was_doubtful => life,
            Answered::Doubtful => self.doubt(life, now, false),
            Answered::NotFound if life.rank == Rank::Last || tries + 1 >= TRIES_MAX => {
                life.to(State::Done(Outcome::NotFound))
            }
            Answered::NotFound => {
                let queued = life.to(State::Queued(Stamp::ZERO));
                Life { tries: tries + 1, rank: Rank::Last, ..queued }
            }
            Answered::Busy { .. } if life.doubted => self.doubt(Life { tries, ..life }, now, true),
            Answered::Busy { covered } => self.found_busy(life, covered, tries, now),
        }
    }

    /// What is in the way is somebody else's: the device is asked again later, or ends.
    fn found_busy(&self, life: Life, covered: bool, tries: u8, now: Stamp) -> Life {
        if !covered && self.busy == BusyPolicy::Retry && life.busy_asks < BUSY_ASKS_MAX {
            let queued = life.to(State::Queued(now.plus(self.timing.busy_retry)));
            let rank = life.rank.max(Rank::Again);
            return Life { rank, busy_asks: life.busy_asks + 1, tries, ..queued };
        }
        life.to(State::Done(Outcome::AlreadyInProgress { covered }))
    }

    fn doubt(&self, life: Life, now: Stamp, busy: bool) -> Life {
        let look_at = now.plus(self.timing.look_up_after[0]);
        let tries = life.tries.saturating_add(u8::from(!busy));
        // A call that was answered "busy" ordered nothing: what may be ours is of an earlier one.
        let arrives_by = match life.state {
            State::Claimed(until) if !busy => until,
            _ => life.arrives_by,
        };
        Life {
            tries,
            arrives_by,
            doubted: true,
            ..life.to(State::Doubtful { looks: 0, look_at, busy })
        }
    }

    fn looked_up(&self, life: Life, looks: u8, busy: bool, found: Found, now: Stamp) -> Life {
        match found {
            Found::Ours => life.to(State::Done(Outcome::Accepted)),
            Found::OursFailed => life.to(State::Done(Outcome::Failed)),
            // The list is complete by then. Where it may not be read, "already in progress" is what
            // is left to tell.
            Found::NotOurs { .. } | Found::Forbidden if life.may_be_forgotten() => {
                life.to(State::Queued(Stamp::ZERO))
            }
            Found::Forbidden if busy => {
                life.to(State::Done(Outcome::AlreadyInProgress { covered: false }))
            }
            Found::Forbidden => life.to(State::Done(Outcome::Unknown)),
            Found::NotOurs { .. } => match self.timing.look_up_after.get(usize::from(looks) + 1) {
                Some(wait) => {
                    let look_at = now.plus(*wait);
                    life.to(State::Doubtful { looks: looks + 1, look_at, busy })
                }
                None if life.tries < TRIES_MAX => {
                    let rank = life.rank.max(Rank::Again);
                    Life { rank, ..life.to(State::Queued(Stamp::ZERO)) }
                }
                None => life.to(State::Done(Outcome::Failed)),
            },
        }
    }
}

/// How a waiting device ends that is not asked any more: by what is known of it now. A call whose
/// answer was lost is behind a doubted one, so it is not called never ordered.
fn called_off(life: &Life) -> Outcome {
    if life.busy_asks > 0 {
        Outcome::AlreadyInProgress { covered: false }
    } else if life.doubted {
        Outcome::Failed
    } else if life.rank == Rank::Last {
        // It was asked, and the API did not know it: the next night of a series is not to take it
        // for one that was never asked.
        Outcome::NotFound
    } else {
        Outcome::NotAttempted
    }
}

/// The same where the next run of its series asks it: what an answer said so far is not its end,
/// but for a call whose answer was lost, which stays told.
fn handed_on(life: &Life) -> Outcome {
    if life.doubted { Outcome::Failed } else { Outcome::NotAttempted }
}
