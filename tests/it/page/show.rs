//! A store with something of everything that pages and reports can show, as if a fleet had been
//! worked on for weeks: runs at work, runs that wait, stopped ones, nights, many tenants. The days
//! are gone through by a clock that is moved, and end now. It tests nothing.

mod nights;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fleetsweep::clock::{Clock, SystemClock};
use fleetsweep::domain::event::HoldReason;
use fleetsweep::domain::{
    Begun, CampaignId, Happened, Happening, LastRun, NewRow, Opened, Opening, Operation, Outcome,
    Priority, RunEnd, ScanType, Stamp, Timing, Verdict,
};
use fleetsweep::store::sqlite::{Boot, SqliteStore};
use fleetsweep::store::{ClaimAnswer, Store};
use futures_util::future::join_all;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::kit::store::{
    accepted, action, busy, doubtful, ended_row, opening, refusal, row, settlement, throttled,
};

/// Names that would be markup, a formula, or turn the reading direction; and a very long one.
pub(super) const HOSTILE: [&str; 5] = [
    "\"><script>alert(1)</script>",
    "\u{202e}exe.fdp-ws-1",
    "ber-ws-<img src=x onerror=alert(2)>",
    "=cmd|' /C calc'!A0",
    "a-name-of-a-hundred-and-eighty-letters-a-name-of-a-hundred-and-eighty-letters-a-name-of-a-\
     hundred-and-eighty-letters-a-name-of-a-hundred-and-eighty-letters-a-name-of-a-hundred-and",
];

const UTC: TimeZone = TimeZone::UTC;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A clock that stands until it is moved, and whose stamps are the microseconds of the wall clock,
/// as those of a store are that has just been made.
#[derive(Clone, Debug)]
struct ShownClock(Arc<AtomicI64>);

impl Clock for ShownClock {
    fn now(&self) -> Stamp {
        Stamp(self.0.load(Ordering::SeqCst))
    }

    fn utc(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::SeqCst)).unwrap()
    }

    async fn sleep_until(&self, _: Stamp) {
        unreachable!("nobody waits here")
    }
}

/// A store that is being filled.
pub(super) struct Show {
    store: SqliteStore<ShownClock>,
    clock: ShownClock,
    now: Timestamp,
    /// What the server says to a row.
    answers: fn(i64, Timestamp) -> Verdict,
    comment: &'static str,
    at_work: Vec<(CampaignId, LastRun)>,
}

/// What a campaign is made of.
struct Act<'a> {
    name: &'a str,
    tenant: &'a str,
    rows: std::ops::Range<u32>,
}

impl Show {
    /// One with the few campaigns of the page of all campaigns, of which this many devices are in
    /// the greatest one.
    pub(super) async fn of_one_day(path: &Path, devices: u32) -> Self {
        let mut show = Self::empty(path).await;
        show.nights().await;
        show.older().await;
        show.incident(devices).await;
        show
    }

    /// One with a campaign of each of so many tenants.
    pub(super) async fn of_tenants(path: &Path, tenants: u32) -> Self {
        let mut show = Self::empty(path).await;
        show.ago(HOUR * 3);
        for number in 0..tenants {
            show.of_a_tenant(number).await;
        }
        show
    }

    /// One with a run of a series that has this many devices: some thousands were asked, many were
    /// refused long ago, and the others wait. Its name.
    pub(super) async fn of_many(path: &Path, devices: u32) -> String {
        let mut show = Self::empty(path).await;
        show.ago(HOUR * 3);
        let name = format!("fleet-{}", show.clock.utc().to_zoned_datetime(UTC).date());
        let refused =
            |number| ended_row(number, Outcome::Rejected, "the platform is not supported");
        let draft = show.store.draft().await.unwrap();
        for first in (0..devices).step_by(5_000) {
            let batch = (first..devices.min(first + 5_000)).map(|number| {
                let name = Some(format!("muc-ws-{number:06}.corp.example"));
                let row = if number % 10 == 0 { refused(number) } else { row(number) };
                NewRow { name, ..row }
            });
            show.store.append(draft, batch.collect()).await.unwrap();
        }
        let opened = show.store.open(draft, opening(&name, &["100/1m", "1500/1h"])).await;
        assert_eq!(opened.unwrap(), Opened::New(draft));
        show.order(draft, 300, show.now).await;
        show.works(draft, show.run()).await;
        show.store.close().await.unwrap();
        name
    }

