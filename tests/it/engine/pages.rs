//! Reading whole lists outside of a campaign, on virtual time: the limit, its control, and what
//! every kind of refusal means.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use fleetsweep::clock::{Clock, TokioClock};
use fleetsweep::defender::{
    ActionQuery, Inventory, ListPage, ListReply, MachineFilter, NextPage, ScanApi, ScanOrder,
    SignInError,
};
use fleetsweep::domain::{
    Action, Answer, Body, ErrorBody, Facts, Machine, Operation, Reply, Stamp, Timing,
};
use fleetsweep::engine::lists::{ListEnd, Listed, Lists, Patience, Slots};
use fleetsweep::store::memory::{MemoryStore, Stamping};
use fleetsweep::store::{ReadAnswer, Store};

use crate::kit::support::{device, micros_since, most_in_any_window, target};

/// A tenant whose pages are written down beforehand.
struct Tenant {
    clock: TokioClock,
    start: Stamp,
    pages: Mutex<VecDeque<ListReply<Machine>>>,
    sent: Mutex<Vec<i64>>,
    refused: Mutex<u32>,
    /// How long each answer takes.
    takes: Duration,
}

impl ScanApi for Tenant {
    async fn ready(&self) -> Result<(), SignInError> {
        Ok(())
    }
    async fn token_refused(&self) {
        *self.refused.lock().unwrap() += 1;
    }
    async fn scan(&self, _: &ScanOrder) -> Reply {
        panic!("nothing is ordered here")
    }
    async fn actions(&self, _: &ActionQuery, _: Option<&NextPage>) -> ListReply<Action> {
        panic!("no action is asked for here")
    }
}

impl Inventory for Tenant {
    fn may_read(&self) -> Option<bool> {
        None
    }
    async fn machines(&self, _: &MachineFilter, _: Option<&NextPage>) -> ListReply<Machine> {
        self.sent.lock().unwrap().push(micros_since(&self.clock, self.start));
        tokio::time::sleep(self.takes).await;
        // The last page comes again and again, each time with another rest.
        let mut pages = self.pages.lock().unwrap();
        let page = if pages.len() > 1 { pages.pop_front() } else { pages.front().cloned() };
        match page.expect("there is a page") {
            Ok(ListPage { items, next: Some(_), date }) => {
                let rest = NextPage(format!("rest {}", self.sent.lock().unwrap().len()));
                Ok(ListPage { items, next: Some(rest), date })
            }
            other => other,
        }
    }
}

fn page(n: u64, more: bool) -> ListReply<Machine> {
    let machine = Machine {
        id: device(n),
        name: None,
        facts: Facts::default(),
        tags: Vec::new(),
        risk: None,
        exposure: None,
    };
    let next = more.then(|| NextPage("rest".to_owned()));
    Ok(ListPage { items: vec![machine], next, date: None })
}

fn refused(status: u16, code: &str, message: &str) -> ListReply<Machine> {
    let error = ErrorBody { code: code.into(), message: message.into(), target: None };
    let body = Body::Error(error);
    Err(Reply::Answer(Answer { status, date: None, retry_after: None, body }))
}

struct Read {
    listed: Listed,
    machines: usize,
    sent: Vec<i64>,
    refused: u32,
}

async fn read(pages: Vec<ListReply<Machine>>, quota: &str, stamping: Stamping) -> Read {
    let clock = TokioClock::new();
    let start = clock.now();
    let store = MemoryStore::with_stamping(clock, Timing::default(), stamping);
    let pages = Mutex::new(pages.into());
    let (sent, refused) = (Mutex::default(), Mutex::default());
    let api = Tenant { clock, start, pages, sent, refused, takes: Duration::ZERO };
    let lists = Lists {
        store: &store,
        api: &api,
        slots: Slots::Budget(target().budget(Operation::Read), vec![quota.parse().unwrap()]),
        timing: Timing::default(),
        patience: Patience::needed(Duration::from_secs(600)),
    };
    let mut machines = 0;
    let listed = lists.machines(&MachineFilter::default(), |_| machines += 1).await.unwrap();
    let (sent, refused) = (api.sent.into_inner().unwrap(), api.refused.into_inner().unwrap());
    Read { listed, machines, sent, refused }
}

fn five() -> Vec<ListReply<Machine>> {
    (0..5).map(|n| page(n, n < 4)).collect()
}

