//! The store's clock: the time since the machine was started, plus an offset that is chosen once
//! for each start and kept in the store, so that every process agrees on it, suspend counts, and a
//! step of the wall clock frees no slot early.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::fault::Fault;
use super::sql;
use crate::clock::SystemClock;
use crate::store::StoreError;
use crate::system::boot;

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
    /// `Refused` if the system does not tell which start this is.
    pub fn now() -> Result<Self, StoreError> {
        let id = boot::identity().map_err(StoreError::Refused)?;
        let (boot_us, wall_us) = (SystemClock::boot_time_us(), SystemClock::wall_us());
        Ok(Self { id, boot_us, wall_us })
    }

    /// The offset for a start that the store has not seen, from the last stamp of its journal and
    /// the wall clock then. Without a call it is the wall clock's. After one, time goes on from
    /// the last stamp by as much as is certain to have passed: not more than the machine has been
    /// up, since it was started after that call, and not more than the wall clock says, since the
    /// store may have come from another machine. So neither a wall clock that is wrong nor a move
    /// frees a slot early, and the longest wait is one window too long.
    pub fn offset_after(&self, last: Option<(i64, Timestamp)>) -> i64 {
        let Some((stamp, utc)) = last else { return self.wall_us.saturating_sub(self.boot_us) };
        // The texts of two moments of one second may sort the wrong way round.
        let by_wall = self.wall_us.saturating_sub(utc.as_microsecond()).saturating_sub(1_000_000);
        let passed = by_wall.min(self.boot_us).max(0);
        stamp.saturating_add(1).saturating_add(passed).saturating_sub(self.boot_us)
    }
}

/// Refuses to go on when the store's clock was set for another start than `own`, as happens when
/// machines or containers with kernels of their own share one file. Two clocks that run side by
/// side can stand apart by as long as the younger has been up, and the limit with them; so the
/// latest who opened the store has it, and a claim by anybody else is refused.
pub(super) async fn still_owns_the_clock(
    conn: &mut SqliteConnection,
    own: &str,
) -> Result<(), Fault> {
    match sql::clock_owner(conn).await? {
        Some(owner) if owner == own => Ok(()),
        _ => Err(Fault::Store(StoreError::Refused(
            "another machine, or a container with a clock of its own, has opened this store, and a \
             SQLite store serves the processes of one machine; run all campaigns of this store \
             there, or stop what runs there and resume here"
                .to_owned(),
        ))),
    }
}

/// The offset of this start, chosen and written if it is new. Only the present start is kept: a
/// store that comes back to a machine must not come back to an older time. The clocks of `boot` are
/// read under the store's lock, so that nobody has claimed a call since.
pub(super) async fn settle_offset(conn: &mut SqliteConnection, boot: &Boot) -> Result<i64, Fault> {
    let claimed_at = sql::latest_claim(conn).await?;
    if let Some(offset) = kept_offset(conn, boot, claimed_at).await? {
        return Ok(offset);
    }
    let offset = boot.offset_after(sql::last_moment(conn).await?);
    sql::set_clock_offset(conn, &boot.id, offset).await?;
    Ok(offset)
}

/// The offset of this start, without writing it, and the start. Others may claim calls meanwhile,
/// so the clocks are read after the latest call: it cannot be later than they.
pub(super) async fn read_offset(
    conn: &mut SqliteConnection,
    boot: impl FnOnce() -> Result<Boot, StoreError>,
) -> Result<(i64, Boot), Fault> {
    let claimed_at = sql::latest_claim(conn).await?;
    let boot = boot().map_err(Fault::Store)?;
    let offset = match kept_offset(conn, &boot, claimed_at).await? {
        Some(offset) => offset,
        None => boot.offset_after(sql::last_moment(conn).await?),
    };
    Ok((offset, boot))
}

/// The offset that the store keeps for this start. Returns `None` if the start is new: it has
/// another name, or the machine has been up for less than it was at the latest call. Not every
/// system promises that its name is another one each time, and the stamps of a start that passes
/// for an older one would lie in the future, by as long as that was up.
async fn kept_offset(
    conn: &mut SqliteConnection,
    boot: &Boot,
    claimed_at: Option<i64>,
) -> Result<Option<i64>, Fault> {
    let kept = sql::clock_offset(conn, &boot.id).await?;
    let is_before = |offset: &i64| {
        claimed_at.is_none_or(|claimed_at| claimed_at <= boot.boot_us.saturating_add(*offset))
    };
    Ok(kept.filter(is_before))
}
