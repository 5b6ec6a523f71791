//! What people and programs read of a campaign: report files, plans, summaries, progress. It
//! is handed rows and events and reads no store, no clock and no setting; all its texts are pure
//! functions of their input, so that writing twice gives the same bytes.

pub mod advice;
pub mod cancels;
pub mod checked;
pub mod coverage;
pub mod csv;
pub mod document;
mod error;
pub mod file;
mod gathered;
pub mod happenings;
mod html;
pub mod human;
pub mod jsonl;
pub mod machines;
mod mark;
mod markdown;
pub mod message;
pub mod metrics;
pub mod nights;
pub mod order;
pub mod outcomes;
pub mod painted;
pub mod picture;
pub mod plan;
pub mod progress;
pub mod pruned;
pub mod record;
pub mod series;
pub mod standing;
pub mod stops;
pub mod story;
pub mod summary;
pub mod table;
mod target;
pub mod tenants;
pub mod to_do;
pub mod totals;
pub mod waves;
mod xlsx;

pub use document::Document;
pub use error::ReportError;
pub use file::{Format, ReportKind, ReportWriter};
pub use record::ReportHead;
pub use target::{ReportOwner, check_writable};
