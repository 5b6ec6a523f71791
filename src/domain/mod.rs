//! The values and rules that everything else stands on. Pure: no async, no I/O, no clock, no
//! randomness; whatever of these a rule needs comes in as a value.

pub mod action;
pub mod budget;
pub mod campaign;
pub mod days;
pub mod device;
pub mod event;
pub mod forecast;
pub mod history;
pub mod hours;
pub mod lifecycle;
pub mod machine;
pub mod outcome;
pub mod platform;
pub mod preflight;
pub mod quota;
pub mod reply;
pub mod rollout;
pub mod settle;
pub mod tally;
pub mod text;
pub mod ticket;
pub mod timing;
pub mod verdict;
pub mod window;

pub use action::Action;
pub use budget::{BudgetState, Probe};
pub use campaign::{BudgetKey, BusyPolicy, CampaignName, Mark, Operation, Order, ScanType, Target};
pub use days::Days;
pub use device::{DeviceId, NotADeviceId};
pub use hours::{Hours, Window};
pub use lifecycle::{Life, Rank, State};
pub use machine::{Facts, Machine};
pub use outcome::{Ending, LastRun, Outcome, RunEnd, Stop};
pub use quota::{Pace, PaceKind, Quota};
pub use reply::{Answer, Body, ErrorBody, Reply};
pub use rollout::{MaxFailures, Rollout};
pub use settle::{Detail, ServerNotes, Settlement};
pub use tally::Tally;
pub use ticket::Ticket;
pub use timing::{Stamp, Timing};
pub use verdict::{Refusal, Verdict};
pub use window::Admission;
