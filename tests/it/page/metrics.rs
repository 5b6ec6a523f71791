//! Metrics of the real binary: served to who has the token, and kept in a file by a run. A tool of
//! Prometheus reads both, and the examples of alerts and a dashboard.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use super::kit::{HOSTILE, Page, STORE, campaign};
use crate::kit::child::tool;
use crate::kit::program::{Place, run, start, until};

/// Every metric there is, without `fleetsweep_`.
const NAMES: [&str; 21] = [
    "budget_calls",
    "budget_limit_calls",
    "budget_paused_until_timestamp_seconds",
    "build_info",
    "calls_total",
    "campaign_devices",
    "campaign_finish_timestamp_seconds",
    "campaign_hold",
    "campaign_info",
    "campaign_last_call_timestamp_seconds",
    "campaign_plan_finish_timestamp_seconds",
    "campaign_runner_seen_timestamp_seconds",
    "coverage_computed_timestamp_seconds",
    "coverage_devices",
    "series_failed_start_timestamp_seconds",
    "series_last_run_begin_timestamp_seconds",
    "series_last_run_end_timestamp_seconds",
    "series_last_run_exit_code",
    "series_last_run_planned",
    "series_next_run_due_timestamp_seconds",
    "store_up",
];

/// The names of metrics that a text has or speaks of.
fn names(text: &str) -> BTreeSet<&str> {
    let letter = |c: char| c.is_ascii_lowercase() || c == '_';
    text.match_indices("fleetsweep_")
        .map(|(at, word)| &text[at + word.len()..])
        .map(|rest| &rest[..rest.find(|c| !letter(c)).unwrap_or(rest.len())])
        .collect()
}

fn all_names() -> BTreeSet<&'static str> {
    NAMES.into_iter().collect()
}

/// Has Prometheus' tool judge something.
fn promtool(args: &[&str], input: &str) {
    let mut command = tool("promtool");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn();
    let mut child =
        child.expect("promtool judges metrics and alerts: install it (apt-get install prometheus)");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&said));
}

/// The lines of a text that hold for a campaign that is over.
fn of_night(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.contains("campaign=\"night-1\"")).collect()
}

/// Writes the file of the token, which these may read.
fn token(place: &Place, mode: u32) {
    std::fs::write(place.path("token"), "s3cret\n").unwrap();
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(place.path("token"), mode).unwrap();
}

/// What a text tells of a series that ran just now, and of one that could not begin.
fn of_series(text: &str) {
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("fleetsweep_{name}{{")));
        line.unwrap().rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
    };
    let begun = value("series_last_run_begin_timestamp_seconds");
    let due = value("series_next_run_due_timestamp_seconds") - begun;
    assert!((25.4..=25.5).contains(&(due / 3600.0)), "{due} s after it began");
    let never = "fleetsweep_series_failed_start_timestamp_seconds{exit_code=";
    let labels = "series=\"never\",tenant=\"gone.example\"";
    assert!(text.contains(never) && text.contains(labels), "{text}");
}

