//! What people read before and after a run: the plan and the summary, and the same for programs.

use std::path::PathBuf;
use std::time::Duration;

use fleetsweep::domain::Row;
use fleetsweep::domain::canary::CanaryRule;
use fleetsweep::domain::quota::api_quotas;
use fleetsweep::domain::{
    Caught, Detail, Ending, Life, OrderBy, Outcome, PaceKind, Priority, ScanType, State, Stop,
    Tally, Target,
};
use fleetsweep::report::ReportHead;
use fleetsweep::report::checked::Checked;
use fleetsweep::report::nights::Nights;
use fleetsweep::report::order::{Ahead, InOrder};
use fleetsweep::report::plan::{Calls, Expire, Plan, Until};
use fleetsweep::report::summary::Summary;
use fleetsweep::report::totals::Totals;
use fleetsweep::report::waves::{Canary, Wave, Waves};

use crate::support::{device, target};

fn tally(ended: &[(Outcome, u64)], queued: u64, doubtful: u64) -> Tally {
    let mut tally = Tally { queued, doubtful, ..Tally::default() };
    for (outcome, rows) in ended {
        tally.add(State::Done(*outcome), *rows);
    }
    tally
}

/// A summary whose groups and actions are counted from rows, as they are in the program.
fn summary(ending: Ending, tally: Tally, kinds: &[(Outcome, u64, &str, &str)]) -> Summary {
    let mut totals = Totals::default();
    for (outcome, rows, code, message) in kinds {
        let detail = Detail {
            error_code: Some((*code).to_owned()).filter(|code| !code.is_empty()),
            message: Some((*message).to_owned()).filter(|message| !message.is_empty()),
            action_status: Some((*code).to_owned()).filter(|_| *outcome == Outcome::Accepted),
            ..Detail::default()
        };
        let row = Row {
            seq: 1,
            turn: 0,
            wave: 0,
            line: 2,
            device: Some(device(2)),
            name: None,
            input_text: None,
            life: Life::ended(*outcome),
            detail,
        };
        (0..*rows).for_each(|_| totals.add(&row));
    }
    let exit = ending.exit(tally.needs_attention());
    Summary {
        head: ReportHead {
            campaign: "full-2026-11-24-kxqrab".parse().unwrap(),
            tenant: target().tenant,
            scan_type: ScanType::Full,
            emulated: false,
            ticket: None,
        },
        ending,
        caught: None,
        planned: false,
        cancelled: false,
        others: 0,
        tally,
        groups: totals.groups(),
        skipped: totals.skipped().clone(),
        nothing: false,
        actions: totals.actions(),
        ended_badly: 0,
        calls: 11_900,
        throttled: 0,
        duration: Duration::from_secs(28_920),
        resume: Some("fleetsweep resume full-2026-11-24-kxqrab".to_owned()),
        reports: vec![PathBuf::from("fleetsweep-full-2026-11-24-kxqrab.csv")],
        exit,
    }
}

pub(crate) fn stopped(stop: Stop) -> Summary {
    let tally = tally(&[(Outcome::Accepted, 4_000)], 7_998, 2);
    summary(Ending::Stopped(stop), tally, &[(Outcome::Accepted, 4_000, "Pending", "")])
}

pub(crate) fn mixed() -> Summary {
    let busy = |covered| Outcome::AlreadyInProgress { covered };
    let ended = [
        (Outcome::Accepted, 11_480),
        (busy(true), 210),
        (busy(false), 40),
        (Outcome::Rejected, 150),
        (Outcome::NotFound, 12),
        (Outcome::Unknown, 1),
        (Outcome::BadRow, 1),
        (Outcome::Duplicate, 106),
    ];
    let kinds = [
        (Outcome::Accepted, 9_000, "Pending", ""),
        (Outcome::Accepted, 2_000, "InProgress", ""),
        (Outcome::Accepted, 480, "Succeeded", ""),
        (busy(true), 210, "ActiveRequestAlreadyExists", "busy"),
        (busy(false), 40, "ActiveRequestAlreadyExists", "Action is already in progress"),
        (Outcome::Rejected, 120, "OsPlatformNotSupported", "the \u{1b}[31mplatform\nof it"),
        (Outcome::Rejected, 30, "ClientVersionNotSupported", &"long ".repeat(40)),
        (Outcome::NotFound, 12, "ResourceNotFound", "Machine was not found"),
        (Outcome::Unknown, 1, "", "connection reset"),
        (Outcome::BadRow, 1, "", "not a Defender machine id"),
    ];
    let mut summary = summary(Ending::Finished, tally(&ended, 0, 0), &kinds);
    summary.throttled = 3;
    summary
}

#[test]
fn a_clean_end_is_short() {
    let tally = tally(&[(Outcome::Accepted, 1)], 0, 0);
    let mut summary = summary(Ending::Finished, tally, &[(Outcome::Accepted, 1, "Pending", "")]);
    (summary.calls, summary.duration) = (1, Duration::from_millis(600));
    insta::assert_snapshot!("summary-clean", summary.text());
}

#[test]
fn failures_are_counted_by_kind_with_what_to_do() {
    insta::assert_snapshot!("summary-failures", mixed().text());
}

