//! Which file a store is: notices a copy that is used beside its original, since neither would know
//! the calls of the other. It keeps device and inode in the store itself, so that a copy brings
//! along what the original said. Moving a store, or restoring one whose original is gone, is no
//! copy; one whose original was moved away is not noticed.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sqlx::SqliteConnection;

use super::fault::Fault;
use super::sql;
use crate::store::StoreError;

/// Keeps where the store is, and refuses it if it is a copy of a file that is still in its place.
pub(super) async fn settle(conn: &mut SqliteConnection, path: &Path) -> Result<(), Fault> {
    let Some(here) = fs::metadata(path).ok().as_ref().map(identity) else { return Ok(()) };
    let shown = path.display().to_string();
    if let Some((there, device, inode)) = sql::kept_place(conn).await? {
        if (device, inode) == here && there == shown {
            return Ok(());
        }
        let original = fs::metadata(&there).ok().as_ref().map(identity);
        if (device, inode) != here && original == Some((device, inode)) {
            return Err(Fault::Store(copied(&shown, &there)));
        }
    }
    Ok(sql::keep_place(conn, &shown, here.0, here.1).await?)
}

/// Device and inode, as SQLite's signed numbers.
fn identity(file: &Metadata) -> (i64, i64) {
    (file.dev().cast_signed(), file.ino().cast_signed())
}

fn copied(copy: &str, original: &str) -> StoreError {
    StoreError::Refused(format!(
        "{copy} is a copy of {original}, which is still there: calls from one are not counted in \
         the other, and a campaign that is open in both would be ordered twice; use {original}, or \
         move it away if the copy is to take its place"
    ))
}
