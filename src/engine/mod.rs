//! The engine: it runs one campaign to its end or to a stop, and cancels what one ordered. One loop
//! owns the state (`pump`); tasks claim, send and settle, and tell the loop how that went. It knows
//! the API and the store by their traits alone, writes no report and prints nothing.
//!
//! ```text
//!   run -> campaign (what is due: waves, hours, priority, look-ups) -> pump -> scan: one call
//!   every few seconds: expired claims -> doubtful -> list of actions -> ended or queued again
//! ```

mod campaign;
pub mod cancel;
pub mod follow;
pub mod history;
mod hours;
pub mod lists;
mod look_up;
mod look_ups;
mod pages;
mod patient;
mod priority;
mod progress;
mod pump;
mod quiet;
mod refusals;
mod rows;
mod run;
mod safety;
mod scan;
mod shared;
mod stop;
pub mod waves;

pub use patient::PatientStore;
pub use quiet::{AtWork, QuietStore};
#[cfg(feature = "testing")]
pub use run::run_without_gate;
pub use run::{Ran, Settings, run};
pub use stop::StopLevel;
