//! What a report for people tells beside its rows: from when to when, how fast orders left, what
//! happened. There is no clock in it, so that two reports of one store are the same bytes.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::picture::burn::{BurnDown, so_far};
use super::picture::{CallsPicture, bands};
use crate::domain::{Happening, Minute, Quota, Tally};

/// What happened in a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// When it was confirmed.
    pub opened_at: Timestamp,
    /// When its last row ended.
    pub finished_at: Option<Timestamp>,
    /// Why its run stopped with work left, and what to do before somebody goes on.
    pub stopped: Option<String>,
    /// When its latest call was claimed.
    pub last_call_at: Option<Timestamp>,
    /// Calls that left.
    pub calls: u64,
    /// The limits that it kept.
    pub quotas: Vec<Quota>,
    /// The minutes in which they left.
    pub minutes: Vec<Minute>,
    /// What happened, in the order of time.
    pub happenings: Vec<Happening>,
    /// The zone of its times.
    pub zone: TimeZone,
}

/// The pictures of a campaign that is over, or stands still as far as its report knows.
pub(super) struct Pictures {
    pub(super) calls: CallsPicture,
    pub(super) left: BurnDown,
}

impl Story {
    /// The last moment of which it tells.
    pub(super) fn end(&self) -> Timestamp {
        let happened = self.happenings.last().map(|last| last.at);
        let all = [self.finished_at, self.last_call_at, happened];
        all.into_iter().flatten().fold(self.opened_at, Timestamp::max)
    }

    /// Answers with 429.
    pub(super) fn throttled(&self) -> u64 {
        self.minutes.iter().map(|minute| minute.throttled).sum()
    }

    pub(super) fn pictures(&self, tally: &Tally) -> Pictures {
        let Self { minutes, happenings, zone, .. } = self;
        let first = minutes.first().map_or(self.opened_at, |first| first.at);
        let (from, end) = (self.opened_at.min(first), self.end());
        // The bar of the last minute is as wide as the others.
        let minute = SignedDuration::from_secs(60);
        let called = minutes.last().and_then(|last| last.at.checked_add(minute).ok());
        let to = called.map_or(end, |called| called.max(end));
        let limit = |seconds| {
            let of_window = self.quotas.iter().filter(|quota| quota.window.as_secs() == seconds);
            of_window.map(|quota| u64::from(quota.calls.get())).min()
        };
        let calls = CallsPicture {
            from,
            to,
            now: None,
            minutes: minutes.clone(),
            ahead: Vec::new(),
            bands: bands(happenings, minutes, limit(3_600), (from, end)),
            per_minute: limit(60),
            per_hour: limit(3_600),
            zone: zone.clone(),
        };
        let left = BurnDown {
            from,
            to,
            now: None,
            devices: tally.devices(),
            so_far: so_far(tally, minutes, from, to),
            ahead: Vec::new(),
            by_limits: Vec::new(),
            zone: zone.clone(),
        };
        Pictures { calls, left }
    }
}
