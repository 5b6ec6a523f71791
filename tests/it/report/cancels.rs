//! What people read before and after a cancellation, as snapshots: the plan, the summary, and what
//! expiring scans tells.

use std::time::Duration;

use fleetsweep::domain::cancel::{CancelProgress, Cancelled, Spared};
use fleetsweep::domain::event::HoldReason;
use fleetsweep::domain::quota::api_quotas;
use fleetsweep::domain::{Exit, Stop, Target};
use fleetsweep::report::Document;
use fleetsweep::report::cancels::{Actions, CancelPlan, CancelSummary, Done, Expired};
use fleetsweep::report::progress::text::cancelling;

use crate::kit::support::target;

fn plan() -> CancelPlan {
    CancelPlan {
        campaign: "full-2026-11-24-kxqrab".parse().unwrap(),
        target: Target { cloud: "commercial".to_owned(), ..target() },
        emulated: false,
        dry_run: true,
        orders_on: None,
        waiting: Some(8_020),
        outstanding: 3,
        actions: Some(Actions {
            pending: 3_901,
            in_progress: 12,
            ended: 66,
            cancelled: 1,
            spared: [(Spared::NotListed, 1), (Spared::OtherComment, 2)].into(),
        }),
        pending_only: false,
        used: api_quotas().into_iter().zip([0, 240]).collect(),
        named: Vec::new(),
        calls: Some((
            Duration::from_secs(8_220),
            "2026-11-24T16:40[Europe/Berlin]".parse().unwrap(),
        )),
    }
}

fn summary() -> CancelSummary {
    CancelSummary {
        campaign: "full-2026-11-24-kxqrab".parse().unwrap(),
        tenant: target().tenant,
        queue: Some(8_020),
        outstanding: 3,
        actions: Some(Done {
            began: 14,
            went: Cancelled {
                cancelled: 3_902,
                ended: 7,
                refused: [
                    (
                        (400, Some("BadRequest".to_owned())),
                        (
                            3,
                            Some(
                                "hostile \u{1b}[2J and much longer than a line of a terminal \
                                 can be, so that it has to be cut somewhere"
                                    .to_owned(),
                            ),
                        ),
                    ),
                    ((404, None), (1, None)),
                ]
                .into(),
                unknown: 1,
                left: 0,
                calls: 3_915,
                throttled: 2,
                stop: None,
            },
            spared: [(Spared::OtherComment, 2)].into(),
        }),
        duration: Duration::from_secs(8_300),
        again: None,
        reports: vec!["/srv/r.csv".into()],
        exit: Exit::Attention,
    }
}

#[test]
fn the_plan_of_a_cancellation_says_what_is_taken_back_and_what_is_not_touched() {
    let alone = CancelPlan {
        pending_only: true,
        waiting: None,
        dry_run: false,
        orders_on: Some(
            "a run of it (of ann on jump1) orders on all the while; `fleetsweep pause \
             full-2026-11-24-kxqrab` holds it at once"
                .to_owned(),
        ),
        ..plan()
    };
    let queue = CancelPlan { actions: None, calls: None, waiting: Some(1), ..plan() };
    let nothing = CancelPlan {
        waiting: Some(0),
        outstanding: 0,
        actions: Some(Actions::default()),
        calls: None,
        ..plan()
    };
    let texts = [plan().text(), alone.text(), queue.text(), nothing.text(), plan().json()];
    assert!(texts[..4].iter().all(|text| text.lines().all(|line| line.chars().count() <= 80)));
    insta::assert_snapshot!("cancel-plans", texts.join("\n----\n"));
    assert_eq!((plan().to_cancel(), plan().concerned()), (3_913, 11_936));
    assert_eq!((alone.to_cancel(), queue.concerned()), (3_901, 1));
}

#[test]
fn the_summary_of_a_cancellation_says_what_became_of_each_scan() {
    let done = summary().actions.unwrap();
    let went = Cancelled { left: 3_000, stop: Some(Stop::Signal), ..done.went.clone() };
    let stopped = CancelSummary {
        actions: Some(Done { went, ..done.clone() }),
        again: Some("fleetsweep cancel full-2026-11-24-kxqrab".to_owned()),
        exit: Exit::Stopped,
        ..summary()
    };
    let queue = CancelSummary { actions: None, exit: Exit::Done, outstanding: 0, ..summary() };
    let expired = |done| Expired { campaign: summary().campaign, done };
    let texts = [
        summary().text(),
        stopped.text(),
        queue.text(),
        summary().json(),
        expired(done.clone()).text(),
        expired(Done::default()).text(),
        expired(done).json(),
    ];
    insta::assert_snapshot!("cancel-summaries", texts.join("\n----\n"));
}

#[test]
fn how_far_a_cancellation_is_stands_in_one_line() {
    let now = "2026-11-24T14:20[Europe/Berlin]".parse().unwrap();
    let under_way = CancelProgress {
        all: 3_913,
        cancelled: 1_490,
        ended: 2,
        refused: 1,
        unclear: 3,
        in_flight: 5,
        throttled: 1,
        hold: Some(HoldReason::Quota("1500/1h".parse().unwrap())),
        finish_in: Some(Duration::from_secs(6_000)),
    };
    let last = CancelProgress { hold: None, finish_in: None, ..under_way.clone() };
    let lines = [cancelling(&under_way, &now), cancelling(&last, &now)];
    insta::assert_snapshot!("cancel-progress", lines.join("\n"));
}
