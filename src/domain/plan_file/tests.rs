//! Each field of a plan changed by itself: which changes are told, in which words, and which are
//! none.

use super::*;
use crate::domain::request::{Wait, WaveRequest};
use crate::domain::{BusyPolicy, OrderBy, PaceKind, Priority, ScanType, Target, preflight};

fn plan() -> PlanFile {
    let group = |group: &str, devices, decision: &str| PlannedGroup {
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
        list: PlannedList { rows: 310, devices: 297, duplicates: 8, bad_rows: 2 },
        left_out: SkippedDevices {
            devices: 3,
            ids_hash: "bb".to_owned(),
            groups: vec![group("mobile", 3, "skip"), group("inactive", 9, "last")],
        },
        request: request(),
        until_zone: Some("UTC".to_owned()),
        found: FoundInList {
            first: 3,
            first_hash: Some("cc".to_owned()),
            canary_hash: None,
            dealt: vec![5, 10, 100],
            begins_with_canary: true,
            rows_hash: Some("dd".to_owned()),
        },
        checked: Checked::default(),
        times: Times { made_at: at("2026-11-24T15:00:00Z"), ..Times::default() },
    }
}

fn request() -> ScanRequest {
    let text = r#"{
        "devices": ["/srv/fleet.csv"],
        "skip_bad_rows": true,
        "keep": ["iot"],
        "skip": ["server"],
        "check": true,
        "busy": "report",
        "waves": {
            "canary": 5, "canary_seed": 11, "canary_wait": "30m",
            "waves": [10, 100], "wave_wait": "1m"
        },
        "due": {"due": "168h"},
        "order": {"first": ["/srv/hit.csv"], "by": "value"},
        "run": {
            "speed": {
                "limits": ["100/min", "1500/h"],
                "pace": "fast",
                "time_scale": 1,
                "until": "06:00",
                "max_duration": "5h30m",
                "hours": {
                    "windows": ["22:00-06:00"],
                    "tz": "Europe/Berlin",
                    "last_order": 180,
                    "start_at": "2026-11-24T21:00:00Z",
                    "expire_pending": true
                },
                "priority": "high"
            },
            "max_failures": "5%"
        }
    }"#;
    serde_json::from_str(text).unwrap()
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
        ("busy devices: `report` planned, `retry` now", |p| {
            p.request.busy = Some(BusyPolicy::Retry)
        }),
        ("--keep: `iot` planned, `none` now", |p| p.request.keep.clear()),
        ("--skip: `server` planned, `server, busy` now", |p| {
            p.request.skip.push(preflight::Group::Busy)
        }),
        ("bad rows are passed over: `yes` planned, `no` now", |p| p.request.skip_bad_rows = false),
        ("names are looked up: `no` planned, `yes` now", |p| p.request.names = true),
        ("names that several share are refused: `no` planned, `yes` now", |p| {
            p.request.strict_names = true;
        }),
        ("the tenant's inventory is asked: `yes` planned, `no` now", |p| p.request.check = false),
    ];
    for (sentence, change) in cases {
        assert_eq!(told(change), [sentence]);
    }
}

#[test]
fn each_change_of_when_and_how_fast_is_told_by_itself() {
    let cases: Vec<(&str, Change)> = vec![
        ("windows: `22:00-06:00` planned, `none` now", |p| {
            p.request.run.speed.hours.windows = None
        }),
        ("last order: `03:00` planned, `none` now", |p| {
            p.request.run.speed.hours.last_order = None
        }),
        ("zone of the windows: `Europe/Berlin` planned, `UTC` now", |p| {
            p.request.run.speed.hours.tz = Some("UTC".to_owned());
        }),
        ("start: `2026-11-24T21:00:00Z` planned, `2026-11-24T20:59:59Z` now", |p| {
            p.request.run.speed.hours.start_at = Some("2026-11-24T20:59:59Z".parse().unwrap());
        }),
        ("start: `2026-11-24T21:00:00Z` planned, `2026-11-24T15:00:00Z` now", |p| {
            p.request.run.speed.hours.start_at = None;
        }),
        ("until: `06:00` planned, `none` now", |p| p.request.run.speed.until = None),
        ("zone of --until: `UTC` planned, `none` now", |p| p.until_zone = None),
        ("at most: `5h30m` planned, `none` now", |p| p.request.run.speed.max_duration = None),
        ("limits: `100/min, 1500/h` planned, `100/min` now", |p| {
            p.request.run.speed.limits.as_mut().unwrap().truncate(1)
        }),
        ("pace: `fast` planned, `even` now", |p| p.request.run.speed.pace = Some(PaceKind::Even)),
        ("time scale: `1` planned, `10` now", |p| p.request.run.speed.time_scale = Some(10)),
    ];
    for (sentence, change) in cases {
        assert_eq!(told(change), [sentence]);
    }
}

