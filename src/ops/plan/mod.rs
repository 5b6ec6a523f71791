//! From what was asked for to the plan that is confirmed: the list, its order, its name, and what
//! it takes.

pub(crate) mod approve;
pub(crate) mod forecast;
pub(crate) mod listing;
pub mod naming;
pub(crate) mod others;
pub(crate) mod planner;
pub(crate) mod sequence;
mod shown;
pub(crate) mod side_list;
pub mod source;
