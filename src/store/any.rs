//! The store of a command, whichever database holds it. It decides nothing and hands each verb on.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;

use super::postgres::{Address, PostgresStore, ServerClock};
use super::sqlite::SqliteStore;
use super::{ClaimAnswer, NotYet, ReadAnswer, ReadSettlement, Result, Store};
use crate::clock::{Clock, SystemClock};
use crate::domain::settle::Settlement;
use crate::domain::{
    Action, Begun, BudgetKey, BudgetState, CallId, CalledOff, Campaign, CampaignFilter, CampaignId,
    Cancellation, FailedStart, Finding, Happening, Judged, LastRun, Look, LookUp, Minute, NewRow,
    NotedHappening, Opened, Opening, Priority, Quota, Row, RowFilter, Seq, Settled, Stamp, Tally,
    Timing, Usage, WaveStand,
};

/// Where a store is.
#[derive(Clone, Debug)]
pub enum StorePlace {
    /// In this SQLite file.
    File(PathBuf),
    /// In PostgreSQL.
    Server(Box<Address>),
}

impl fmt::Display for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(address) => write!(f, "{address}"),
        }
    }
}

/// A store of either kind.
#[derive(Debug)]
pub enum AnyStore {
    /// For the processes of one host.
    Sqlite(SqliteStore<SystemClock>),
    /// For several hosts.
    Postgres(PostgresStore<ServerClock>),
}

/// The clock of a store of either kind.
#[derive(Clone, Debug)]
pub enum AnyClock {
    /// That of one host.
    System(SystemClock),
    /// That of a server.
    Server(ServerClock),
}

impl Clock for AnyClock {
    fn now(&self) -> Stamp {
        match self {
            Self::System(clock) => clock.now(),
            Self::Server(clock) => clock.now(),
        }
    }

    fn utc(&self) -> Timestamp {
        match self {
            Self::System(clock) => clock.utc(),
            Self::Server(clock) => clock.utc(),
        }
    }

    fn shared_utc(&self) -> Timestamp {
        match self {
            Self::System(clock) => clock.shared_utc(),
            Self::Server(clock) => clock.shared_utc(),
        }
    }

    async fn sleep_until(&self, at: Stamp) {
        match self {
            Self::System(clock) => clock.sleep_until(at).await,
            Self::Server(clock) => clock.sleep_until(at).await,
        }
    }
}

/// A store with its clock, which a verb is asked for by reference.
#[derive(Debug)]
pub struct OpenedStore {
    store: AnyStore,
    clock: AnyClock,
}

impl OpenedStore {
    /// Opens the store at this place, and makes it if it is missing.
    ///
    /// # Errors
    /// As the store's own `open`.
    pub async fn open(place: &StorePlace, timing: Timing) -> Result<Self> {
        Ok(match place {
            StorePlace::File(path) => SqliteStore::open(path, timing).await?.into(),
            StorePlace::Server(address) => {
                PostgresStore::open((**address).clone(), timing).await?.into()
            }
        })
    }

    /// Opens a store that is there for reading alone. Returns `None` if there is no store yet.
    ///
    /// # Errors
    /// As the store's own `open_read_only`.
    pub async fn open_read_only(place: &StorePlace, timing: Timing) -> Result<Option<Self>> {
        Ok(match place {
            StorePlace::File(path) => {
                SqliteStore::open_read_only(path, timing).await?.map(Into::into)
            }
            StorePlace::Server(address) => {
                let opened = PostgresStore::open_read_only((**address).clone(), timing).await?;
                opened.map(Into::into)
            }
        })
    }

    /// Lets go of it.
    ///
    /// # Errors
    /// As the store's own `close`.
    pub async fn close(&self) -> Result<()> {
        match &self.store {
            AnyStore::Sqlite(store) => store.close().await,
            AnyStore::Postgres(store) => store.close().await,
        }
    }

    /// The store of its own kind.
    pub fn kind(&self) -> &AnyStore {
        &self.store
    }
}

impl From<SqliteStore<SystemClock>> for OpenedStore {
    fn from(store: SqliteStore<SystemClock>) -> Self {
        let clock = AnyClock::System(*store.clock());
        Self { store: AnyStore::Sqlite(store), clock }
    }
}

impl From<PostgresStore<ServerClock>> for OpenedStore {
    fn from(store: PostgresStore<ServerClock>) -> Self {
        let clock = AnyClock::Server(store.clock().clone());
        Self { store: AnyStore::Postgres(store), clock }
    }
}

