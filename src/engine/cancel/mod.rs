//! Cancelling the actions that a campaign ordered. `survey` finds which of them there are to
//! cancel, by one list for all of them; `work` has each asked for, and the list asked about those
//! whose answer does not tell (`unclear`). What makes an action the campaign's own is
//! `domain::cancel`'s to say. It orders nothing and decides for nobody whether to cancel.

mod call;
mod job;
mod survey;
mod unclear;
mod work;

pub use job::Job;
pub use survey::{OpenAction, Survey, survey};
pub use work::{Told, run};
