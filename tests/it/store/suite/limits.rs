//! What every store does about the limit: slots, horizons, pauses, and budgets of several
//! campaigns.

use super::*;

pub(super) async fn the_limit_refuses_and_says_when_and_why(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..9, opening("c", &["2/1m", "1500/1h"])).await;
    assert_eq!(store.peek(id, 0).await.unwrap(), Ok(()));
    let first = claim(store, id).await.claimed_at;
    assert_eq!(store.peek(id, 0).await.unwrap(), Ok(()));
    let at = first.plus(horizon()).plus(reopens("2/1m"));
    let no = NotYet { at, hold: Hold::Quota(quota("2/1m")) };
    assert_eq!(store.peek(id, 1).await.unwrap(), Err(no));
    subject.advance(SECOND).await;
    claim(store, id).await;
    assert_eq!(store.claim(id, true).await.unwrap(), ClaimAnswer::NotYet(no));
    assert_eq!(store.peek(id, 0).await.unwrap(), Err(no));
    let almost = at.since(store.clock().now()) - Duration::from_micros(1);
    subject.advance(almost).await;
    assert_eq!(not_yet(store, id).await, at);
    subject.advance(Duration::from_micros(1)).await;
    claim(store, id).await;
    assert_eq!(store.calls(id).await.unwrap(), 3, "a refusal is no call");
}

pub(super) async fn an_answer_counts_from_its_arrival_and_not_from_the_horizon(
    subject: &impl Subject,
) {
    let store = subject.store();
    let opening = opening("c", &["1/1m"]);
    let id = campaign(store, 0..9, opening.clone()).await;
    let call = claim(store, id).await.call;
    subject.advance(SECOND).await;
    let arrived = store.clock().now();
    settle(store, call, accepted(store.clock().utc())).await;
    assert_eq!(not_yet(store, id).await, arrived.plus(reopens("1/1m")));
    let budget = opening.order.target.budget(Operation::Scan);
    assert_eq!(store.usage(&budget, 5).await.unwrap().seen_by, [arrived]);
}

pub(super) async fn a_call_that_never_left_gives_its_slot_back(subject: &impl Subject) {
    let store = subject.store();
    let opening = opening("c", &["1/1h"]);
    let id = campaign(store, 0..9, opening.clone()).await;
    let first = claim(store, id).await;
    settle(store, first.call, never_left()).await;
    let budget = opening.order.target.budget(Operation::Scan);
    assert!(store.usage(&budget, 5).await.unwrap().seen_by.is_empty());
    let again = claim(store, id).await;
    assert_eq!((again.device, again.attempt, again.repeat), (first.device, 2, false));
}

pub(super) async fn a_call_without_an_answer_keeps_its_slot_for_the_horizon(
    subject: &impl Subject,
) {
    let store = subject.store();
    let id = campaign(store, 0..9, opening("c", &["1/1m"])).await;
    let claim = claim(store, id).await;
    let counted = claim.claimed_at.plus(horizon());
    subject.advance(SECOND).await;
    settle(store, claim.call, doubtful()).await;
    assert_eq!(not_yet(store, id).await, counted.plus(reopens("1/1m")));
    let look_at = store.clock().now().plus(Timing::default().look_up_after[0]);
    let doubtful = State::Doubtful { looks: 0, look_at, busy: false };
    assert_eq!(states(store, id).await[0], doubtful);
}

