//! The limit as the real binary keeps and tells it: one for all names of a service and a tenant,
//! the lower one that a server names, and counts of what left.

use fleetsweep::emulator::{self, Emulator, Operation};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::network::{NEAR_LOGIN, WORLD, proxy, tls_before};
use super::*;

const SCAN: [&str; 4] = ["--type=full", "--comment=x", "--approve-max=200", "--no-check"];

/// Writes lists of so many devices each, none of them twice.
fn lists(place: &Place, each: u64) -> [&'static str; 2] {
    let ids = |from: u64| (from..from + each).map(|n| device(n).to_string()).collect::<Vec<_>>();
    std::fs::write(place.path("one.txt"), ids(0).join("\n")).unwrap();
    std::fs::write(place.path("two.txt"), ids(each).join("\n")).unwrap();
    ["one.txt", "two.txt"]
}

fn used(plan: &serde_json::Value) -> Vec<u64> {
    let used = plan["quota_used"].as_array().unwrap();
    used.iter().map(|quota| quota["used"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_and_a_new_host_name_a_domain_and_an_id_are_one_limit_on_the_wire() {
    let emulator = emulate("quiet", &[(100, 60.0), (1_500, 3_600.0)], 1.0).await;
    let (port, root) = tls_before(&emulator).await;
    let (by, _) = proxy(port, 200).await;
    let place = Place::new();
    let [one, two] = lists(&place, 90);
    std::fs::write(place.path("ca.pem"), root).unwrap();
    let scan = async |list: &str, host: &str, tenant: &str, more: &[&str]| {
        let mut command = place.fleetsweep(&[&["scan", list, "--json"], &SCAN[..], more].concat());
        command
            .env("AZURE_TENANT_ID", tenant)
            .env("AZURE_CLIENT_ID", "66666666-7777-8888-9999-000000000000")
            .env("AZURE_CLIENT_SECRET", emulator::DEFAULT_SECRET)
            .env("FLEETSWEEP_API_URL", format!("https://{host}"))
            .env("FLEETSWEEP_LOGIN_URL", format!("https://{NEAR_LOGIN}"))
            .env("FLEETSWEEP_CA_FILE", "ca.pem")
            .env("HTTPS_PROXY", &by);
        beside(move || run(command)).await
    };
    let first = scan(one, WORLD[0], "contoso.example", &["--report=1.csv"]).await;
    assert_eq!(first.code, 0, "{}", first.err);
    let id = json_lines(&first.out)[0]["tenant"].as_str().unwrap().to_owned();
    assert_ne!(id, "contoso.example", "the sign-in tells the tenant's id");
    let braced = format!("{{{}}}", id.to_ascii_uppercase());
    let more = ["--report=2.csv", "--max-duration=3s"];
    let second = scan(two, WORLD[1], &braced, &more).await;
    assert_eq!(second.code, 5, "{}", second.err);
    assert_eq!(used(&json_lines(&second.out)[0]), [90, 90], "{}", second.out);
    let ledger = emulator.ledger();
    assert_eq!(ledger.count(Operation::Scan), 100, "180 would be twice the limit");
    assert_eq!((ledger.sliding_max(Operation::Scan, 100), ledger.throttled_by_excess), (100, 0));
    // A dry run signs in nowhere, and knows the domain's calls by what the store learnt.
    let dry = scan(two, WORLD[1], "Contoso.example", &["--dry-run"]).await;
    let plan = &json_lines(&dry.out)[0];
    assert_eq!((used(plan), plan["tenant"].as_str()), (vec![100, 100], Some(&*id)), "{}", dry.err);
    let stranger = scan(two, WORLD[1], "other.example", &["--dry-run"]).await;
    assert_eq!(used(&json_lines(&stranger.out)[0]), [0, 0]);
    assert!(stranger.err.contains("whose id this store does not know"), "{}", stranger.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lower_limit_that_the_server_names_is_kept_from_then_on_and_told() {
    let emulator = emulate("quiet", &[(30, 6.0)], 1.0).await;
    let place = Place::new();
    let [one, two] = lists(&place, 80);
    let scan = async |list: &str, more: &[&str]| {
        let args = [&["scan", list, "--json", "--time-scale=10"], &SCAN[..], more].concat();
        let command = place.towards(&emulator, &args);
        beside(move || run(command)).await
    };
    let first = scan(one, &["--campaign=one", "--report=1.csv"]).await;
    assert_eq!(first.code, 0, "{}", first.err);
    assert_eq!(first.err.matches("the server allows 30/6s here").count(), 1, "{}", first.err);
    assert!(!first.err.contains("uses this application"), "{}", first.err);
    let summary = &json_lines(&first.out)[1];
    let throttled = summary["throttled"].as_u64().unwrap();
    assert!((1..=16).contains(&throttled), "one volley: {summary}");
    let dry = scan(two, &["--dry-run"]).await;
    assert!(dry.err.contains("30/6s (named by the server)"), "{}", dry.err);
    let named = |of: &serde_json::Value| {
        let all = of["quota_used"].as_array().unwrap();
        let named = all.iter().filter(|quota| quota["named_by_server"] == true);
        named.map(|quota| quota["limit"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(named(&json_lines(&dry.out)[0]), ["30"]);
    let second = scan(two, &["--campaign=two", "--report=2.csv"]).await;
    assert_eq!(second.code, 0, "{}", second.err);
    assert_eq!(json_lines(&second.out)[1]["throttled"], 0, "{}", second.err);
    let said = run(place.fleetsweep(&["status", "two", "--json"]));
    assert_eq!(named(&json_lines(&said.out)[0]), ["\"30/6s\""], "{}", said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_tells_the_limits_that_a_campaign_was_started_with() {
    let emulator = emulate("quiet", &[(100, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(5);
    let more = ["--limit=40/1m", "--leave=50%", "--campaign=c", "--report=r.csv"];
    let command = place.towards(&emulator, &[&["scan", "list.txt"], &SCAN[..], &more].concat());
    let ran = beside(move || run(command)).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    // It is finished; its limits are still its own, and the one that was not named was kept.
    let said = run(place.fleetsweep(&["status", "c", "--json"]));
    let status = &json_lines(&said.out)[0];
    let limits = status["quota_used"].as_array().unwrap();
    let limits: Vec<_> = limits.iter().map(|quota| quota["limit"].as_str().unwrap()).collect();
    assert_eq!(limits, ["20/min", "750/h"], "{}", said.out);
    assert_eq!(status["calls"], 5);
    assert!(!ran.err.contains("a minute"), "no rate that nobody keeps: {}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lower_limit_that_another_open_campaign_keeps_is_told_with_whose_it_is() {
    let emulator = emulate("quiet", &[(100, 60.0), (1_500, 3_600.0)], 1.0).await;
    let place = Place::new();
    let lists = lists(&place, 40);
    let scan = async |n: usize, name: &str, limit: &str| {
        let more =
            ["--max-duration=2s", &format!("--campaign={name}"), &format!("--limit={limit}")];
        let args = [&["scan", lists[n], "--json"], &SCAN[..], &more].concat();
        let command = place.towards(&emulator, &args);
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 5, "{}", said.err);
        json_lines(&said.out)[0]["warnings"].to_string()
    };
    let status = || run(place.fleetsweep(&["status", "next", "--json"]));
    let lower = |said: &Said| json_lines(&said.out)[0]["lower_limits"].clone();
    assert_eq!(scan(0, "slow", "2/1s").await, "[]");
    let warned = scan(1, "next", "20/1s").await;
    assert!(warned.contains("the open campaign slow keeps 2/1s, which holds this one"), "{warned}");
    assert!(warned.contains("cancel slow"), "{warned}");
    let whose = serde_json::json!([{ "limit": "2/1s", "campaign": "slow" }]);
    assert_eq!(lower(&status()), whose);
    let shown = flat(&run(place.fleetsweep(&["status", "next"])).out);
    let told = "2/1s is the limit of the open campaign slow, and holds this one too";
    assert!(shown.contains(told), "{shown}");
    // Its own limit holds the other one no more than the API's does.
    let shown = flat(&run(place.fleetsweep(&["status", "slow"])).out);
    assert!(!shown.contains("is the limit of the open campaign"), "{shown}");
    let words = ["cancel", "slow", "--queue-only", "--approve-max=40"];
    let command = place.towards(&emulator, &words);
    let said = beside(move || run(command)).await;
    assert!(said.code == 0 || said.code == 3, "{}", said.err);
    assert_eq!(lower(&status()), serde_json::json!([]));
}

/// Leads every connection to an emulator, from a port of its own.
async fn relay(port: u16, emulator: &Emulator) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let behind = emulator.address();
    tokio::spawn(async move {
        while let Ok((mut outer, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut inner = TcpStream::connect(behind).await.ok()?;
                copy_bidirectional(&mut outer, &mut inner).await.ok()
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_left_is_no_call_wherever_calls_are_shown() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(60);
    // A port on which nobody listens yet: connections are refused.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let more = ["--limit=1000/1s", "--campaign=c", "--report=r.csv", "--json"];
    let args = [&["scan", "list.txt"], &SCAN[..], &more].concat();
    let mut command = place.towards(&emulator, &args);
    command.env("FLEETSWEEP_API_URL", format!("http://127.0.0.1:{port}"));
    let ran = tokio::spawn(beside(move || run(command)));
    let store = place.path(".local/state/fleetsweep/fleetsweep.db");
    let url = format!("sqlite:{}", store.display());
    let claims = async |sql: &'static str| -> i64 {
        let conn = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await;
        match conn {
            Ok(mut conn) => sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap_or(0),
            Err(_) => 0,
        }
    };
    // Whoever listens before a refusal is written down has all of them leave.
    let refused = "SELECT count(*) FROM call WHERE seq IS NOT NULL AND seen_by = 0";
    until("claims that never leave", async || claims(refused).await > 0).await;
    relay(port, &emulator).await;
    let ran = ran.await.unwrap();
    assert_eq!(ran.code, 0, "{}", ran.err);
    let left = emulator.ledger().count(Operation::Scan) as u64;
    assert_eq!(left, 60);
    assert_eq!(json_lines(&ran.out)[1]["calls"], left, "{}", ran.out);
    assert!(ran.err.contains("\n60 calls in "), "{}", ran.err);
    let said = run(place.fleetsweep(&["status", "c", "--json"]));
    assert_eq!(json_lines(&said.out)[0]["calls"], left, "{}", said.out);
    // The control: more was claimed than left, and the store keeps all of it.
    let claims = claims("SELECT count(*) FROM call WHERE seq IS NOT NULL").await;
    assert!(claims > 60, "{claims} claims");
}
