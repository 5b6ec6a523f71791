//! What was ordered on a device before: whether that does for the scan that is asked for now, which
//! devices have waited longest, and how much of a fleet is covered. Where it is read is `engine`'s.
//!
//! An order is not a scan, so what is only ordered and what the API calls `Succeeded` are told
//! apart; and an order whose action ended as Failed, TimeOut or Cancelled covers nothing.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::action::{Action, has_ended_badly};
use super::campaign::ScanType;
use super::device::DeviceId;
use super::outcome::Outcome;
use super::settle::Detail;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How far back earlier orders are looked for.
pub const LOOKED_BACK: Duration = Duration::from_secs(90 * 24 * 3600);

/// One earlier order of somebody's, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// When the device was asked, or the action was created.
    pub at: Timestamp,
    /// The type of the scan that was created, or was in progress already; `None` if none was.
    pub scope: Option<ScanType>,
    /// The API called the action `Succeeded`.
    pub succeeded: bool,
    /// The server refused this very device: it will most likely do so again.
    pub refused: bool,
}

/// What is known of one device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// When the server last refused it.
    pub refused: Option<Timestamp>,
    /// When the latest scan was ordered that does, as far as nothing says that it ended badly.
    pub ordered: Option<Timestamp>,
    /// When the latest scan was ordered that does and that the API called `Succeeded`.
    pub succeeded: Option<Timestamp>,
}

impl Earlier {
    /// What a row of an earlier campaign of this type says; `None` of a device that was never
    /// asked.
    pub fn of_row(asked: ScanType, outcome: Option<Outcome>, detail: &Detail) -> Option<Self> {
        let status = detail.action_status.as_deref();
        let scope = detail.action_scope.as_deref().and_then(|scope| scope.parse().ok());
        let at = detail.first_sent_at.or(detail.answered_at);
        // Ours is as old as our own clock says, which `now` comes from too.
        let (scope, at) = match outcome {
            Some(outcome) if outcome.is_ordered() => {
                (scope.or(Some(asked)), at.or(detail.action_created_at))
            }
            Some(Outcome::AlreadyInProgress { covered: true }) => {
                (scope, detail.action_created_at.or(at))
            }
            _ => (None, at),
        };
        // One that waits to be asked once more, or was handed on so, was refused all the same: the
        // night that takes it over is not to begin with it.
        let waits = matches!(outcome, None | Some(Outcome::NotAttempted));
        let missing = waits && detail.http_status == Some(404);
        let refused = missing || matches!(outcome, Some(Outcome::Rejected | Outcome::NotFound));
        Some(Self { refused, ..Self::with(at?, scope, status) })
    }

    /// What an action of the tenant says. Returns `None` if it has no time.
    pub fn of_action(action: &Action) -> Option<Self> {
        Some(Self::with(action.created?, action.scan_type(), action.status.as_deref()))
    }

    fn with(at: Timestamp, scope: Option<ScanType>, status: Option<&str>) -> Self {
        Self {
            at,
            scope: if status.is_some_and(has_ended_badly) { None } else { scope },
            succeeded: status.is_some_and(|status| status.eq_ignore_ascii_case("Succeeded")),
            refused: false,
        }
    }
}

impl Past {
    /// Takes in one earlier order, for a scan of type `wanted`.
    pub fn take(&mut self, earlier: &Earlier, wanted: ScanType) {
        if earlier.refused {
            self.refused = self.refused.max(Some(earlier.at));
        }
        if earlier.scope.is_some_and(|scope| scope.includes(wanted)) {
            self.ordered = self.ordered.max(Some(earlier.at));
            if earlier.succeeded {
                self.succeeded = self.succeeded.max(Some(earlier.at));
            }
        }
    }

    /// Whether a scan that covers it was ordered within this time before `now`.
    pub fn is_recent(&self, within: Duration, now: Timestamp) -> bool {
        is_within(self.ordered, within, now)
    }

