//! The durable stores against their model, the store in memory: the same random steps on the same
//! clock, and the same answers, rows, counts and journal after every one. A seed gives the same
//! run again.

mod campaigns;
mod cancels;
mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use fleetsweep::clock::{Clock, ManualClock};
use fleetsweep::domain::lifecycle::Found;
use fleetsweep::domain::{
    BusyPolicy, CallId, CampaignId, Finding, Life, LookUp, NewRow, Opened, Opening, Operation,
    Outcome, Refusal, ScanType, Timing, Verdict,
};
use fleetsweep::store::memory::MemoryStore;
use fleetsweep::store::{ClaimAnswer, Hold, NotYet, ReadAnswer, ReadSettlement, Store, StoreError};

use crate::kit::store::*;

/// Steps of one run.
const STEPS: usize = 220;

/// What both stores call by keys of their own.
#[derive(Clone, Copy, Debug)]
struct Both<T> {
    model: T,
    kept: T,
}

struct World<D> {
    rng: Rng,
    clock: ManualClock,
    model: MemoryStore<ManualClock>,
    other: D,
    campaigns: Vec<(Both<CampaignId>, Opening)>,
    calls: Vec<Both<CallId>>,
    outstanding: Vec<Both<CallId>>,
    reads: Vec<Both<CallId>>,
    log: Vec<String>,
}

