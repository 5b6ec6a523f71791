//! Values that the tests of stores share: devices, orders, answers. It tests nothing.

use std::time::Duration;

use fleetsweep::clock::{Clock, ManualClock};
use fleetsweep::domain::cancel::Cause;
use fleetsweep::domain::settle::Settlement;
use fleetsweep::domain::{
    Action, BusyPolicy, CallId, CampaignId, Cancellation, DeviceId, FailedStart, Happened,
    Happening, Life, NewRow, Opened, Opening, Order, Outcome, Priority, Quota, Refusal, Rollout,
    ScanType, Stamp, StartOf, Tally, Target, Timing, Verdict,
};
use fleetsweep::store::memory::MemoryStore;
use fleetsweep::store::postgres::PostgresStore;
use fleetsweep::store::sqlite::SqliteStore;
use fleetsweep::store::{Claim, ClaimAnswer, Store};
use jiff::Timestamp;
use tempfile::TempDir;

use super::postgres;

/// A store, and a way to let its time pass.
pub(crate) trait Subject {
    type Store: Store;

    fn store(&self) -> &Self::Store;

    /// Lets at least this much time pass on the store's clock; not much more.
    async fn advance(&self, by: Duration);
}

/// A store that outlives its process.
pub(crate) trait Kept: Subject<Store: Store<Clock = ManualClock>> + Sized {
    /// An empty one on this clock.
    async fn empty(clock: ManualClock) -> Self;

    /// Lets go of it.
    async fn close(&self);

    /// The process ends, in order or not, and the next one goes on.
    async fn reopen(&mut self);

    /// Where a campaign's rows stand, counted one by one.
    async fn recount(&self, campaign: CampaignId) -> Tally;
}

pub(crate) struct InMemory {
    store: MemoryStore<ManualClock>,
    clock: ManualClock,
}

impl InMemory {
    pub(crate) async fn new() -> Self {
        let clock = ManualClock::default();
        Self { store: MemoryStore::new(clock.clone(), Timing::default()), clock }
    }
}

impl Subject for InMemory {
    type Store = MemoryStore<ManualClock>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

pub(crate) struct InSqlite {
    store: SqliteStore<ManualClock>,
    clock: ManualClock,
    folder: TempDir,
}

impl InSqlite {
    pub(crate) async fn new() -> Self {
        Self::empty(ManualClock::default()).await
    }

    async fn open(folder: &TempDir, clock: &ManualClock) -> SqliteStore<ManualClock> {
        let path = folder.path().join("store.db");
        SqliteStore::open_with_clock(path, Timing::default(), clock.clone()).await.unwrap()
    }
}

impl Kept for InSqlite {
    async fn empty(clock: ManualClock) -> Self {
        let folder = TempDir::new().unwrap();
        Self { store: Self::open(&folder, &clock).await, clock, folder }
    }

    async fn close(&self) {
        self.store.close().await.unwrap();
    }

    async fn reopen(&mut self) {
        self.store = Self::open(&self.folder, &self.clock).await;
    }

    async fn recount(&self, campaign: CampaignId) -> Tally {
        self.store.recount(campaign).await.unwrap()
    }
}

impl Subject for InSqlite {
    type Store = SqliteStore<ManualClock>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

pub(crate) struct InPostgres {
    store: PostgresStore<ManualClock>,
    clock: ManualClock,
    url: String,
}

impl InPostgres {
    pub(crate) async fn new() -> Self {
        Self::empty(ManualClock::default()).await
    }
}

impl Kept for InPostgres {
    async fn empty(clock: ManualClock) -> Self {
        let url = postgres::database().await;
        Self { store: postgres::open_at(&url, &clock).await, clock, url }
    }

    async fn close(&self) {
        self.store.close().await.unwrap();
    }

    async fn reopen(&mut self) {
        self.store = postgres::open_at(&self.url, &self.clock).await;
    }

