//! What people read before a run: the plan, and the same for programs.

use std::time::Duration;

use fleetsweep::domain::canary::CanaryRule;
use fleetsweep::domain::preflight::{Decision, Group};
use fleetsweep::domain::quota::api_quotas;
use fleetsweep::domain::{OrderBy, PaceKind, Priority, ScanType, SignInKind, Target};
use fleetsweep::report::Document;
use fleetsweep::report::checked::{Checked, Found};
use fleetsweep::report::nights::Nights;
use fleetsweep::report::order::{Ahead, InOrder};
use fleetsweep::report::plan::{BadKind, Calls, Expire, Plan, Until};
use fleetsweep::report::waves::{Canary, Wave, Waves};

use crate::kit::support::target;

pub(crate) fn plan() -> Plan {
    let at = |text: &str| text.parse().unwrap();
    let target = Target {
        api_origin: "https://api.security.microsoft.com".to_owned(),
        cloud: "commercial".to_owned(),
        ..target()
    };
    Plan {
        store_is_new: false,
        campaign: "full-2026-11-24-kxqrab".parse().unwrap(),
        target,
        scan_type: ScanType::Full,
        comment: "Incident 4711".to_owned(),
        ticket: "CHG0031337".parse().ok(),
        emulated: false,
        auth: Some(SignInKind::Certificate),
        store: "sqlite:/var/lib/fleetsweep/store.db".to_owned(),
        dry_run: true,
        continues: false,
        open: 12_000,
        rows: 12_107,
        devices: 12_000,
        duplicates: 106,
        bad_rows: 1,
        skipped: 0,
        first_bad: vec![
            "line 17, column `Device ID`: this is an Intune or Entra device id (a GUID), not a \
             Defender machine id; found `82f42fca-e931-4f03-b54c-47af94bd394d`"
                .to_owned(),
        ],
        bad_kinds: Vec::new(),
        skip_bad_rows: false,
        named: Vec::new(),
        used: api_quotas().into_iter().zip([0, 1_312]).collect(),
        pace: PaceKind::Fast.pace(&api_quotas()),
        calls: Some(Calls {
            starts_at: at("2026-11-24T22:00[Europe/Berlin]"),
            last_call_at: at("2026-11-25T06:10[Europe/Berlin]"),
            duration: Duration::from_secs(29_400),
        }),
        start_at: Some(at("2026-11-24T22:00[Europe/Berlin]")),
        nights: None,
        until: Some(Until {
            at: at("2026-11-25T06:00[Europe/Berlin]"),
            fits: 11_850,
            series: false,
        }),
        order: InOrder::default(),
        priority: Priority::Normal,
        expire: None,
        waves: Waves::default(),
        checked: Checked::default(),
        warnings: vec!["1 file holds no names".to_owned()],
    }
}