#[tokio::test(start_paused = true)]
async fn reading_waits_for_its_limit_and_never_exceeds_it() {
    let minute = Duration::from_secs(60);
    let read_all = read(five(), "2/1m", Stamping::Proven).await;
    assert_eq!(read_all.listed, Listed { end: ListEnd::Whole, calls: 5 });
    assert_eq!((read_all.machines, most_in_any_window(&read_all.sent, minute)), (5, 2));
    // The control: a journal that counts no call lets all five leave at once.
    let uncounted = read(five(), "2/1m", Stamping::Never).await;
    assert_eq!(most_in_any_window(&uncounted.sent, minute), 5, "the journal is what holds");
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_takes_longer_than_the_patience_ends_the_list() {
    let late = read(five(), "2/1h", Stamping::Proven).await;
    let ListEnd::Failed(why) = late.listed.end else { panic!("{:?}", late.listed) };
    assert!(why.contains("limit for reading") && why.contains("2/h"), "{why}");
    assert_eq!(late.sent.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn every_refusal_ends_the_list_as_it_should_and_only_passing_ones_are_asked_again() {
    let cut = || Err(Reply::NoAnswer { why: "cut".into() });
    let unauthorized = || refused(401, "Unauthorized", "expired");
    let cases: Vec<(Vec<ListReply<Machine>>, ListEnd, usize)> = vec![
        (vec![refused(404, "ResourceNotFound", "none")], ListEnd::Whole, 1),
        (vec![refused(403, "Forbidden", "no right")], ListEnd::Forbidden("no right".into()), 1),
        (vec![refused(400, "ODataError", "odd")], ListEnd::Rejected("odd".into()), 1),
        (vec![cut(), cut(), page(1, false)], ListEnd::Whole, 3),
        (vec![cut(), cut(), cut()], ListEnd::Failed("cut".into()), 3),
        (vec![unauthorized(), page(1, false)], ListEnd::Whole, 2),
        (vec![refused(429, "429", "wait"), page(1, false)], ListEnd::Whole, 2),
    ];
    for (pages, end, calls) in cases {
        let done = read(pages.clone(), "100/1m", Stamping::Proven).await;
        assert_eq!(done.listed.end, end, "{pages:?}");
        assert_eq!(done.sent.len(), calls, "{pages:?}");
        assert_eq!(done.refused > 0, pages[0] == unauthorized(), "{pages:?}");
    }
    let twice = read(vec![unauthorized(), unauthorized()], "100/1m", Stamping::Proven).await;
    assert!(matches!(twice.listed.end, ListEnd::Failed(why) if why.contains("401")));
}

#[tokio::test(start_paused = true)]
async fn a_list_without_end_is_given_up() {
    let endless = read(vec![page(0, true)], "100/1s", Stamping::Proven).await;
    assert!(matches!(endless.listed.end, ListEnd::Failed(why) if why.contains("200 pages")));
    assert_eq!(endless.sent.len(), 200);
}

/// What one campaign after another waited for the inventory, and what it cost.
struct Waited {
    /// Seconds.
    each: Vec<f64>,
    ends: Vec<ListEnd>,
    calls: usize,
    /// Whether a device whose answer is missing could be looked up at once afterwards.
    held_up: bool,
}

/// Four campaigns, a second apart, that ask one inventory through one store.
async fn four(
    answer: &ListReply<Machine>,
    takes: Duration,
    patience: fn(Stamp) -> Patience,
) -> Waited {
    let clock = TokioClock::new();
    let start = clock.now();
    let store = MemoryStore::with_stamping(clock, Timing::default(), Stamping::Proven);
    let pages = Mutex::new(vec![answer.clone()].into());
    let (sent, refused) = (Mutex::default(), Mutex::default());
    let api = Tenant { clock, start, pages, sent, refused, takes };
    let budget = target().budget(Operation::Read);
    let quotas = vec!["100/1m".parse().unwrap()];
    let (mut each, mut ends) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let began = clock.now();
        let lists = Lists {
            store: &store,
            api: &api,
            slots: Slots::Budget(budget.clone(), quotas.clone()),
            timing: Timing::default(),
            patience: patience(began),
        };
        ends.push(lists.machines(&MachineFilter::default(), |_| ()).await.unwrap().end);
        each.push(clock.now().since(began).as_secs_f64());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let next = store.claim_on(&budget, quotas).await.unwrap();
    let held_up = matches!(next, ReadAnswer::NotYet(_));
    Waited { each, ends, calls: api.sent.into_inner().unwrap().len(), held_up }
}

fn optional(now: Stamp) -> Patience {
    Patience::optional(now, Duration::from_secs(10))
}

fn urgent(now: Stamp) -> Patience {
    Patience::optional(now, Duration::from_secs(3)).in_a_hurry()
}

fn odd(status: u16, what: &str) -> ListReply<Machine> {
    let body = Body::Other(what.to_owned());
    Err(Reply::Answer(Answer { status, date: None, retry_after: None, body }))
}

const HANGS: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_inventory_is_an_answer_that_is_asked_for_once_and_pauses_nothing() {
    let refusals = [
        refused(404, "ResourceNotFound", "no recent machines"),
        refused(404, "", "no recent machines"),
        odd(404, "an empty body"),
        odd(404, "a page in HTML"),
        refused(403, "Forbidden", "no right"),
        odd(403, "a page in HTML"),
        refused(400, "ODataError", "odd"),
        odd(405, "an empty body"),
        refused(410, "Gone", "retired"),
    ];
    for refusal in refusals {
        for patience in [optional, urgent, |_| Patience::needed(HANGS)] {
            let waited = four(&refusal, Duration::ZERO, patience).await;
            assert_eq!((waited.each, waited.calls), (vec![0.0; 4], 4), "{refusal:?}");
            assert!(!waited.held_up, "{refusal:?}");
        }
    }
    // The control: what is counted as a fault is asked three times, pauses the budget at the fifth,
    // and the pause doubles.
    let fault = odd(502, "an empty body");
    let faults = four(&fault, Duration::ZERO, |_| Patience::needed(HANGS)).await;
    assert!(faults.each[1] > 30.0 && faults.calls == 12 && faults.held_up, "{:?}", faults.each);
}

#[tokio::test(start_paused = true)]
async fn campaigns_in_a_row_wait_ten_seconds_for_an_inventory_at_most_and_hold_up_no_look_up() {
    let cut = Err(Reply::NoAnswer { why: "cut".into() });
    let fault = odd(500, "an empty body");
    let cases = [
        (fault.clone(), Duration::ZERO, 1.0, 0.0, 2),
        (cut, Duration::ZERO, 1.0, 0.0, 2),
        // A retry that could not be answered in time is not begun.
        (fault, Duration::from_secs(9), 9.0, 3.0, 1),
        (page(1, false), HANGS, 10.0, 3.0, 1),
        (page(1, true), Duration::from_secs(4), 10.0, 3.0, 3),
    ];
    for (answer, takes, patient, hurried, asks) in cases {
        let waited = four(&answer, takes, optional).await;
        assert_eq!((waited.each, waited.calls), (vec![patient; 4], 4 * asks), "{answer:?}");
        assert!(!waited.held_up, "{answer:?}");
        let waited = four(&answer, takes, urgent).await;
        assert_eq!((waited.each, waited.calls), (vec![hurried; 4], 4), "{answer:?}");
        assert!(!waited.held_up, "{answer:?}");
    }
    let late = four(&page(1, false), HANGS, optional).await.ends.pop().unwrap();
    assert_eq!(late, ListEnd::Late("it took more than 10 s".into()));
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_the_limit_is_not_waited_for_by_what_nobody_needs() {
    // Without a time of its own, each 429 in a row pauses longer: 1, 2, 4, 8 s.
    let throttled = refused(429, "429", "slow down");
    let hurried = four(&throttled, Duration::ZERO, urgent).await;
    assert_eq!(hurried.each, [0.0; 4]);
    assert!(hurried.ends.iter().all(|end| matches!(end, ListEnd::Late(_))), "{:?}", hurried.ends);
    assert!(hurried.held_up, "a 429 pauses the budget, whoever met it");
    let patient = four(&throttled, Duration::ZERO, optional).await;
    assert!(patient.each.iter().all(|seconds| *seconds <= 10.0), "{:?}", patient.each);
    let ListEnd::Late(why) = &patient.ends[3] else { panic!("{:?}", patient.ends) };
    assert!(why.contains("limit for reading"), "{why}");
}
