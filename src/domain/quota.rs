//! What one application in one tenant may call: quotas, and the pace inside them. Values and their
//! parsers only; whether a call may leave now is decided in `window`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::spelling::worded;
use super::timing::{Stamp, Timing};

/// At most `calls` in any half-open `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Quota {
    /// Calls in one window.
    pub calls: NonZeroU32,
    /// Length of the window.
    pub window: Duration,
}

/// The API's own limits for one operation ("100 calls per minute and 1500 calls per hour", Run
/// antivirus scan API page; the pages of the action list and of cancel say the same).
pub fn api_quotas() -> Vec<Quota> {
    let quota = |calls, seconds| Quota {
        calls: NonZeroU32::new(calls).expect("a constant above zero"),
        window: Duration::from_secs(seconds),
    };
    vec![quota(100, 60), quota(1500, 3600)]
}

/// For each quota, how many calls of a journal count against it now: those that the server can have
/// seen within its window.
pub fn used(quotas: &[Quota], seen_by: &[Stamp], now: Stamp) -> Vec<(Quota, u64)> {
    let count = |quota: &Quota| {
        let since = now.minus(quota.window);
        seen_by.iter().filter(|at| **at > since).count() as u64
    };
    quotas.iter().map(|quota| (*quota, count(quota))).collect()
}

/// Why a text is not a quota.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a limit; write calls/window with a unit, such as 100/1m, 1500/1h or 10/500ms"
)]
pub struct NotAQuota(String);

impl Quota {
    /// How long after the moment at which the L-th latest call can have been counted the next may
    /// be claimed: the window and a guard of a thousandth and `Timing::guard`, for clocks that
    /// drift and servers that count a closed window.
    pub fn reopens_after(&self, timing: &Timing) -> Duration {
        self.window + self.window / 1000 + timing.guard
    }

    /// This quota with its window divided by `scale`.
    #[must_use]
    pub fn scaled(self, scale: u32) -> Self {
        Self { window: self.window / scale.max(1), ..self }
    }

    /// This quota with `percent` of its calls left to others, and at least one call kept.
    #[must_use]
    pub fn leaving(self, percent: u8) -> Self {
        let kept = u64::from(self.calls.get()) * u64::from(100 - percent.min(99)) / 100;
        let kept = u32::try_from(kept).unwrap_or(u32::MAX);
        Self { calls: NonZeroU32::new(kept).unwrap_or(NonZeroU32::MIN), ..self }
    }

    /// Whether keeping this quota also keeps `other`.
    pub fn within(&self, other: &Quota) -> bool {
        // A span of `other.window` is covered by this many of our windows.
        let windows = other.window.as_micros().div_ceil(self.window.as_micros().max(1));
        windows * u128::from(self.calls.get()) <= u128::from(other.calls.get())
    }
}

worded! {
    /// How bursts are spread inside the quotas (`--pace`).
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    PaceKind {
        /// As early as the quotas allow, with bursts spread over a sixth of the shortest window.
        #[default]
        Fast = "fast",
        /// Evenly over the longest window.
        Even = "even",
    }
}

/// A pace: `burst` calls at once, then one each `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Calls that may leave at once after a rest.
    pub burst: NonZeroU32,
    /// Time between two calls after that.
    pub interval: Duration,
}

impl PaceKind {
    /// The pace for these quotas: for `Fast` a tenth of the shortest quota at once and then one per
    /// sixth of its even spacing; for `Even` one per even spacing of the longest.
    pub fn pace(self, quotas: &[Quota]) -> Option<Pace> {
        let per_call = |quota: &Quota| quota.window / quota.calls.get();
        match self {
            PaceKind::Fast => quotas.iter().min_by_key(|quota| quota.window).map(|shortest| Pace {
                burst: NonZeroU32::new(shortest.calls.get() / 10).unwrap_or(NonZeroU32::MIN),
                interval: per_call(shortest) / 6,
            }),
            PaceKind::Even => quotas
                .iter()
                .max_by_key(|quota| quota.window)
                .map(|longest| Pace { burst: NonZeroU32::MIN, interval: per_call(longest) }),
        }
    }
}

impl FromStr for Quota {
    type Err = NotAQuota;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotAQuota(text.to_owned());
        let (calls, window) = text.trim().split_once('/').ok_or_else(wrong)?;
        let calls = calls.trim().parse().map_err(|_| wrong())?;
        let window = parse_duration(window).ok_or_else(wrong)?;
        if window.is_zero() {
            return Err(wrong());
        }
        Ok(Self { calls, window })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.window.as_secs();
        write!(f, "{}/", self.calls)?;
        match self.window.as_micros() {
            3_600_000_000 => f.write_str("h"),
            60_000_000 => f.write_str("min"),
            micros if micros % 1_000_000 != 0 => write!(f, "{}ms", self.window.as_millis()),
            _ if seconds.is_multiple_of(3600) => write!(f, "{}h", seconds / 3600),
            _ if seconds.is_multiple_of(60) => write!(f, "{}min", seconds / 60),
            _ => write!(f, "{seconds}s"),
        }
    }
}