#[test]
fn each_change_of_who_goes_first_in_which_waves_and_what_stops_it_is_told_by_itself() {
    let cases: Vec<(&str, Change)> = vec![
        ("--due: `168h` planned, `none` now", |p| p.request.due.due = None),
        ("devices of --first: 3 planned, 3 now (not the same ones, or in another order)", |p| {
            p.found.first_hash = Some("b".to_owned());
        }),
        ("devices of --first: 3 planned, 4 now", |p| {
            (p.found.first_hash, p.found.first) = (Some("b".to_owned()), 4);
        }),
        ("devices of --first: 3 planned, 0 now", |p| {
            (p.found.first_hash, p.found.first) = (None, 0)
        }),
        ("--order: `value` planned, `file` now", |p| p.request.order.by = Some(OrderBy::List)),
        ("priority: `high` planned, `normal` now", |p| {
            p.request.run.speed.priority = Some(Priority::Normal)
        }),
        ("what waits is cancelled at the end: `yes` planned, `no` now", |p| {
            p.request.run.speed.hours.expire_pending = false;
        }),
        ("canary: `5: drawn with seed 11, wait 30m` planned, `none` now", |p| {
            p.request.waves = WaveRequest {
                canary: None,
                canary_seed: None,
                canary_wait: None,
                ..p.request.waves.clone()
            };
        }),
        ("devices of the canary: `5` planned, `all` now", |p| p.request.waves.canary = None),
        ("who the canary is: `drawn with seed 11` planned, `drawn with seed 12` now", |p| {
            p.request.waves.canary_seed = Some(12);
        }),
        ("who the canary is: `drawn with seed 11` planned, `the first of the list` now", |p| {
            p.request.waves.canary_seed = None;
        }),
        ("who the canary is: `drawn with seed 11` planned, `tag b` now", |p| {
            p.request.waves.canary_tag = Some("b".to_owned());
        }),
        ("who the canary is: `drawn with seed 11` planned, `the list /b` now", |p| {
            p.request.waves.canary_file = Some("/b".into());
        }),
        ("wait after the canary: `30m` planned, `0s` now", |p| {
            p.request.waves.canary_wait = Some(Wait(std::time::Duration::ZERO))
        }),
        ("--waves: `10, 100` planned, `10` now", |p| p.request.waves.waves.truncate(1)),
        ("wait after each wave: `1m` planned, `none` now", |p| p.request.waves.wave_wait = None),
        ("devices of the waves: `5, 10, 100` planned, `4, 10, 100` now", |p| {
            p.found.dealt[0] = 4;
        }),
        ("the first wave is the canary: `yes` planned, `no` now", |p| {
            p.found.begins_with_canary = false;
        }),
        (
            "the order of the rows, which decides who is in which wave: not the one that was \
             planned",
            |p| p.found.rows_hash = Some("b".to_owned()),
        ),
        ("--max-failures: `5%` planned, `none` now", |p| p.request.run.max_failures = None),
    ];
    for (sentence, change) in cases {
        assert_eq!(told(change), [sentence]);
    }
}

#[test]
fn a_list_that_is_elsewhere_is_the_same_one_and_other_ids_in_it_are_not() {
    let of_list = |file: &str, ids_hash: &str| {
        let mut plan = plan();
        plan.request.waves.canary_file = Some(file.into());
        plan.found.canary_hash = Some(ids_hash.to_owned());
        plan
    };
    let planned = of_list("/a", "ee");
    assert_eq!(planned.differences(&of_list("/b", "ee")), Vec::<String>::new());
    let others = planned.differences(&of_list("/a", "ff"));
    assert_eq!(others, ["the ids of --canary-file: not the ones that were planned"]);
    assert_eq!(told(|p| p.request.order.first = vec!["/b".into()]), Vec::<String>::new());
}

