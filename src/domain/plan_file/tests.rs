//! Each field of a plan changed by itself: which changes are told, in which words, and which are
//! none.

use super::*;
use crate::domain::{ScanType, Target};

fn plan() -> PlanFile {
    let group = |group: &str, devices, decision: &str| Group {
        group: group.to_owned(),
        devices,
        decision: decision.to_owned(),
    };
    PlanFile {
        v: VERSION,
        kind: KIND.to_owned(),
        campaign: "full-2026-11-24-kxqrab".parse().unwrap(),
        emulated: false,
        order: Order {
            target: Target {
                api_origin: "https://api.security.microsoft.com".to_owned(),
                tenant: "tenant".to_owned(),
                application: "application".to_owned(),
                cloud: "commercial".to_owned(),
            },
            scan_type: ScanType::Full,
            comment: "nightly".to_owned(),
            ticket: "CHG0031337".parse().ok(),
            ids_hash: "aa".to_owned(),
        },
        list: List { rows: 310, devices: 297, duplicates: 8, bad_rows: 2 },
        left_out: LeftOut {
            devices: 3,
            ids_hash: "bb".to_owned(),
            groups: vec![group("mobile", 3, "skip"), group("inactive", 9, "last")],
        },
        source: Source { lists: vec!["/srv/fleet.csv".to_owned()], ..Source::default() },
        options: Options {
            busy: BusyPolicy::Report,
            keep: vec!["iot".to_owned()],
            skip: vec!["server".to_owned()],
            skip_bad_rows: true,
            names: false,
            strict_names: false,
            check: true,
            windows: vec!["22:00-06:00".to_owned()],
            last_order: Some("03:00".to_owned()),
            zone: Some("Europe/Berlin".to_owned()),
            start_at: Some(at("2026-11-24T21:00:00Z")),
            until: Some("06:00".to_owned()),
            until_zone: Some("UTC".to_owned()),
            max_duration: Some("5h30m".to_owned()),
            limits: vec!["100/min".to_owned(), "1500/h".to_owned()],
            pace: "fast".to_owned(),
            time_scale: 1,
        },
        checked: Checked::default(),
        times: Times { made_at: at("2026-11-24T15:00:00Z"), ..Times::default() },
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// What is told of a plan that was changed so.
fn told(change: impl FnOnce(&mut PlanFile)) -> Vec<String> {
    let mut now = plan();
    change(&mut now);
    plan().differences(&now)
}

type Change = fn(&mut PlanFile);

#[test]
fn each_change_of_what_would_be_ordered_is_told_by_itself_with_what_was_planned() {
    let cases: Vec<(&str, Change)> = vec![
        ("campaign: `full-2026-11-24-kxqrab` planned, `b` now", |p| {
            p.campaign = "b".parse().unwrap();
        }),
        ("the emulator: `no` planned, `yes` now", |p| p.emulated = true),
        ("API: `https://api.security.microsoft.com` planned, `b` now", |p| {
            p.order.target.api_origin = "b".to_owned();
        }),
        ("cloud: `commercial` planned, `b` now", |p| p.order.target.cloud = "b".to_owned()),
        ("tenant: `tenant` planned, `b` now", |p| p.order.target.tenant = "b".to_owned()),
        ("application: `application` planned, `b` now", |p| {
            p.order.target.application = "b".to_owned();
        }),
        ("type: `full` planned, `quick` now", |p| p.order.scan_type = ScanType::Quick),
        ("comment: `nightly` planned, `b` now", |p| p.order.comment = "b".to_owned()),
        ("ticket: `CHG0031337` planned, `none` now", |p| p.order.ticket = None),
        ("the set of device ids: 300 planned, 300 now (as many, but not the same ones)", |p| {
            p.order.ids_hash = "b".to_owned();
        }),
        ("the set of device ids: 300 planned, 302 now (2 more)", |p| {
            (p.order.ids_hash, p.list.devices) = ("b".to_owned(), 299);
        }),
        ("the set of device ids: 300 planned, 299 now (1 fewer)", |p| {
            (p.order.ids_hash, p.list.devices) = ("b".to_owned(), 296);
        }),
        ("rows: `310` planned, `311` now", |p| p.list.rows = 311),
        ("duplicates: `8` planned, `9` now", |p| p.list.duplicates = 9),
        ("bad rows: `2` planned, `0` now", |p| p.list.bad_rows = 0),
        ("devices that are left out: 3 planned, 3 now (as many, but not the same ones)", |p| {
            p.left_out.ids_hash = "b".to_owned();
        }),
        ("busy devices: `report` planned, `retry` now", |p| p.options.busy = BusyPolicy::Retry),
        ("--keep: `iot` planned, `none` now", |p| p.options.keep.clear()),
        ("--skip: `server` planned, `server, busy` now", |p| p.options.skip.push("busy".into())),
        ("bad rows are left out: `yes` planned, `no` now", |p| p.options.skip_bad_rows = false),
        ("names are looked up: `no` planned, `yes` now", |p| p.options.names = true),
        ("names that several share are refused: `no` planned, `yes` now", |p| {
            p.options.strict_names = true;
        }),
        ("the tenant's inventory is asked: `yes` planned, `no` now", |p| p.options.check = false),
        ("windows: `22:00-06:00` planned, `none` now", |p| p.options.windows.clear()),
        ("last order: `03:00` planned, `none` now", |p| p.options.last_order = None),
        ("zone of the windows: `Europe/Berlin` planned, `UTC` now", |p| {
            p.options.zone = Some("UTC".to_owned());
        }),
        ("start: `2026-11-24T21:00:00Z` planned, `2026-11-24T20:59:59Z` now", |p| {
            p.options.start_at = Some(at("2026-11-24T20:59:59Z"));
        }),
        ("start: `2026-11-24T21:00:00Z` planned, `2026-11-24T15:00:00Z` now", |p| {
            p.options.start_at = None;
        }),
        ("until: `06:00` planned, `none` now", |p| p.options.until = None),
        ("zone of --until: `UTC` planned, `none` now", |p| p.options.until_zone = None),
        ("at most: `5h30m` planned, `none` now", |p| p.options.max_duration = None),
        ("limits: `100/min, 1500/h` planned, `100/min` now", |p| p.options.limits.truncate(1)),
        ("pace: `fast` planned, `even` now", |p| p.options.pace = "even".to_owned()),
        ("time scale: `1` planned, `10` now", |p| p.options.time_scale = 10),
    ];
    for (sentence, change) in cases {
        assert_eq!(told(change), [sentence]);
    }
}

#[test]
fn a_set_that_changed_names_the_groups_that_it_changed_in() {
    let more = told(|p| {
        p.left_out.ids_hash = "b".to_owned();
        p.left_out.devices = 5;
        p.left_out.groups[0].devices = 4;
        let merged = Group { group: "merged".into(), devices: 1, decision: "skip".into() };
        p.left_out.groups.push(merged);
    });
    assert_eq!(
        more,
        [
            "devices that are left out: 3 planned, 5 now (2 more)",
            "left out as merged: `0` planned, `1` now",
            "left out as mobile: `3` planned, `4` now",
        ]
    );
    // A campaign that is open tells whom it left out, and not why.
    let open = told(|p| {
        (p.left_out.ids_hash, p.left_out.devices) = ("b".to_owned(), 0);
        p.left_out.groups.clear();
    });
    assert_eq!(open, ["devices that are left out: 3 planned, 0 now (3 fewer)"]);
}

#[test]
fn what_nobody_approves_may_differ() {
    let none: Vec<String> = Vec::new();
    assert_eq!(told(|_| {}), none);
    let changes: Vec<Change> = vec![
        |p| p.source = Source { from_tenant: true, ..Source::default() },
        |p| p.checked.inventory = Some(12_000),
        |p| p.left_out.groups[1].devices = 10,
        |p| p.options.start_at = Some(at("2026-11-24T23:00:00Z")),
        |p| {
            // It is run late, and so its start has come.
            (p.options.start_at, p.times.made_at) = (None, at("2026-11-24T21:00:00Z"));
        },
        |p| p.times.duration_s = Some(1.0),
    ];
    for change in changes {
        assert_eq!(told(change), none);
    }
}

#[test]
fn a_digest_is_read_as_it_is_shown_and_nothing_else_is_one() {
    let digest = FileDigest::of(b"abc");
    let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest.to_string(), text);
    assert_eq!(text.to_uppercase().replace("SHA", "sha").parse(), Ok(digest));
    for wrong in ["", "sha256:", &text[7..], &text[..70], &text.replace("ba", "bx"), "md5:ba"] {
        assert_eq!(wrong.parse::<FileDigest>(), Err(NotADigest), "{wrong}");
    }
}
