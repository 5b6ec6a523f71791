//! The terminal as the face of operations: what is written where, questions, progress, signals.

mod confirm;
pub(in crate::cli) mod descriptors;
pub(in crate::cli) mod face;
mod hook;
pub(in crate::cli) mod log;
pub(in crate::cli) mod say;
pub(in crate::cli) mod signals;
pub(in crate::cli) mod unasked;
pub(in crate::cli) mod view;
