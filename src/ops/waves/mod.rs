//! A canary and waves: who is in which, and going on after one that failed.

pub(crate) mod canary;
pub mod deal;
