//! The terminal as the face of operations: what is written where, questions, progress, signals.

mod confirm;
pub(crate) mod descriptors;
pub(crate) mod face;
mod hook;
pub(crate) mod ignored_signals;
pub(crate) mod log;
mod open;
pub(crate) mod say;
pub(crate) mod signals;
pub(crate) mod view;