/// Hands the signature of each verb of a store to a macro, for a store that does nothing but hand
/// them on to another one. Their types have to be known where it stands.
#[doc(hidden)]
#[macro_export]
macro_rules! each_verb {
    ($hand_on:ident) => {
        $hand_on! {
            fn draft() -> CampaignId;
            fn append(draft: CampaignId, rows: Vec<NewRow>) -> ();
            fn lay_chosen(draft: CampaignId, chosen: &[Seq], sizes: &[u64]) -> ();
            fn open(draft: CampaignId, opening: Opening) -> Opened;
            fn discard(draft: CampaignId) -> ();
            fn join(campaign: CampaignId, quotas: Vec<Quota>) -> ();
            fn campaign(campaign: CampaignId) -> Option<Campaign>;
            fn select(filter: &CampaignFilter) -> Vec<Campaign>;
            fn tally(campaign: CampaignId) -> Tally;
            fn rows(campaign: CampaignId, after: Seq, limit: usize) -> Vec<Row>;
            fn matching(
                campaign: CampaignId,
                filter: &RowFilter,
                after: Seq,
                limit: usize
            ) -> Vec<Row>;
            fn asked(campaign: CampaignId, after: Seq, limit: usize) -> Vec<Row>;
            fn peek(campaign: CampaignId, pending: usize) -> std::result::Result<(), NotYet>;
            fn claim(campaign: CampaignId, allow_repeat: bool) -> ClaimAnswer;
            fn settle(call: CallId, settlement: Settlement) -> Settled;
            fn claim_read(campaign: CampaignId) -> ReadAnswer;
            fn claim_on(budget: &BudgetKey, quotas: Vec<Quota>) -> ReadAnswer;
            fn settle_read(call: CallId, settlement: ReadSettlement) -> BudgetState;
            fn expire(campaign: CampaignId) -> u64;
            fn in_flight_until(campaign: CampaignId) -> Option<Stamp>;
            fn to_look_up(campaign: CampaignId, limit: usize) -> Vec<LookUp>;
            fn looked_up(campaign: CampaignId, findings: Vec<Finding>) -> Vec<Settled>;
            fn note_contact(campaign: CampaignId, date: Timestamp) -> ();
            fn reopen(campaign: CampaignId, refused: Vec<(Seq, u32)>) -> u64;
            fn set_paused(campaign: CampaignId, paused: bool) -> ();
            fn begun(campaign: CampaignId) -> Option<Begun>;
            fn set_begun(campaign: CampaignId, begun: Begun) -> ();
            fn note_happening(campaign: CampaignId, happening: Happening) -> ();
            fn happenings(campaign: CampaignId, after: i64, limit: usize) -> Vec<NotedHappening>;
            fn note_failed_starts(starts: Vec<FailedStart>) -> ();
            fn failed_starts(since: Date) -> Vec<FailedStart>;
            fn minutes(campaign: CampaignId) -> Vec<Minute>;
            fn set_priority(campaign: CampaignId, priority: Priority) -> ();
            fn engage(campaign: CampaignId) -> ();
            fn wave_open(campaign: CampaignId) -> u64;
            fn end_wave(campaign: CampaignId) -> WaveStand;
            fn judge_wave(campaign: CampaignId, wave: u32, judged: Judged) -> bool;
            fn open_wave(campaign: CampaignId, from: u32) -> bool;
            fn call_off(campaign: CampaignId) -> CalledOff;
            fn hand_on(campaign: CampaignId) -> CalledOff;
            fn note_cancelled(campaign: CampaignId, done: Vec<Cancellation>) -> u64;
            fn note_run(campaign: CampaignId, run: LastRun) -> ();
            fn pulse(process: &str, campaigns: &[CampaignId]) -> Vec<Look>;
            fn note_actions(campaign: CampaignId, seen: Vec<(Seq, Action)>) -> u64;
            fn finish(campaign: CampaignId) -> bool;
            fn prune(campaign: CampaignId, before: Timestamp) -> Option<u64>;
            fn usage(budget: &BudgetKey, latest: usize) -> Usage;
            fn results(budget: &BudgetKey) -> BTreeMap<String, u64>;
            fn note_tenant(service: &str, domain: &str, tenant: &str) -> ();
            fn tenant_named(service: &str, domain: &str) -> Option<String>;
            fn calls(campaign: CampaignId) -> u64;
        }
    };
}

/// Each verb, handed on to the store that there is. It is boxed: what a verb holds on its way is
/// tens of KiB, and each of a thousand runs that wait would hold room for the largest of them.
macro_rules! handed_on {
    ($(fn $verb:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(async fn $verb(&self, $($arg: $type),*) -> Result<$answer> {
            match &self.store {
                AnyStore::Sqlite(store) => Box::pin(store.$verb($($arg),*)).await,
                AnyStore::Postgres(store) => Box::pin(store.$verb($($arg),*)).await,
            }
        })*
    };
}

impl Store for OpenedStore {
    type Clock = AnyClock;

    fn clock(&self) -> &AnyClock {
        &self.clock
    }

    fn place(&self) -> String {
        match &self.store {
            AnyStore::Sqlite(store) => Store::place(store),
            AnyStore::Postgres(store) => Store::place(store),
        }
    }

    fn is_asked_again(&self, again: bool) {
        match &self.store {
            AnyStore::Sqlite(store) => Store::is_asked_again(store, again),
            AnyStore::Postgres(store) => Store::is_asked_again(store, again),
        }
    }

    each_verb!(handed_on);
}
