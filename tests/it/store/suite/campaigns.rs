//! Campaigns by what is asked of them, and starts that came to none, in every store.

use fleetsweep::domain::{Campaign, CampaignFilter, FailedStart, Operation, StartOf, Target};

use super::*;

/// The names of the campaigns that are meant, as they are handed out.
async fn names(store: &impl Store, filter: CampaignFilter) -> Vec<String> {
    let all: Vec<Campaign> = store.select(&filter).await.unwrap();
    all.iter().map(|campaign| campaign.name.to_string()).collect()
}

/// Opens a campaign of one device and ends it.
pub(super) async fn over(subject: &impl Subject, name: &str, number: u32) -> CampaignId {
    let store = subject.store();
    let id = campaign(store, number..number + 1, opening(name, &["100/1m"])).await;
    let call = claim(store, id).await.call;
    settle(store, call, accepted(store.clock().utc())).await;
    assert!(store.finish(id).await.unwrap());
    id
}

pub(super) async fn only_the_campaigns_that_are_meant_are_handed_out_the_latest_first(
    subject: &impl Subject,
) {
    let store = subject.store();
    let old = over(subject, "nightly-1", 1).await;
    subject.advance(Duration::from_secs(60)).await;
    let moment = store.clock().utc();
    over(subject, "nightly-2", 2).await;
    let mut other = opening("nightly-3", &["100/1m"]);
    other.order.target.application = "App-2".to_owned();
    let budget = other.order.target.budget(Operation::Scan);
    let on_other = campaign(store, 3..4, other).await;
    campaign(store, 4..5, opening("nightlz", &["100/1m"])).await;
    store.draft().await.unwrap();

    let all = CampaignFilter::default;
    assert_eq!(names(store, all()).await, ["nightlz", "nightly-3", "nightly-2", "nightly-1"]);
    assert_eq!(names(store, CampaignFilter::open()).await, ["nightlz", "nightly-3"]);
    assert_eq!(names(store, CampaignFilter::open_on(&budget)).await, ["nightly-3"]);
    let begin = |begin: &str| Some(begin.to_owned());
    let series = CampaignFilter { name_begins: begin("nightly-"), ..all() };
    assert_eq!(names(store, series.clone()).await, ["nightly-3", "nightly-2", "nightly-1"]);
    let latest = CampaignFilter { latest: Some(2), ..series };
    assert_eq!(names(store, latest).await, ["nightly-3", "nightly-2"]);
    let since = CampaignFilter { not_over_before: Some(moment), ..all() };
    assert_eq!(names(store, since).await, ["nightlz", "nightly-3", "nightly-2"]);
    let none = CampaignFilter { name_begins: begin("x"), ..all() };
    assert_eq!(names(store, none).await, Vec::<String>::new());

    let one = store.campaign(on_other).await.unwrap().unwrap();
    assert_eq!((one.id, one.name.as_str()), (on_other, "nightly-3"));
    assert_eq!(store.campaign(old).await.unwrap().unwrap().name.as_str(), "nightly-1");
    assert_eq!(store.campaign(CampaignId(99)).await.unwrap(), None);
    let draft = store.draft().await.unwrap();
    assert_eq!(store.campaign(draft).await.unwrap(), None);
}