    /// Its turn among the devices that are ordered: lower ones go first. Those that were never
    /// ordered come first, what was busy or whose order ended badly among them; then those whose
    /// last order is longest ago. One that the server refused waits as one that was ordered then,
    /// since it would take the first slots of every night.
    pub fn turn(&self) -> i64 {
        self.ordered.max(self.refused).map_or(0, |at| at.as_microsecond().max(1))
    }
}

fn is_within(at: Option<Timestamp>, within: Duration, now: Timestamp) -> bool {
    // A server's clock ahead of ours does not make a fresh order an old one.
    at.is_some_and(|at| at > now || now.duration_since(at).unsigned_abs() < within)
}

/// How much of a fleet has had a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// All devices of the fleet.
    pub devices: u64,
    /// Those for which a scan that covers it was ordered within 7 days.
    pub week: Ordered,
    /// And within 30 days.
    pub month: Ordered,
    /// Those for which none was ordered within `LOOKED_BACK`.
    pub never: u64,
    /// Of all others the device that has waited longest, and when its last such order was.
    pub oldest: Option<(Timestamp, DeviceId)>,
}

/// The devices of a fleet by the age of their last orders that do, each in one of these groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ages {
    /// When they were so old.
    pub at: Timestamp,
    /// Ordered within 7 days.
    pub week: u64,
    /// Within 30 days, and no later.
    pub month: u64,
    /// Within `LOOKED_BACK`, and no later.
    pub quarter: u64,
    /// Not within that time.
    pub never: u64,
}

/// Devices with an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ordered {
    /// How many.
    pub ordered: u64,
    /// How many of these have one that the API called `Succeeded` within that time.
    pub succeeded: u64,
}

impl Coverage {
    /// Counts one device of the fleet.
    pub fn add(&mut self, device: DeviceId, past: &Past, now: Timestamp) {
        self.devices += 1;
        self.week.add(past, DAY * 7, now);
        self.month.add(past, DAY * 30, now);
        match past.ordered {
            None => self.never += 1,
            Some(at) => {
                let this = (at, device);
                self.oldest = Some(self.oldest.map_or(this, |oldest| oldest.min(this)));
            }
        }
    }

    /// The devices by the age of their orders at the moment to which this belongs.
    pub fn ages(&self, at: Timestamp) -> Ages {
        let Self { devices, week, month, never, oldest: _ } = self;
        Ages {
            at,
            week: week.ordered,
            month: month.ordered - week.ordered,
            quarter: devices - month.ordered - never,
            never: *never,
        }
    }

    /// Devices for which no scan that does was ordered within 7 days.
    pub fn left(&self) -> u64 {
        self.devices - self.week.ordered
    }
}

