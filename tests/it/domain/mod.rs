//! The rules as tables and properties that are too long to stand beside them.

mod lifecycle;
mod settle;
mod verdict;
