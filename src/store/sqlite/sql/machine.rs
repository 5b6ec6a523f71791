//! The machine and the place that a store belongs to: its clock's offset, and where its file is.

use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use super::checksum;
use crate::store::columns::parsed;
use crate::store::sqlite::fault::Fault;

/// The offset of the clock for this start of the machine.
pub(in super::super) async fn clock_offset(
    conn: &mut SqliteConnection,
    boot_id: &str,
) -> Result<Option<i64>, Fault> {
    // There is one row at most; one whose id is damaged must not pass for that of another start.
    let Some(row) =
        sqlx::query("SELECT boot_id, offset_us, sum FROM clock").fetch_optional(conn).await?
    else {
        return Ok(None);
    };
    let (there, offset): (&str, i64) = (row.try_get("boot_id")?, row.try_get("offset_us")?);
    let sum = checksum::of_clock(there, offset);
    checksum::check(row.try_get("sum")?, sum, || "the clock of the store".to_owned())?;
    Ok(if there == boot_id { Some(offset) } else { None })
}

/// Writes the checksum of a clock that was kept before there were any.
pub(super) async fn add_checksums(conn: &mut SqliteConnection) -> Result<(), Fault> {
    let clocks = "SELECT boot_id, offset_us FROM clock";
    if let Some(row) = sqlx::query(clocks).fetch_optional(&mut *conn).await? {
        set_clock_offset(conn, row.try_get("boot_id")?, row.try_get("offset_us")?).await?;
    }
    Ok(())
}

/// Keeps the offset of this start, and no other.
pub(in super::super) async fn set_clock_offset(
    conn: &mut SqliteConnection,
    boot_id: &str,
    offset_us: i64,
) -> sqlx::Result<()> {
    let sql = "DELETE FROM clock; INSERT INTO clock (boot_id, offset_us, sum) VALUES (?, ?, ?)";
    let sum = checksum::of_clock(boot_id, offset_us);
    sqlx::query(sql).bind(boot_id).bind(offset_us).bind(sum).execute(conn).await.map(drop)
}

/// When the latest call was claimed. Returns `None` before the first.
pub(in super::super) async fn latest_claim(
    conn: &mut SqliteConnection,
) -> sqlx::Result<Option<i64>> {
    let sql = "SELECT claimed_at FROM call ORDER BY id DESC LIMIT 1";
    sqlx::query_scalar(sql).fetch_optional(conn).await
}

/// Which start of the machine the store's clock belongs to now. Returns `None` before the first.
pub(in super::super) async fn clock_owner(
    conn: &mut SqliteConnection,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT boot_id FROM clock").fetch_optional(conn).await
}

/// Which file it is. Numbers of files are used again, so one that takes the place of another can
/// have its number; it has another birth, where the file system keeps that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct FileIdentity {
    /// The device that it is on.
    pub(in super::super) device: i64,
    /// Its number there.
    pub(in super::super) inode: i64,
    /// When it was made, in microseconds since 1970.
    pub(in super::super) born: Option<i64>,
}

/// Where the store's file was when it was last opened for writing, and which file.
pub(in super::super) async fn kept_place(
    conn: &mut SqliteConnection,
) -> Result<Option<(String, FileIdentity)>, Fault> {
    let sql = "SELECT path, device, inode, born, sum FROM place";
    let Some(row) = sqlx::query(sql).fetch_optional(conn).await? else { return Ok(None) };
    let path: String = row.try_get("path")?;
    let (device, inode, born) =
        (row.try_get("device")?, row.try_get("inode")?, row.try_get("born")?);
    let sum = checksum::of_place(&path, device, inode, born);
    checksum::check(row.try_get("sum")?, sum, || "the place of the store".to_owned())?;
    Ok(Some((path, FileIdentity { device, inode, born })))
}

/// Keeps where the store's file is.
pub(in super::super) async fn keep_place(
    conn: &mut SqliteConnection,
    path: &str,
    file: FileIdentity,
) -> sqlx::Result<()> {
    let sql = "DELETE FROM place; \
               INSERT INTO place (path, device, inode, born, sum) VALUES (?, ?, ?, ?, ?)";
    let FileIdentity { device, inode, born } = file;
    let sum = checksum::of_place(path, device, inode, born);
    let query = sqlx::query(sql).bind(path).bind(device).bind(inode).bind(born).bind(sum);
    query.execute(conn).await.map(drop)
}

/// The latest moment that the journal has seen, and the wall clock then. Returns `None` without a
/// call. `seen_by` is no such moment: it may lie in the future.
pub(in super::super) async fn last_moment(
    conn: &mut SqliteConnection,
) -> Result<Option<(i64, Timestamp)>, Fault> {
    let sql = "SELECT max(max(claimed_at, coalesce(settled_at, 0))) AS stamp, \
               max(max(claimed_utc, coalesce(over_utc, ''))) AS utc FROM call";
    let row = sqlx::query(sql).fetch_one(conn).await?;
    let (Some(stamp), Some(utc)) = (row.try_get("stamp")?, row.try_get::<Option<&str>, _>("utc")?)
    else {
        return Ok(None);
    };
    Ok(Some((stamp, parsed(utc, |text| text.parse().ok())?)))
}
