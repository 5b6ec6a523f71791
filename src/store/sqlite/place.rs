//! Which file a store is: notices a copy that is used beside its original, since neither would know
//! the calls of the other. It keeps device, inode and birth in the store itself, so that a copy
//! brings along what the original said. A copy whose original is gone may be a backup that was
//! restored; one that was written over the original, file by file or as a snapshot of the disk, is
//! that file still and is not noticed.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use sqlx::SqliteConnection;

use super::fault::Fault;
use super::sql::{self, FileIdentity};
use crate::store::StoreError;
use crate::system::files;

/// Keeps where the store is, and refuses it if it is a copy of a file that is still in its place.
/// Returns whether it is a copy whose original is gone: a backup that was restored is one, and what
/// was written into the original after it was made is forgotten.
pub(super) async fn settle(conn: &mut SqliteConnection, path: &Path) -> Result<bool, Fault> {
    let Some(here) = identity(path) else { return Ok(false) };
    let shown = path.display().to_string();
    let mut is_copy = false;
    if let Some((there, kept)) = sql::kept_place(conn).await? {
        if kept == here && there == shown {
            return Ok(false);
        }
        is_copy = !is_same(kept, here);
        if is_copy && identity(Path::new(&there)).is_some_and(|original| is_same(kept, original)) {
            return Err(Fault::Store(copied(&shown, &there)));
        }
    }
    sql::keep_place(conn, &shown, here).await?;
    Ok(is_copy)
}

/// Which file is there, in SQLite's signed numbers. Returns `None` if none is.
fn identity(path: &Path) -> Option<FileIdentity> {
    let file = fs::metadata(path).ok()?;
    let since = file.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    let born = since.and_then(|since| i64::try_from(since.as_micros()).ok());
    let (device, inode) = files::numbers(path).ok()?;
    Some(FileIdentity { device: device.cast_signed(), inode: inode.cast_signed(), born })
}

/// Whether it is one file, as far as its birth is known.
fn is_same(one: FileIdentity, other: FileIdentity) -> bool {
    let births = one.born.zip(other.born);
    (one.device, one.inode) == (other.device, other.inode)
        && births.is_none_or(|(one, other)| one == other)
}

fn copied(copy: &str, original: &str) -> StoreError {
    StoreError::Refused(format!(
        "{copy} is a copy of {original}, which is still there: calls from one are not counted in \
         the other, and a campaign that is open in both would be ordered twice; use {original}, or \
         move it away if the copy is to take its place"
    ))
}