#[tokio::test]
async fn metrics_are_given_to_who_has_the_token_and_kept_in_a_file_and_promtool_reads_both() {
    let place = Place::new();
    campaign(&place, "night-1");
    std::fs::write(place.path("list.csv"), HOSTILE).unwrap();
    let usual = [
        "scan",
        "list.csv",
        "--type=quick",
        "--comment=c",
        "--emulator",
        "--scenario=quiet",
        "--approve-max=10",
        "--skip-bad-rows",
        "--metrics=f.prom",
        STORE,
    ];
    let series = run(place.fleetsweep(&[&usual[..], &["--series=nightly"]].concat()));
    assert!([0, 3].contains(&series.code), "{}", series.err);
    // One of which no run begins: nobody can sign in.
    let never = ["scan", "list.csv", "--type=quick", "--comment=c", "--approve-max=10", STORE];
    let gone = ["--skip-bad-rows", "--series=never", "--tenant=gone.example"];
    assert_ne!(run(place.fleetsweep(&[&never[..], &gone].concat())).code, 0);
    let waiting = [&usual[..], &["--campaign=later", "--start-at=2099-01-01T00:00:00Z"]].concat();
    let mut waiting = start(place.fleetsweep(&waiting));
    let file = || std::fs::read_to_string(place.path("f.prom")).unwrap_or_default();
    let hold = "fleetsweep_campaign_hold{campaign=\"later\",reason=\"start\"";

    token(&place, 0o600);
    let serve = ["serve", "--listen=127.0.0.1:0", "--metrics-token-file=token", STORE];
    let page = Page::locked(place.fleetsweep(&serve));
    let host = page.host();
    let get = async |head: &str| page.raw(&format!("{head} /metrics HTTP/1.1\r\n{host}")).await;
    let shown = |token: &str| format!("GET /metrics HTTP/1.1\r\n{host}Authorization: {token}\r\n");
    assert_eq!(get("GET").await.status, 401);
    assert_eq!(get("POST").await.status, 405);
    for wrong in ["Bearer guess", "Bearer ", "Basic s3cret", "s3cret"] {
        assert_eq!(page.raw(&shown(wrong)).await.status, 401, "{wrong}");
    }
    let evil = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer s3cret\r\n";
    assert_eq!(page.raw(evil).await.status, 421);
    let elsewhere = shown("Bearer s3cret").replace("/metrics", "/limits");
    assert_eq!(page.raw(&elsewhere).await.status, 401, "the token opens nothing else");
    let mut text = String::new();
    for _ in 0..300 {
        let answer = page.raw(&shown("Bearer s3cret")).await;
        assert_eq!(answer.status, 200);
        let kind = answer.header("content-type").unwrap();
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        text = answer.body;
        if text.contains(hold) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(text.contains(hold), "{text}");
    until("the file tells of it", async || file().contains("campaign=\"later\"")).await;
    waiting.kill().and_then(|()| waiting.wait()).unwrap();
    promtool(&["check", "metrics"], &text);
    promtool(&["check", "metrics"], &file());
    assert_eq!(names(&text), all_names());
    assert!(names(&file()).is_subset(&all_names()));
    assert!(text.contains("fleetsweep_store_up 1\n"), "{text}");
    let night = of_night(&text);
    assert_eq!(night, of_night(&file()), "the same values, whichever way");
    let devices = "fleetsweep_campaign_devices{campaign=\"night-1\",outcome=\"accepted\",tenant=";
    assert!(text.contains(devices), "{text}");
    for private in ["aaaaaaaaaaaaaaaa", "script", "onclick", "cmd|"] {
        assert!(!text.contains(private), "{private} of a device or a comment");
    }
    assert!(text.contains("ticket=\"CHG<1>\""), "{text}");
    of_series(&text);
}

#[tokio::test]
async fn without_a_token_there_are_no_metrics_and_one_that_others_can_read_is_refused() {
    let place = Place::new();
    campaign(&place, "night-1");
    let page = Page::of(&place).await;
    let answer = page.get("/metrics").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("--metrics-token-file"), "{}", answer.body);
    token(&place, 0o644);
    let refused = run(place.fleetsweep(&["serve", "--metrics-token-file=token", STORE]));
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(
        refused.err.contains("chmod 600") && !refused.err.contains("s3cret"),
        "{}",
        refused.err
    );
    let list = place.path("list.csv");
    std::fs::write(list, HOSTILE).unwrap();
    let scan = ["scan", "list.csv", "--type=quick", "--comment=c", "--emulator", "--approve-max=9"];
    let wrong = run(place.fleetsweep(&[&scan[..], &["--metrics=m.txt"]].concat()));
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    assert!(wrong.err.contains("must end in .prom"), "{}", wrong.err);
}

#[test]
fn the_examples_ask_for_metrics_that_are_there_and_the_alerts_say_what_they_should() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/monitoring");
    promtool(&["check", "rules", &format!("{folder}/alerts.yml")], "");
    promtool(&["test", "rules", &format!("{folder}/alerts.test.yml")], "");
    for file in ["alerts.yml", "alerts.test.yml", "grafana.json"] {
        let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
        let unknown: Vec<_> =
            names(&text).into_iter().filter(|n| !all_names().contains(n)).collect();
        assert_eq!(unknown, Vec::<&str>::new(), "{file}");
    }
    let text = std::fs::read_to_string(format!("{folder}/grafana.json")).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["panels"].is_array());
}
