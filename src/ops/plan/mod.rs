//! From what was asked for to the plan that is confirmed: the list, its order, its name, and what
//! it takes.

pub(in crate::ops) mod approve;
pub(in crate::ops) mod forecast;
pub(in crate::ops) mod listing;
pub mod naming;
pub(in crate::ops) mod planner;
pub(in crate::ops) mod sequence;
pub(in crate::ops) mod side_list;
pub mod source;
