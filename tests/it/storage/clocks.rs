//! Time that is set, that stands still and that begins anew: steps of the wall clock, suspends, and
//! restarts of the machine with a wall clock that is right, ahead or behind, drawn from seeds. A
//! server that knows the true time counts. Broken variants show that it would notice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fleetsweep::clock::Clock;
use fleetsweep::domain::{BusyPolicy, CallId, CampaignId, Quota, Stamp, Timing};
use fleetsweep::store::memory::{MemoryStore, Stamping};
use fleetsweep::store::sqlite::{Boot, SqliteStore};
use fleetsweep::store::{ClaimAnswer, Store};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::kit::store as store_kit;
use crate::kit::support::{campaign, most_in_any_window};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const YEAR: i64 = 8_766 * HOUR;

/// Where true time begins: some day in 2026.
const BEGIN: i64 = 1_795_500_000 * SECOND;

const QUOTAS: [&str; 2] = ["5/1m", "12/1h"];

/// The machine: true time, and what its clocks make of it. Its clock is that of the store.
#[derive(Clone, Debug)]
struct Machine(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    now: AtomicI64,
    /// When the machine was started, in true time.
    started: AtomicI64,
    /// By how much the wall clock is ahead.
    ahead: AtomicI64,
    offset: AtomicI64,
}

impl Machine {
    fn new() -> Self {
        let [now, started] = [BEGIN, BEGIN - HOUR].map(AtomicI64::new);
        let [ahead, offset] = [0, 0].map(AtomicI64::new);
        Self(Arc::new(Hands { now, started, ahead, offset }))
    }

    fn truth(&self) -> i64 {
        self.0.now.load(Ordering::SeqCst)
    }

    fn up_for(&self) -> i64 {
        self.truth() - self.0.started.load(Ordering::SeqCst)
    }

    fn wall(&self) -> i64 {
        self.truth() + self.0.ahead.load(Ordering::SeqCst)
    }

    fn boot(&self, id: u32) -> Boot {
        Boot { id: format!("boot-{id}"), boot_us: self.up_for(), wall_us: self.wall() }
    }

    fn pass(&self, time: i64) {
        self.0.now.fetch_add(time, Ordering::SeqCst);
    }

    fn set_ahead(&self, by: i64) {
        self.0.ahead.store(by, Ordering::SeqCst);
    }

    /// Off for this long, and then up for a while before anybody asks.
    fn restart(&self, off: i64, up: i64) {
        self.pass(off);
        self.0.started.store(self.truth(), Ordering::SeqCst);
        self.pass(up);
    }

    fn with_offset(&self, offset: i64) -> Self {
        self.0.offset.store(offset, Ordering::SeqCst);
        self.clone()
    }
}

impl Clock for Machine {
    fn now(&self) -> Stamp {
        Stamp(self.up_for() + self.0.offset.load(Ordering::SeqCst))
    }

    fn utc(&self) -> Timestamp {
        Timestamp::from_microsecond(self.wall()).unwrap()
    }

    async fn sleep_until(&self, _at: Stamp) {
        unreachable!("these tests move the time themselves")
    }
}

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    Whole,
    /// A new start of the machine believes a wall clock that is ahead.
    BelievesTheWall,
    /// The clock of the store has no offset: every start of the machine begins at zero.
    NoOffset,
    /// The age of a claim is not looked at again before its call is sent.
    SendsLate,
    /// Answers that do not come are taken for calls that were counted at the time-out.
    SettlesAtTheTimeOut,
}

/// A store whose machine can be restarted.
trait Durable {
    type Store: Store<Clock = Machine>;

    fn store(&self) -> &Arc<Self::Store>;

    /// Opens the store anew at this start of the machine.
    async fn reopen(&mut self, boot: &Boot);
}

struct Memory {
    store: Arc<MemoryStore<Machine>>,
    machine: Machine,
    variant: Variant,
    /// What the journal of a file says: the last stamp, and the wall clock then.
    last: Option<(i64, Timestamp)>,
}

