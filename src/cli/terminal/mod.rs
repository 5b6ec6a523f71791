//! The terminal as the face of operations: what is written where, questions, progress.

mod confirm;
pub(crate) mod face;
mod hook;
pub(crate) mod log;
mod open;
pub(crate) mod say;
pub(crate) mod view;
