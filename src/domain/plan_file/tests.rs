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
            due: Some("7d".to_owned()),
        },
        course: course(),
        checked: Checked::default(),
        times: Times { made_at: at("2026-11-24T15:00:00Z"), ..Times::default() },
    }
}

fn course() -> Course {
    Course {
        first: Some(First {
            lists: vec!["/srv/hit.csv".to_owned()],
            devices: 3,
            ids_hash: "cc".to_owned(),
        }),
        order: "value".to_owned(),
        priority: "high".to_owned(),
        expire_pending: true,
        canary: Some(Canary {
            most: Some(5),
            who: Who::Drawn { seed: 11 },
            wait: "30m".to_owned(),
        }),
        waves: vec![10, 100],
        wave_wait: Some("1m".to_owned()),
        dealt: vec![5, 10, 100],
        begins_with_canary: true,
        rows_hash: Some("dd".to_owned()),
        max_failures: "5%".parse().ok(),
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
        ("devices that are skipped: 3 planned, 3 now (as many, but not the same ones)", |p| {
            p.left_out.ids_hash = "b".to_owned();
        }),
        ("busy devices: `report` planned, `retry` now", |p| p.options.busy = BusyPolicy::Retry),
        ("--keep: `iot` planned, `none` now", |p| p.options.keep.clear()),
        ("--skip: `server` planned, `server, busy` now", |p| p.options.skip.push("busy".into())),
        ("bad rows are passed over: `yes` planned, `no` now", |p| p.options.skip_bad_rows = false),
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

fn listed(file: &str, ids_hash: &str) -> Who {
    Who::Listed { file: file.to_owned(), ids_hash: ids_hash.to_owned() }
}

fn canary(plan: &mut PlanFile) -> &mut Canary {
    plan.course.canary.as_mut().unwrap()
}

fn first(plan: &mut PlanFile) -> &mut First {
    plan.course.first.as_mut().unwrap()
}

#[test]
fn each_change_of_who_goes_first_in_which_waves_and_what_stops_it_is_told_by_itself() {
    let cases: Vec<(&str, Change)> = vec![
        ("--due: `7d` planned, `none` now", |p| p.options.due = None),
        ("devices of --first: 3 planned, 3 now (not the same ones, or in another order)", |p| {
            first(p).ids_hash = "b".to_owned();
        }),
        ("devices of --first: 3 planned, 4 now", |p| {
            (first(p).ids_hash, first(p).devices) = ("b".to_owned(), 4);
        }),
        ("devices of --first: 3 planned, 0 now", |p| p.course.first = None),
        ("--order: `value` planned, `file` now", |p| p.course.order = "file".to_owned()),
        ("priority: `high` planned, `normal` now", |p| p.course.priority = "normal".to_owned()),
        ("what waits is cancelled at the end: `yes` planned, `no` now", |p| {
            p.course.expire_pending = false;
        }),
        ("canary: `5: drawn with seed 11, wait 30m` planned, `none` now", |p| {
            p.course.canary = None;
        }),
        ("devices of the canary: `5` planned, `all` now", |p| canary(p).most = None),
        ("who the canary is: `drawn with seed 11` planned, `drawn with seed 12` now", |p| {
            canary(p).who = Who::Drawn { seed: 12 };
        }),
        ("who the canary is: `drawn with seed 11` planned, `the first of the list` now", |p| {
            canary(p).who = Who::First;
        }),
        ("who the canary is: `drawn with seed 11` planned, `tag b` now", |p| {
            canary(p).who = Who::Tagged { tag: "b".to_owned() };
        }),
        ("who the canary is: `drawn with seed 11` planned, `the list /b` now", |p| {
            canary(p).who = listed("/b", "ee");
        }),
        ("wait after the canary: `30m` planned, `0s` now", |p| canary(p).wait = "0s".to_owned()),
        ("--waves: `10, 100` planned, `10` now", |p| p.course.waves.truncate(1)),
        ("wait after each wave: `1m` planned, `none` now", |p| p.course.wave_wait = None),
        ("devices of the waves: `5, 10, 100` planned, `4, 10, 100` now", |p| {
            p.course.dealt[0] = 4;
        }),
        ("the first wave is the canary: `yes` planned, `no` now", |p| {
            p.course.begins_with_canary = false;
        }),
        (
            "the order of the rows, which decides who is in which wave: not the one that was \
             planned",
            |p| p.course.rows_hash = Some("b".to_owned()),
        ),
        ("--max-failures: `5%` planned, `none` now", |p| p.course.max_failures = None),
    ];
    for (sentence, change) in cases {
        assert_eq!(told(change), [sentence]);
    }
    // A list that is elsewhere is the same one; other ids in it are not.
    let of_list = |file: &str, ids_hash: &str| {
        let mut plan = plan();
        canary(&mut plan).who = listed(file, ids_hash);
        plan
    };
    let planned = of_list("/a", "ee");
    assert_eq!(planned.differences(&of_list("/b", "ee")), Vec::<String>::new());
    let others = planned.differences(&of_list("/a", "ff"));
    assert_eq!(others, ["the ids of --canary-file: not the ones that were planned"]);
    assert_eq!(told(|p| first(p).lists = vec!["/b".to_owned()]), Vec::<String>::new());
}

#[test]
fn a_file_says_all_of_its_course_and_one_that_says_nothing_of_it_is_one_wave_of_the_list() {
    for who in
        [Who::First, Who::Drawn { seed: 1 }, listed("/a", "b"), Who::Tagged { tag: "t".into() }]
    {
        let mut plan = plan();
        canary(&mut plan).who = who;
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<PlanFile>(&text).unwrap(), plan);
    }
    let mut older = serde_json::to_value(plan()).unwrap();
    older.as_object_mut().unwrap().remove("course");
    older["options"].as_object_mut().unwrap().remove("due");
    let older: PlanFile = serde_json::from_value(older).unwrap();
    assert_eq!((&older.course, &older.options.due), (&Course::default(), &None));
    let mut other = serde_json::to_value(plan()).unwrap();
    other["course"]["seed"] = 1.into();
    assert!(serde_json::from_value::<PlanFile>(other).is_err());
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
            "devices that are skipped: 3 planned, 5 now (2 more)",
            "skipped as merged: `0` planned, `1` now",
            "skipped as mobile: `3` planned, `4` now",
        ]
    );
    // A campaign that is open tells whom it skipped, and not why.
    let open = told(|p| {
        (p.left_out.ids_hash, p.left_out.devices) = ("b".to_owned(), 0);
        p.left_out.groups.clear();
    });
    assert_eq!(open, ["devices that are skipped: 3 planned, 0 now (3 fewer)"]);
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
