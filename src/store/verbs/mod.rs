//! What each verb does in its transaction, once for all databases: rows are read, `domain` decides,
//! rows are written, and what is refused is refused in one order. The rows are behind `Tables`; the
//! store in memory shares nothing of this, since it is the model that this is compared with.

mod alive;
mod cancel;
mod claims;
mod database;
mod drafts;
mod journal;
mod known;
mod prune;
mod rows;
mod transactions;
mod waves;

pub(super) use database::{Database, Work};