#[test]
fn a_stop_says_why_and_how_to_go_on() {
    let stops = [
        Stop::Signal,
        Stop::SecondSignal,
        Stop::Time,
        Stop::Window,
        Stop::SignIn("AADSTS7000222: the client secret has expired".into()),
        Stop::Safety("20 of the first 20 devices are not known; wrong tenant?".into()),
        Stop::Refused("all of the first 20 answers are the same refusal: HTTP 410 Gone: x".into()),
        Stop::Unreachable("dns error".into()),
        Stop::NeverReached("connection refused".into()),
        Stop::ListUnreadable("HTTP 403".into()),
    ];
    let texts: Vec<String> = stops.into_iter().map(|stop| stopped(stop).text()).collect();
    insta::assert_snapshot!("summary-stops", texts.join("\n----\n"));
}

#[test]
fn an_emulated_end_says_so() {
    let mut summary = mixed();
    summary.head.emulated = true;
    assert!(summary.text().contains("EMULATED"));
    assert!(summary.json().contains("\"emulated\":true"));
}

#[test]
fn the_summary_fits_a_terminal_and_never_says_that_a_device_was_scanned() {
    let text = mixed().text();
    assert!(text.lines().count() <= 26, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(!text.replace("not scanned", "").contains("scanned"), "{text}");
}

#[test]
fn the_summary_for_programs_has_its_contract() {
    insta::assert_snapshot!(
        "summary-json",
        format!("{}\n{}", mixed().json(), stopped(Stop::Time).json())
    );
    let json: serde_json::Value = serde_json::from_str(&mixed().json()).unwrap();
    let sum: u64 =
        json["outcomes"].as_object().unwrap().values().map(|rows| rows.as_u64().unwrap()).sum();
    assert_eq!(Some(sum), json["rows"].as_u64());
}

#[test]
fn the_memory_of_the_totals_is_bounded_and_loses_no_row() {
    let mut totals = Totals::default();
    for n in 0..3_000 {
        let detail = Detail { error_code: Some(format!("E{n}")), ..Detail::default() };
        let life = Life::ended(Outcome::Rejected);
        let device = Some(device(n));
        let (name, input_text) = (None, None);
        totals.add(&Row {
            seq: 1,
            turn: 0,
            wave: 0,
            line: n,
            device,
            name,
            input_text,
            life,
            detail,
        });
    }
    let groups = totals.groups();
    assert!(groups.len() <= 1_001);
    assert_eq!(groups.iter().map(|group| group.rows).sum::<u64>(), 3_000);
}

pub(crate) fn plan() -> Plan {
    let at = |text: &str| text.parse().unwrap();
    let target = Target {
        api_origin: "https://api.security.microsoft.com".to_owned(),
        cloud: "commercial".to_owned(),
        ..target()
    };
    Plan {
        campaign: "full-2026-11-24-kxqrab".parse().unwrap(),
        target,
        scan_type: ScanType::Full,
        comment: "Incident 4711".to_owned(),
        ticket: "CHG0031337".parse().ok(),
        emulated: false,
        auth: Some(("certificate".to_owned(), "client certificate".to_owned())),
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
    insta::assert_snapshot!("plan-text", plan().text());
    insta::assert_snapshot!("plan-json", plan().json());
    assert!(plan().text().lines().all(|line| line.chars().count() <= 80));
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
    insta::assert_snapshot!("plan-small", format!("{}\n----\n{}", one.text(), none.text()));
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
    let text = |waves: Waves| Plan { waves, ..plan() }.text();
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
    let texts = [plan.text(), everything.text(), plan.json(), everything.json()];
    let texts = texts.join("\n----\n");
    insta::assert_snapshot!("plan-windows", texts);
    assert!(plan.text().lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn twenty_bad_rows_are_shown_and_the_rest_is_counted() {
    let first_bad = (0..30).map(|n| format!("line {n}: \u{1b}")).collect();
    let text = Plan { bad_rows: 1_500, first_bad, ..plan() }.text();
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
    let texts = [&order, &fixed, &value].map(|order| with(order).text());
    assert!(texts.iter().flat_map(|text| text.lines()).all(|line| line.chars().count() <= 80));
    insta::assert_snapshot!(
        "plan-order",
        format!("{}\n----\n{}", texts.join("\n----\n"), with(&order).json())
    );
}

#[test]
fn a_stopped_campaign_is_gone_on_with_and_nothing_of_it_is_ordered_anew() {
    let ended: Vec<(Outcome, u64)> = Outcome::ALL.into_iter().map(|one| (one, 2)).collect();
    let stopped = summary(Ending::Stopped(Stop::Signal), tally(&ended, 5, 0), &[]);
    // `retry` refuses a campaign that is open.
    assert!(!stopped.text().contains("fleetsweep retry"), "{}", stopped.text());
    let finished = Summary { ending: Ending::Finished, ..stopped };
    assert!(finished.text().contains("fleetsweep retry"), "{}", finished.text());
}

#[test]
fn a_summary_names_the_signal_those_who_go_on_and_who_cancelled() {
    let caught = |caught| Summary { caught: Some(caught), ..stopped(Stop::Signal) };
    let mut told = Vec::new();
    for signal in [Caught::Interrupt, Caught::Terminate, Caught::Hangup, Caught::CpuTime] {
        told.push(caught(signal).why());
    }
    told.extend([1, 3].map(|others| {
        let text = Summary { others, ..caught(Caught::Hangup) }.text();
        text.lines().skip(2).take(2).collect::<Vec<_>>().join("\n")
    }));
    let cancelled = Summary { cancelled: true, ..mixed() };
    told.extend([cancelled.why(), cancelled.text().lines().take(2).collect::<Vec<_>>().join("\n")]);
    insta::assert_snapshot!("summary-ends", told.join("\n"));
}
