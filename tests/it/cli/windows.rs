//! `--window`: what the plan says of it, what a run does before it opens and when it closes, what
//! is refused, and when a timer starts.

use super::{Place, json_lines, run};

/// A clock time some minutes from now in UTC, as the program's zone is here.
pub(super) fn from_now(minutes: i64) -> String {
    let at = fleetsweep::clock::wall_clock() + jiff::SignedDuration::from_mins(minutes);
    at.strftime("%H:%M").to_string()
}

/// A window that closes in so many seconds, and the zone in which it does: its clock on the wall
/// is a little ahead of ours.
pub(super) fn closes_in(seconds: i64) -> (String, String) {
    let now = fleetsweep::clock::wall_clock();
    let ahead = 60 - seconds - now.as_second().rem_euclid(60);
    let sign = if ahead < 0 { "+" } else { "-" };
    let zone = format!("<XYZ>{sign}00:00:{:02}", ahead.abs());
    let shown = |minutes: i64| {
        let at = now + jiff::SignedDuration::from_secs(ahead + minutes * 60);
        at.strftime("%H:%M").to_string()
    };
    (format!("--window={}-{}", shown(-60), shown(1)), zone)
}

const SCAN: [&str; 6] =
    ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=100", "--emulator"];

#[test]
fn the_plan_says_when_the_window_opens_how_much_fits_and_how_many_windows_it_takes() {
    let place = Place::new();
    place.list(4_000);
    // Two to three hours from now, for an hour: 1,500 each.
    let window = format!("--window={}-{}", from_now(120), from_now(180));
    let said =
        run(place
            .fleetsweep(&[&SCAN[..], &["--dry-run", "--json", "--tz=Etc/UTC", &window]].concat()));
    assert_eq!(said.code, 0, "{}", said.err);
    let plan = &json_lines(&said.out)[0];
    assert_eq!((&plan["window"]["fits"], &plan["window"]["windows"]), (&1_500.into(), &3.into()));
    let hours = plan["window"]["hours"].as_str().unwrap();
    assert!(hours.ends_with(" (Etc/UTC)"), "{hours}");
    assert_eq!(plan["window"]["opens_at"], plan["starts_at"]);
    assert!(plan["duration_s"].as_f64().unwrap() > 2.0 * 86_400.0);
    assert!(said.err.contains(": opens "), "{}", said.err);
    assert!(said.err.contains("1,500 of 4,000 devices into this window, 3 windows for all"));
    assert!(said.err.lines().all(|line| line.chars().count() <= 80), "{}", said.err);
    // An open window with a last order in it.
    let window = format!("--window={}-{}", from_now(-60), from_now(120));
    let last = format!("--last-order={}", from_now(90));
    let dry = ["--dry-run", "--json", &window, &last];
    let said = run(place.fleetsweep(&[&SCAN[..], &dry].concat()));
    let plan = &json_lines(&said.out)[0];
    assert_eq!(plan["window"]["opens_at"], serde_json::Value::Null, "{}", said.err);
    let fits = plan["window"]["fits"].as_u64().unwrap();
    assert!((2_900..=3_000).contains(&fits), "{fits}");
    assert!(said.err.contains("open now, orders until "), "{}", said.err);
}

