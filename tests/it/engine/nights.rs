//! A fleet over ten nights, across the night in which the clocks go back: what is due, who goes
//! first, what each morning's figures say. The server's ledger is what it is compared with.

use std::collections::BTreeMap;
use std::sync::Mutex;

use fleetsweep::domain::history::{Coverage, Ordered};
use fleetsweep::domain::{Life, NewRow, Opened, ScanType, Stop};
use fleetsweep::engine::history::{self, History, Whose};
use fleetsweep::store::memory::MemoryStore;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::windows::{Wall, hours, moment};
use super::*;
use crate::kit::store::opening;
use crate::kit::support::target;

/// In full size (`FLEETSWEEP_LONG=1`) a fleet of 40,000 at the API's limits, and else a quarter of
/// both, so that the nights are the same.
fn size() -> u64 {
    if std::env::var_os("FLEETSWEEP_LONG").is_some() { 4 } else { 1 }
}

fn devices() -> u64 {
    10_000 * size()
}
const NIGHTS: usize = 10;
const DAY: SignedDuration = SignedDuration::from_hours(24);
const NIGHT: SignedDuration = SignedDuration::from_hours(9);

/// A scan call as the server saw it.
#[derive(Clone, Copy)]
struct Call {
    device: u64,
    at: Timestamp,
    created: bool,
}

struct Fleet {
    wall: Wall,
    store: Arc<MemoryStore<Wall>>,
    server: Arc<FakeServer<Wall>>,
    settings: Settings,
    seen: Arc<Mutex<Vec<Call>>>,
}

impl Fleet {
    fn new(start: &str) -> Self {
        let (wall, timing) = (Wall::at(start), Timing::default());
        let limits = [format!("{}/1m", 25 * size()), format!("{}/1h", 375 * size())];
        let quotas = limits.map(|limit| limit.parse().unwrap()).to_vec();
        let seen: Arc<Mutex<Vec<Call>>> = Arc::default();
        let (calls, clock) = (seen.clone(), wall.clone());
        // One in twenty scans already when it is first asked. Another one sleeps for ever, which an
        // order does not tell from the others.
        let scan = move |ask: Ask| {
            let busy = ask.device % 20 == 7 && ask.nth == 1;
            let call = Call { device: ask.device, at: clock.shows(), created: !busy };
            calls.lock().unwrap().push(call);
            if busy { Act::BUSY } else { Act::Serve }
        };
        let server = FakeServer::scripted(
            wall.clone(),
            Behaviour::constant(MS * 200),
            1,
            Script::scan(scan),
        );
        Self {
            store: Arc::new(MemoryStore::new(wall.clone(), timing)),
            server: Arc::new(server),
            settings: Settings {
                hours: Some(hours("22:00-06:00")),
                pace: PaceKind::Fast.pace(&quotas),
                quotas,
                ..at_the_apis_limits()
            },
            seen,
            wall,
        }
    }

    async fn history(&self) -> History {
        let mut history = History::new(ScanType::Full, self.wall.shows());
        let whose = Whose { tenant: Some(target().tenant), emulated: false };
        history.read_store(&*self.store, &whose).await.unwrap();
        history
    }

    /// The campaign of one night, as `scan --series n --due` makes it.
    async fn open(&self, name: &str, due: Duration) -> Campaign {
        let (history, now) = (self.history().await, self.wall.shows());
        let rows = (0..devices()).map(|n| {
            let past = history.of(device(n));
            let life = match past.is_recent(due, now) {
                true => Life::ended(Outcome::Skipped),
                false => Life::draft(),
            };
            let (reason, turn) = (None, past.turn());
            let device = Some(device(n));
            NewRow {
                line: n + 2,
                device,
                name: None,
                input_text: None,
                facts: Default::default(),
                life,
                reason,
                turn,
                wave: 0,
            }
        });
        let draft = self.store.draft().await.unwrap();
        self.store.append(draft, rows.collect()).await.unwrap();
        let mut opening = opening(name, &[]);
        opening.quotas.clone_from(&self.settings.quotas);
        opening.order.scan_type = ScanType::Full;
        opening.order.target = target();
        let opened = self.store.open(draft, opening).await.unwrap();
        assert!(matches!(opened, Opened::New(_)));
        self.store.named(&name.parse().unwrap()).await.unwrap().remove(0)
    }

    async fn run(&self, campaign: &Campaign, settings: Settings) -> Ending {
        let (_stop, stopped) = watch::channel(StopLevel::Run);
        let (events, _) = mpsc::channel(1);
        let (store, server) = (self.store.clone(), self.server.clone());
        let run = engine::run(store, server, campaign.clone(), settings, stopped, events);
        tokio::time::timeout(STUCK, run).await.expect("the night is stuck").unwrap().ending
    }

    /// Ends a night's campaign, as the next run of its series does.
    async fn end(&self, campaign: &Campaign) {
        if !self.store.call_off(campaign.id).await.unwrap().finished {
            let settings = Settings { hours: None, ..self.settings.clone() };
            assert_eq!(self.run(campaign, settings).await, Ending::Finished);
        }
    }

