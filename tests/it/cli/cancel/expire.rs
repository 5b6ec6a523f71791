//! `--expire-pending`: what still waits for its device is cancelled when the window of a run closes
//! or its time is over, and not before; nothing is ordered after it.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::*;

/// A zone in which a window closes so many seconds from now, and that window.
fn closing_in(seconds: i64) -> (String, String, Timestamp) {
    let now = fleetsweep::clock::wall_clock();
    let ahead = 60 - seconds - now.as_second().rem_euclid(60);
    let sign = if ahead < 0 { "+" } else { "-" };
    let zone = format!("<XYZ>{sign}00:00:{:02}", ahead.abs());
    let shown = |minutes: i64| {
        let at = now + SignedDuration::from_secs(ahead + minutes * 60);
        at.strftime("%H:%M").to_string()
    };
    let window = format!("--window={}-{}", shown(-60), shown(1));
    let closes = Timestamp::from_second(now.as_second() + seconds).unwrap();
    (zone, window, closes)
}

fn time(action: &Value, field: &str) -> Timestamp {
    text(action, field).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_windows_close_only_what_still_waits_and_is_ours_is_cancelled() {
    // A scan begins 3 to 9 seconds after its order.
    let emulator = emulate("[actions]\npending_s = 6\nfull_s = 100000", &[(1_000, 1.0)]).await;
    let place = Place::new();
    let stranger = Stranger::at(&emulator).await;
    place.list(60);
    let (zone, window, closes) = closing_in(16);
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=60"];
    let more = ["--campaign=c", "--limit=2/1s", "--report=c.csv", "--no-check", "--json"];
    let expire = [window.as_str(), "--expire-pending"];
    let mut command = place.towards(&emulator, &[&args[..], &more, &expire].concat());
    command.env("TZ", zone);
    let child = start(command);
    // Others' scans that are as young: another campaign's, and a stranger's on one of our devices.
    let left = closes.duration_since(fleetsweep::clock::wall_clock());
    tokio::time::sleep(Duration::try_from(left).unwrap() - Duration::from_millis(2_500)).await;
    let other: Vec<String> = (100..104).map(|n| device(n).to_string()).collect();
    std::fs::write(place.path("other.txt"), other.join("\n")).unwrap();
    let other = ["scan", "other.txt", "--type=full", "--comment=test", "--approve-max=10"];
    let more = ["--campaign=d", "--limit=1000/1s", "--report=d.csv", "--no-check"];
    let command = place.towards(&emulator, &[&other[..], &more].concat());
    let (said, strange) = tokio::join!(beside(move || run(command)), stranger.scan(59));
    assert!([0, 3].contains(&said.code), "{}", said.err);
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 5, "work is left for the next night: {}", said.err);
    let lines = json_lines(&said.out);
    assert_eq!(lines[0]["type"], "plan");
    assert!(lines[0]["expire_pending"]["most"].as_u64().unwrap() > 10, "{}", lines[0]);
    assert!(said.err.contains("what still waits for its device is cancelled"), "{}", said.err);
    assert_eq!(lines[1]["type"], "expired", "{}", lines[1]);

    let list = stranger.list().await;
    let ours = of_campaign(&list, "c");
    let cancelled = cancelled_by(&emulator, "c");
    assert_eq!(lines[1]["cancelled"], cancelled.len(), "{}", lines[1]);
    assert_eq!(emulator.ledger().cancelled().len(), cancelled.len(), "nobody else's");
    assert!(cancelled.iter().all(|id| ours.contains_key(id.as_str())));
    assert_ne!(text(&list[&strange], "status"), "Cancelled");
    let done_at = |id: &String| time(&list[id], "cancellationDateTimeUtc");
    let first = cancelled.iter().map(done_at).min().expect("some waited");
    assert!(first >= closes, "cancelled at {first}, before the close at {closes}");
    for (id, action) in &ours {
        let age = closes.duration_since(time(action, "creationDateTimeUtc")).as_secs_f64();
        assert!(age > 0.0, "ordered after the close: {action}");
        if cancelled.contains(*id) {
            // What is older than nine seconds ran before the close.
            assert!(age < 9.0, "it ran already: {action}");
        } else {
            // Its status changed when it began to run.
            let began = time(action, "lastUpdateDateTimeUtc");
            assert!(began <= first, "it still waited when the others were cancelled: {action}");
        }
    }
    let (waited, ran) = (cancelled.len(), ours.len() - cancelled.len());
    println!("{} ordered until the close: {waited} expired, {ran} ran by then", ours.len());
    assert!(waited > 0 && ran > 0, "{waited} {ran}");
    let rows = report(&place.path("c.csv"));
    assert_eq!(assert_report_equals_list(&place, &stranger, "c").await, waited);
    let expired: Vec<_> = rows.iter().filter(|row| row["outcome"] == "cancelled").collect();
    assert!(
        expired.iter().all(|row| row["reason"] == "expired by fleetsweep at the window's close")
    );
    let open = rows.iter().filter(|row| row["outcome"] == "open").count();
    assert_eq!(open + ours.len(), 60, "those that were not asked stay open");
    assert!(said.err.contains("    fleetsweep resume c\n"), "it keeps what expires: {}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_finished_earlier_waits_for_the_close_and_counts_what_expired() {
    let emulator = emulate(SLOW, &[(1_000, 1.0)]).await;
    let place = Place::new();
    let stranger = Stranger::at(&emulator).await;
    place.list(8);
    let closes = fleetsweep::clock::wall_clock() + SignedDuration::from_secs(6);
    let until = format!("--until={closes}");
    let args = ["scan", "list.txt", "--type=full", "--comment=test", "--approve-max=8"];
    let more = ["--campaign=c", "--limit=1000/1s", "--report=c.csv", "--no-check", &until];
    let expire = [&args[..], &more, &["--expire-pending"]].concat();
    let command = place.towards(&emulator, &expire);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 3, "they are not covered: {}", said.err);
    assert!(said.err.contains("No more orders leave; 8 scans may wait"), "{}", said.err);
    let list = stranger.list().await;
    assert_eq!(cancelled_by(&emulator, "c").len(), 8);
    assert!(list.values().all(|one| time(one, "cancellationDateTimeUtc") >= closes));
    let rows = report(&place.path("c.csv"));
    assert!(rows.iter().all(|row| row["reason"] == "expired by fleetsweep when its time was over"));
    let said = run(place.towards(&emulator, &["retry", "c", "--dry-run"]));
    assert!(said.out.contains("8 devices"), "{}", said.out);

    // A signal ends the waiting: what waits stays, and the command that cancels it is named.
    let closes = fleetsweep::clock::wall_clock() + SignedDuration::from_secs(600);
    let until = format!("--until={closes}");
    let more = ["--campaign=d", "--limit=1000/1s", "--report=d.csv", "--no-check", &until];
    let expire = [&args[..], &more, &["--expire-pending"]].concat();
    let child = start(place.towards(&emulator, &expire));
    accepted(&emulator, 16).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let said = beside(move || wait(child)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    let next = "`fleetsweep cancel d --pending-only --keep-queue`";
    assert!(said.err.contains(next), "{}", said.err);
    assert!(cancelled_by(&emulator, "d").is_empty());
    let args = ["d", "--pending-only", "--keep-queue", "--approve-max=8"];
    assert_eq!(cancel(&place, &emulator, &args).await.code, 0);
    assert_eq!(cancelled_by(&emulator, "d").len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promise_that_cannot_be_kept_is_refused_before_the_first_order() {
    let scan_only = format!("{SLOW}\n[token]\nroles = [\"Machine.Scan\"]");
    let emulator = emulate(&scan_only, &[(1_000, 1.0)]).await;
    let place = Place::new();
    place.list(3);
    let args = ["scan", "list.txt", "--type=full", "--comment=x", "--approve-max=3", "--no-check"];
    let more = ["--report=c.csv", "--expire-pending"];
    let said = run(place.towards(&emulator, &[&args[..], &more].concat()));
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("--expire-pending needs --window or --until"), "{}", said.err);
    let always = [&args[..], &more, &["--window=00:00-24:00"]].concat();
    let said = run(place.towards(&emulator, &always));
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("the window never closes"), "{}", said.err);
    let command = place.towards(&emulator, &[&args[..], &more, &["--until=23:59"]].concat());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 7, "{}", said.err);
    assert!(said.err.contains("Machine.Read.All"), "{}", said.err);
    assert_eq!(emulator.ledger().count(Operation::Scan), 0);
}