pub(super) async fn a_429_pauses_every_campaign_on_the_budget_until_one_call_has_probed(
    subject: &impl Subject,
) {
    let store = subject.store();
    let one = campaign(store, 0..9, opening("one", &["100/1m"])).await;
    let two = campaign(store, 10..19, opening("two", &["100/1m"])).await;
    let first = claim(store, one).await;
    let second = claim(store, two).await;
    subject.advance(SECOND).await;
    settle(store, first.call, throttled(Some(SECOND * 30))).await;
    settle(store, second.call, throttled(None)).await;
    let at = store.clock().now().plus(SECOND * 30);
    let no = NotYet { at, hold: Hold::Pause };
    for id in [one, two] {
        assert_eq!(store.claim(id, true).await.unwrap(), ClaimAnswer::NotYet(no));
        assert_eq!(store.peek(id, 0).await.unwrap(), Err(no));
    }
    assert_eq!(states(store, one).await[0], State::Queued(store.clock().now()));
    subject.advance(SECOND * 30).await;
    let probe = claim(store, two).await;
    assert_eq!((probe.device, probe.attempt, probe.repeat), (second.device, 2, false));
    assert_eq!(not_yet(store, one).await, probe.claimed_at.plus(horizon()));
    settle(store, probe.call, accepted(store.clock().utc())).await;
    let budget = opening("one", &[]).order.target.budget(Operation::Scan);
    let state = store.usage(&budget, 0).await.unwrap().state;
    assert_eq!((state.probe, state.spacing), (Probe::Off, SECOND * 475 / 1000));
    assert_eq!(not_yet(store, one).await, probe.claimed_at.plus(state.spacing));
}

pub(super) async fn another_application_has_a_budget_of_its_own(subject: &impl Subject) {
    let store = subject.store();
    let one = campaign(store, 0..9, opening("one", &["1/1h"])).await;
    let mut other = opening("two", &["1/1h"]);
    other.order.target.application = "App-2".to_owned();
    let two = campaign(store, 0..9, other).await;
    let mut spelled = opening("three", &["1/1h"]);
    spelled.order.target.application = "APP-1".to_owned();
    let three = campaign(store, 0..9, spelled).await;
    claim(store, one).await;
    claim(store, two).await;
    not_yet(store, three).await;
}

/// An opening of one application in one tenant by this host and with ids so spelled.
fn by_host(name: &str, host: &str, (tenant, application): (&str, &str)) -> Opening {
    let mut opening = opening(name, &["3/1h"]);
    opening.order.target.api_origin = host.to_owned();
    opening.order.target.tenant = tenant.to_owned();
    opening.order.target.application = application.to_owned();
    opening
}

pub(super) async fn all_host_names_and_spellings_of_one_service_share_one_limit(
    subject: &impl Subject,
) {
    let store = subject.store();
    let small = ("aaaaaaaa-2222-3333-4444-555555555555", "bbbbbbbb-2222-3333-4444-555555555555");
    let (tenant, application) = (small.0.to_ascii_uppercase(), format!("{{{}}}", small.1));
    let world = by_host("world", "https://api.security.microsoft.com", small);
    let old = "https://api.securitycenter.microsoft.com";
    let old = by_host("old", old, (&tenant, &application));
    let region = by_host("region", "https://api-eu.securitycenter.windows.com", small);
    let gov = by_host("gov", "https://api-gov.securitycenter.microsoft.us", small);
    let alike = by_host("alike", "https://api.security.microsoft.com.evil.example", small);
    let key = world.order.target.budget(Operation::Cancel);
    for opening in [&old, &region] {
        assert_eq!(opening.order.target.budget(Operation::Cancel), key);
    }
    let mut ids = Vec::new();
    for (number, opening) in [world, old, region, gov, alike].into_iter().enumerate() {
        let first = number as u32 * 10;
        ids.push(campaign(store, first..first + 9, opening).await);
    }
    for id in &ids[..3] {
        let call = claim(store, *id).await.call;
        settle(store, call, accepted(store.clock().utc())).await;
    }
    for id in &ids[..3] {
        not_yet(store, *id).await;
    }
    for apart in &ids[3..] {
        claim(store, *apart).await;
    }
}