/// Reads `6s`, `1m`, `1h`, `500ms`, and sums of these such as `5h30m`; a bare unit (`m`) means one.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let number: u64 = if number.is_empty() { 1 } else { number.parse().ok()? };
        let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let micros = match unit {
            "ms" => 1_000,
            "s" | "sec" => 1_000_000,
            "m" | "min" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return None,
        };
        total = total.checked_add(Duration::from_micros(number.checked_mul(micros)?))?;
        rest = tail.trim_start();
    }
    Some(total)
}

/// A duration as `parse_duration` reads it back, such as `5h30m`; what is below a millisecond is
/// left out.
pub fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (u64::from(duration.subsec_millis()), "ms"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let text: String = parts.map(|(number, unit)| format!("{number}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// For how long calls can count that a store may have forgotten, from the moment at which that is
/// noticed: the last of them was claimed a moment before, and counts in the longest window of any
/// open campaign. Without one, the API's own windows count.
pub fn forgotten_for(longest: Option<Duration>, timing: &Timing) -> Duration {
    let api = api_quotas().into_iter().map(|quota| quota.window / timing.time_scale).max();
    let window = longest.or(api).unwrap_or_default();
    let quota = Quota { calls: NonZeroU32::MIN, window };
    timing.horizon() + quota.reopens_after(timing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(text: &str) -> Quota {
        text.parse().unwrap()
    }

    #[test]
    fn quotas_are_read_and_shown_in_the_units_of_the_api_page() {
        assert_eq!(quota("100/1m"), api_quotas()[0]);
        assert_eq!(quota(" 1500 / h "), api_quotas()[1]);
        assert_eq!(quota("200/15s").to_string(), "200/15s");
        assert_eq!(quota("1500/1h").to_string(), "1500/h");
        assert_eq!(quota("10/6000ms").to_string(), "10/6s");
        for wrong in ["", "100", "0/1m", "100/0s", "100/1x", "/1m", "-1/1m", "100/1m2"] {
            assert!(wrong.parse::<Quota>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_may_be_sums_and_overflow_is_refused() {
        assert_eq!(parse_duration("5h30m"), Some(Duration::from_secs(19_800)));
        assert_eq!(parse_duration("99999999999999999999h"), None);
        assert_eq!(parse_duration("18446744073709551615h"), None);
        for text in ["5h30m", "1m30s", "26h", "1s500ms", "4h", "250ms"] {
            assert_eq!(duration_text(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn room_for_others_is_rounded_down_and_one_call_is_kept() {
        assert_eq!(quota("1500/1h").leaving(25), quota("1125/1h"));
        assert_eq!(quota("3/1m").leaving(99), quota("1/1m"));
    }

    #[test]
    fn a_quota_is_within_another_only_if_keeping_it_keeps_the_other() {
        assert!(quota("50/1m").within(&quota("100/1m")));
        assert!(quota("25/1m").within(&quota("1500/1h")));
        assert!(!quota("26/1m").within(&quota("1500/1h")));
        assert!(!quota("100/5s").within(&quota("100/1m")));
        assert!(!quota("200/2m").within(&quota("100/1m")));
    }

    #[test]
    fn the_fast_pace_starts_with_a_tenth_and_ends_in_a_sixth_of_the_window() {
        let pace = PaceKind::Fast.pace(&api_quotas()).unwrap();
        assert_eq!((pace.burst.get(), pace.interval), (10, Duration::from_millis(100)));
        let even = PaceKind::Even.pace(&api_quotas()).unwrap();
        assert_eq!((even.burst.get(), even.interval), (1, Duration::from_millis(2_400)));
    }

    #[test]
    fn what_was_forgotten_counts_for_the_horizon_and_the_longest_window() {
        let timing = Timing::default();
        let hour = api_quotas().into_iter().max_by_key(|quota| quota.window).unwrap();
        let whole = timing.horizon() + hour.reopens_after(&timing);
        assert_eq!(forgotten_for(None, &timing), whole);
        assert_eq!(forgotten_for(Some(hour.window), &timing), whole);
        assert!(forgotten_for(Some(Duration::from_secs(2)), &timing) < Duration::from_secs(70));
        let scaled = forgotten_for(None, &timing.scaled(60));
        assert!(scaled < Duration::from_secs(62), "{scaled:?}");
    }
}
