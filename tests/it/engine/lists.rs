//! Reading whole lists outside of a campaign, on virtual time: the limit, its control, and what
//! every kind of refusal means.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use fleetsweep::clock::TokioClock;
use fleetsweep::defender::{
    ActionQuery, Inventory, ListReply, MachineFilter, MachinesReply, NextPage, ScanApi, ScanOrder,
    SignInError,
};
use fleetsweep::domain::{
    Answer, Body, ErrorBody, Facts, Machine, Operation, Reply, Stamp, Timing,
};
use fleetsweep::engine::lists::{ListEnd, Listed, Lists};
use fleetsweep::store::memory::{MemoryStore, Stamping};

use crate::support::{device, micros_since, most_in_any_window, target};

/// A tenant whose pages are written down beforehand.
struct Tenant {
    clock: TokioClock,
    start: Stamp,
    pages: Mutex<VecDeque<MachinesReply>>,
    sent: Mutex<Vec<i64>>,
    refused: Mutex<u32>,
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
    async fn actions(&self, _: &ActionQuery, _: Option<&NextPage>) -> ListReply {
        panic!("no action is asked for here")
    }
}

impl Inventory for Tenant {
    fn may_read(&self) -> Option<bool> {
        None
    }
    async fn machines(&self, _: &MachineFilter, _: Option<&NextPage>) -> MachinesReply {
        self.sent.lock().unwrap().push(micros_since(&self.clock, self.start));
        // The last page comes again and again, each time with another rest.
        let mut pages = self.pages.lock().unwrap();
        let page = if pages.len() > 1 { pages.pop_front() } else { pages.front().cloned() };
        match page.expect("there is a page") {
            MachinesReply::Page { machines, next: Some(_) } => {
                let rest = NextPage(format!("rest {}", self.sent.lock().unwrap().len()));
                MachinesReply::Page { machines, next: Some(rest) }
            }
            other => other,
        }
    }
}

fn page(n: u64, more: bool) -> MachinesReply {
    let machine = Machine {
        id: device(n),
        name: None,
        facts: Facts::default(),
        tags: Vec::new(),
        risk: None,
        exposure: None,
    };
    let next = more.then(|| NextPage("rest".to_owned()));
    MachinesReply::Page { machines: vec![machine], next }
}

fn refused(status: u16, code: &str, message: &str) -> MachinesReply {
    let error = ErrorBody { code: code.into(), message: message.into(), target: None };
    let body = Body::Error(error);
    MachinesReply::Refused(Reply::Answer(Answer { status, date: None, retry_after: None, body }))
}

struct Read {
    listed: Listed,
    machines: usize,
    sent: Vec<i64>,
    refused: u32,
}

async fn read(pages: Vec<MachinesReply>, quota: &str, stamping: Stamping) -> Read {
    let clock = TokioClock::new();
    let start = fleetsweep::clock::Clock::now(&clock);
    let store = MemoryStore::with_stamping(clock, Timing::default(), stamping);
    let pages = Mutex::new(pages.into());
    let api = Tenant { clock, start, pages, sent: Mutex::default(), refused: Mutex::default() };
    let lists = Lists {
        store: &store,
        api: &api,
        budget: target().budget(Operation::Read),
        quotas: vec![quota.parse().unwrap()],
        timing: Timing::default(),
        patience: Duration::from_secs(600),
    };
    let mut machines = 0;
    let listed = lists.machines(&MachineFilter::default(), |_| machines += 1).await.unwrap();
    let (sent, refused) = (api.sent.into_inner().unwrap(), api.refused.into_inner().unwrap());
    Read { listed, machines, sent, refused }
}

fn five() -> Vec<MachinesReply> {
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
    let cut = || MachinesReply::Refused(Reply::NoAnswer { why: "cut".into() });
    let unauthorized = || refused(401, "Unauthorized", "expired");
    let cases: Vec<(Vec<MachinesReply>, ListEnd, usize)> = vec![
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
