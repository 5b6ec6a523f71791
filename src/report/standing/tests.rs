//! Each sentence as a snapshot. What others of this room test with is made here too.

use super::*;
use crate::domain::event::HoldReason;
use crate::domain::{
    BusyPolicy, CampaignId, CampaignState, Order, Outcome, Priority, Rollout, RunEnd, ScanType,
    State, Target,
};

pub(in crate::report) fn at(text: &str) -> Timestamp {
    format!("2026-11-25T{text}Z").parse().unwrap()
}

pub(in crate::report) fn campaign() -> Campaign {
    let order = Order {
        target: Target {
            api_origin: "https://api.example".to_owned(),
            tenant: "t".to_owned(),
            application: "a".to_owned(),
            cloud: "commercial".to_owned(),
        },
        scan_type: ScanType::Full,
        comment: "c".to_owned(),
        ticket: None,
        ids_hash: String::new(),
    };
    let opening = crate::domain::Opening {
        name: "inc".parse().unwrap(),
        order,
        mark_bits: 1,
        busy: BusyPolicy::Report,
        emulated: false,
        quotas: Vec::new(),
        priority: Priority::default(),
        rollout: Rollout::default(),
        begun: Default::default(),
    };
    Campaign::opened(CampaignId(1), opening, at("00:00:00"))
}

pub(in crate::report) fn run() -> LastRun {
    LastRun {
        seen_at: Some(at("02:00:07")),
        host: "jump-01".to_owned(),
        by: "m.weber".to_owned(),
        ..LastRun::begun(at("00:00:00"))
    }
}

fn tally(queued: u64) -> Tally {
    let mut tally = Tally { queued, ..Tally::default() };
    tally.add(State::Done(Outcome::Accepted), 4_483);
    tally
}

fn told(campaign: &Campaign, tally: &Tally) -> String {
    told_at(campaign, tally, &[("100/1m", 100), ("1500/1h", 1_500)])
}

/// With so many calls used of these limits.
fn told_at(campaign: &Campaign, tally: &Tally, used: &[(&str, u64)]) -> String {
    let now: ZonedDateTime = "2026-11-25T03:00:12+01:00[Europe/Berlin]".parse().unwrap();
    let used: Vec<(Quota, u64)> =
        used.iter().map(|(quota, used)| (quota.parse().unwrap(), *used)).collect();
    let doing = Doing::of(campaign, now.timestamp());
    let standing = Standing {
        campaign,
        doing,
        followed: campaign.finished_at.is_some() && campaign.called_off,
        tally,
        used: &used,
        lower: &[],
        by_limits: Some(at("05:30:00")),
        go_on: "fleetsweep resume inc",
        now: &now,
    };
    let first = standing.first_sentences();
    format!("{:?} {first}", first.tone)
}

#[test]
fn each_reason_why_nothing_leaves_has_its_sentence() {
    use HoldReason::*;
    let reasons = [
        None,
        Some(Quota("1500/1h".parse().unwrap())),
        Some(Quota("100/1m".parse().unwrap())),
        Some(Pause),
        Some(Faults),
        Some(User),
        Some(Priority("servers-q4".parse().unwrap())),
        Some(Network),
        Some(Store),
        Some(Pace),
        Some(Forgotten),
        Some(Window),
        Some(Start(at("21:00:00"))),
        Some(Wave),
    ];
    let sentences: Vec<String> = reasons
        .into_iter()
        .map(|hold| {
            let waits = hold.as_ref().filter(|hold| hold.is_a_wait()).map(|_| String::new());
            let next_order_at = hold.as_ref().map(|_| at("02:08:00"));
            let done_by = Some(at("06:14:00"));
            let last = LastRun { hold, waits, next_order_at, done_by, ..run() };
            told(&Campaign { last_run: Some(last), ..campaign() }, &tally(7_517))
        })
        .collect();
    insta::assert_snapshot!(sentences.join("\n"));
}

#[test]
fn the_limit_that_is_used_up_now_is_named_and_not_the_one_of_some_seconds_ago() {
    let minute = HoldReason::Quota("100/1m".parse().unwrap());
    let last = LastRun { hold: Some(minute), ..run() };
    let held = Campaign { last_run: Some(last), ..campaign() };
    let told = told_at(&held, &tally(7_517), &[("100/1m", 41), ("1500/1h", 1_500)]);
    assert!(told.contains("1,500 of 1,500 calls of the last hour are used."), "{told}");
    let told = told_at(&held, &tally(7_517), &[("100/1m", 41), ("1500/1h", 900)]);
    assert!(told.contains("41 of 100 calls of the last minute are used."), "{told}");
}

