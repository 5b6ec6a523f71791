//! The values and rules that everything else stands on. Pure: no async, no I/O, no clock, no
//! randomness; whatever of these a rule needs comes in as a value.

pub mod action;
pub mod budget;
pub mod campaign;
pub mod cancel;
pub mod days;
pub mod device;
pub mod event;
pub mod export;
pub mod forecast;
pub mod history;
pub mod hold;
pub mod hours;
pub mod lifecycle;
pub mod machine;
pub mod moment;
pub mod named;
pub mod outcome;
pub mod plan_file;
pub mod platform;
pub mod preflight;
pub mod priority;
pub mod quota;
pub mod record;
pub mod refusals;
pub mod reply;
pub mod rollout;
pub mod run;
pub mod service;
pub mod settle;
pub mod skipped;
pub mod tally;
pub mod tenant_id;
pub mod text;
pub mod ticket;
pub mod timing;
pub mod turn;
pub mod verdict;
pub mod window;
pub mod words;

pub use action::Action;
pub use budget::{BudgetState, Probe};
pub use campaign::{BudgetKey, BusyPolicy, CampaignName, Mark, Operation, Order, ScanType, Target};
pub use days::Days;
pub use device::{DeviceId, NotADeviceId};
pub use hours::{Hours, Window};
pub use lifecycle::{Life, Rank, State};
pub use machine::{Facts, Machine};
pub use named::{NamedLimit, NamedLimits};
pub use outcome::{Ending, Outcome, Stop};
pub use plan_file::{FileDigest, PlanFile};
pub use priority::Priority;
pub use quota::{Pace, PaceKind, Quota};
pub use record::{
    CallId, CalledOff, Campaign, CampaignId, CampaignState, Cancellation, Finding, Judged, LookUp,
    NewRow, Opened, Opening, Row, Seq, Settled, Usage, WaveStand,
};
pub use reply::{Answer, Body, ErrorBody, Reply};
pub use rollout::{MaxFailures, Rollout};
pub use run::{Caught, LastRun, RunEnd};
pub use settle::{Detail, ServerNotes, Settlement};
pub use skipped::Skipped;
pub use tally::Tally;
pub use tenant_id::{Tenancy, TenantId};
pub use ticket::Ticket;
pub use timing::{Stamp, Timing};
pub use turn::{OrderBy, Standing};
pub use verdict::{Refusal, Verdict};
pub use window::Admission;
