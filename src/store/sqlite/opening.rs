//! Opening a store on this machine's clock, for writing or for reading alone. What makes a file one
//! of ours is `open`'s.

use std::path::Path;
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::boot::{self, Boot};
use super::fault::Fault;
use super::open::{self, Syncing};
use super::store::{SqliteStore, told};
use super::transaction::Shared;
use super::writer::Writer;
use super::{files, place, sql};
use crate::clock::{Clock, SystemClock};
use crate::domain::quota::forgotten_for;
use crate::domain::{Stamp, Timing};
use crate::store::Result;

impl<C: Clock> SqliteStore<C> {
    /// Opens the store in this file on a clock of the caller's.
    ///
    /// # Errors
    /// As `open`.
    #[cfg(feature = "testing")]
    pub async fn open_with_clock(path: impl AsRef<Path>, timing: Timing, clock: C) -> Result<Self> {
        let path = files::real(path.as_ref());
        let conn = open::for_writing(&path, Syncing::Full).await?;
        Self::over(&path, conn, Shared { clock, timing, boot: None }).await
    }

    /// Opens the store at this start of the machine on a clock that is made from the offset that
    /// the store keeps for it.
    ///
    /// # Errors
    /// As `open`.
    pub async fn open_with_offset(
        path: impl AsRef<Path>,
        timing: Timing,
        boot: &Boot,
        clock: impl FnOnce(i64) -> C,
    ) -> Result<Self> {
        let boot = boot.clone();
        Self::open_as(path.as_ref(), timing, || Ok(boot), Syncing::Full, clock).await
    }

    async fn open_as(
        path: &Path,
        timing: Timing,
        boot: impl FnOnce() -> Result<Boot> + Send + 'static,
        syncing: Syncing,
        clock: impl FnOnce(i64) -> C,
    ) -> Result<Self> {
        let path = files::real(path);
        let conn = open::for_writing(&path, syncing).await?;
        let file = files::real(&path);
        let settled = open::alone(&path, conn, move |conn| {
            Box::pin(async move {
                let is_copy = place::settle(conn, &file).await?;
                let boot = boot().map_err(Fault::Store)?;
                let offset = boot::settle_offset(conn, &boot).await?;
                if is_copy {
                    tracing::warn!("the store was restored or copied; it may have forgotten calls");
                    let longest = sql::longest_window(conn).await?;
                    let now = Stamp(boot.boot_us.saturating_add(offset));
                    sql::begin_epoch(conn, now.plus(forgotten_for(longest, &timing))).await?;
                }
                Ok((offset, boot.id))
            })
        });
        let (conn, (offset, id)) = settled.await?;
        let clock = clock(offset);
        let shared = Shared { clock, timing, boot: Some(id) };
        Self::over(&path, conn, shared).await
    }

    async fn over(path: &Path, conn: SqliteConnection, shared: Shared<C>) -> Result<Self> {
        let (now, stamp) = (shared.clock.utc(), shared.clock.now());
        let tidy = open::alone(path, conn, move |conn| {
            Box::pin(async move { open::drop_what_is_old(conn, now, stamp).await })
        });
        let (conn, ()) = tidy.await?;
        let shared = Arc::new(shared);
        let readers = open::readers(path);
        let writer = Some(Writer::start(conn));
        Ok(Self { path: path.to_owned(), shared, readers, writer })
    }
}

impl SqliteStore<SystemClock> {
    /// Opens the store in this file, and makes it and its folder if they are missing.
    ///
    /// # Errors
    /// `Refused` if it cannot be a store: another program's file, a newer version's, a damaged
    /// one, a network file system, no right to write. `Failed` if the disk or a lock fails.
    pub async fn open(path: impl AsRef<Path>, timing: Timing) -> Result<Self> {
        let clock = SystemClock::with_offset;
        Self::open_as(path.as_ref(), timing, Boot::now, Syncing::Full, clock).await
    }

    /// As `open`, with the present start of the machine told.
    ///
    /// # Errors
    /// As `open`.
    #[cfg(feature = "testing")]
    pub async fn open_on_boot(path: impl AsRef<Path>, timing: Timing, boot: &Boot) -> Result<Self> {
        Self::open_with_offset(path, timing, boot, SystemClock::with_offset).await
    }

    /// A store whose commits reach the disk at another time: a negative control.
    ///
    /// # Errors
    /// As `open`.
    #[cfg(feature = "testing")]
    pub async fn open_with_syncing(
        path: impl AsRef<Path>,
        timing: Timing,
        syncing: Syncing,
    ) -> Result<Self> {
        Self::open_as(path.as_ref(), timing, Boot::now, syncing, SystemClock::with_offset).await
    }

    /// Opens a store that is there for reading alone: every writing verb is refused, and nothing is
    /// created. Nothing if there is no store yet.
    ///
    /// # Errors
    /// As `open`; a damaged file is noticed only where it is read.
    pub async fn open_read_only(path: impl AsRef<Path>, timing: Timing) -> Result<Option<Self>> {
        let path = files::real(path.as_ref());
        if !open::is_readable(&path).await? {
            return Ok(None);
        }
        let what = "reading the store's clock";
        let readers = open::readers(&path);
        let mut conn = readers.acquire().await.map_err(|error| told(what, error.into()))?;
        let read = boot::read_offset(&mut conn, Boot::now).await;
        let (offset, boot) = read.map_err(|fault| told(what, fault))?;
        drop(conn);
        let clock = SystemClock::with_offset(offset);
        let shared = Arc::new(Shared { clock, timing, boot: Some(boot.id) });
        Ok(Some(Self { path, shared, readers, writer: None }))
    }
}