    async fn recount(&self, campaign: CampaignId) -> Tally {
        self.store.recount(campaign).await.unwrap()
    }
}

impl Subject for InPostgres {
    type Store = PostgresStore<ManualClock>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn quota(text: &str) -> Quota {
    text.parse().unwrap()
}

pub(crate) fn device(number: u32) -> DeviceId {
    let mut bytes = [7; 20];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    DeviceId::from_bytes(bytes)
}

pub(crate) fn row(number: u32) -> NewRow {
    NewRow {
        line: u64::from(number) + 1,
        device: Some(device(number)),
        name: Some(format!("host-{number}")),
        input_text: None,
        facts: Default::default(),
        life: Life::draft(),
        reason: None,
        turn: 0,
        wave: 0,
    }
}

pub(crate) fn ended_row(number: u32, outcome: Outcome, reason: &str) -> NewRow {
    let life = Life::ended(outcome);
    NewRow { life, reason: Some(reason.to_owned()), input_text: Some("=1+1".into()), ..row(number) }
}

pub(crate) fn rows(numbers: std::ops::Range<u32>) -> Vec<NewRow> {
    numbers.map(row).collect()
}

pub(crate) fn opening(name: &str, quotas: &[&str]) -> Opening {
    Opening {
        name: name.parse().unwrap(),
        order: Order {
            target: Target {
                api_origin: "https://api.example".to_owned(),
                tenant: "Tenant-1".to_owned(),
                application: "App-1".to_owned(),
                cloud: "global".to_owned(),
            },
            scan_type: ScanType::Full,
            comment: "alert 3212 \u{2028} ünïcode".to_owned(),
            ticket: None,
            ids_hash: "00".repeat(32),
        },
        mark_bits: u64::MAX - 5,
        busy: BusyPolicy::Report,
        emulated: false,
        quotas: quotas.iter().map(|text| quota(text)).collect(),
        priority: Priority::default(),
        rollout: Rollout::default(),
        begun: Default::default(),
    }
}

/// Opens a campaign over these devices.
pub(crate) async fn campaign(
    store: &impl Store,
    numbers: std::ops::Range<u32>,
    opening: Opening,
) -> CampaignId {
    let draft = store.draft().await.unwrap();
    store.append(draft, rows(numbers)).await.unwrap();
    match store.open(draft, opening).await.unwrap() {
        Opened::New(id) => id,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn claim(store: &impl Store, campaign: CampaignId) -> Claim {
    match store.claim(campaign, true).await.unwrap() {
        ClaimAnswer::Call(claim) => claim,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn not_yet(store: &impl Store, campaign: CampaignId) -> Stamp {
    match store.claim(campaign, true).await.unwrap() {
        ClaimAnswer::NotYet(not_yet) => not_yet.at,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn settle(store: &impl Store, call: CallId, verdict: Verdict) {
    let settlement = settlement(verdict, store.clock().utc());
    store.settle(call, settlement).await.unwrap();
}

pub(crate) fn settlement(verdict: Verdict, utc: Timestamp) -> Settlement {
    let whole = verdict.status().is_some();
    Settlement {
        verdict,
        server_date: whole.then_some(utc),
        took: Duration::from_millis(250),
        sent_at: utc,
        over_at: utc,
    }
}

pub(crate) fn action(scope: &str, status: &str, created: Timestamp) -> Action {
    Action {
        id: "2e9da30d-27f6-4208-81f2-9cd3d67893ba".to_owned(),
        kind: Some("RunAntiVirusScan".to_owned()),
        scope: Some(scope.to_owned()),
        status: Some(status.to_owned()),
        requestor: Some("someone@example".to_owned()),
        created: Some(created),
        ..Action::default()
    }
}

pub(crate) fn refusal(status: u16, code: &str) -> Refusal {
    Refusal {
        status,
        code: Some(code.to_owned()),
        message: Some(format!("{code}, said the server")),
        target: Some("correlation".to_owned()),
    }
}

pub(crate) fn accepted(utc: Timestamp) -> Verdict {
    let action = Box::new(action("Full", "Pending", utc));
    Verdict::Accepted { action, status: 201, comment_changed: false }
}

/// Opens a campaign of four devices whose scans were ordered: one that somebody took back, one that
/// was cancelled since its window was over, one since its time was, and one that failed.
pub(crate) async fn taken_back_expired_and_failed(store: &impl Store, name: &str) -> CampaignId {
    let id = campaign(store, 0..4, opening(name, &["100/1m"])).await;
    let utc = store.clock().utc();
    for _ in 0..4 {
        let call = claim(store, id).await.call;
        settle(store, call, accepted(utc)).await;
    }
    let rows = store.rows(id, 0, 10).await.unwrap();
    let failed = rows[3].detail.action_id.clone().unwrap();
    let failed = Action { id: failed, ..action("Full", "TimeOut", utc) };
    assert_eq!(store.note_actions(id, vec![(rows[3].seq, failed)]).await.unwrap(), 1);
    let why = Cause::ALL;
    let done = rows.into_iter().zip(why).map(|(row, cause)| {
        let action = action("Full", "Cancelled", utc);
        let action = Action { id: row.detail.action_id.unwrap(), ..action };
        Cancellation { seq: row.seq, action, cause }
    });
    assert_eq!(store.note_cancelled(id, done.collect()).await.unwrap(), 3);
    id
}

/// Campaigns of which some keep that the next run of their series could not begin, as versions of
/// before kept it. Returns what a store keeps of that now.
pub(crate) async fn nights_refused_before(store: &impl Store) -> Vec<FailedStart> {
    // As exact as every store keeps it.
    let at = Timestamp::from_microsecond(store.clock().utc().as_microsecond()).unwrap();
    let mut kept = Vec::new();
    let refused = |day: &str, why: &str| Happened::NextNotBegun {
        day: day.parse().unwrap(),
        why: why.to_owned(),
        exit_code: 7,
    };
    for (n, (name, series)) in
        [("n-2026-11-23", Some("n")), ("a-1-2026-11-23-12", Some("a-1")), ("once", None)]
            .into_iter()
            .enumerate()
    {
        let rows = n as u32 * 2..n as u32 * 2 + 1;
        let id = campaign(store, rows, opening(name, &["100/1m"])).await;
        let target = store.campaign(id).await.unwrap().unwrap().order.target;
        for what in [
            refused("2026-11-24", "first"),
            Happened::Paused,
            refused("2026-11-24", "it's \"second\""),
            refused("2026-11-25", "third"),
        ] {
            let (by, host) = ("ann".to_owned(), "desk".to_owned());
            store.note_happening(id, Happening { at, what, by, host }).await.unwrap();
        }
        let Some(series) = series else { continue };
        for (day, why) in [("2026-11-24", "it's \"second\""), ("2026-11-25", "third")] {
            let of = StartOf::Series(series.parse().unwrap());
            let (day, why, exit_code) = (day.parse().unwrap(), why.to_owned(), 7);
            let (by, host) = ("ann".to_owned(), "desk".to_owned());
            let start =
                FailedStart { of, target: target.clone(), day, at, why, exit_code, by, host };
            kept.push(start.storable());
        }
    }
    kept.sort_by_key(|one| (one.day, one.of.name()));
    kept
}

pub(crate) fn busy() -> Verdict {
    Verdict::Busy { action: None, refusal: refusal(400, "ActiveRequestAlreadyExists") }
}

pub(crate) fn throttled(wait: Option<Duration>) -> Verdict {
    Verdict::Throttled { wait, refusal: refusal(429, "TooManyRequests") }
}

pub(crate) fn doubtful() -> Verdict {
    Verdict::Doubtful { why: "the connection was cut".to_owned(), status: None }
}

pub(crate) fn never_left() -> Verdict {
    Verdict::NeverLeft { why: "the name was not found".to_owned() }
}

pub(crate) fn horizon() -> Duration {
    Timing::default().horizon()
}

pub(crate) fn reopens(text: &str) -> Duration {
    quota(text).reopens_after(&Timing::default())
}