impl Memory {
    fn new(machine: &Machine, variant: Variant) -> Self {
        let stamping = match variant {
            Variant::SettlesAtTheTimeOut => Stamping::AtTimeOut,
            _ => Stamping::Proven,
        };
        let timing = Timing::default();
        let store = Arc::new(MemoryStore::with_stamping(machine.clone(), timing, stamping));
        Self { store, machine: machine.clone(), variant, last: None }
    }
}

impl Durable for Memory {
    type Store = MemoryStore<Machine>;

    fn store(&self) -> &Arc<Self::Store> {
        &self.store
    }

    async fn reopen(&mut self, boot: &Boot) {
        let offset = match (self.variant, self.last) {
            (Variant::NoOffset, _) => 0,
            (Variant::BelievesTheWall, Some((last, _))) => {
                boot.wall_us.max(last + 1) - boot.boot_us
            }
            (_, last) => boot.offset_after(last),
        };
        self.machine.with_offset(offset);
    }
}

struct File {
    store: Option<Arc<SqliteStore<Machine>>>,
    machine: Machine,
    path: PathBuf,
    _folder: TempDir,
}

impl File {
    fn new(machine: &Machine) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("store.db");
        Self { store: None, machine: machine.clone(), path, _folder: folder }
    }
}

impl Durable for File {
    type Store = SqliteStore<Machine>;

    fn store(&self) -> &Arc<Self::Store> {
        self.store.as_ref().unwrap()
    }

    async fn reopen(&mut self, boot: &Boot) {
        if let Some(store) = self.store.take() {
            store.close().await.unwrap();
        }
        let clock = |offset| self.machine.with_offset(offset);
        let store = SqliteStore::open_with_offset(&self.path, Timing::default(), boot, clock);
        self.store = Some(Arc::new(store.await.unwrap()));
    }
}

/// What one sequence showed.
#[derive(Debug, Default)]
struct Shown {
    calls: usize,
    restarts: u32,
    /// The most calls in a minute and in an hour, as the server counts.
    worst: (usize, usize),
    /// The longest that the store said to wait beyond what the server's counts asked for.
    too_long: i64,
    /// The most that the store's clock ran ahead of the true time, over all restarts.
    ran_ahead: i64,
}

struct Play<D> {
    durable: D,
    machine: Machine,
    campaign: CampaignId,
    rng: fastrand::Rng,
    sends_late: bool,
    /// When the server counted each call, in true time.
    arrivals: Vec<i64>,
    /// Calls whose answers are under way: when they come, in true time.
    in_flight: BTreeMap<i64, CallId>,
    boots: u32,
    /// The journal holds a call.
    called: bool,
    shown: Shown,
}

fn horizon() -> i64 {
    Timing::default().horizon().as_micros() as i64
}

impl<D: Durable> Play<D> {
    async fn step(&mut self, last: &mut Option<(i64, Timestamp)>) {
        match self.rng.u8(0..100) {
            0..=59 => self.claim(last).await,
            60..=84 => {
                let time = [SECOND, 20 * SECOND, 300 * SECOND][self.rng.usize(0..3)];
                let time = self.rng.i64(0..time);
                self.let_pass(time, last).await;
            }
            85..=91 => {
                let by = self.wrong_by();
                self.machine.set_ahead(by);
            }
            // Suspended: the machine's own clock goes on, and nothing is settled meanwhile.
            92..=95 => self.machine.pass(self.rng.i64(0..2 * HOUR)),
            _ => self.restart().await,
        }
    }

    /// By how much a wall clock is wrong: not at all, seconds, hours, years.
    fn wrong_by(&mut self) -> i64 {
        let most = [1, 90 * SECOND, 30 * HOUR, 10 * YEAR][self.rng.usize(0..4)];
        self.rng.i64(-most..=most)
    }