/// Seeds in several tests, which run at the same time.
macro_rules! seeds {
    ($($name:ident $store:ident $seeds:expr)*) => {
        $(#[tokio::test] async fn $name() { same_as_the_model::<$store>($seeds).await; })*
    };
}

seeds! {
    sqlite_answers_as_its_model_with_seeds_0_to_4 InSqlite 0..5
    sqlite_answers_as_its_model_with_seeds_5_to_9 InSqlite 5..10
    sqlite_answers_as_its_model_with_seeds_10_to_14 InSqlite 10..15
    sqlite_answers_as_its_model_with_seeds_15_to_19 InSqlite 15..20
    sqlite_answers_as_its_model_with_seeds_20_to_24 InSqlite 20..25
    sqlite_answers_as_its_model_with_seeds_25_to_29 InSqlite 25..30
    postgres_answers_as_its_model_with_seeds_0_to_4 InPostgres 0..5
    postgres_answers_as_its_model_with_seeds_5_to_9 InPostgres 5..10
    postgres_answers_as_its_model_with_seeds_10_to_14 InPostgres 10..15
    postgres_answers_as_its_model_with_seeds_15_to_19 InPostgres 15..20
    postgres_answers_as_its_model_with_seeds_20_to_24 InPostgres 20..25
    postgres_answers_as_its_model_with_seeds_25_to_29 InPostgres 25..30
}

async fn same_as_the_model<D: Kept>(seeds: Range<u64>) {
    let mut done: BTreeMap<&'static str, usize> = BTreeMap::new();
    for seed in seeds {
        let mut world = World::<D>::new(seed).await;
        for step in 0..STEPS {
            let kind = world.step().await;
            *done.entry(kind).or_default() += 1;
            let place = format!("seed {seed}, step {step} ({kind})");
            world.compare(&place).await;
            if step % 5 == 0 {
                world.compare_more(&place).await;
            }
        }
        assert!(world.log.len() >= STEPS);
        *done.entry("pruned").or_default() += world.prune_all().await;
    }
    // A model test proves nothing about steps that it never took.
    for kind in [
        "claimed",
        "refused",
        "idle",
        "settled",
        "expired",
        "looked up",
        "reopened",
        "claimed alone",
        "called off",
        "cancelled",
    ] {
        assert!(done.get(kind).is_some_and(|times| *times > 5), "{kind}: {done:?}");
    }
    // A campaign is finished, and a wave over, but seldom in so few steps.
    assert!(done.get("pruned").is_some_and(|times| *times > 1), "{done:?}");
    assert!(done.get("yielded").is_some_and(|times| *times > 0), "{done:?}");
    assert!(done.get("opened a wave").is_some_and(|times| *times > 1), "{done:?}");
}

impl<D: Kept> World<D> {
    async fn new(seed: u64) -> Self {
        let clock = ManualClock::default();
        let model = MemoryStore::new(clock.clone(), Timing::default());
        let other = D::empty(clock.clone()).await;
        let rng = Rng::with_seed(seed);
        let (campaigns, calls, outstanding, reads, log) = Default::default();
        let mut world =
            Self { rng, clock, model, other, campaigns, calls, outstanding, reads, log };
        world.open_campaign().await;
        world
    }

    /// Does one thing to both stores and compares what they say.
    async fn step(&mut self) -> &'static str {
        let kind = match self.rng.u32(0..100) {
            0..26 => self.claim().await,
            26..28 => self.urge().await,
            28..31 => self.open_wave().await,
            31..32 => self.call_off().await,
            32..34 => self.claim_on().await,
            34..56 => self.settle().await,
            56..67 => self.advance().await,
            67..70 => self.cancel().await,
            70..76 => self.expire().await,
            76..87 => self.look_up().await,
            87..90 => self.claim_read().await,
            90..93 => self.settle_read().await,
            93..95 => self.finish().await,
            95..97 => self.open_campaign().await,
            97..98 => self.join().await,
            _ => self.reopen().await,
        };
        self.log.push(format!("{kind} at {:?}", self.clock.now()));
        kind
    }

    async fn claim(&mut self) -> &'static str {
        let id = self.any_campaign();
        let repeats = self.rng.u32(0..4) > 0;
        let model = self.model.claim(id.model, repeats).await.unwrap();
        let kept = self.other.store().claim(id.kept, repeats).await.unwrap();
        match (model, kept) {
            (ClaimAnswer::Call(model), ClaimAnswer::Call(mut kept)) => {
                let call = Both { model: model.call, kept: kept.call };
                self.calls.push(call);
                self.outstanding.push(call);
                kept.call = model.call;
                assert_eq!(kept, model, "{:#?}", self.log);
                "claimed"
            }
            (model, kept) => {
                let kept = match kept {
                    ClaimAnswer::NotYet(no) => ClaimAnswer::NotYet(self.as_model(no)),
                    other => other,
                };
                assert_eq!(kept, model, "{:#?}", self.log);
                if matches!(model, ClaimAnswer::Idle { .. }) { "idle" } else { "refused" }
            }
        }
    }

    /// The refusal with the model's key of the campaign that goes before.
    fn as_model(&self, no: NotYet) -> NotYet {
        let Hold::Priority(id) = no.hold else { return no };
        let (ahead, _) = self.campaigns.iter().find(|(one, _)| one.kept == id).unwrap();
        NotYet { hold: Hold::Priority(ahead.model), ..no }
    }

    async fn settle(&mut self) -> &'static str {
        // Now and then the answer of an old call, or of one that was settled before.
        let stale = self.rng.u32(0..8) == 0;
        let from = if stale { &self.calls } else { &self.outstanding };
        let Some(call) = self.rng.choice(from).copied() else {
            return self.claim().await;
        };
        self.outstanding.retain(|one| one.model != call.model);
        let mut settlement = settlement(self.verdict(), self.clock.utc());
        if self.rng.u32(0..5) == 0 {
            settlement.server_date = None;
        }
        let model = self.model.settle(call.model, settlement.clone()).await.unwrap();
        let kept = self.other.store().settle(call.kept, settlement).await.unwrap();
        assert_eq!(kept, model, "{:#?}", self.log);
        "settled"
    }

    fn verdict(&mut self) -> Verdict {
        let utc = self.clock.utc();
        let wait = [None, Some(SECOND), Some(SECOND * 45)];
        let statuses = ["Pending", "InProgress", "Succeeded", "Failed"];
        let status = statuses[self.rng.usize(0..4)];
        let scope = ["Full", "Quick", "other"][self.rng.usize(0..3)];
        // What has failed is over at once, so it is seldom: the others have more to go through.
        let status = if scope != "Full" && status == "Failed" { "Pending" } else { status };
        let action = Box::new(action(scope, status, utc));
        match self.rng.u32(0..14) {
            0..5 => Verdict::Accepted { action, status: 201, comment_changed: self.rng.bool() },
            5 => busy(),
            6 => Verdict::Busy { action: Some(action), refusal: refusal(200, "") },
            7 => Verdict::Rejected(refusal(400, "ClientVersionNotSupported")),
            8 => Verdict::Forbidden(refusal(403, "Forbidden")),
            9 => Verdict::NotFound(refusal(404, "ResourceNotFound")),
            10 => Verdict::Unauthorized(refusal(401, "Unauthorized")),
            11 => {
                // One draw for both; a limit is named seldom, since it holds for the rest.
                let draw = self.rng.usize(0..36);
                let (wait, named) = (wait[draw % 3], draw / 3);
                let named = ["Maximum allowed 8 per 00:01:00", "maximum allowed 4 per 00:00:10"]
                    .get(named)
                    .map_or("slow", |named| named);
                let message = Some(named.to_owned());
                Verdict::Throttled { wait, refusal: Refusal { message, ..refusal(429, "429") } }
            }
            12 => {
                let status = [None, None, Some(502), Some(201)][self.rng.usize(0..4)];
                Verdict::Doubtful { why: "cut".to_owned(), status }
            }
            _ => never_left(),
        }
    }

    async fn advance(&mut self) -> &'static str {
        let id = self.any_campaign();
        let no = self.model.peek(id.model, 0).await.unwrap();
        match no {
            // To the moment that the limit names, or just before it.
            Err(no) if self.rng.bool() => {
                let left = no.at.since(self.clock.now());
                let early = Duration::from_micros(u64::from(self.rng.u32(0..4) == 0));
                self.clock.advance(left.saturating_sub(early));
            }
            _ => {
                let most = [200, 2_000, 20_000, 90_000, 3_700_000][self.rng.usize(0..5)];
                self.clock.advance(Duration::from_micros(self.rng.u64(1..most * 1_000)));
            }
        }
        "advanced"
    }

    async fn expire(&mut self) -> &'static str {
        let id = self.any_campaign();
        if self.rng.bool() {
            self.clock.advance(Timing::default().horizon());
        }
        let model = self.model.expire(id.model).await.unwrap();
        assert_eq!(self.other.store().expire(id.kept).await.unwrap(), model, "{:#?}", self.log);
        if model > 0 { "expired" } else { "nothing" }
    }

    async fn look_up(&mut self) -> &'static str {
        let id = self.any_campaign();
        let limit = self.rng.usize(0..6);
        if self.rng.bool() {
            self.clock.advance(Timing::default().look_up_after[self.rng.usize(0..3)]);
        }
        let due = self.model.to_look_up(id.model, limit).await.unwrap();
        let same = self.other.store().to_look_up(id.kept, limit).await.unwrap();
        assert_eq!(same, due, "{:#?}", self.log);
        let mut findings: Vec<Finding> = due.iter().map(|one| self.finding(*one)).collect();
        // What somebody else has settled in between changes nothing.
        findings.extend(findings.first().cloned());
        let kind = if findings.is_empty() { "nothing" } else { "looked up" };
        let model = self.model.looked_up(id.model, findings.clone()).await.unwrap();
        let kept = self.other.store().looked_up(id.kept, findings).await.unwrap();
        assert_eq!(kept, model, "{:#?}", self.log);
        kind
    }

    fn finding(&mut self, look_up: LookUp) -> Finding {
        let found = match self.rng.u32(0..6) {
            0 if look_up.seq % 3 == 0 => Found::OursFailed,
            0 => Found::Ours,
            1 => Found::Forbidden,
            2 => Found::NotOurs { covered: true },
            _ => Found::NotOurs { covered: false },
        };
        let action = self.rng.bool().then(|| action("Full", "InProgress", self.clock.utc()));
        Finding { look_up, found, action }
    }

    async fn claim_read(&mut self) -> &'static str {
        let id = self.any_campaign();
        let model = self.model.claim_read(id.model).await.unwrap();
        let kept = self.other.store().claim_read(id.kept).await.unwrap();
        match (model, kept) {
            (ReadAnswer::Call(model, at), ReadAnswer::Call(kept, same)) => {
                assert_eq!(same, at);
                self.reads.push(Both { model, kept });
            }
            (model, kept) => assert_eq!(kept, model, "{:#?}", self.log),
        }
        "claimed a look"
    }

    /// A read that belongs to no campaign, on the budget of one or of nobody else.
    async fn claim_on(&mut self) -> &'static str {
        let mut order = opening("x", &[]).order;
        order.target.application = format!("app-{}", self.rng.u32(0..3));
        let operation = if self.rng.bool() { Operation::Read } else { Operation::Cancel };
        let budget = order.target.budget(operation);
        let quotas: Vec<_> = self.quotas().iter().map(|text| quota(text)).collect();
        let model = self.model.claim_on(&budget, quotas.clone()).await.unwrap();
        let kept = self.other.store().claim_on(&budget, quotas).await.unwrap();
        match (model, kept) {
            (ReadAnswer::Call(model, at), ReadAnswer::Call(kept, same)) => {
                assert_eq!(same, at);
                self.reads.push(Both { model, kept });
            }
            (model, kept) => assert_eq!(kept, model, "{:#?}", self.log),
        }
        "claimed alone"
    }

    async fn settle_read(&mut self) -> &'static str {
        let Some(call) = self.rng.choice(&self.reads).copied() else { return "nothing" };
        let verdict = self.rng.bool().then(|| self.verdict());
        let settlement = ReadSettlement::needed(verdict);
        self.model.settle_read(call.model, settlement.clone()).await.unwrap();
        self.other.store().settle_read(call.kept, settlement).await.unwrap();
        "settled a look"
    }

    async fn finish(&mut self) -> &'static str {
        let id = self.any_campaign();
        let model = self.model.finish(id.model).await.unwrap();
        assert_eq!(self.other.store().finish(id.kept).await.unwrap(), model);
        "finished"
    }

    async fn join(&mut self) -> &'static str {
        let (id, quotas) = (self.any_campaign(), self.quotas());
        let quotas: Vec<_> = quotas.iter().map(|text| quota(text)).collect();
        self.model.join(id.model, quotas.clone()).await.unwrap();
        self.other.store().join(id.kept, quotas).await.unwrap();
        "joined"
    }

    async fn open_campaign(&mut self) -> &'static str {
        let draft = Both {
            model: self.model.draft().await.unwrap(),
            kept: self.other.store().draft().await.unwrap(),
        };
        let rows: Vec<NewRow> = (0..self.rng.u32(5..30)).map(|number| self.row(number)).collect();
        self.model.append(draft.model, rows.clone()).await.unwrap();
        self.other.store().append(draft.kept, rows).await.unwrap();
        self.order(draft).await;
        let quotas = self.quotas();
        // Each name in both tenants.
        let name = format!("c{}", self.rng.u32(0..3));
        let mut opening = opening(&name, &quotas);
        opening.order.target.application = format!("app-{}", self.rng.u32(0..2));
        opening.order.scan_type =
            if self.rng.u32(0..4) == 0 { ScanType::Quick } else { ScanType::Full };
        opening.busy = if self.rng.bool() { BusyPolicy::Retry } else { BusyPolicy::Report };
        let model = self.model.open(draft.model, opening.clone()).await.unwrap();
        let kept = self.other.store().open(draft.kept, opening.clone()).await.unwrap();
        match (model, kept) {
            (Opened::New(model), Opened::New(kept)) => {
                self.campaigns.push((Both { model, kept }, opening));
            }
            (Opened::Continues(model), Opened::Continues(kept)) => {
                let same = |(id, _): &&(Both<CampaignId>, Opening)| id.model == model;
                assert_eq!(self.campaigns.iter().find(same).unwrap().0.kept, kept);
            }
            (model, kept) => assert_eq!(kept, model),
        }
        "opened"
    }

    fn row(&mut self, number: u32) -> NewRow {
        match self.rng.u32(0..12) {
            0 => ended_row(number, Outcome::Duplicate, "seen before"),
            1 => ended_row(number, Outcome::Skipped, "inactive"),
            2 => NewRow { device: None, ..ended_row(number, Outcome::BadRow, "a GUID") },
            3 => NewRow { life: Life::late_draft(), ..row(number) },
            4 => NewRow { reason: Some("one of two".to_owned()), ..row(number) },
            5..8 => NewRow { turn: self.rng.i64(-2..3), ..row(number) },
            _ => row(number),
        }
    }

    fn quotas(&mut self) -> Vec<&'static str> {
        let sets: [&[&str]; 5] =
            [&["3/1m", "9/1h"], &["2/10s"], &["100/1m", "1500/1h"], &["1000000/1s"], &["5/500ms"]];
        sets[self.rng.usize(0..sets.len())].to_vec()
    }

    /// A process ends, in order or not, and the next one goes on.
    async fn reopen(&mut self) -> &'static str {
        if self.rng.bool() {
            self.other.close().await;
            let error = self.other.store().draft().await.unwrap_err();
            assert!(matches!(error, StoreError::Failed { .. }), "{error}");
        }
        self.other.reopen().await;
        "reopened"
    }

    fn any_campaign(&mut self) -> Both<CampaignId> {
        self.campaigns[self.rng.usize(0..self.campaigns.len())].0
    }

    /// Everything that can be read is the same in both.
    async fn compare(&self, place: &str) {
        let mut budgets = BTreeSet::new();
        for (id, opening) in &self.campaigns {
            let (m, s) = (id.model, id.kept);
            let rows = self.model.rows(m, 0, 99).await.unwrap();
            assert_eq!(
                self.other.store().rows(s, 0, 99).await.unwrap(),
                rows,
                "{place}: {:#?}",
                self.log
            );
            let tally = self.model.tally(m).await.unwrap();
            assert_eq!(self.other.store().tally(s).await.unwrap(), tally, "{place}");
            let calls = self.model.calls(m).await.unwrap();
            assert_eq!(self.other.store().calls(s).await.unwrap(), calls, "{place}");
            let minutes = self.model.minutes(m).await.unwrap();
            assert_eq!(self.other.store().minutes(s).await.unwrap(), minutes, "{place}");
            for operation in [Operation::Scan, Operation::Read, Operation::Cancel] {
                budgets.insert(opening.order.target.budget(operation));
            }
        }
        for budget in &budgets {
            let usage = self.model.usage(budget, 50).await.unwrap();
            assert_eq!(self.other.store().usage(budget, 50).await.unwrap(), usage, "{place}");
        }
    }

    /// The rest of it, now and then, as it takes its time.
    async fn compare_more(&self, place: &str) {
        for (Both { model, kept }, _) in &self.campaigns {
            let (model, kept) = (*model, *kept);
            let tally = self.model.tally(model).await.unwrap();
            assert_eq!(self.other.recount(kept).await, tally, "{place}");
            for pending in [0, 2] {
                let peek = self.model.peek(model, pending).await.unwrap();
                let same = self.other.store().peek(kept, pending).await.unwrap();
                assert_eq!(same.map_err(|no| self.as_model(no)), peek, "{place}");
            }
        }
        self.compare_selections(place).await;
    }
}
