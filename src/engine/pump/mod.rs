//! The one loop that makes calls within a limit, for scans and for cancellations alike: what is
//! done about 429, silence, a lost network, a refused token and answers of no use stands here once.
//! What a call is for, and what its answer means for that, is the work's to say (`work`, `call`).
//!
//! ```text
//!   work says what is due -> gate gives a pass -> task: token, slot, send, settle -> loop
//!   answer -> flow: network, pause, token, refusals -> work: what it means for its item
//! ```

mod answers;
mod call;
mod counts;
mod flow;
mod network;
mod run;
mod throttle;
mod work;

pub(super) use call::{Answer, Caller, Claimed, Done, Unclaimed};
pub(super) use counts::Counts;
pub(super) use flow::Flow;
pub(super) use run::{Pump, Watching};
pub(super) use throttle::{ThrottledCall, Throttles};
pub(super) use work::Work;