#[test]
fn a_file_says_all_of_its_request_and_what_it_does_not_know_is_refused() {
    let plan = plan();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<PlanFile>(&text).unwrap(), plan);
    let mut less = serde_json::to_value(&plan).unwrap();
    less.as_object_mut().unwrap().remove("found");
    let less: PlanFile = serde_json::from_value(less).unwrap();
    assert_eq!(less.found, FoundInList::default());
    for place in ["found", "request"] {
        let mut other = serde_json::to_value(&plan).unwrap();
        other[place]["sed"] = 1.into();
        assert!(serde_json::from_value::<PlanFile>(other).is_err(), "{place}");
    }
}

#[test]
fn a_set_that_changed_names_the_groups_that_it_changed_in() {
    let more = told(|p| {
        p.left_out.ids_hash = "b".to_owned();
        p.left_out.devices = 5;
        p.left_out.groups[0].devices = 4;
        let merged = PlannedGroup { group: "merged".into(), devices: 1, decision: "skip".into() };
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
        |p| p.request.from_tenant = true,
        |p| p.checked.inventory = Some(12_000),
        |p| p.left_out.groups[1].devices = 10,
        |p| p.request.run.speed.hours.start_at = Some("2026-11-24T23:00:00Z".parse().unwrap()),
        |p| {
            // It is run late, and so its start has come.
            (p.request.run.speed.hours.start_at, p.times.made_at) =
                (None, at("2026-11-24T21:00:00Z"));
        },
        |p| p.times.duration_s = Some(1.0),
    ];
    for change in changes {
        assert_eq!(told(change), none);
    }
}

/// The places of all values of a file that are not made of others.
fn leaves(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| leaves(value, &format!("{at}/{name}"), found));
        }
        serde_json::Value::Array(items) => {
            let each = items.iter().enumerate();
            each.for_each(|(n, value)| leaves(value, &format!("{at}/{n}"), found));
        }
        serde_json::Value::Null => {}
        _ => found.push(at.to_owned()),
    }
}

/// The plan with another value at this place, the first that a plan takes.
fn changed_at(place: &str) -> Option<PlanFile> {
    const WORDS: [&str; 15] = [
        "last-seen",
        "else",
        "quick",
        "retry",
        "even",
        "list",
        "normal",
        "mobile",
        "20m",
        "99h",
        "07:00",
        "9/7s",
        "21:00-05:00",
        "2026-11-24T22:00:00Z",
        "7%",
    ];
    let file = serde_json::to_value(plan()).unwrap();
    let there = file.pointer(place).unwrap();
    let others: Vec<serde_json::Value> = match there {
        serde_json::Value::Bool(is) => vec![(!is).into()],
        serde_json::Value::Number(number) => vec![(number.as_f64().unwrap() as u64 + 1).into()],
        _ => WORDS.iter().map(|word| (*word).into()).collect(),
    };
    others.into_iter().filter(|other| other != there).find_map(|other| {
        let mut file = file.clone();
        *file.pointer_mut(place).unwrap() = other;
        serde_json::from_value(file).ok()
    })
}

/// A comparison that forgets a value adds its place to those that are not told; those that are free
/// on purpose show that such a place is found.
#[test]
fn no_value_of_a_plan_is_forgotten_by_the_comparison() {
    let mut places = Vec::new();
    leaves(&serde_json::to_value(plan()).unwrap(), "", &mut places);
    let (mut untold, mut fixed, mut told) = (Vec::new(), Vec::new(), 0);
    for place in &places {
        match changed_at(place) {
            None => fixed.push(place.as_str()),
            Some(now) if plan().differences(&now).is_empty() => untold.push(place.as_str()),
            Some(_) => told += 1,
        }
    }
    assert_eq!(fixed, Vec::<&str>::new(), "no other value was found for these");
    let free = [
        // A hash beside them tells any change.
        "/found/first",
        "/left_out/devices",
        "/left_out/groups/0/decision",
        "/left_out/groups/0/devices",
        "/left_out/groups/0/group",
        "/left_out/groups/1/decision",
        "/left_out/groups/1/devices",
        "/left_out/groups/1/group",
        "/list/devices",
        // A list is what is in it, wherever it is.
        "/request/devices/0",
        "/request/order/first/0",
        // When it was made is for people, and what no other kind of file says was looked at before.
        "/times/made_at",
        "/type",
        "/v",
    ];
    assert_eq!(untold, free);
    assert!(told > 30, "{told} of {places:?}");
}
