//! What people read after a run: the summary, and the same for programs.

use std::path::PathBuf;
use std::time::Duration;

use fleetsweep::domain::Row;
use fleetsweep::domain::{Caught, Detail, Ending, Life, Outcome, ScanType, State, Stop, Tally};
use fleetsweep::report::summary::Summary;
use fleetsweep::report::totals::Totals;
use fleetsweep::report::{Document, ReportHead};

use crate::kit::support::{device, target};

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
    let exit = ending.exit(tally.uncovered() > 0);
    Summary {
        head: ReportHead {
            campaign: "full-2026-11-24-kxqrab".parse().unwrap(),
            tenant: target().tenant,
            scan_type: ScanType::Full,
            emulated: false,
            ticket: None,
            comment: "c".to_owned(),
            handed_on: false,
            called_off: false,
            cancel_left: None,
            portal: None,
            story: None,
        },
        ending,
        caught: None,
        planned: false,
        cancelled: false,
        handed_on: false,
        paused: false,
        others: 0,
        tally,
        groups: totals.groups(),
        skipped: totals.skipped().clone(),
        nothing: false,
        actions: totals.actions(),
        calls: 11_900,
        campaign_calls: 11_900,
        throttled: 0,
        duration: Duration::from_secs(28_920),
        in_vain: Duration::ZERO,
        resume: Some("fleetsweep resume full-2026-11-24-kxqrab".to_owned()),
        retry: Some("fleetsweep retry full-2026-11-24-kxqrab".to_owned()),
        follow: Some("fleetsweep follow full-2026-11-24-kxqrab".to_owned()),
        rule_met: None,
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
    (summary.calls, summary.campaign_calls) = (1, 1);
    summary.duration = Duration::from_millis(600);
    insta::assert_snapshot!("summary-clean", summary.text());
}

#[test]
fn without_a_store_that_stays_no_command_is_named_that_would_find_nothing() {
    let text = Summary { retry: None, follow: None, resume: None, ..mixed() }.text();
    assert!(!text.contains("fleetsweep retry"), "{text}");
    let told = "40 not covered: again later; only with --store is there something to `retry`";
    assert!(text.contains(told), "{text}");
}

#[test]
fn failures_are_counted_by_kind_with_what_to_do() {
    insta::assert_snapshot!("summary-failures", mixed().text());
}

#[test]
fn reasons_that_are_not_named_are_counted_and_one_devices_words_are_an_example() {
    let gone = |n: usize| format!("Machine {n} was not found");
    let words: Vec<String> = (0..9).map(gone).collect();
    let codes: Vec<String> = (0..7).map(|n| format!("Code{n}")).collect();
    let mut kinds: Vec<(Outcome, u64, &str, &str)> =
        words.iter().map(|words| (Outcome::NotFound, 1, "ResourceNotFound", &words[..])).collect();
    kinds.extend(codes.iter().map(|code| (Outcome::Rejected, 2, &code[..], "the same words")));
    let tally = tally(&[(Outcome::NotFound, 9), (Outcome::Rejected, 14)], 0, 0);
    let text = summary(Ending::Finished, tally, &kinds).text();
    let told = "9  ResourceNotFound, such as: Machine 0 was not found";
    assert!(text.contains(told), "{text}");
    assert!(text.contains("2  Code0: the same words"), "{text}");
    assert!(text.contains("6  for 3 more reasons: see the report"), "{text}");
}

#[test]
fn a_time_that_the_api_lost_is_not_told_as_a_time_that_was_too_short() {
    let of = |stop: Stop, in_vain: u64| {
        let in_vain = Duration::from_secs(in_vain);
        Summary { in_vain, ..stopped(stop) }.why()
    };
    let lost = "; for 2 h 10 min of it the API gave no answer of use";
    for stop in [Stop::Window, Stop::Time] {
        let short = of(stop.clone(), 5 * 60 - 1);
        assert!(short.ends_with("no order was sent after it"), "{short}");
        assert_eq!(of(stop, 7_800), format!("{short}{lost}"));
    }
    // Who was stopped by something else reads that.
    assert_eq!(of(Stop::Signal, 7_800), "by a signal");
    let json: serde_json::Value = serde_json::from_str(&mixed().json()).unwrap();
    assert_eq!(json["without_answers_s"], 0.0);
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
    // One reason of a server is so long that it takes a second line, and so is one command.
    assert!(text.lines().count() <= 29, "{text}");
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
    let revived = Summary { handed_on: true, ..mixed() };
    told.extend([revived.why(), revived.text().lines().take(2).collect::<Vec<_>>().join("\n")]);
    let closed = stopped(Stop::Window);
    let campaign = "nightly-2026-11-24".parse().unwrap();
    let head = ReportHead { campaign, ..closed.head.clone() };
    for paused in [false, true] {
        let night = Summary { head: head.clone(), paused, ..closed.clone() };
        told.extend([night.why(), night.before().unwrap_or_default()]);
    }
    let text = Summary { head, ..stopped(Stop::Safety("404".to_owned())) }.text();
    let to_do: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("What")).collect();
    told.push(to_do.join("\n"));
    let cancelled = Summary { cancelled: true, ..mixed() };
    told.extend([cancelled.why(), cancelled.text().lines().take(2).collect::<Vec<_>>().join("\n")]);
    insta::assert_snapshot!("summary-ends", told.join("\n"));
}