pub(super) async fn a_limit_that_the_server_named_is_kept_by_every_campaign_and_command(
    subject: &impl Subject,
) {
    let store = subject.store();
    let opening_one = opening("one", &["100/1m"]);
    let budget = opening_one.order.target.budget(Operation::Scan);
    let one = campaign(store, 0..9, opening_one).await;
    let says = |message: &str| Verdict::Throttled {
        wait: Some(SECOND),
        refusal: Refusal { message: Some(message.to_owned()), ..refusal(429, "429") },
    };
    let lowering =
        |usage: &Usage| usage.state.named.lowering(&[quota("100/1m")], store.clock().now());
    let call = claim(store, one).await.call;
    let settled = store
        .settle(call, settlement(says("Maximum allowed 2 per 00:01:00"), store.clock().utc()))
        .await
        .unwrap();
    assert_eq!(
        settled.budget.named.in_force(store.clock().now()).collect::<Vec<_>>(),
        [quota("2/1m")]
    );
    let usage = store.usage(&budget, 9).await.unwrap();
    assert_eq!(usage.quotas, [quota("2/1m"), quota("100/1m")]);
    assert_eq!(lowering(&usage), [quota("2/1m")]);
    // A campaign that comes later, and a command that belongs to none, keep it too.
    let two = campaign(store, 10..19, opening("two", &["100/1m"])).await;
    subject.advance(SECOND).await;
    let call = claim(store, two).await.call;
    settle(store, call, accepted(store.clock().utc())).await;
    subject.advance(SECOND).await;
    let hold = Hold::Quota(quota("2/1m"));
    assert_eq!(store.peek(one, 0).await.unwrap().unwrap_err().hold, hold);
    let ReadAnswer::NotYet(no) = store.claim_on(&budget, vec![quota("100/1m")]).await.unwrap()
    else {
        panic!("two calls are in the minute")
    };
    assert_eq!(no.hold, hold);
    // A higher limit, or one that is no limit, raises nothing.
    subject.advance(reopens("2/1m")).await;
    let call = claim(store, two).await.call;
    settle(store, call, says("Maximum allowed 5000 per 00:01:00")).await;
    subject.advance(SECOND * 2).await;
    let call = claim(store, two).await.call;
    settle(store, call, says("Maximum allowed 0 per 00:00:00")).await;
    assert_eq!(lowering(&store.usage(&budget, 9).await.unwrap()), [quota("2/1m")]);
    // A day after it was named last it is forgotten: the server may have raised it.
    subject.advance(Timing::default().named_for).await;
    let usage = store.usage(&budget, 9).await.unwrap();
    assert_eq!((lowering(&usage), usage.quotas), (vec![], vec![quota("100/1m")]));
}

pub(super) async fn the_id_of_a_tenant_that_a_sign_in_told_is_kept_for_its_domain(
    subject: &impl Subject,
) {
    let store = subject.store();
    let world = "https://api.security.microsoft.com";
    let gov = "https://api-gov.securitycenter.microsoft.us";
    let named = async |service: &str, domain: &str| store.tenant_named(service, domain).await;
    assert_eq!(named(world, "contoso.example").await.unwrap(), None);
    store.note_tenant(world, "Contoso.example", "T-1").await.unwrap();
    let old = "https://api.securitycenter.windows.com";
    assert_eq!(named(old, "contoso.EXAMPLE.").await.unwrap().as_deref(), Some("t-1"));
    assert_eq!(named(gov, "contoso.example").await.unwrap(), None);
    store.note_tenant(old, "contoso.example", "T-2").await.unwrap();
    assert_eq!(named(world, "contoso.example").await.unwrap().as_deref(), Some("t-2"));
}

pub(super) async fn two_campaigns_on_one_budget_keep_all_their_quotas(subject: &impl Subject) {
    let store = subject.store();
    let wide = campaign(store, 0..9, opening("wide", &["5/1m"])).await;
    let tight = campaign(store, 10..11, opening("tight", &["1/1m", "3/1h"])).await;
    let call = claim(store, wide).await.call;
    settle(store, call, accepted(store.clock().utc())).await;
    let at = store.clock().now().plus(reopens("1/1m"));
    assert_eq!(not_yet(store, wide).await, at, "the strictest setting wins");
    subject.advance(reopens("1/1m")).await;
    let call = claim(store, tight).await.call;
    settle(store, call, accepted(store.clock().utc())).await;
    assert!(store.finish(tight).await.unwrap());
    claim(store, wide).await;
    claim(store, wide).await;
    assert_eq!(store.peek(wide, 2).await.unwrap().unwrap_err().hold, Hold::Quota(quota("5/1m")));
}

