//! SQL that takes a store back to what an older version of the program wrote, so that tests bring
//! it up to date again. What a new migration changes is taken back here.

/// What was cancelled and what expired are one state, as they were before the twenty-second
/// migration, and so are scans that were accepted and that failed, as before the twenty-third.
macro_rules! one_state {
    () => {
        "UPDATE device_row SET state = 'cancelled' WHERE state = 'expired'; \
         UPDATE tally SET rows = rows + (SELECT e.rows FROM tally e \
         WHERE e.campaign = tally.campaign AND e.state = 'expired') WHERE state = 'cancelled'; \
         DELETE FROM tally WHERE state = 'expired'; \
         UPDATE device_row SET state = 'accepted' WHERE state = 'scan_failed'; \
         UPDATE tally SET rows = rows + (SELECT e.rows FROM tally e \
         WHERE e.campaign = tally.campaign AND e.state = 'scan_failed') WHERE state = 'accepted'; \
         DELETE FROM tally WHERE state = 'scan_failed'; "
    };
}

/// The same in the tables of every database.
pub(crate) const ONE_STATE: &str = one_state!();

/// Takes back what the twenty-fourth migration changed.
pub(crate) const TWENTY_THIRD_SCHEMA: &str =
    "DROP TABLE failed_start; DELETE FROM _sqlx_migrations WHERE version >= 24";

/// Takes back what the twenty-second migration and later ones changed.
pub(crate) const TWENTY_FIRST_SCHEMA: &str = concat!(
    one_state!(),
    "DROP TABLE failed_start; DELETE FROM _sqlx_migrations WHERE version >= 22"
);

/// Takes back what the sixteenth migration and later ones changed, but for their names.
macro_rules! from_the_sixteenth {
    () => {
        concat!(
            one_state!(),
            "DROP TABLE failed_start; DROP TABLE result; DROP TABLE begun; \
         DROP TABLE happening; DROP INDEX campaign_name; \
         CREATE UNIQUE INDEX campaign_1 ON campaign (name); DROP INDEX campaign_draft; \
         DROP TABLE minute; ALTER TABLE campaign DROP COLUMN first_call; \
         ALTER TABLE campaign DROP COLUMN last_call; \
         DROP TABLE epoch; ALTER TABLE campaign DROP COLUMN epoch; \
         DELETE FROM place; ALTER TABLE place DROP COLUMN born; DROP TABLE process; "
        )
    };
}

/// Takes back what the sixteenth migration and later ones changed.
pub(crate) const FIFTEENTH_SCHEMA: &str =
    concat!(from_the_sixteenth!(), "DELETE FROM _sqlx_migrations WHERE version >= 16");

/// Takes back what the fourth migration and later ones changed.
pub(crate) const THIRD_SCHEMA: &str = concat!(
    "UPDATE device_row SET rank = rank - 1 WHERE rank > 1; \
     ALTER TABLE campaign DROP COLUMN paused; ALTER TABLE campaign DROP COLUMN ticket; \
     DROP INDEX row_ready; \
     ALTER TABLE device_row DROP COLUMN turn; ALTER TABLE device_row DROP COLUMN wave; \
     CREATE INDEX row_ready ON device_row (campaign, rank, repeat) \
     WHERE state = 'queued' AND ready = 1; \
     ALTER TABLE campaign DROP COLUMN wave; ALTER TABLE campaign DROP COLUMN wave_sum; \
     ALTER TABLE campaign DROP COLUMN wave_over; ALTER TABLE campaign DROP COLUMN wave_failed; \
     ALTER TABLE campaign DROP COLUMN rollout; \
     ALTER TABLE campaign DROP COLUMN priority; ALTER TABLE campaign DROP COLUMN engaged_until; \
     ALTER TABLE campaign DROP COLUMN called_off; \
     DELETE FROM tally WHERE state = 'cancelled'; DROP INDEX campaign_finished; \
     ALTER TABLE campaign DROP COLUMN pruned_at; \
     DROP TRIGGER call_schema; ALTER TABLE call DROP COLUMN schema; ",
    from_the_sixteenth!(),
    "DROP TABLE place; ALTER TABLE budget DROP COLUMN named; DROP TABLE tenant_name; \
     DELETE FROM _sqlx_migrations WHERE version >= 4"
);