    /// One with runs at work that anybody may see.
    pub(super) async fn of_an_incident(path: &Path, devices: u32) -> Self {
        let mut show = Self::empty(path).await;
        show.comment = "INC4711: suspicious sign-ins";
        show.incident(devices).await;
        show
    }

    async fn empty(path: &Path) -> Self {
        let now = Timestamp::from_microsecond(SystemClock::wall_us()).unwrap();
        let clock = ShownClock(Arc::new(AtomicI64::new(0)));
        let (boot, own) = (Boot::now().unwrap(), clock.clone());
        clock
            .0
            .store((now - SignedDuration::from_hours(50 * 24)).as_microsecond(), Ordering::SeqCst);
        let store = SqliteStore::open_with_offset(path, Timing::default(), &boot, |_| own);
        let comment = "<b onclick=x>&' \u{202e} every device";
        let store = store.await.unwrap();
        Self { store, clock, now, answers: mixed, comment, at_work: Vec::new() }
    }

    /// Says of every run that is at work that it still is.
    pub(super) async fn keep_alive(&self) {
        let now = Timestamp::from_microsecond(SystemClock::wall_us()).unwrap();
        for (campaign, run) in &self.at_work {
            let run = LastRun { seen_at: Some(now), ..run.clone() };
            self.store.note_run(*campaign, run).await.unwrap();
        }
    }

    fn ago(&self, time: Duration) {
        let at = self.now.as_microsecond() - i64::try_from(time.as_micros()).unwrap();
        self.clock.0.fetch_max(at, Ordering::SeqCst);
    }

    fn pass(&self, time: Duration) {
        self.clock.0.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
    }

    async fn open(&self, act: &Act<'_>, change: impl FnOnce(&mut Opening)) -> CampaignId {
        let draft = self.store.draft().await.unwrap();
        let named = |number: u32| {
            let name = HOSTILE.get(number as usize % 40).map(|name| (*name).to_owned());
            let name = name.unwrap_or_else(|| format!("muc-ws-{number:05}.corp.example"));
            NewRow { name: Some(name), ..row(number) }
        };
        let mut rows: Vec<NewRow> = act.rows.clone().map(named).collect();
        let more = act.rows.end;
        if !act.name.starts_with("nightly-2") {
            rows.push(NewRow { device: None, ..ended_row(more, Outcome::BadRow, "no id in it") });
        }
        rows.push(ended_row(act.rows.start, Outcome::Duplicate, "the same as line 2"));
        self.store.append(draft, rows).await.unwrap();
        let mut opening = opening(act.name, &["100/1m", "1500/1h"]);
        opening.order.target.tenant = act.tenant.to_owned();
        opening.order.target.application = "fleetsweep-prod".to_owned();
        opening.order.comment = self.comment.to_owned();
        opening.begun =
            Begun { by: "m.weber".to_owned(), host: "jump-01".to_owned(), ..Begun::default() };
        change(&mut opening);
        assert_eq!(self.store.open(draft, opening).await.unwrap(), Opened::New(draft));
        self.happened(draft, Happened::RunBegun).await;
        draft
    }

    async fn happened(&self, campaign: CampaignId, what: Happened) {
        let (by, host) = ("m.weber".to_owned(), "jump-01".to_owned());
        let happening = Happening { at: self.clock.utc(), what, by, host };
        self.store.note_happening(campaign, happening).await.unwrap();
    }

    /// Orders as fast as the limits allow, at most so many and not beyond this moment.
    async fn order(&self, campaign: CampaignId, most: usize, until: Timestamp) {
        let mut left = most;
        while left > 0 && self.clock.utc() < until {
            let many = left.min(100);
            let claims = join_all((0..many).map(|_| self.store.claim(campaign, true))).await;
            let calls = claims.into_iter().filter_map(|answer| match answer.unwrap() {
                ClaimAnswer::Call(claim) => Some(claim),
                _ => None,
            });
            let calls: Vec<_> = calls.collect();
            left -= calls.len();
            let utc = self.clock.utc();
            let settled = calls.into_iter().map(|claim| {
                let settlement = settlement((self.answers)(claim.seq, utc), utc);
                self.store.settle(claim.call, settlement)
            });
            for settled in join_all(settled).await {
                settled.unwrap();
            }
            self.pass(MINUTE);
        }
    }

