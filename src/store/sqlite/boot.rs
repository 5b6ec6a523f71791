//! The store's clock: CLOCK_BOOTTIME plus an offset that is chosen once for each start of the
//! machine and kept in the store, so that every process agrees on it, suspend counts, and a step
//! of the wall clock frees no slot early.

use sqlx::SqliteConnection;

use super::fault::Fault;
use super::sql;
use crate::clock::SystemClock;
use crate::store::StoreError;

/// The present start of the machine, and its clocks.
#[derive(Clone, Debug)]
pub struct Boot {
    /// What names this start of the machine.
    pub id: String,
    /// Microseconds since the machine was started, suspend included.
    pub boot_us: i64,
    /// The wall clock in microseconds since 1970.
    pub wall_us: i64,
}

impl Boot {
    /// This machine, now.
    ///
    /// # Errors
    /// `Refused` if the kernel does not tell which start this is.
    pub fn now() -> Result<Self, StoreError> {
        let file = "/proc/sys/kernel/random/boot_id";
        let id = std::fs::read_to_string(file).map_err(|error| {
            StoreError::Refused(format!(
                "{file} cannot be read ({error}), so the store's clock is not safe; run on Linux \
                 with /proc mounted"
            ))
        })?;
        let (boot_us, wall_us) = (SystemClock::boot_time_us(), SystemClock::wall_us());
        Ok(Self { id: id.trim().to_owned(), boot_us, wall_us })
    }

    /// The offset for a start that the store has not seen: the wall clock, but never behind the
    /// last stamp of the journal, so that time does not run backwards over a restart.
    fn offset_after(&self, last_stamp: i64) -> i64 {
        self.wall_us.max(last_stamp.saturating_add(1)).saturating_sub(self.boot_us)
    }
}

/// The offset of this start, chosen and written if it is new. Only the present start is kept: a
/// store that comes back to a machine must not come back to an older time.
pub(super) async fn settle_offset(conn: &mut SqliteConnection, boot: &Boot) -> Result<i64, Fault> {
    if let Some(offset) = sql::clock_offset(conn, &boot.id).await? {
        return Ok(offset);
    }
    let offset = boot.offset_after(sql::last_stamp(conn).await?);
    sql::set_clock_offset(conn, &boot.id, offset).await?;
    Ok(offset)
}

/// The offset of this start, without writing it.
pub(super) async fn read_offset(conn: &mut SqliteConnection, boot: &Boot) -> Result<i64, Fault> {
    match sql::clock_offset(conn, &boot.id).await? {
        Some(offset) => Ok(offset),
        None => Ok(boot.offset_after(sql::last_stamp(conn).await?)),
    }
}