pub(super) async fn a_runner_that_joins_brings_its_quotas(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..9, opening("c", &["5/1m"])).await;
    claim(store, id).await;
    store.join(id, vec![quota("1/1m"), quota("1/1m")]).await.unwrap();
    not_yet(store, id).await;
    store.join(id, Vec::new()).await.unwrap();
    claim(store, id).await;
    assert!(store.join(CampaignId(999_999), Vec::new()).await.is_err());
}

pub(super) async fn reading_the_list_has_a_budget_of_its_own(subject: &impl Subject) {
    let store = subject.store();
    let opening = opening("c", &["1/1m"]);
    let id = campaign(store, 0..2, opening.clone()).await;
    claim(store, id).await;
    let ReadAnswer::Call(call, at) = store.claim_read(id).await.unwrap() else { panic!() };
    assert_eq!(at, store.clock().now());
    let ReadAnswer::NotYet(no) = store.claim_read(id).await.unwrap() else { panic!() };
    assert_eq!(no.at, at.plus(horizon()).plus(reopens("1/1m")));
    subject.advance(SECOND).await;
    store.settle_read(call, ReadSettlement::needed(None)).await.unwrap();
    let ReadAnswer::NotYet(no) = store.claim_read(id).await.unwrap() else { panic!() };
    assert_eq!(no.at, store.clock().now().plus(reopens("1/1m")));
    subject.advance(reopens("1/1m")).await;
    let ReadAnswer::Call(call, _) = store.claim_read(id).await.unwrap() else { panic!() };
    let verdict = Some(throttled(Some(SECOND * 99)));
    store.settle_read(call, ReadSettlement::needed(verdict)).await.unwrap();
    let read = store.usage(&opening.order.target.budget(Operation::Read), 9).await.unwrap();
    assert_eq!((read.seen_by.len(), read.state.probe), (2, Probe::Due));
    let scan = store.usage(&opening.order.target.budget(Operation::Scan), 9).await.unwrap();
    assert_eq!((scan.seen_by.len(), scan.state.probe), (1, Probe::Off));
    assert_eq!(store.calls(id).await.unwrap(), 1, "reads are not counted as calls");
}

pub(super) async fn a_runner_of_a_finished_campaign_still_keeps_its_limit(subject: &impl Subject) {
    let store = subject.store();
    let id = campaign(store, 0..1, opening("c", &["1/1m"])).await;
    let call = claim(store, id).await.call;
    settle(store, call, accepted(store.clock().utc())).await;
    assert!(store.finish(id).await.unwrap());
    // Another runner finished it while this one was about to look at the list.
    assert!(matches!(store.claim_read(id).await.unwrap(), ReadAnswer::Call(..)));
    assert!(matches!(store.claim_read(id).await.unwrap(), ReadAnswer::NotYet(_)));
}

pub(super) async fn a_read_before_any_campaign_takes_its_slot_and_keeps_the_quotas_of_all(
    subject: &impl Subject,
) {
    let store = subject.store();
    let opening = opening("c", &["3/1h"]);
    let budget = opening.order.target.budget(Operation::Read);
    let on = |quotas: &[&str]| quotas.iter().map(|text| quota(text)).collect::<Vec<_>>();
    let read = async |quotas: &[&str]| store.claim_on(&budget, on(quotas)).await.unwrap();
    let ReadAnswer::Call(first, at) = read(&["2/1m"]).await else { panic!("it is the first") };
    assert_eq!(store.usage(&budget, 9).await.unwrap().seen_by, [at.plus(horizon())]);
    assert!(matches!(read(&["2/1m"]).await, ReadAnswer::Call(..)));
    let ReadAnswer::NotYet(no) = read(&["2/1m"]).await else { panic!("both slots are taken") };
    assert_eq!(no.hold, Hold::Quota(quota("2/1m")));
    assert!(matches!(read(&["5/1m"]).await, ReadAnswer::Call(..)), "its own quotas, not ours");
    store.settle_read(first, ReadSettlement::needed(Some(never_left()))).await.unwrap();
    assert_eq!(store.usage(&budget, 9).await.unwrap().seen_by.len(), 2);
    // A campaign on the same budget counts these calls, and its quotas are kept by others.
    let id = campaign(store, 0..2, opening.clone()).await;
    assert!(matches!(store.claim_read(id).await.unwrap(), ReadAnswer::Call(..)));
    let ReadAnswer::NotYet(no) = store.claim_read(id).await.unwrap() else { panic!("3/1h") };
    assert_eq!(read(&["100/1m"]).await, ReadAnswer::NotYet(no));
    assert_eq!(no.hold, Hold::Quota(quota("3/1h")));
    assert_eq!(store.calls(id).await.unwrap(), 0, "no scan was ordered");
}