#[test]
fn outside_of_the_window_nothing_is_sent_and_the_command_that_goes_on_keeps_it() {
    let place = Place::new();
    place.list(5);
    let window = format!("--window={}-{}", from_now(120), from_now(180));
    let more = ["--max-duration=2s", "--store=sqlite:s.db", "--report=r.csv", "--json", &window];
    let said = run(place.fleetsweep(&[&SCAN[..], &more].concat()));
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.err.contains("until then no order leaves"), "{}", said.err);
    assert_eq!(json_lines(&said.out)[1]["calls"], 0);
    let again = said.err.lines().find(|line| line.starts_with("    fleetsweep resume")).unwrap();
    assert!(again.ends_with(" --store sqlite:s.db"), "{again}");
    let words: Vec<&str> = again.split_whitespace().skip(1).collect();
    let bare = [&words[..], &["--max-duration=2s", "--json"]].concat();
    let said = run(place.fleetsweep(&bare));
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.err.contains("until then no order leaves"), "{}", said.err);
    assert_eq!(json_lines(&said.out)[0]["calls"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_closes_stops_the_run_with_exit_5_and_says_so() {
    let place = Place::new();
    place.list(50);
    let shut = fleetsweep::clock::wall_clock().as_second() + 7;
    let (window, zone) = closes_in(7);
    let more = ["--scenario=quiet", "--limit=1/2s", "--report=r.jsonl", "--json", &window];
    let mut command = place.fleetsweep(&[&SCAN[..], &more].concat());
    command.env("TZ", zone);
    let said = super::beside(move || run(command)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.err.contains("its window closed"), "{}", said.err);
    let summary = &json_lines(&said.out)[1];
    assert_eq!(summary["stop"]["kind"], "window", "{summary}");
    assert!(summary["calls"].as_u64().unwrap() > 0);
    let path = place.path("r.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    // Those that waited when it closed were never asked.
    let asked: Vec<&str> =
        text.lines().filter(|row| !row.contains("\"first_sent_at\":null")).collect();
    std::fs::write(&path, asked.join("\n")).unwrap();
    let latest = super::sent(&path).into_iter().max().unwrap();
    assert!(latest.as_second() < shut, "{latest} is after {shut}");
}

#[test]
fn windows_that_cannot_be_are_refused_with_what_to_write() {
    let place = Place::new();
    place.list(3);
    let night = "--window=22:00-06:00";
    let cases: Vec<(&str, Vec<&str>)> = vec![
        ("no window", vec!["--window=night"]),
        ("a day that is none", vec!["--window=Mo-Fr 22:00-06:00"]),
        ("no length", vec!["--window=22:00-22:00"]),
        ("no such zone", vec![night, "--tz=Mars/Base"]),
        ("a zone without a window", vec!["--tz=Europe/Berlin"]),
        ("a last order outside", vec![night, "--last-order=12:00"]),
        ("a last order that is no time", vec![night, "--last-order=3"]),
    ];
    let mut table = String::new();
    for (name, more) in cases {
        let said = run(place.fleetsweep(&[&SCAN[..], &more].concat()));
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{name}: {}", said.err);
        table += &format!("## {name}\n{}\n\n", said.err.trim_end());
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_timer_starts_when_the_windows_of_its_command_open() {
    let place = Place::new();
    place.list(3);
    let nights = "--window=Mon-Fri 22:00-06:00";
    let windows = [nights, "--window=Sat 12:00-24:00", "--tz=Europe/Berlin"];
    let timer = |kind: &str, more: &[&str]| {
        let args = [&["schedule", kind, "--"], &SCAN[..], &windows, more].concat();
        let said = run(place.fleetsweep(&args));
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    let systemd = timer("--systemd", &[]);
    assert!(systemd.contains("OnCalendar=Mon..Fri *-*-* 22:00:00 Europe/Berlin\n"), "{systemd}");
    assert!(systemd.contains("OnCalendar=Sat *-*-* 12:00:00 Europe/Berlin\n"), "{systemd}");
    assert!(systemd.contains("\"--window=Mon-Fri 22:00-06:00\""), "{systemd}");
    let cron = timer("--cron", &[]);
    assert!(cron.contains("CRON_TZ=Europe/Berlin\n0 22 * * 1,2,3,4,5 "), "{cron}");
    let kubernetes = timer("--kubernetes", &[]);
    assert_eq!(kubernetes.matches("timeZone: \"Europe/Berlin\"").count(), 2, "{kubernetes}");
    assert!(kubernetes.contains("name: fleetsweep-2\n"), "{kubernetes}");
}