#[test]
fn each_way_to_stand_still_has_its_sentence_with_what_to_do() {
    let ended = |exit_code, why: &str| LastRun {
        ended: Some(RunEnd {
            at: at("01:30:00"),
            why: why.to_owned(),
            exit_code,
            before: (exit_code == 4).then(|| "check tenant and list".to_owned()),
            resume: Some("fleetsweep resume inc --store sqlite:x.db".to_owned()),
            for_workers: false,
        }),
        ..run()
    };
    let with = |last_run| Campaign { last_run: Some(last_run), ..campaign() };
    let killed = LastRun { seen_at: Some(at("01:10:00")), ..run() };
    let gone = LastRun { seen_now: Seen::Gone, ..killed.clone() };
    let mut handed_over = ended(0, "it was handed over to the workers");
    handed_over.ended.as_mut().unwrap().for_workers = true;
    let mut no_sign_in = ended(7, "cannot sign in (secret): AADSTS7000215");
    no_sign_in.ended.as_mut().unwrap().for_workers = true;
    no_sign_in.ended.as_mut().unwrap().before = Some("check its secret, then go on".to_owned());
    let mut not_begun = handed_over.clone();
    not_begun.not_begun = Some(NotBegun {
        at: at("01:45:00"),
        why: "cannot sign in (secret): AADSTS7000215".to_owned(),
        next: "fix that, and a worker goes on".to_owned(),
        exit_code: 7,
        by: "ann".to_owned(),
        host: "jump-1".to_owned(),
    });
    let finished = Campaign {
        state: CampaignState::Finished,
        finished_at: Some(at("01:44:00")),
        ..with(ended(0, "every row has its outcome"))
    };
    let mut refused = tally(0);
    refused.add(State::Done(Outcome::Rejected), 118);
    let mut out = Tally { claimed: 3, doubtful: 1, ..tally(0) };
    let open = tally(7_517);
    let night = Campaign { name: "nightly-2026-11-24".parse().unwrap(), ..with(killed.clone()) };
    let mut sentences = vec![
        told(&campaign(), &open),
        told(&with(killed), &open),
        told(&with(gone), &open),
        told(&with(ended(5, "Ctrl-C")), &open),
        told(&with(ended(0, "the window closed")), &open),
        told(&with(ended(4, "83 of 412 answers are 404")), &open),
        told(&with(handed_over), &open),
        told(&with(not_begun), &open),
        told(&with(no_sign_in), &open),
        told(&Campaign { paused: true, ..with(run()) }, &open),
        told(&Campaign { paused: true, ..night }, &open),
        told(&Campaign { called_off: true, ..with(run()) }, &open),
        told(&Campaign { called_off: true, ..finished.clone() }, &tally(0)),
        told(&finished, &tally(0)),
        told(&finished, &refused),
        told(&with(run()), &out),
    ];
    out.doubtful = 0;
    sentences.push(told(&with(run()), &out));
    let soon = LastRun {
        hold: Some(HoldReason::Quota("100/1m".parse().unwrap())),
        next_order_at: Some(at("02:00:40")),
        ..run()
    };
    sentences.push(told(&with(soon), &open));
    sentences.push(told(&with(run()), &open));
    insta::assert_snapshot!(sentences.join("\n"));
}

#[test]
fn a_list_of_which_each_row_was_skipped_is_not_told_as_done_and_a_night_without_due_devices_is() {
    let mut skipped = Tally::default();
    skipped.add(State::Done(Outcome::Skipped), 250);
    let finished = Campaign { finished_at: Some(at("01:30:00")), ..campaign() };
    let finished = Campaign { state: CampaignState::Finished, ..finished };
    let list = told(&finished, &skipped);
    assert!(list.starts_with("Attention") && list.contains("No device was ordered"), "{list}");
    let night = Campaign { name: "nightly-2026-11-24".parse().unwrap(), ..finished };
    let night = told(&night, &skipped);
    assert!(night.starts_with("Good") && night.contains("Nothing is left to order"), "{night}");
}
