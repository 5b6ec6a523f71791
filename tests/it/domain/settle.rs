//! What settling a call writes: the life of its device, what the report tells, and from when on its
//! slot counts.

use std::fmt::Write as _;
use std::time::Duration;

use fleetsweep::domain::action::SCAN_ACTION;
use fleetsweep::domain::lifecycle::Found;
use fleetsweep::domain::settle::{CallRecord, Judging, Rows, note_look_up, settle};
use fleetsweep::domain::{
    Action, BudgetState, BusyPolicy, Detail, Life, Refusal, ScanType, Settlement, Stamp, State,
    Timing, Verdict,
};

use super::lifecycle::{NOW, after, show};

/// What settling makes of a fresh claim.
struct Written {
    life: Life,
    detail: Detail,
    seen_by: Option<Stamp>,
}

fn settled(verdict: Verdict) -> Written {
    let timing = Timing::default();
    let mut life = Life { attempt: 1, state: State::Claimed(after(65)), ..Life::draft() };
    let mut detail = Detail::default();
    let rows = Rows { life: &mut life, detail: &mut detail, budget: &mut BudgetState::default() };
    let at = |text: &str| text.parse().unwrap();
    let settlement = Settlement {
        verdict,
        server_date: Some(at("2026-11-24T12:00:01Z")),
        took: Duration::from_millis(200),
        sent_at: at("2026-11-24T12:00:00Z"),
        over_at: at("2026-11-24T12:00:02Z"),
    };
    let judging = Judging { scan_type: ScanType::Full, busy: BusyPolicy::Report };
    let call = CallRecord { attempt: 1, claimed_at: NOW.minus(Duration::from_secs(1)) };
    let seen_by = settle(call, &settlement, judging, NOW, &timing, rows);
    Written { life, detail, seen_by }
}

fn refusal(status: u16) -> Refusal {
    Refusal {
        status,
        code: Some("Code".into()),
        message: Some("text".into()),
        target: Some("id".into()),
    }
}

fn some_action() -> Box<Action> {
    Box::new(Action {
        id: "action-1".into(),
        kind: Some(SCAN_ACTION.into()),
        scope: Some("Full".into()),
        status: Some("Pending".into()),
        requestor: Some("helpdesk".into()),
        created: "2026-11-24T11:59:00Z".parse().ok(),
        ..Action::default()
    })
}

fn over() -> Box<Action> {
    Box::new(Action { status: Some("Failed".into()), ..*some_action() })
}

fn verdicts() -> Vec<Verdict> {
    let doubtful = |status| Verdict::Doubtful { why: "odd".into(), status };
    vec![
        Verdict::Accepted { action: some_action(), status: 201, comment_changed: false },
        Verdict::Accepted { action: over(), status: 201, comment_changed: false },
        Verdict::Busy { action: Some(some_action()), refusal: refusal(201) },
        Verdict::Busy { action: None, refusal: refusal(400) },
        Verdict::Rejected(refusal(400)),
        Verdict::Forbidden(refusal(403)),
        Verdict::NotFound(refusal(404)),
        Verdict::Unauthorized(refusal(401)),
        Verdict::Throttled { wait: None, refusal: refusal(429) },
        doubtful(Some(500)),
        doubtful(None),
        Verdict::NeverLeft { why: "refused".into() },
    ]
}

#[test]
fn a_whole_answer_counts_from_now_no_answer_to_the_horizon_and_what_never_left_not_at_all() {
    for verdict in verdicts() {
        let expected = match verdict {
            Verdict::NeverLeft { .. } => Some(Stamp::ZERO),
            Verdict::Doubtful { status: None, .. } => None,
            _ => Some(NOW),
        };
        let name = verdict.name();
        assert_eq!(settled(verdict).seen_by, expected, "{name}");
    }
}

#[test]
fn settling_writes_what_the_report_tells() {
    let mut table = String::new();
    for verdict in verdicts() {
        let name = verdict.name();
        let Written { life, detail, .. } = settled(verdict);
        let detail = serde_json::to_string(&detail).unwrap();
        writeln!(table, "{name} -> {}\n    {detail}", show(&life)).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_device_whose_answer_was_lost_carries_no_action_that_is_not_its_own() {
    let at = "2026-11-24T12:00:02Z".parse().unwrap();
    let doubtful = |busy| {
        let state = State::Doubtful { looks: 2, look_at: NOW, busy };
        Life { attempt: 2, doubted: true, state, ..Life::draft() }
    };
    let was_busy = || Detail { action_id: Some("of-before".into()), ..Detail::default() };
    let looked = |before, found, action: Option<&Action>| {
        let mut detail = was_busy();
        note_look_up(&mut detail, before, found, action, at);
        (detail.action_id, detail.reason.unwrap())
    };
    let action = some_action();
    for covered in [true, false] {
        let (id, why) = looked(doubtful(false), Found::NotOurs { covered }, Some(&action));
        assert_eq!(id, None);
        let told = "shows no scan of this campaign, but one that is not its own";
        assert!(why.contains(told), "{why}");
    }
    assert_eq!(looked(doubtful(false), Found::NotOurs { covered: false }, None).0, None);
    assert_eq!(looked(doubtful(false), Found::Forbidden, None).0, None);
    // What was in the way is told with the outcome that says so, and an own action with its own.
    let in_the_way = looked(doubtful(true), Found::NotOurs { covered: true }, Some(&action));
    assert_eq!(in_the_way.0.as_deref(), Some("action-1"));
    assert_eq!(looked(doubtful(false), Found::Ours, Some(&action)).0.as_deref(), Some("action-1"));
    let forbidden = looked(doubtful(true), Found::Forbidden, None).1;
    assert!(forbidden.starts_with("a scan was already in progress"), "{forbidden}");
}
