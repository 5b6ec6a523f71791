//! The store in one SQLite file: the default, for any number of processes on one host. It decides
//! nothing: the verbs are `store::verbs`', and all SQL is in `sql`.

mod boot;
mod fault;
mod files;
mod log;
mod migrations;
mod open;
mod opening;
mod place;
mod space;
mod sql;
mod store;
mod transaction;
mod writer;

pub use boot::Boot;
pub use open::Syncing;
pub use space::Space;
pub use store::SqliteStore;