pub(super) async fn a_429_on_a_read_before_any_campaign_pauses_the_budget(subject: &impl Subject) {
    let store = subject.store();
    let budget = opening("c", &[]).order.target.budget(Operation::Read);
    let quotas = || vec![quota("100/1m")];
    let ReadAnswer::Call(call, _) = store.claim_on(&budget, quotas()).await.unwrap() else {
        panic!("nothing holds the first call")
    };
    let verdict = Some(throttled(Some(SECOND * 45)));
    store.settle_read(call, ReadSettlement::needed(verdict)).await.unwrap();
    let ReadAnswer::NotYet(no) = store.claim_on(&budget, quotas()).await.unwrap() else {
        panic!("a 429 pauses")
    };
    assert_eq!(no.hold, Hold::Pause);
    subject.advance(no.at.since(store.clock().now())).await;
    let probe = store.claim_on(&budget, quotas()).await.unwrap();
    assert!(matches!(probe, ReadAnswer::Call(..)), "{probe:?}");
}

pub(super) async fn a_fault_of_a_read_that_nobody_needed_pauses_nothing(subject: &impl Subject) {
    let store = subject.store();
    let budget = opening("c", &[]).order.target.budget(Operation::Read);
    let fault = async |optional| {
        let claimed = store.claim_on(&budget, vec![quota("100/1m")]).await.unwrap();
        let ReadAnswer::Call(call, _) = claimed else { panic!("{claimed:?}") };
        let verdict = Some(Verdict::Doubtful { why: "502".into(), status: Some(502) });
        store.settle_read(call, ReadSettlement { verdict, optional }).await.unwrap();
        store.usage(&budget, 9).await.unwrap().state
    };
    for _ in 0..9 {
        assert_eq!(fault(true).await.faults, 0);
    }
    // The control: five that were needed pause it, and then even a probe that nobody needed leaves
    // the pause as it is.
    for _ in 0..4 {
        fault(false).await;
    }
    let paused = fault(false).await;
    assert_eq!(paused.probe, Probe::Due);
    subject.advance(paused.not_before.since(store.clock().now())).await;
    let probed = fault(true).await;
    assert_eq!((probed.probe, probed.not_before), (Probe::Due, paused.not_before));
}

pub(super) async fn calls_are_counted_by_their_results_and_one_that_is_waited_for_is_not_yet(
    subject: &impl Subject,
) {
    let store = subject.store();
    let opening = opening("c", &["100/1m"]);
    let id = campaign(store, 0..9, opening.clone()).await;
    let target = opening.order.target;
    let of = async |operation| {
        let results = store.results(&target.budget(operation)).await.unwrap().into_iter();
        results.map(|(result, calls)| format!("{result} {calls}")).collect::<Vec<_>>()
    };
    let accepted = accepted(store.clock().utc());
    for settlement in [accepted.clone(), never_left(), accepted, doubtful()] {
        let call = claim(store, id).await.call;
        settle(store, call, settlement).await;
    }
    claim(store, id).await;
    assert_eq!(of(Operation::Scan).await, ["accepted 2", "doubtful 1", "never_left 1"]);
    assert_eq!(of(Operation::Read).await, Vec::<String>::new());
    let ReadAnswer::Call(call, _) = store.claim_read(id).await.unwrap() else { panic!("no call") };
    store.settle_read(call, ReadSettlement::needed(None)).await.unwrap();
    assert_eq!(of(Operation::Read).await, ["page 1"]);
}
