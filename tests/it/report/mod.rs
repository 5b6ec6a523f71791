//! What people and programs read: the plan, progress, the summary, and report files.

mod cancels;
pub(crate) mod file;
mod people;
pub(crate) mod plan;
mod progress;
pub(crate) mod summary;
mod workbook;
