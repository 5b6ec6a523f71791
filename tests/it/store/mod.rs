//! The stores: what every one does, what only SQLite does, and SQLite beside its model.

mod model;
pub(crate) mod sqlite;
pub(crate) mod suite;
