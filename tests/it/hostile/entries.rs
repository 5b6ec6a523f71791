//! What must hold of any bytes, one function for each fuzz target. The targets in `tests/fuzz` call
//! these, and so does the replay of their corpus. Beside panics they look for broken promises: a
//! count that does not add up, an answer taken for ours, a wait that became short.

use std::io::Read;
use std::ops::ControlFlow;
use std::time::Duration;

use clap::Parser;
use fleetsweep::cli::args::Cli;
use fleetsweep::defender::retry_after::{FOR_EVER, retry_after};
use fleetsweep::defender::{Origin, wire};
use fleetsweep::domain::Cloud;
use fleetsweep::domain::budget::BudgetState;
use fleetsweep::domain::quota::parse_duration;
use fleetsweep::domain::text::printable;
use fleetsweep::domain::verdict::{Asked, list_verdict, verdict};
use fleetsweep::domain::{
    Action, Answer, CampaignName, DeviceId, Mark, PaceKind, Quota, Reply, ScanType, Stamp, Timing,
    Verdict,
};
use fleetsweep::emulator::Scenario;
use fleetsweep::intake::{self, IntakeError, Options, Row, RowKind, Seen, SourceSummary};
use jiff::Timestamp;

/// The device, and the campaign, that every answer is judged for.
pub(crate) const DEVICE: &str = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";
const CAMPAIGN: &str = "night";
const COMMENT: &str = "alert 3212, all hosts";

/// Lists: the first byte says how, the rest is the list.
pub(crate) fn intake(bytes: &[u8]) {
    let Some((how, list)) = bytes.split_first() else { return };
    let column = match how % 4 {
        1 => Some("1".to_owned()),
        2 => Some("id".to_owned()),
        _ => None,
    };
    let options = Options { column, max_rows: 500, ..Options::default() };
    let whole = read(list, &options);
    // However the bytes come in, the list is the same.
    let dripped = read(Drip { bytes: list, step: usize::from(how / 4) % 7 + 1 }, &options);
    assert_eq!(whole.0, dripped.0);
    match (whole.1, dripped.1) {
        (Ok(one), Ok(other)) => {
            assert_eq!(one, other);
            counts_agree(&whole.0, &one, options.max_rows);
        }
        (Err(one), Err(other)) => {
            assert_eq!(one.to_string(), other.to_string());
            is_shown_safely(&one.to_string());
        }
        (one, other) => panic!("{one:?} in one piece, {other:?} in drops"),
    }
}

fn read(list: impl Read, options: &Options) -> (Vec<Row>, Result<SourceSummary, IntakeError>) {
    let mut rows = Vec::new();
    let result = intake::read("list", list, options, &mut Seen::new(), &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    (rows, result)
}

/// Every row is counted once, and no device twice.
fn counts_agree(rows: &[Row], summary: &SourceSummary, most: u64) {
    let mut devices: Vec<DeviceId> = Vec::new();
    let (mut duplicates, mut bad) = (0, 0);
    for row in rows {
        match &row.kind {
            RowKind::Device(id) => devices.push(*id),
            RowKind::Duplicate { of, .. } => {
                assert!(devices.contains(of), "a duplicate of nothing: {row:?}");
                duplicates += 1;
            }
            RowKind::Foreign(_) => panic!("no tenant is set: {row:?}"),
            RowKind::Bad(error) => {
                is_shown_safely(&error.to_string());
                bad += 1;
            }
        }
    }
    let counted = devices.len() as u64;
    assert_eq!((summary.devices, summary.duplicates, summary.bad), (counted, duplicates, bad));
    assert_eq!(summary.rows, rows.len() as u64);
    assert!(summary.rows <= most);
    devices.sort_unstable();
    devices.dedup();
    assert_eq!(counted, devices.len() as u64, "a device is there twice");
}

/// A source that gives a few bytes at a time.
struct Drip<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Read for Drip<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.step.min(out.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        out[..count].copy_from_slice(now);
        self.bytes = later;
        Ok(count)
    }
}

