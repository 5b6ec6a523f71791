//! The list of machine actions over HTTP: what is asked, where its rest may lie, and when a page is
//! no page. A list that is cut short must never look like one that ends.

use fleetsweep::defender::{ActionQuery, Inventory, ListPage, MachineFilter, NextPage, ScanApi};
use fleetsweep::domain::words::is_excluded;
use fleetsweep::domain::{Body, DeviceId, Reply, Timing};

use super::http::{CREATED, DEVICE, api_at, device};
use crate::kit::canned::{Canned, close};

#[tokio::test]
async fn each_query_of_the_list_is_one_get_with_its_filter() {
    let server = Canned::always(close(200, r#"{"value":[]}"#)).await;
    let api = api_at(&server.origin(), Timing::default()).await;
    let two = vec![device(), DeviceId::from_bytes([0xab; 20])];
    for query in [
        ActionQuery::CreatedSince("2026-11-24T12:00:00Z".parse().unwrap()),
        ActionQuery::Open,
        ActionQuery::OfDevices(two),
        ActionQuery::OfDevices(Vec::new()),
    ] {
        let reply = api.actions(&query, None).await;
        assert!(matches!(reply, Ok(ListPage { next: None, .. })), "{reply:?}");
    }
    let asked: Vec<String> = server
        .seen()
        .iter()
        .map(|request| {
            let line = request.lines().next().unwrap();
            line.replace("%20", " ").replace("%27", "'").replace(" HTTP/1.1", "")
        })
        .collect();
    let rest = "&$orderby=creationDateTimeUtc desc&$top=10000";
    let begin = "GET /api/machineactions?$filter=type eq 'RunAntiVirusScan' and";
    let other = "ab".repeat(20);
    assert_eq!(
        asked,
        [
            format!("{begin} creationDateTimeUtc ge 2026-11-24T12:00:00Z{rest}"),
            format!("{begin} (status eq 'Pending' or status eq 'InProgress'){rest}"),
            format!("{begin} (machineId eq '{DEVICE}' or machineId eq '{other}'){rest}"),
        ],
        "asking for no device asks nobody"
    );
}

fn page_with_next(next: &str) -> String {
    format!(r#"{{"value":[{CREATED}],"@odata.nextLink":"{next}"}}"#)
}

#[tokio::test]
async fn the_rest_of_a_list_is_asked_for_on_the_same_origin() {
    let server = Canned::serve(|number, request| {
        let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        match number {
            0 => close(200, page_with_next(&format!("http://{host}/api/machineactions?$skip=1"))),
            _ => close(200, page_with_next("").replace(r#","@odata.nextLink":"""#, "")),
        }
    })
    .await;
    let api = api_at(&server.origin(), Timing::default()).await;
    let Ok(ListPage { items: actions, next: Some(next), date }) =
        api.actions(&ActionQuery::Open, None).await
    else {
        panic!("no page with a rest")
    };
    assert_eq!((actions.len(), date), (1, "2026-11-24T12:00:00Z".parse().ok()));
    let second = api.actions(&ActionQuery::Open, Some(&next)).await;
    assert!(matches!(second, Ok(ListPage { next: None, .. })), "{second:?}");
    assert!(server.seen()[1].starts_with("GET /api/machineactions?$skip=1 "));
}

#[tokio::test]
async fn the_rest_of_a_list_on_another_host_is_refused_and_gets_no_token() {
    let other = Canned::always(close(200, r#"{"value":[]}"#)).await;
    let port = other.origin().rsplit_once(':').unwrap().1.to_owned();
    for link in [
        format!("{}/api/machineactions", other.origin()),
        format!("//127.0.0.1:{port}/x"),
        format!("http://me@127.0.0.1:{port}/x"),
        "https://127.0.0.1/x".to_owned(),
        "https://evil.example/api".to_owned(),
        "http://[".to_owned(),
    ] {
        let server = Canned::always(close(200, page_with_next(&link))).await;
        let api = api_at(&server.origin(), Timing::default()).await;
        let Err(Reply::NoAnswer { why }) = api.actions(&ActionQuery::Open, None).await else {
            panic!("{link} was accepted")
        };
        assert!(why.contains("another address"), "{why}");
        let forged = api.actions(&ActionQuery::Open, Some(&NextPage(link.clone()))).await;
        assert!(forged.is_err(), "{link}");
        assert_eq!(server.seen().len(), 1);
    }
    assert_eq!(other.seen().len(), 0, "the other host was called");
}

#[tokio::test]
async fn a_full_page_without_a_rest_is_followed_by_a_skip() {
    let full = format!(r#"{{"value":[{}]}}"#, vec![r#"{"id":"a"}"#; 10_000].join(","));
    let server = Canned::always(close(200, full)).await;
    let api = api_at(&server.origin(), Timing::default()).await;
    let mut next = None;
    for skipped in ["&$skip=10000", "&$skip=20000"] {
        let reply = api.actions(&ActionQuery::Open, next.as_ref()).await;
        let Ok(ListPage { next: Some(rest), items: actions, .. }) = reply else {
            panic!("the list seems to end")
        };
        assert_eq!(actions.len(), 10_000);
        assert!(rest.0.ends_with(&format!("&$top=10000{skipped}")), "{}", rest.0);
        next = Some(rest);
    }
}

#[tokio::test]
async fn a_list_that_is_refused_is_told_like_the_answer_to_a_scan() {
    let refused = |status, body: &'static str| async move {
        let server = Canned::always(close(status, body)).await;
        let api = api_at(&server.origin(), Timing::default()).await;
        match api.actions(&ActionQuery::Open, None).await {
            Err(Reply::Answer(answer)) => answer,
            other => panic!("{other:?}"),
        }
    };
    let forbidden = refused(403, r#"{"error":{"code":"Forbidden","message":"m"}}"#).await;
    assert!(matches!(forbidden.body, Body::Error(error) if error.code == "Forbidden"));
    let odd = refused(200, r#"{"id":"a"}"#).await;
    assert!(matches!(odd.body, Body::Other(what) if what.contains("another shape")));
    assert_eq!(refused(302, "").await.status, 302);
}

#[tokio::test]
async fn the_list_of_machines_is_asked_with_its_filter_encoded_whole_and_read_whatever_it_holds() {
    let odd = format!(
        r#"{{"value":[{{"id":"{DEVICE}","computerDnsName":null,"osPlatform":7,"osBuild":"26100",
            "onboardingstatus":"Onboarded","machineTags":["a",null,1],"isExcluded":null,
            "lastSeen":"0001-01-01T00:00:00Z","newField":{{"x":[]}}}},
            {{"id":"not an id"}},{{"computerDnsName":"no id"}},null,7]}}"#
    );
    let server = Canned::always(close(200, odd)).await;
    let api = api_at(&server.origin(), Timing::default()).await;
    let mut filter = MachineFilter::default();
    filter.is_any("computerDnsName", &["a'b&$top=1#+%20é".to_owned()]);
    for filter in [&filter, &MachineFilter::default()] {
        let Ok(ListPage { items: machines, next: None, .. }) = api.machines(filter, None).await
        else {
            panic!("it is a page")
        };
        assert_eq!(machines.len(), 1, "only what a call can name");
        let machine = &machines[0];
        assert_eq!((machine.id, &machine.name), (device(), &None));
        assert_eq!(machine.facts.build, Some(26_100));
        assert!(machine.is_onboarded() && !is_excluded(&machine.facts));
        assert_eq!(machine.facts.last_seen, None, "an unset time");
        assert_eq!(machine.tags, ["a", "1"]);
    }
    let asked: Vec<String> =
        server.seen().iter().map(|r| r.lines().next().unwrap().to_owned()).collect();
    assert_eq!(
        asked,
        [
            "GET /api/machines?$filter=computerDnsName%20eq%20%27a%27%27b%26%24top%3D1%23%2B%2520\
             %C3%A9%27 HTTP/1.1",
            "GET /api/machines HTTP/1.1",
        ]
    );
}

/// Follows the list of machines to its end, and says what was asked for.
async fn machine_pages(server: &Canned) -> Vec<String> {
    let api = api_at(&server.origin(), Timing::default()).await;
    let mut next = None;
    for _ in 0..9 {
        let reply = api.machines(&MachineFilter::default(), next.as_ref()).await;
        let Ok(ListPage { next: rest, .. }) = reply else { panic!("{reply:?}") };
        next = rest;
        if next.is_none() {
            break;
        }
    }
    let asked = |request: &String| request.split(' ').nth(1).unwrap().to_owned();
    server.seen().iter().map(asked).collect()
}

#[tokio::test]
async fn full_pages_of_machines_end_where_the_links_end_and_without_links_where_a_page_is_short() {
    let machines = |count: usize| vec![format!(r#"{{"id":"{DEVICE}"}}"#); count].join(",");
    let linked = Canned::serve(move |number, _| {
        let link = match number {
            0 => r#","@odata.nextLink":"/api/machines?$skip=10000""#,
            _ => "",
        };
        close(200, format!(r#"{{"value":[{}]{link}}}"#, machines(10_000)))
    })
    .await;
    assert_eq!(machine_pages(&linked).await, ["/api/machines", "/api/machines?$skip=10000"]);
    let unlinked = Canned::serve(move |number, _| {
        let count = if number < 2 { 10_000 } else { 3 };
        close(200, format!(r#"{{"value":[{}]}}"#, machines(count)))
    })
    .await;
    assert_eq!(
        machine_pages(&unlinked).await,
        [
            "/api/machines",
            "/api/machines?$top=10000&$skip=10000",
            "/api/machines?$top=10000&$skip=20000"
        ]
    );
}
