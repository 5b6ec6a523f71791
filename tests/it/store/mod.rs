//! The stores: what every one does, what only one of them does, and each beside its model.

mod model;
#[cfg(unix)]
mod postgres;
pub(crate) mod sqlite;
pub(crate) mod suite;