    async fn ends(&self, campaign: CampaignId, exit_code: u8, why: &str) {
        self.happened(campaign, Happened::RunEnded { why: why.to_owned(), exit_code }).await;
        self.store.finish(campaign).await.unwrap();
        let run = self.run();
        let resume = Some("fleetsweep resume it".to_owned());
        let end = RunEnd {
            at: self.clock.utc(),
            why: why.to_owned(),
            exit_code,
            before: None,
            resume,
            for_workers: false,
        };
        self.store.note_run(campaign, LastRun { ended: Some(end), ..run }).await.unwrap();
    }

    fn run(&self) -> LastRun {
        let (by, host) = ("m.weber".to_owned(), "jump-01".to_owned());
        let at = self.clock.utc();
        LastRun { id: "run".to_owned(), seen_at: Some(at), by, host, ..LastRun::begun(at) }
    }

    /// A run that goes on as long as `keep_alive` says so.
    async fn works(&mut self, campaign: CampaignId, run: LastRun) {
        self.store.note_run(campaign, run.clone()).await.unwrap();
        self.at_work.push((campaign, run));
    }

    /// Campaigns that are over, or that somebody has to look at.
    async fn older(&mut self) {
        let fabrikam = "8a2f0c11-3333-4444-5555-666677778888";
        let act = |name, rows| Act { name, tenant: fabrikam, rows };
        self.ago(HOUR * 20);
        let weekly = self.open(&act("weekly-fabrikam", 0..90), |_| {}).await;
        self.order(weekly, 90, self.now).await;
        self.pass(HOUR);
        self.ends(weekly, 3, "every row has its outcome").await;
        let quick = |opening: &mut Opening| {
            opening.order.scan_type = ScanType::Quick;
            opening.order.ticket = Some("CHG0031337".parse().unwrap());
        };
        let stopped = self.open(&act("servers-q4", 0..80), quick).await;
        self.order(stopped, 30, self.now).await;
        self.ends(stopped, 4, "12 of 30 answers are 404 (a wrong tenant or an old list?)").await;
        let killed = self.open(&act("branch-offices", 0..70), |_| {}).await;
        self.order(killed, 25, self.now).await;
        self.store.note_run(killed, self.run()).await.unwrap();
        let paused = self.open(&act("kiosks", 0..50), |_| {}).await;
        self.order(paused, 20, self.now).await;
        self.store.set_paused(paused, true).await.unwrap();
        self.happened(paused, Happened::Paused).await;
        let cancelled = self.open(&act("by-mistake", 0..50), |_| {}).await;
        self.order(cancelled, 10, self.now).await;
        self.store.call_off(cancelled).await.unwrap();
        self.happened(cancelled, Happened::Cancelled { devices: 40, scans: 9 }).await;
        self.open(&act("planned", 0..20), |_| {}).await;
        self.answers = good;
        let good = self.open(&act("lab", 5..35), |_| {}).await;
        self.order(good, 30, self.now).await;
        self.ends(good, 0, "every row has its outcome").await;
        self.answers = mixed;
    }

    /// A run that the server paused and whose hour is used up, one that waits for it, and one that
    /// waits for its window.
    async fn incident(&mut self, devices: u32) {
        let contoso = "contoso.example";
        self.ago(MINUTE * 56);
        let act = Act { name: "inc-4711-full", tenant: contoso, rows: 0..devices };
        let incident = self.open(&act, |opening| {
            opening.priority = Priority::High;
            opening.order.ticket = Some("INC4711".parse().unwrap());
        });
        let incident = incident.await;
        self.order(incident, 20, self.now).await;
        self.happened(incident, Happened::WaveOver { wave: "canary".to_owned() }).await;
        self.pass(MINUTE * 10);
        let judged = Happened::WaveJudged { passed: true, figures: "0 of 20 failed".to_owned() };
        self.happened(incident, judged).await;
        self.order(incident, 100, self.now).await;
        self.throttled(incident).await;
        self.order(incident, devices as usize, self.now).await;
        self.ago(Duration::ZERO);
        let hour = "1500/1h".parse().unwrap();
        let now = self.now;
        let next = |minutes| Some(now + SignedDuration::from_mins(minutes));
        let run = LastRun {
            hold: Some(HoldReason::Quota(hour)),
            held_by: Some("1500/1h".to_owned()),
            next_order_at: next(4),
            done_by: next(5 * 60 + 14),
            ..self.run()
        };
        self.works(incident, run).await;
        let act = Act { name: "nightly-of-servers", tenant: contoso, rows: 0..134 };
        let second = self.open(&act, |_| {}).await;
        let name: fleetsweep::domain::CampaignName = "inc-4711-full".parse().unwrap();
        let run = LastRun {
            hold: Some(HoldReason::Priority(name)),
            waits: Some("inc-4711-full goes before it".to_owned()),
            ..self.run()
        };
        self.works(second, run).await;
        let act = Act { name: "office-hours", tenant: "tailspin.example", rows: 0..300 };
        // It opens in nine hours, whatever the time is now.
        let opens = (self.now + SignedDuration::from_hours(9)).strftime("%H:%M").to_string();
        let closes = (self.now + SignedDuration::from_hours(15)).strftime("%H:%M").to_string();
        let window = format!("{opens}-{closes}");
        let windowed = self.open(&act, |opening| windows(opening, &window)).await;
        let run = LastRun {
            hold: Some(HoldReason::Window),
            waits: Some("its window has not opened yet".to_owned()),
            next_order_at: next(9 * 60),
            ..self.run()
        };
        self.works(windowed, run).await;
    }

