//! The time zone of the system: one that cannot be read is refused where somebody typed a time of
//! day, and told elsewhere.

use super::windows::from_now;
use super::{Place, Said, json_lines, run};

const SCAN: [&str; 5] = ["scan", "list.txt", "--type=quick", "--comment=x", "--dry-run"];

fn with(zone: &str, args: &[&str]) -> Said {
    let place = Place::new();
    place.list(3);
    let mut command = place.fleetsweep(args);
    command.env("TZ", zone);
    run(command)
}

#[test]
fn a_time_of_day_in_a_zone_that_cannot_be_read_is_refused() {
    let timed: [&[&str]; 4] = [
        &["--window=22:00-06:00"],
        &["--window=Mon-Fri 22:00-06:00", "--last-order=03:00"],
        &["--until=06:00"],
        &["--start-at=22:00"],
    ];
    for zone in ["Foo/Bar", ":Foo/Bar", "Europe/Nowhere", "Berlin"] {
        for more in timed {
            let said = with(zone, &[&SCAN[..], more].concat());
            assert_eq!(said.code, 2, "{zone} {more:?}: {}", said.err);
            let (why, next) = (format!("why: TZ={zone} cannot be read"), "package tzdata");
            assert!(said.err.contains(&why) && said.err.contains(next), "{}", said.err);
        }
        let timer = ["schedule", "--systemd", "--", "scan", "list.txt", "--type=quick"];
        let more = ["--comment=x", "--approve-max=9", "--window=22:00-06:00"];
        let said = with(zone, &[&timer[..], &more].concat());
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{}", said.err);
    }
}

#[test]
fn where_no_time_of_day_was_typed_an_unreadable_zone_is_told_and_utc_is_shown() {
    let exact: [&[&str]; 3] =
        [&[], &["--until=2999-01-01T00:00:00Z"], &["--window=22:00-06:00", "--tz=UTC"]];
    for more in exact {
        let said = with("Foo/Bar", &[&SCAN[..], more].concat());
        assert_eq!(said.code, 0, "{more:?}: {}", said.err);
        let told = "Warning: TZ=Foo/Bar cannot be read: times are shown in UTC.";
        assert_eq!(said.err.matches(told).count(), 1, "{}", said.err);
        assert!(said.err.contains(" UTC"), "{}", said.err);
    }
}

/// Negative control: zones that need no file of the system are taken, and nothing is told.
#[test]
fn a_whole_rule_and_utc_need_no_file_and_no_word() {
    for zone in ["CET-1CEST,M3.5.0,M10.5.0/3", "UTC", "UTC0", ""] {
        for more in ["--window=22:00-06:00", "--until=06:00", "--start-at=22:00"] {
            let said = with(zone, &[&SCAN[..], &[more]].concat());
            assert_eq!(said.code, 0, "{zone} {more}: {}", said.err);
            assert!(!said.err.contains("cannot be read"), "{zone}: {}", said.err);
        }
    }
}

#[test]
fn windows_in_a_zone_without_a_name_keep_its_rule_so_that_they_mean_the_same_hours_elsewhere() {
    let rule = "XST-1XDT,M3.5.0,M10.5.0/3";
    let place = Place::new();
    place.list(3);
    let run_in = |zone: &str, args: &[&str]| {
        let mut command = place.fleetsweep(args);
        command.env("TZ", zone);
        run(command)
    };
    // Shut, in summer and in winter.
    let window = format!("--window={}-{}", from_now(300), from_now(360));
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--campaign=c", "--emulator"];
    let more = ["--approve-max=3", "--store=sqlite:s.db", "--max-duration=1s", &window];
    let said = run_in(rule, &[&scan[..], &more].concat());
    assert_eq!(said.code, 5, "{}", said.err);
    let status = ["status", "c", "--json", "--store=sqlite:s.db"];
    let zone = |zone: &str| json_lines(&run_in(zone, &status).out)[0]["zone"].clone();
    assert_eq!(zone(rule), rule);
    assert_eq!(zone("Etc/GMT+11"), rule);
    // It goes on elsewhere, and nothing of its hours is otherwise.
    let resume = ["resume", "c", "--emulator", "--store=sqlite:s.db", "--max-duration=1s"];
    let said = run_in("Etc/GMT+11", &resume);
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(!said.err.contains("Changed, from now on"), "{}", said.err);
    assert_eq!(zone("UTC"), rule);
}