impl Ordered {
    fn add(&mut self, past: &Past, within: Duration, now: Timestamp) {
        self.ordered += u64::from(is_within(past.ordered, within, now));
        self.succeeded += u64::from(is_within(past.succeeded, within, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn earlier(when: &str, scope: &str, status: &str) -> Earlier {
        let action = Action {
            created: Some(at(when)),
            scope: Some(scope.to_owned()),
            status: Some(status.to_owned()),
            ..Action::default()
        };
        Earlier::of_action(&action).unwrap()
    }

    fn past(all: &[Earlier], wanted: ScanType) -> Past {
        let mut past = Past::default();
        all.iter().for_each(|one| past.take(one, wanted));
        past
    }

    const NOW: &str = "2026-11-24T22:00:00Z";

    #[test]
    fn only_a_scan_of_the_type_or_wider_that_did_not_end_badly_makes_a_device_recent() {
        let recent = |scope, status, wanted| {
            let one = earlier("2026-11-23T22:00:00Z", scope, status);
            past(&[one], wanted).is_recent(DAY * 7, at(NOW))
        };
        for status in ["Pending", "InProgress", "Succeeded"] {
            assert!(recent("Full", status, ScanType::Full), "{status}");
            assert!(recent("Full", status, ScanType::Quick), "{status}");
            assert!(!recent("Quick", status, ScanType::Full), "{status}");
        }
        for status in ["Failed", "TimeOut", "Cancelled"] {
            assert!(!recent("Full", status, ScanType::Full), "{status}");
        }
    }

    #[test]
    fn what_is_as_old_as_the_time_is_due() {
        let of = |when| past(&[earlier(when, "Full", "Pending")], ScanType::Full);
        assert!(of("2026-11-17T22:00:01Z").is_recent(DAY * 7, at(NOW)));
        assert!(!of("2026-11-17T22:00:00Z").is_recent(DAY * 7, at(NOW)));
        assert!(of("2026-11-24T22:00:05Z").is_recent(DAY * 7, at(NOW)), "a clock ahead of ours");
        assert!(!Past::default().is_recent(DAY * 7, at(NOW)));
    }

    #[test]
    fn who_was_never_ordered_goes_first_and_who_is_refused_every_time_does_not() {
        let turn = |all: &[Earlier]| past(all, ScanType::Full).turn();
        let yesterday = |status| earlier("2026-11-23T22:00:00Z", "Full", status);
        let old = turn(&[earlier("2026-11-10T22:00:00Z", "Full", "Succeeded")]);
        let refused = turn(&[Earlier { scope: None, refused: true, ..yesterday("") }]);
        assert!(turn(&[]) == 0 && turn(&[yesterday("Failed")]) == 0 && old > 0);
        assert!(old < refused && refused == turn(&[yesterday("Pending")]));
    }

    #[test]
    fn an_accepted_row_was_ordered_and_a_refused_one_only_asked() {
        let detail = Detail {
            first_sent_at: Some(at("2026-11-23T22:00:00Z")),
            action_scope: Some("Full".to_owned()),
            ..Detail::default()
        };
        let row = |outcome| Earlier::of_row(ScanType::Full, outcome, &detail).unwrap();
        let of = |outcome| row(outcome).scope;
        assert_eq!(of(Some(Outcome::Accepted)), Some(ScanType::Full));
        let covered = Outcome::AlreadyInProgress { covered: true };
        assert_eq!(of(Some(covered)), Some(ScanType::Full));
        let busy = Outcome::AlreadyInProgress { covered: false };
        for outcome in [busy, Outcome::Rejected, Outcome::Failed, Outcome::Unknown] {
            assert_eq!(of(Some(outcome)), None, "{outcome}");
        }
        assert_eq!(of(None), None, "not known yet");
        assert!(row(Some(Outcome::NotFound)).refused && !row(Some(busy)).refused);
        // One that was handed on behind a 404 goes behind the others, too.
        let missing = Detail { http_status: Some(404), ..detail.clone() };
        for outcome in [None, Some(Outcome::NotAttempted)] {
            let of = |detail| Earlier::of_row(ScanType::Full, outcome, detail).unwrap();
            assert!(of(&missing).refused && !of(&detail).refused, "{outcome:?}");
        }
        assert_eq!(Earlier::of_row(ScanType::Full, None, &Detail::default()), None);
    }

    #[test]
    fn coverage_tells_ordered_from_succeeded_and_names_who_waited_longest() {
        let mut coverage = Coverage::default();
        for (n, (when, status)) in (0..).zip([
            ("2026-11-23T22:00:00Z", "Succeeded"),
            ("2026-11-23T22:00:00Z", "Pending"),
            ("2026-11-01T22:00:00Z", "Succeeded"),
            ("2026-10-01T22:00:00Z", "Succeeded"),
            ("2026-11-23T22:00:00Z", "Failed"),
        ]) {
            let past = past(&[earlier(when, "Full", status)], ScanType::Full);
            coverage.add(DeviceId::from_bytes([n; 20]), &past, at(NOW));
        }
        assert_eq!(coverage.devices, 5);
        assert_eq!(coverage.week, Ordered { ordered: 2, succeeded: 1 });
        assert_eq!(coverage.month, Ordered { ordered: 3, succeeded: 2 });
        let oldest = (at("2026-10-01T22:00:00Z"), DeviceId::from_bytes([3; 20]));
        assert_eq!((coverage.never, coverage.oldest, coverage.left()), (1, Some(oldest), 3));
    }
}