    /// The server pauses it for a while.
    async fn throttled(&self, campaign: CampaignId) {
        let ClaimAnswer::Call(claim) = self.store.claim(campaign, true).await.unwrap() else {
            return;
        };
        let (wait, utc) = (MINUTE * 9, self.clock.utc());
        let settlement = settlement(throttled(Some(wait)), utc);
        self.store.settle(claim.call, settlement).await.unwrap();
        let until = utc + SignedDuration::from_mins(9);
        let paused = Happened::ServerPaused { operation: Operation::Scan, until };
        self.happened(campaign, paused).await;
        self.pass(wait);
    }

    async fn of_a_tenant(&mut self, number: u32) {
        let kinds = ["Kanzlei", "Verlag", "Bank", "Schulen", "Logistik", "Werke", "Klinik"];
        let rivers = ["birken", "linden", "kappel", "delta", "quelle", "mosel", "isar", "elbe"];
        let (river, kind) = (rivers[number as usize % 8], kinds[number as usize % 7]);
        let tenant = format!("{river}-{}-{number:03}.example", kind.to_lowercase());
        let name = format!("all-{number:03}");
        let act = Act { name: &name, tenant: &tenant, rows: 5..7 };
        let campaign = self.open(&act, |_| {}).await;
        self.answers = good;
        match number % 20 {
            0 if number < 60 => {
                self.order(campaign, 1, self.now).await;
                self.ends(campaign, 7, "the sign-in was refused").await;
            }
            1 => {
                self.answers = |_, _| Verdict::NotFound(refusal(404, "ResourceNotFound"));
                self.order(campaign, 2, self.now).await;
                self.ends(campaign, 3, "every row has its outcome").await;
            }
            2..=5 => {
                let run = LastRun {
                    done_by: Some(self.now + SignedDuration::from_mins(45)),
                    ..self.run()
                };
                self.order(campaign, 1, self.now).await;
                self.works(campaign, run).await;
            }
            _ => {
                self.order(campaign, 2, self.now).await;
                self.ends(campaign, 0, "every row has its outcome").await;
            }
        }
    }
}

fn windows(opening: &mut Opening, window: &str) {
    let hours = &mut opening.begun.request.run.speed.hours;
    hours.windows = Some(vec![window.parse().unwrap()]);
    hours.tz = Some("UTC".to_owned());
}

/// Something of everything.
fn mixed(seq: i64, utc: Timestamp) -> Verdict {
    let hostile = "the agent said <script>alert(3)</script> \u{202e}";
    match seq % 97 {
        13 | 57 => busy(),
        14 | 58 => Verdict::Busy {
            action: Some(Box::new(action("Full", "InProgress", utc))),
            refusal: refusal(400, "ActiveRequestAlreadyExists"),
        },
        20 => {
            let mut refused = refusal(400, "OsPlatformNotSupported");
            refused.message = Some(hostile.to_owned());
            Verdict::Rejected(refused)
        }
        21 => Verdict::NotFound(refusal(404, "ResourceNotFound")),
        22 => doubtful(),
        _ => accepted(utc),
    }
}

fn good(_: i64, utc: Timestamp) -> Verdict {
    accepted(utc)
}
