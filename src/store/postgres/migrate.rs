//! The schema of a store in PostgreSQL: one of its own, brought up to date when a store is opened
//! for writing. A newer one is refused.

use super::fault::Fault;
use super::session::Session;
use crate::store::StoreError;

/// What brings a store from one version to the next, in order. One that was applied is never
/// changed: a new one is added.
const MIGRATIONS: [&str; 6] = [
    include_str!("migrations/0001_store.sql"),
    include_str!("migrations/0002_results.sql"),
    include_str!("migrations/0003_process.sql"),
    include_str!("migrations/0004_expired.sql"),
    include_str!("migrations/0005_scan_failed.sql"),
    include_str!("migrations/0006_failed_starts.sql"),
];

/// The newest version that this program knows.
const VERSION: i64 = MIGRATIONS.len() as i64;

/// Taken by whoever brings a store up to date, so that only one does.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1179407191)";

/// What is in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    /// No store of ours.
    None,
    /// One of this version.
    Current,
    /// One that an older version wrote.
    Older,
}

/// What is in the database.
///
/// # Errors
/// `Refused` if a newer version wrote it.
pub(super) async fn found(session: &Session) -> Result<Schema, Fault> {
    match version(session).await? {
        None => Ok(Schema::None),
        Some(VERSION) => Ok(Schema::Current),
        Some(older) if older < VERSION => Ok(Schema::Older),
        Some(newer) => Err(Fault::Store(StoreError::Refused(format!(
            "the store's schema is of version {newer}, and this version of fleetsweep knows \
             {VERSION}; use the version that wrote it"
        )))),
    }
}

async fn version(session: &Session) -> Result<Option<i64>, Fault> {
    const THERE: &str = "SELECT to_regclass('fleetsweep.migration') IS NOT NULL AS there";
    const NEWEST: &str = "SELECT max(version) AS version FROM migration";
    let there = session.query_one(THERE, &[]).await?;
    if !there.try_get::<_, bool>("there")? {
        return Ok(None);
    }
    Ok(session.query_one(NEWEST, &[]).await?.try_get("version")?)
}

/// Makes the schema, or brings it up to date, in one transaction.
pub(super) async fn migrate(session: &Session) -> Result<(), Fault> {
    const RECORD: &str = "INSERT INTO migration (version) VALUES ($1)";
    session.simple("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?;
    session.simple(LOCK).await?;
    // A role that may not make schemas uses the one that somebody made for it.
    let there = "SELECT to_regnamespace('fleetsweep') IS NOT NULL AS there";
    if !session.query_one(there, &[]).await?.try_get::<_, bool>("there")? {
        session.simple("CREATE SCHEMA fleetsweep").await?;
    }
    session
        .simple(
            "CREATE TABLE IF NOT EXISTS migration (version bigint NOT NULL PRIMARY KEY, \
             applied_at timestamptz NOT NULL DEFAULT clock_timestamp())",
        )
        .await?;
    // Somebody else may have been faster.
    let done = version(session).await?.unwrap_or(0);
    found(session).await?;
    for (number, migration) in (1_i64..).zip(MIGRATIONS).filter(|(number, _)| *number > done) {
        session.migrate(migration).await?;
        session.execute(RECORD, &[&number]).await?;
    }
    session.simple("COMMIT").await
}
