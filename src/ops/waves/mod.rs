//! A canary and waves: who is in which, and going on after one that failed.

pub(in crate::ops) mod canary;
pub mod deal;