    /// What the server's own ledger says of the fleet now.
    fn truth(&self, calls: &[Call]) -> Coverage {
        let mut last: BTreeMap<u64, Timestamp> = BTreeMap::new();
        for call in calls.iter().filter(|call| call.created) {
            last.insert(call.device, call.at);
        }
        let now = self.wall.shows();
        let within = |days: i32| {
            let young = |at: &&Timestamp| now.duration_since(**at) < DAY * days;
            Ordered { ordered: last.values().filter(young).count() as u64, succeeded: 0 }
        };
        let oldest = last.iter().map(|(n, at)| (*at, device(*n))).min();
        let never = devices() - last.len() as u64;
        Coverage { devices: devices(), week: within(7), month: within(30), never, oldest }
    }
}

#[tokio::test(start_paused = true)]
async fn ten_nights_order_every_device_once_before_any_a_second_time_and_never_by_day() {
    // The clocks go back in the night to the 25th.
    let fleet_of = Fleet::new("2026-10-19T16:00Z");
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let (mut last, mut told): (Option<Campaign>, Vec<String>) = (None, Vec::new());
    for night in 0..NIGHTS {
        let day = moment("2026-10-19T00:00Z").to_zoned_datetime(TimeZone::UTC).date();
        let name = format!("n-{}", day.checked_add((night as i64).days()).unwrap());
        if let Some(last) = last.take() {
            fleet_of.end(&last).await;
        }
        // What was ordered two nights ago is due again long before the fleet is through.
        let campaign = fleet_of.open(&name, Duration::from_secs(24 * 3600)).await;
        let ending = fleet_of.run(&campaign, fleet_of.settings.clone()).await;
        assert!([Ending::Stopped(Stop::Window), Ending::Finished].contains(&ending), "{ending:?}");
        // In the morning at seven.
        let morning = format!("{}T07:00", day.checked_add((night as i64 + 1).days()).unwrap());
        let morning: jiff::civil::DateTime = morning.parse().unwrap();
        let morning = zone.to_timestamp(morning).unwrap();
        let left = Duration::try_from(morning.duration_since(fleet_of.wall.shows())).unwrap();
        tokio::time::advance(left).await;
        let mut known = fleet_of.history().await;
        let mut fleet = history::Fleet::default();
        fleet.read(&*fleet_of.store, &campaign, &mut known).await.unwrap();
        let coverage = known.coverage(fleet.devices);
        let calls = fleet_of.seen.lock().unwrap().clone();
        let truth = fleet_of.truth(&calls);
        told.push(format!(
            "{name}: {} calls so far, within 7 days {}, never {}",
            calls.len(),
            coverage.week.ordered,
            coverage.never
        ));
        let rounded = |coverage: Coverage| Coverage { oldest: None, ..coverage };
        assert_eq!(rounded(coverage), rounded(truth), "{name}");
        let apart = |at: Option<(Timestamp, _)>| at.map(|(at, _)| at.as_second());
        let (ours, theirs) = (apart(coverage.oldest), apart(truth.oldest));
        assert!(ours.zip(theirs).is_none_or(|(a, b)| (a - b).abs() <= 1), "{ours:?} {theirs:?}");
        last = Some(campaign);
    }
    println!("{}", told.join("\n"));
    let calls = fleet_of.seen.lock().unwrap().clone();
    assert_none_by_day(&calls, &zone);
    assert_all_once_before_any_again(&calls);
    fleet_of.server.ledger(|ledger| {
        let size = usize::try_from(size()).unwrap();
        assert!(most_in_any_window(&ledger.arrivals, MINUTE) <= 25 * size);
        assert!(most_in_any_window(&ledger.arrivals, HOUR) <= 375 * size);
    });
}

fn assert_none_by_day(calls: &[Call], zone: &TimeZone) {
    for call in calls {
        let hour = call.at.to_zoned_datetime(zone.clone()).hour();
        assert!(!(6..22).contains(&hour), "a call at {}", call.at);
    }
}

fn assert_all_once_before_any_again(calls: &[Call]) {
    assert!(calls.len() as u64 > 25_000 * size(), "{}", calls.len());
    let mut orders: BTreeMap<u64, Vec<Timestamp>> = BTreeMap::new();
    let mut asked: BTreeMap<u64, Timestamp> = BTreeMap::new();
    let mut again = None;
    for call in calls {
        asked.insert(call.device, call.at);
        if !call.created {
            continue;
        }
        let times = orders.entry(call.device).or_default();
        times.push(call.at);
        if times.len() > 1 && again.is_none() {
            again = Some(call.at);
            let behind: Vec<u64> = (0..devices()).filter(|n| !orders.contains_key(n)).collect();
            println!("the second round begins with {} busy ones behind", behind.len());
            // Only what was busy in this very night, and is ordered first in the next one.
            let tonight =
                |n: &u64| asked.get(n).is_some_and(|at| call.at.duration_since(*at) < NIGHT);
            assert!(behind.iter().all(|n| n % 20 == 7 && tonight(n)), "{behind:?}");
        }
    }
    // Every order after that goes to who has waited longest, so nobody waits for much longer than
    // the three and a half nights that the fleet takes.
    let waits = orders.values().flat_map(|times| times.windows(2)).map(|two| two[1] - two[0]);
    let longest = waits.map(|wait| wait.as_secs_f64() / 3600.0).fold(0.0, f64::max);
    let (fewest, most) = (orders.values().map(Vec::len).min(), orders.values().map(Vec::len).max());
    println!("each was ordered {fewest:?} to {most:?} times, {longest:.1} h apart at most");
    assert_eq!(orders.len() as u64, devices());
    assert!(again.is_some() && fewest >= Some(2) && longest < 5.0 * 24.0);
}