    async fn restart(&mut self) {
        let (before, truth) = (self.machine.now().0, self.machine.truth());
        // What was in flight is never settled; its bytes can still arrive.
        self.in_flight.clear();
        let (off, up) = (self.rng.i64(SECOND..2 * HOUR), self.rng.i64(SECOND..200 * SECOND));
        self.machine.restart(off, up);
        let by = self.wrong_by();
        self.machine.set_ahead(by);
        self.boots += 1;
        self.shown.restarts += 1;
        let boot = self.machine.boot(self.boots);
        self.durable.reopen(&boot).await;
        let (clock, passed) = (self.machine.now().0 - before, self.machine.truth() - truth);
        // Without a call there is nothing that a jump could free.
        if self.called {
            self.shown.ran_ahead = self.shown.ran_ahead.max(clock - passed);
        }
    }

    /// Time passes, and answers come in it.
    async fn let_pass(&mut self, time: i64, last: &mut Option<(i64, Timestamp)>) {
        let end = self.machine.truth() + time;
        while let Some(entry) = self.in_flight.first_entry()
            && *entry.key() <= end
        {
            let (at, call) = entry.remove_entry();
            self.machine.pass((at - self.machine.truth()).max(0));
            let verdict = store_kit::accepted(self.machine.utc());
            store_kit::settle(&**self.durable.store(), call, verdict).await;
            self.noted(last);
        }
        self.machine.pass((end - self.machine.truth()).max(0));
    }

    fn noted(&self, last: &mut Option<(i64, Timestamp)>) {
        let (stamp, utc) = (self.machine.now().0, self.machine.utc());
        *last = Some(last.map_or((stamp, utc), |(was, then)| (was.max(stamp), then.max(utc))));
    }

    async fn claim(&mut self, last: &mut Option<(i64, Timestamp)>) {
        let store = self.durable.store().clone();
        let claim = match store.claim(self.campaign, true).await.unwrap() {
            ClaimAnswer::Call(claim) => claim,
            ClaimAnswer::NotYet(no) => {
                let waits = no.at.0 - self.machine.now().0;
                let too_long = self.machine.truth() + waits - self.server_allows_at();
                self.shown.too_long = self.shown.too_long.max(too_long);
                return self.let_pass(waits.clamp(0, 2 * HOUR), last).await;
            }
            ClaimAnswer::Idle { .. } => return,
        };
        self.called = true;
        self.noted(last);
        // Now and then the machine is suspended between a claim and its call.
        if self.rng.u8(0..12) == 0 {
            self.machine.pass(self.rng.i64(0..200 * SECOND));
        }
        let age = store.clock().now().since(claim.claimed_at);
        if age > Timing::default().send_within && !self.sends_late {
            store_kit::settle(&*store, claim.call, store_kit::never_left()).await;
            return self.noted(last);
        }
        self.shown.calls += 1;
        let now = self.machine.truth();
        if self.rng.u8(0..6) > 0 {
            let takes = self.rng.i64(0..10 * SECOND);
            self.arrivals.push(now + self.rng.i64(0..=takes));
            self.in_flight.insert(now + takes, claim.call);
            return;
        }
        // No answer: the bytes can linger until the horizon of the claim ends.
        self.arrivals
            .push(now + self.rng.i64(0..horizon() - age.as_micros().min(5_000_000) as i64));
        if self.rng.bool() {
            self.let_pass(30 * SECOND, last).await;
            store_kit::settle(&**self.durable.store(), claim.call, store_kit::doubtful()).await;
            self.noted(last);
        }
    }

    /// When the server would take one more call, as far as it knows.
    fn server_allows_at(&self) -> i64 {
        let mut arrived = self.arrivals.clone();
        arrived.sort_unstable_by(|a, b| b.cmp(a));
        let free = quotas().into_iter().filter_map(|quota| {
            let nth = arrived.get(quota.calls.get() as usize - 1)?;
            Some(nth + quota.window.as_micros() as i64)
        });
        free.max().unwrap_or(0).max(self.machine.truth())
    }
}

fn quotas() -> Vec<Quota> {
    QUOTAS.iter().map(|text| text.parse().unwrap()).collect()
}