/// The mark of the campaign that every answer is judged for.
pub(crate) fn mark() -> Mark {
    let name: CampaignName = CAMPAIGN.parse().expect("a constant that names a campaign");
    Mark::new(&name, 7)
}

/// Answers: the first byte chooses the status, the rest is the body.
pub(crate) fn api_body(bytes: &[u8]) {
    const STATUSES: [u16; 12] = [201, 200, 400, 401, 403, 404, 409, 429, 500, 503, 302, 204];
    let Some((how, body)) = bytes.split_first() else { return };
    let status = STATUSES[usize::from(*how) % STATUSES.len()];
    let mark = mark();
    let date = "2026-11-24T12:00:00Z".parse().ok();
    let read = wire::body(body);
    let answer = Answer { status, date, retry_after: None, body: read };
    let reply = Reply::Answer(answer);
    for scan_type in [ScanType::Quick, ScanType::Full] {
        let device = DEVICE.parse().expect("a constant that is a device id");
        let took = Duration::from_secs(1);
        let asked = Asked { device, scan_type, mark: &mark, comment: COMMENT, took };
        let judged = verdict(&reply, &asked, &Timing::default());
        if let Verdict::Accepted { action, status, .. } = &judged {
            is_ours(action, *status, body, scan_type);
        }
        says_nothing_unsafe(&judged);
    }
    says_nothing_unsafe(&list_verdict(&reply));
    match wire::page(body) {
        Ok(page) => page.items.iter().for_each(is_bounded),
        Err(what) => is_shown_safely(&what),
    }
}

/// Judges an accepted action by the body alone, without the code under test.
pub(crate) fn is_ours(action: &Action, status: u16, body: &[u8], asked: ScanType) {
    is_bounded(action);
    assert!(matches!(status, 200 | 201));
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let fields: serde_json::Value = serde_json::from_slice(body).expect("accepted, so JSON");
    let text = |name: &str| fields.get(name).and_then(serde_json::Value::as_str);
    assert!(!action.id.is_empty(), "accepted without an action");
    if let Some(machine) = text("machineId").map(str::trim).filter(|id| !id.is_empty()) {
        assert!(machine.to_ascii_lowercase().contains(DEVICE), "accepted for another device");
    }
    if let Some(scope) = text("scope").map(str::trim) {
        let other = if asked == ScanType::Quick { "full" } else { "quick" };
        assert!(!scope.eq_ignore_ascii_case(other), "accepted with another scope");
    }
    let marked = text("requestorComment").is_some_and(|comment| mark().stands_in(comment));
    let new = action.created >= "2026-11-24T11:59:57Z".parse().ok();
    assert!(marked || new, "accepted without our mark, and not new");
}

/// What is kept of a foreign answer has a limit.
fn is_bounded(action: &Action) {
    let texts = [&action.odd_device, &action.kind, &action.scope, &action.status];
    let texts = texts.into_iter().chain([&action.requestor, &action.comment]);
    let longest = texts.flatten().chain([&action.id]).map(|text| text.chars().count()).max();
    assert!(longest <= Some(wire::FIELD_MAX));
}

fn says_nothing_unsafe(verdict: &Verdict) {
    match verdict {
        Verdict::Doubtful { why, .. } | Verdict::NeverLeft { why } => is_shown_safely(why),
        Verdict::Throttled { wait: Some(wait), .. } => pauses_within_bounds(Some(*wait)),
        _ => {}
    }
}

/// Headers: lines are the values of several `Retry-After`; the first byte says whether the answer
/// has a `Date`.
fn retry_after_of(bytes: &[u8]) -> Option<Duration> {
    let (how, values) = bytes.split_first()?;
    let date = "2026-11-24T12:00:00Z".parse::<Timestamp>().ok().filter(|_| how % 2 == 0);
    retry_after(values.split(|byte| *byte == b'\n'), date)
}

