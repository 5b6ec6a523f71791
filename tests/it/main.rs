//! The integration tests, in one binary.

mod store;
mod store_kit;
mod store_model;
mod store_sqlite;