async fn play<D: Durable>(
    machine: Machine,
    mut durable: D,
    seed: u64,
    (steps, variant): (u32, Variant),
    note: impl Fn(&mut D, Option<(i64, Timestamp)>),
) -> Shown {
    durable.reopen(&machine.boot(0)).await;
    let store = durable.store().clone();
    let campaign = campaign(&store, "c", 0..500, &quotas(), BusyPolicy::Report).await.id;
    drop(store);
    let mut play = Play {
        durable,
        machine,
        campaign,
        rng: fastrand::Rng::with_seed(seed),
        sends_late: variant == Variant::SendsLate,
        arrivals: Vec::new(),
        in_flight: BTreeMap::new(),
        boots: 0,
        called: false,
        shown: Shown::default(),
    };
    let mut last = None;
    for _ in 0..steps {
        play.step(&mut last).await;
        note(&mut play.durable, last);
    }
    let most = |seconds| most_in_any_window(&play.arrivals, Duration::from_secs(seconds));
    Shown { worst: (most(60), most(3_600)), ..play.shown }
}

async fn in_memory(seed: u64, variant: Variant) -> Shown {
    let machine = Machine::new();
    let memory = Memory::new(&machine, variant);
    play(machine, memory, seed, (200, variant), |memory, last| memory.last = last).await
}

/// One window, a horizon, and the guard that every window is widened by.
fn longest_wait() -> i64 {
    let hour = Duration::from_secs(3_600);
    (hour + hour / 1_000 + Timing::default().guard).as_micros() as i64 + horizon()
}

fn assert_sound(shown: &Shown, seed: u64) {
    assert!(shown.worst.0 <= 5 && shown.worst.1 <= 12, "seed {seed}: {shown:?}");
    assert!(shown.too_long <= longest_wait(), "seed {seed}: {shown:?}");
    assert!(shown.ran_ahead <= 1, "seed {seed}: {shown:?}");
}

#[tokio::test]
async fn five_hundred_sequences_of_steps_suspends_and_restarts_exceed_nothing() {
    let (mut calls, mut restarts, mut too_long, mut worst) = (0, 0, 0, (0, 0));
    for seed in 0..500 {
        let shown = in_memory(seed, Variant::Whole).await;
        assert_sound(&shown, seed);
        (calls, restarts) = (calls + shown.calls, restarts + shown.restarts);
        too_long = too_long.max(shown.too_long);
        worst = (worst.0.max(shown.worst.0), worst.1.max(shown.worst.1));
    }
    println!(
        "500 sequences, {calls} calls, {restarts} restarts: at most {} of 5 in a minute and {} of \
         12 in an hour; at most {} s longer than needed",
        worst.0,
        worst.1,
        too_long / SECOND
    );
    assert!(restarts > 1_000 && calls > 10_000, "{restarts} restarts, {calls} calls");
}

#[tokio::test]
async fn the_file_keeps_its_clock_as_the_model_does() {
    let mut restarts = 0;
    for seed in 0..12 {
        let machine = Machine::new();
        let file = File::new(&machine);
        let shown = play(machine, file, seed, (80, Variant::Whole), |_, _| {}).await;
        assert_sound(&shown, seed);
        restarts += shown.restarts;
    }
    assert!(restarts > 20, "{restarts}");
}

/// Negative controls: each breaks one part of how time is kept, and the server's counts or the
/// bound of the wait show it.
#[tokio::test]
async fn broken_clocks_and_late_calls_are_caught() {
    for variant in [
        Variant::BelievesTheWall,
        Variant::NoOffset,
        Variant::SendsLate,
        Variant::SettlesAtTheTimeOut,
    ] {
        let (mut worst, mut too_long, mut ran_ahead) = ((0, 0), 0, 0);
        for seed in 0..40 {
            let shown = in_memory(seed, variant).await;
            worst = (worst.0.max(shown.worst.0), worst.1.max(shown.worst.1));
            too_long = too_long.max(shown.too_long);
            ran_ahead = ran_ahead.max(shown.ran_ahead);
        }
        println!(
            "{variant:?}: {} of 5 in a minute, {} of 12 in an hour, {} s too long",
            worst.0,
            worst.1,
            too_long / SECOND
        );
        let over = worst.0 > 5 || worst.1 > 12;
        let caught = over || (variant == Variant::NoOffset && too_long > longest_wait());
        assert!(caught, "{variant:?} was not caught");
    }
}