/// Judges what `retry_after_of` makes of some headers.
pub(crate) fn retry_after_is_sound(bytes: &[u8]) {
    let wait = retry_after_of(bytes);
    for value in bytes.get(1..).unwrap_or_default().split(|byte| *byte == b'\n') {
        let digits = value.trim_ascii();
        if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
            let digits = std::str::from_utf8(digits).expect("digits are text");
            let asked = digits.parse().map_or(FOR_EVER, Duration::from_secs);
            assert!(wait >= Some(asked), "{digits} became {wait:?}");
        }
    }
    pauses_within_bounds(wait);
}

/// Whatever a 429 asks for, the next call waits at least the least spacing and at most a day.
fn pauses_within_bounds(wait: Option<Duration>) {
    let timing = Timing::default();
    let (claimed, now) = (Stamp(1_000_000_000), Stamp(1_000_200_000));
    let mut budget = BudgetState::default();
    budget.on_claim(claimed, &timing);
    budget.on_throttled(now, claimed, wait, &timing);
    let pause = budget.earliest().since(claimed);
    assert!(pause >= timing.spacing_floor, "{wait:?} became a burst: {pause:?}");
    assert!(pause <= timing.retry_after_longest + Duration::from_secs(1), "{pause:?}");
    if let Some(wait) = wait {
        let kept = wait.min(timing.retry_after_cap);
        assert!(budget.earliest().since(now) >= kept, "{wait:?} became {pause:?}");
    }
}

/// Values that users type: each line as every one of them, and all lines as a command line and as a
/// scenario.
pub(crate) fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut quotas = Vec::new();
    for line in text.lines() {
        quotas.extend(quota(line));
        origin(line);
        if let Some(duration) = parse_duration(line) {
            assert_eq!(parse_duration(&format!(" {line} ")), Some(duration));
        }
        if let Err(error) = line.parse::<CampaignName>() {
            is_shown_safely(&error.to_string());
        }
        if let Ok(id) = line.parse::<DeviceId>() {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        if let Some(cloud) = Cloud::named(line) {
            assert_eq!(Cloud::named(cloud.name()), Some(cloud));
        }
    }
    for kind in [PaceKind::Fast, PaceKind::Even] {
        let pace = kind.pace(&quotas);
        assert_eq!(pace.is_some(), !quotas.is_empty());
    }
    if let Ok(scenario) = Scenario::from_toml(text) {
        scenario.check().expect("a scenario that was read has been checked");
    }
    command_line(text);
}

fn quota(text: &str) -> Option<Quota> {
    let quota: Quota = text.parse().ok()?;
    assert_eq!(quota.to_string().parse(), Ok(quota), "{text:?} is shown as {quota}");
    assert!(quota.reopens_after(&Timing::default()) > quota.window);
    for percent in [0, 25, 99] {
        assert!(quota.leaving(percent).within(&quota));
    }
    Some(quota)
}

fn origin(text: &str) {
    match Origin::parse(text) {
        Ok(origin) => {
            assert_eq!(Origin::parse(&origin.to_string()), Ok(origin.clone()));
            assert!(!origin.is_plain() || origin.is_loopback(), "{text:?} goes out in the clear");
        }
        Err(error) => is_shown_safely(&error.to_string()),
    }
}

fn command_line(text: &str) {
    let words = ["fleetsweep", "scan", "list", "--type=full", "--comment=c"];
    // Each line is one more word: a flag with its value, or another list.
    let parsed = Cli::try_parse_from(words.into_iter().chain(text.lines().take(8)));
    if let Err(error) = parsed {
        assert!(error.exit_code() == 0 || error.exit_code() == 2);
    }
}

fn is_shown_safely(text: &str) {
    assert_eq!(printable(text), text, "a message with characters that steer a terminal");
}