#[test]
fn the_plan_says_what_is_about_to_be_ordered() {
    insta::assert_snapshot!("plan-text", plan().details());
    insta::assert_snapshot!("plan-json", plan().json());
    assert!(plan().details().lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_plan_of_one_device_and_one_of_none_read_well() {
    let one = Plan {
        rows: 1,
        devices: 1,
        duplicates: 0,
        bad_rows: 0,
        first_bad: vec![],
        dry_run: false,
        emulated: true,
        continues: true,
        open: 1,
        until: Some(Until { fits: 1, ..plan().until.unwrap() }),
        warnings: vec![],
        ..plan()
    };
    let none = Plan { rows: 0, devices: 0, calls: None, until: None, ..one.clone() };
    insta::assert_snapshot!("plan-small", format!("{}\n----\n{}", one.details(), none.details()));
}

#[test]
fn a_plan_in_waves_says_how_large_each_is_when_it_begins_and_what_stops_it() {
    let wave = |name: &str, devices, begins: Option<&str>, wait: Option<u64>| Wave {
        name: name.to_owned(),
        devices,
        begins: begins.map(|at| at.parse().unwrap()),
        wait: wait.map(Duration::from_secs),
    };
    let all = vec![
        wave("the canary", 20, Some("2026-11-24T22:00[Europe/Berlin]"), Some(1_800)),
        wave("wave 2 of 3", 500, Some("2026-11-24T22:30[Europe/Berlin]"), Some(0)),
        wave("wave 3 of 3", 11_480, Some("2026-11-24T22:35[Europe/Berlin]"), None),
    ];
    let who = |rule, wanted| Canary { rule, devices: 20, wanted };
    let three = Waves {
        waves: all.clone(),
        canary: Some(who(CanaryRule::Tagged("pilot\n".to_owned()), Some(50))),
        max_failures: "2.5%".parse().ok(),
    };
    let begun = Waves {
        waves: (1..30).map(|n| wave(&format!("wave {n} of 29"), 10, None, None)).collect(),
        canary: None,
        max_failures: None,
    };
    let rule = Waves { max_failures: "20".parse().ok(), ..Waves::default() };
    let text = |waves: Waves| Plan { waves, ..plan() }.details();
    let drawn = Waves { canary: Some(who(CanaryRule::Drawn(7), Some(20))), ..three.clone() };
    let listed = Waves { canary: Some(who(CanaryRule::Listed("a.csv".to_owned()), None)), ..begun };
    let texts = [three.clone(), drawn, listed, rule].map(text);
    assert!(texts.iter().all(|text| text.lines().all(|line| line.chars().count() <= 80)));
    insta::assert_snapshot!("plan-waves", texts.join("\n----\n"));
    insta::assert_snapshot!("plan-waves-json", Plan { waves: three, ..plan() }.json());
}

#[test]
fn a_plan_with_windows_says_what_fits_into_the_next_one() {
    let nights = Nights {
        hours: "Mon-Fri 22:00-06:00, last order 03:00 (Europe/Berlin)".to_owned(),
        opens: Some("2026-11-24T22:00[Europe/Berlin]".parse().unwrap()),
        closes: Some("2026-11-25T03:00[Europe/Berlin]".parse().unwrap()),
        fits: 7_500,
        windows: 2,
        series: false,
    };
    let all = Nights { opens: None, closes: None, fits: 12_480, ..nights.clone() };
    let plan = Plan { until: None, nights: Some(nights), ..plan() };
    let expire = Some(Expire { most: 12_480, takes: Duration::from_secs(29_640) });
    let everything = Plan { nights: Some(all), expire, ..plan.clone() };
    let texts = [plan.details(), everything.details(), plan.json(), everything.json()];
    let texts = texts.join("\n----\n");
    insta::assert_snapshot!("plan-windows", texts);
    assert!(plan.details().lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_plan_that_is_longer_than_a_screen_shows_what_decides_and_where_the_rest_is() {
    let bad = |n| format!("line {n}, column `Device ID`: {}", "not an id ".repeat(6));
    let kind = |n, rows| {
        let example = format!("line {n}: {}whole", "no id ".repeat(20));
        BadKind { example, rows }
    };
    let of = |kinds: u64| (0..kinds).map(move |n| kind(n, if n == 0 { 91 - kinds } else { 1 }));
    let long = Plan {
        bad_rows: 90,
        first_bad: (0..30).map(bad).collect(),
        bad_kinds: of(2).collect(),
        ..plan()
    };
    let text = long.text();
    assert!(long.details().lines().count() > 40);
    assert!(text.lines().count() <= 24, "{text}");
    assert!(text.contains("    89 rows such as line 0: no id"), "{text}");
    assert!(text.contains("With -v every group and setting is shown, and the first 20"), "{text}");
    // Each kind takes two lines.
    for (kinds, skip_bad_rows, shown) in
        [(1, false, 1), (2, true, 2), (5, false, 2), (5, true, 1), (9, true, 1)]
    {
        let text = Plan { bad_kinds: of(kinds).collect(), skip_bad_rows, ..long.clone() }.text();
        let told = text.lines().skip_while(|line| !line.starts_with("  list "));
        let told: Vec<_> = told.skip(1).take_while(|line| line.starts_with("    ")).collect();
        assert!(told.len() <= 5, "{kinds} kinds: {told:#?}");
        assert!(told.iter().all(|line| line.chars().count() <= 80), "{told:#?}");
        let of = |what: &str| told.iter().filter(|line| line.contains(what)).count();
        assert_eq!([of("line "), of("whole")], [shown; 2], "{kinds} kinds: {told:#?}");
    }
    let many = Plan { bad_kinds: of(9).collect(), ..long }.text();
    assert!(many.contains("    and 7 bad rows of 7 other kinds (add -v)"), "{many}");
    let short = Plan { first_bad: Vec::new(), bad_rows: 0, warnings: Vec::new(), ..plan() };
    assert_eq!(short.text(), short.details());
}

#[test]
fn a_plan_that_bad_rows_stop_leaves_room_on_a_screen_for_the_failure_after_it() {
    let first_bad: Vec<_> = (0..2).map(|n| format!("line {n}: no id")).collect();
    let bad_kinds = vec![BadKind { example: "line 0: no id".to_owned(), rows: 2 }];
    let (until, start_at, warnings) = (None, None, Vec::new());
    let stopped = Plan { bad_rows: 2, first_bad, bad_kinds, until, start_at, warnings, ..plan() };
    let whole = stopped.details().lines().count();
    let goes = Plan { skip_bad_rows: true, ..stopped.clone() };
    assert!(whole > 18 && stopped.text().lines().count() < whole, "{}", stopped.details());
    assert!(stopped.text().lines().count() <= 18, "{}", stopped.text());
    assert_eq!(goes.text(), goes.details());
}

#[test]
fn a_plan_with_warnings_windows_and_waves_still_fits_a_screen() {
    let wave =
        |name: &str, devices| Wave { name: name.to_owned(), devices, begins: None, wait: None };
    let waves = vec![wave("the canary", 20), wave("wave 2 of 2", 11_980)];
    let nights = Nights {
        hours: "22:00-06:00 (Europe/Berlin)".to_owned(),
        opens: None,
        closes: None,
        fits: 12_480,
        windows: 1,
        series: false,
    };
    let warning = |n| {
        format!("{n} of 12,480 devices are not among those of this tenant: is this the right one?")
    };
    let full = Plan {
        skip_bad_rows: true,
        bad_rows: 26,
        bad_kinds: vec![BadKind { example: "line 7: no id".to_owned(), rows: 26 }],
        waves: Waves { waves, ..Waves::default() },
        nights: Some(nights),
        expire: Some(Expire { most: 12_480, takes: Duration::from_secs(29_640) }),
        until: None,
        start_at: None,
        dry_run: false,
        warnings: (1..3).map(warning).collect(),
        ..plan()
    };
    let text = full.text();
    assert!(text.lines().count() <= 24, "{} lines:\n{text}", text.lines().count());
    assert!(full.details().lines().count() > 30, "{}", full.details());
    for part in ["26 bad rows", "1 of 12,480", "2 of 12,480", "wave 2 of 2", "With -v every"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Rows that stop the plan are shown in any case.
    let stopped = Plan { skip_bad_rows: false, ..full }.text();
    assert!(stopped.contains("line 7: no id"), "{stopped}");
}

#[test]
fn twenty_bad_rows_are_shown_and_the_rest_is_counted() {
    let first_bad = (0..30).map(|n| format!("line {n}: \u{1b}")).collect();
    let text = Plan { bad_rows: 1_500, first_bad, ..plan() }.details();
    assert_eq!(text.matches("    line ").count(), 20);
    assert!(text.contains("and 1,480 more bad rows"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn a_plan_says_who_goes_first_and_that_an_order_was_fixed_before() {
    let ahead = |file: &str, devices, left_out| Ahead {
        file: file.to_owned(),
        devices,
        left_out,
        last_call_at: (devices > 0).then(|| "2026-11-24T22:06[Europe/Berlin]".parse().unwrap()),
    };
    let first = vec![ahead("first.csv", 500, 3), ahead("more\u{1b}.csv", 0, 1)];
    let order = InOrder { by: OrderBy::LastSeen, waited: false, unknown: 12, first, fixed: false };
    let fixed = InOrder { fixed: true, ..order.clone() };
    let value = InOrder { by: OrderBy::Value, ..InOrder::default() };
    let with = |order: &InOrder| Plan {
        order: order.clone(),
        until: None,
        priority: Priority::High,
        ..plan()
    };
    let texts = [&order, &fixed, &value].map(|order| with(order).details());
    assert!(texts.iter().flat_map(|text| text.lines()).all(|line| line.chars().count() <= 80));
    insta::assert_snapshot!(
        "plan-order",
        format!("{}\n----\n{}", texts.join("\n----\n"), with(&order).json())
    );
}

#[test]
fn a_plan_on_one_screen_names_every_group_of_devices_in_a_line_of_its_kind() {
    let found = |group, devices, decision| Found { group, devices, decision, saves: None };
    let groups = vec![
        found(Group::Inactive, 31, Decision::Last),
        found(Group::Busy, 245, Decision::Send),
        found(Group::Server, 5, Decision::Send),
    ];
    let checked = Checked { groups, ..Checked::default() };
    let text = Plan { checked, ..plan() }.text();
    // Those that have a scan already get no new one, though they are ordered.
    assert!(text.contains("\n  including    245 busy, 5 server\n"), "{text}");
    assert!(text.contains("\n  go last      31 inactive\n"), "{text}");
}
