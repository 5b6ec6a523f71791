//! What brings a store's file from one version to the next; the steps themselves stand beside, in
//! SQL. One that was applied is never changed: a new one is added.

use std::sync::LazyLock;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Each with its version and what it is called in a store.
const STEPS: [(i64, &str, &str); 22] = [
    (1, "store", include_str!("migrations/0001_store.sql")),
    (2, "checksums", include_str!("migrations/0002_checksums.sql")),
    (3, "arrivals and runs", include_str!("migrations/0003_arrivals_and_runs.sql")),
    (4, "calls before a campaign", include_str!("migrations/0004_calls_before_a_campaign.sql")),
    (5, "pause", include_str!("migrations/0005_pause.sql")),
    (6, "turns waves priority", include_str!("migrations/0006_turns_waves_priority.sql")),
    (8, "cancel", include_str!("migrations/0008_cancel.sql")),
    (9, "ticket", include_str!("migrations/0009_ticket.sql")),
    (10, "rollout", include_str!("migrations/0010_rollout.sql")),
    (11, "one limit", include_str!("migrations/0011_one_limit.sql")),
    (12, "finished", include_str!("migrations/0012_finished.sql")),
    (13, "pruned", include_str!("migrations/0013_pruned.sql")),
    (15, "place and writer", include_str!("migrations/0015_place_and_writer.sql")),
    (16, "begun", include_str!("migrations/0016_begun.sql")),
    (17, "names", include_str!("migrations/0017_names.sql")),
    (18, "minutes", include_str!("migrations/0018_minutes.sql")),
    (19, "restored", include_str!("migrations/0019_restored.sql")),
    (20, "results", include_str!("migrations/0020_results.sql")),
    (21, "process", include_str!("migrations/0021_process.sql")),
    (22, "expired", include_str!("migrations/0022_expired.sql")),
    (23, "scan failed", include_str!("migrations/0023_scan_failed.sql")),
    (24, "failed starts", include_str!("migrations/0024_failed_starts.sql")),
];

/// All of them. They are put together here, since the macro that would do it has SQLite built once
/// more, for the compiler.
pub(super) static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let step = |(version, name, sql): (i64, &'static str, &'static str)| {
        let sql = SqlStr::from_static(sql);
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(STEPS.into_iter().map(step).collect())
});
