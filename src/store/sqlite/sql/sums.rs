//! Checksums of a store that was written before there were any.

use sqlx::SqliteConnection;

use super::{budget, campaign, life, machine};
use crate::store::sqlite::fault::Fault;

/// Writes the checksums into a store of the first schema, which had none.
pub(in super::super) async fn add_checksums(conn: &mut SqliteConnection) -> Result<(), Fault> {
    life::add_checksums(conn).await?;
    budget::add_checksums(conn).await?;
    campaign::add_checksums(conn).await?;
    machine::add_checksums(conn).await
}
