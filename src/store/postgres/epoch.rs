//! Which truth a server holds. After a failover to a standby that lagged behind, or after a
//! restore, calls that were made are forgotten: the limit would be broken and devices ordered
//! twice. So each new connection looks whether the server is still the one that the store knows and
//! whether this process's own commits are there; if not, a new epoch begins, and nothing is claimed
//! before all that may have been forgotten is certainly over.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::clock::SharedClock;
use super::fault::{self, Fault};
use super::session::Session;
use super::sql::{self, BEGIN, Epoch};
use crate::clock::SystemClock;
use crate::domain::bounded_clock::{Moment, Reading};
use crate::domain::quota::forgotten_for;
use crate::domain::{Stamp, Timing};

/// How safe what was committed is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durability {
    /// What the server says of itself.
    pub version: String,
    /// What becomes of commits if the server is lost.
    pub level: DurabilityLevel,
    /// A commit waits for the disk.
    pub fsync: bool,
    /// Pages have checksums, so that damage is noticed.
    pub checksums: bool,
}

/// What becomes of commits if the server is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DurabilityLevel {
    /// Nothing follows it: they are gone with its disk.
    OneServer,
    /// They are on a standby before they are acknowledged.
    Synchronous {
        /// The server's setting.
        standbys: String,
        /// The address says so too, so that a failover makes nobody wait.
        declared: bool,
    },
    /// A standby has them a little later.
    Asynchronous,
}

/// Commits of this process that were acknowledged, by the connection that made them. Those of a
/// connection that was lost stay, since a failover is noticed by the next one.
#[derive(Debug, Default)]
pub(super) struct Witness {
    commits: Mutex<BTreeMap<i64, i64>>,
    /// One connection at a time looks, since what one finds forgotten is told once.
    looking: tokio::sync::Mutex<()>,
}

/// Connections whose last commit is remembered.
const REMEMBERED: usize = 64;

impl Witness {
    /// Remembers that this transaction of a connection was acknowledged.
    pub(super) fn remember(&self, writer: i64, n: i64) {
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        commits.insert(writer, n);
        while commits.len() > REMEMBERED {
            commits.pop_first();
        }
    }

    fn all(&self) -> Vec<(i64, i64)> {
        let commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        commits.iter().map(|(writer, n)| (*writer, *n)).collect()
    }

    fn forget(&self) {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Reads the server's clock; no moment is before `last`.
pub(super) async fn moment(
    session: &Session,
    clock: &impl SharedClock,
    last: Stamp,
) -> Result<(Moment, i64), Fault> {
    let asked_us = SystemClock::boot_time_us();
    let said = sql::said(session).await?;
    if said.backend != session.backend {
        // What was set for the session is not set there: how long a lock is held, or what a commit
        // waits for.
        return Err(Fault::Store(fault::pooled()));
    }
    let answered_us = SystemClock::boot_time_us();
    let reading = Reading { said: said.now, asked_us, answered_us };
    Ok((clock.take(reading, last), said.offset_us))
}

/// How long after its last sign of life a runner is believed to keep the clock.
const ALIVE: Duration = Duration::from_secs(15);

/// Begins with the server's clock, as far as it can be believed: where others are at work, they
/// have corrected it; else it is believed only if this host's own is not behind it. Time never goes
/// back behind what somebody wrote.
pub(super) async fn begin_clock(session: &Session, clock: &impl SharedClock) -> Result<(), Fault> {
    if !clock.is_new() {
        return Ok(());
    }
    let asked_us = SystemClock::boot_time_us();
    let said = sql::said(session).await?.now;
    let answered_us = SystemClock::boot_time_us();
    let (last, alive) = sql::last_seen(session, said.minus(ALIVE)).await?;
    let own = Stamp(SystemClock::wall_us());
    if said.since(own).max(own.since(said)) > Duration::from_secs(2) {
        tracing::warn!(server = said.0, host = own.0, "the clocks of the server and of this host");
    }
    let believed = if alive { said } else { said.min(own) };
    clock.begin(Reading { said: believed.max(last), asked_us, answered_us });
    Ok(())
}

/// Looks whether this is still the truth that the store was, and begins a new epoch if not.
pub(super) async fn check(
    session: &Session,
    clock: &impl SharedClock,
    timing: &Timing,
    witness: &Witness,
) -> Result<(), Fault> {
    let _one = witness.looking.lock().await;
    let here = sql::server(session).await?;
    let own = witness.all();
    let is_same = |epoch: &Epoch| epoch.server == here;
    if is_same(&sql::epoch(session, false).await?) && sql::are_there(session, &own).await? {
        return Ok(());
    }
    session.simple(BEGIN).await?;
    let epoch = sql::epoch(session, true).await?;
    let are_there = sql::are_there(session, &own).await?;
    if is_same(&epoch) && are_there {
        return session.simple("ROLLBACK").await;
    }
    let is_first = epoch.server.is_empty();
    if is_first || (epoch.durable && are_there) {
        sql::set_epoch(session, epoch.number, &here, None).await?;
    } else {
        let (last, _) = sql::last_seen(session, Stamp::ZERO).await?;
        let (moment, _) = moment(session, clock, last).await?;
        let longest = sql::longest_window_ns(session).await?.map(Duration::from_nanos);
        let free_at = moment.now.plus(forgotten_for(longest, timing));
        tracing::warn!(%here, before = %epoch.server, "the database may have forgotten calls");
        sql::set_epoch(session, epoch.number + 1, &here, Some(free_at)).await?;
    }
    session.simple("COMMIT").await?;
    // What was forgotten is told once.
    witness.forget();
    Ok(())
}

/// How safe commits are on this server.
pub(super) async fn durability(session: &Session, declared: bool) -> Result<Durability, Fault> {
    let set = sql::settings(session).await?;
    let level = if !set.standbys.is_empty() {
        DurabilityLevel::Synchronous { standbys: set.standbys, declared }
    } else if set.followers > 0 {
        DurabilityLevel::Asynchronous
    } else {
        DurabilityLevel::OneServer
    };
    let (version, fsync, checksums) = (set.version, set.fsync, set.checksums);
    Ok(Durability { version, level, fsync, checksums })
}