pub(super) async fn campaigns_of_several_tenants_may_have_one_name_and_those_of_one_may_not(
    subject: &impl Subject,
) {
    let store = subject.store();
    let first = opening("night", &["100/1m"]);
    let of = |change: fn(&mut Target)| {
        let mut other = first.clone();
        change(&mut other.order.target);
        other
    };
    let others = [
        of(|target| target.tenant = "tenant-2".to_owned()),
        of(|target| target.application = "app-2".to_owned()),
        of(|target| target.api_origin = "https://api-gov.example".to_owned()),
    ];
    let mut ids = vec![campaign(store, 0..1, first.clone()).await];
    for other in &others {
        ids.push(campaign(store, 0..1, other.clone()).await);
    }
    let named = store.named(&first.name).await.unwrap();
    let named: Vec<CampaignId> = named.iter().rev().map(|one| one.id).collect();
    assert_eq!(named, ids);
    for (opening, id) in std::iter::once(&first).chain(&others).zip(ids) {
        let budget = opening.order.target.budget(Operation::Scan);
        let found = store.find(&opening.name, &budget).await.unwrap().unwrap();
        assert_eq!((found.id, &found.order.target), (id, &opening.order.target));
        // Another spelling of the same ids is the same tenant's.
        let mut again = opening.clone();
        again.order.target.tenant = format!("{{{}}}", again.order.target.tenant.to_uppercase());
        let draft = store.draft().await.unwrap();
        assert_eq!(store.open(draft, again.clone()).await.unwrap(), Opened::Continues(id));
        again.order.comment = "another".to_owned();
        let draft = store.draft().await.unwrap();
        assert!(matches!(store.open(draft, again).await.unwrap(), Opened::Taken(_)));
    }
    assert_eq!(store.named(&"day".parse().unwrap()).await.unwrap(), []);
    let nobody = of(|target| target.tenant = "tenant-3".to_owned());
    let budget = nobody.order.target.budget(Operation::Scan);
    assert_eq!(store.find(&first.name, &budget).await.unwrap(), None);
}

pub(super) async fn a_start_that_came_to_nothing_is_kept_once_a_day_and_of_each_tenant_apart(
    subject: &impl Subject,
) {
    let store = subject.store();
    let series = StartOf::Series("n".parse().unwrap());
    let start = |of: &StartOf, tenant: &str, day: &str, why: &str| {
        let target = Target { tenant: tenant.to_owned(), ..opening("c", &[]).order.target };
        let (day, at) = (day.parse().unwrap(), store.clock().utc());
        let (by, host) = ("ann".to_owned(), "desk".to_owned());
        FailedStart { of: of.clone(), target, day, at, why: why.to_owned(), exit_code: 7, by, host }
    };
    let kept = async |since: &str| {
        let all = store.failed_starts(since.parse().unwrap()).await.unwrap();
        let told = |one: &FailedStart| format!("{} {} {}", one.day, one.target.tenant, one.why);
        all.iter().map(told).collect::<Vec<_>>()
    };
    for (of, tenant, day, why) in [
        (&series, "one.example", "2026-11-28", "of late"),
        (&series, "one.example", "2026-11-27", "first"),
        // The same in other letters, with one that not every store can hold.
        (&series, "One.Example", "2026-11-27", "second\0"),
        (&series, "two.example", "2026-11-27", "there"),
        (&StartOf::Series("m".parse().unwrap()), "one.example", "2026-11-27", "another series"),
        (&StartOf::Campaign("n".parse().unwrap()), "one.example", "2026-11-27", "a campaign"),
    ] {
        store.note_failed_starts(vec![start(of, tenant, day, why)]).await.unwrap();
    }
    let mut of_both = kept("2026-11-27").await;
    assert_eq!(of_both.pop().unwrap(), "2026-11-28 one.example of late", "the earliest first");
    of_both.sort();
    let said = ["a campaign", "another series", "second\u{fffd}"];
    let mut expected = said.map(|why| format!("2026-11-27 one.example {why}")).to_vec();
    expected.push("2026-11-27 two.example there".to_owned());
    assert_eq!(of_both, expected);
    assert_eq!(kept("2026-11-28").await.len(), 1);
    let whole = store.failed_starts("2026-11-28".parse().unwrap()).await.unwrap().remove(0);
    assert_eq!(whole, start(&series, "one.example", "2026-11-28", "of late").storable());
    // Those of long before make room.
    let last = start(&series, "one.example", "2027-02-26", "90 days later");
    store.note_failed_starts(vec![last]).await.unwrap();
    assert_eq!(kept("2026-01-01").await.len(), 2);
}
