//! Limits that the server names in a 429 ("Maximum allowed 30 per 00:01:00"). One that is lower
//! than ours is kept from then on, beside ours, so that nothing it says can raise a limit. It is
//! forgotten a day after it was named last: the server may have raised it again, and if it has not,
//! the next 429 names it anew. Pure; that all runners keep it is the store's.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::quota::{Quota, api_quotas};
use super::timing::{Stamp, Timing};

/// Windows of which a limit is kept at the same time.
const MOST: usize = 4;

/// The most calls of a limit that is believed; a larger one would hold nothing.
const CALLS_MAX: u32 = 1_000_000;

/// The longest window that is believed.
const WINDOW_MAX: Duration = Duration::from_secs(24 * 3600);

/// A limit that the server named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedLimit {
    /// The limit, on the clock that our own limits are on.
    pub quota: Quota,
    /// Since when it is kept: calls claimed before may still be over it.
    pub since: Stamp,
    /// Until when.
    pub until: Stamp,
}

/// The limits that the server named for one budget, one for each length of window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamedLimits([Option<NamedLimit>; MOST]);

impl NamedLimits {
    /// All of them, those that are over included.
    pub fn iter(&self) -> impl Iterator<Item = &NamedLimit> {
        self.0.iter().flatten()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Those that are kept at this moment.
    pub fn in_force(&self, now: Stamp) -> impl Iterator<Item = Quota> {
        self.0.into_iter().flatten().filter(move |limit| limit.until > now).map(|limit| limit.quota)
    }

    /// Those that are kept at this moment and that our own quotas do not imply.
    pub fn lowering(&self, own: &[Quota], now: Stamp) -> Vec<Quota> {
        let is_lower = |limit: &Quota| !own.iter().any(|own| own.within(limit));
        self.in_force(now).filter(is_lower).collect()
    }

    /// The server named a limit. A lower one takes the place of what was named before; a higher one
    /// does not, and lets the lower one run out.
    pub fn hear(&mut self, quota: Quota, now: Stamp, timing: &Timing) {
        let until = now.plus(timing.named_for);
        let there = self.0.iter_mut().flatten().find(|limit| limit.quota.window == quota.window);
        match there {
            Some(there) if there.until <= now || quota.calls < there.quota.calls => {
                *there = NamedLimit { quota, since: now, until };
            }
            Some(there) if quota.calls == there.quota.calls => there.until = until,
            Some(_) => {}
            None => {
                // The place of none, or of the one that runs out first.
                let place = self.0.iter_mut().min_by_key(|limit| limit.map(|limit| limit.until));
                if let Some(place) = place {
                    *place = Some(NamedLimit { quota, since: now, until });
                }
            }
        }
    }

    /// Whether a 429 that named this limit says something that was not kept yet when its call was
    /// claimed: then nobody else need have called.
    pub fn was_news(&self, quota: &Quota, claimed_at: Stamp) -> bool {
        self.iter().any(|limit| limit.quota.window == quota.window && claimed_at <= limit.since)
    }

    /// Those of two budgets that become one.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let mut all: Vec<NamedLimit> = self.iter().chain(other.iter()).copied().collect();
        all.sort_by_key(|limit| (limit.quota.window, limit.quota.calls));
        all.dedup_by_key(|limit| limit.quota.window);
        Self::from_iter(all)
    }
}

impl FromIterator<NamedLimit> for NamedLimits {
    /// The first of them, as many as are kept.
    fn from_iter<T: IntoIterator<Item = NamedLimit>>(limits: T) -> Self {
        let mut kept = Self::default();
        for (place, limit) in kept.0.iter_mut().zip(limits) {
            *place = Some(limit);
        }
        kept
    }
}

/// The limit that a message of the API names, such as "maximum allowed 1500 per 01:00:00". Returns
/// `None` if it names none in just this form, or one that nobody can mean: no calls, no time, more
/// than a day.
pub fn limit_in(message: &str) -> Option<Quota> {
    let words: Vec<&str> = message.split_whitespace().collect();
    let quota = words.windows(5).find_map(|words| match words {
        [maximum, allowed, calls, per, window]
            if maximum.eq_ignore_ascii_case("maximum")
                && allowed.eq_ignore_ascii_case("allowed")
                && per.eq_ignore_ascii_case("per") =>
        {
            let all_digits = calls.bytes().all(|byte| byte.is_ascii_digit());
            let calls = if all_digits { calls.parse().ok()? } else { return None };
            Some(Quota { calls, window: clock_time(window)? })
        }
        _ => None,
    })?;
    let sound = quota.calls.get() <= CALLS_MAX
        && quota.window <= WINDOW_MAX
        && quota.window >= Duration::from_millis(1);
    if sound { Some(quota) } else { None }
}

/// A limit that the server named, on the clock that our own limits are on. Where time is scaled, a
/// server can name its windows as the real one does, or as they are here.
pub fn as_counted(named: Quota, timing: &Timing) -> Quota {
    let scale = timing.time_scale;
    let own = api_quotas();
    let Some(same) = own.iter().find(|quota| quota.window == named.window) else { return named };
    let is_scaled = own.iter().any(|quota| quota.scaled(scale).window == named.window);
    if is_scaled && named.calls > same.calls { named } else { named.scaled(scale) }
}

/// A length of time as .NET writes it: `[days.]hours:minutes:seconds[.fraction]`; what ends a
/// sentence may follow.
pub fn clock_time(text: &str) -> Option<Duration> {
    let text = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let [days, hours, minutes, seconds] = [days, hours, minutes, seconds].map(whole);
    let hours = days?.saturating_mul(24).saturating_add(hours?);
    let minutes = hours.saturating_mul(60).saturating_add(minutes?);
    let seconds = minutes.saturating_mul(60).saturating_add(seconds?);
    whole(fraction)?;
    let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    Some(Duration::new(seconds, nanos.parse().ok()?))
}

/// A whole number; one that is too large saturates upwards, so that it can only lengthen a wait.
pub(super) fn whole(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { Some(digits.parse().unwrap_or(u64::from(u32::MAX))) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(text: &str) -> Quota {
        text.parse().unwrap()
    }

    fn at(seconds: u64) -> Stamp {
        Stamp::ZERO.plus(Duration::from_secs(seconds))
    }

    const DAY: u64 = 24 * 3600;

    #[test]
    fn the_forms_of_the_api_are_read_and_nothing_else_is() {
        let key = "API calls quota exceeded! Maximum allowed 30 per 00:01:00 for the key \
                   Destination+TenantID+AppID. You can send requests again in 8 seconds.";
        let read = [
            (key, "30/1m"),
            ("API calls quota exceeded! maximum allowed 1500 per 01:00:00", "1500/1h"),
            ("maximum allowed 45 per 00:01:00.", "45/1m"),
            ("MAXIMUM ALLOWED 45 PER 00:00:06", "45/6s"),
            ("maximum allowed 5 per 00:00:00.5000000", "5/500ms"),
            ("maximum allowed 9000 per 1.00:00:00", "9000/24h"),
        ];
        for (message, expected) in read {
            assert_eq!(limit_in(message), Some(quota(expected)), "{message}");
        }
        for message in [
            "",
            "maximum allowed 0 per 00:01:00",
            "maximum allowed -5 per 00:01:00",
            "maximum allowed +5 per 00:01:00",
            "maximum allowed 30 per 00:00:00",
            "maximum allowed 30 per 00:00:00.0000001",
            "maximum allowed 30 per 2.00:00:00",
            "maximum allowed 30 per 24:00:01",
            "maximum allowed 30 per 99999999999999999999:00:00",
            "maximum allowed 99999999999999999999 per 00:01:00",
            "maximum allowed 1000001 per 00:01:00",
            "maximum allowed 1e3 per 00:01:00",
            "maximum allowed 30 per minute",
            "maximum allowed 30 per 01:00",
            "maximum allowed 30 per 1:2:3:4",
            "maximum allowed thirty per 00:01:00",
            "maximum 30 per 00:01:00",
            "allowed 30 per 00:01:00",
            "maximum allowed 30",
        ] {
            assert_eq!(limit_in(message), None, "{message}");
        }
    }

    #[test]
    fn a_lower_limit_is_kept_for_a_day_after_it_was_named_last() {
        let timing = Timing::default();
        let mut named = NamedLimits::default();
        let kept = |named: &NamedLimits, now| named.in_force(now).collect::<Vec<_>>();
        named.hear(quota("30/1m"), at(10), &timing);
        assert_eq!(kept(&named, at(DAY + 9)), [quota("30/1m")]);
        assert_eq!(kept(&named, at(DAY + 10)), []);
        named.hear(quota("30/1m"), at(20), &timing);
        assert_eq!(kept(&named, at(DAY + 19)), [quota("30/1m")]);
        // A higher one raises nothing and prolongs nothing; a lower one counts at once.
        named.hear(quota("60/1m"), at(30), &timing);
        assert_eq!(kept(&named, at(DAY + 19)), [quota("30/1m")]);
        assert_eq!(kept(&named, at(DAY + 20)), []);
        named.hear(quota("10/1m"), at(40), &timing);
        named.hear(quota("500/1h"), at(40), &timing);
        assert_eq!(kept(&named, at(41)), [quota("10/1m"), quota("500/1h")]);
        // After its day the server's new word counts, also if it is a higher one.
        named.hear(quota("60/1m"), at(2 * DAY), &timing);
        assert_eq!(kept(&named, at(2 * DAY)), [quota("60/1m")]);
    }

    #[test]
    fn only_calls_claimed_before_a_limit_was_kept_are_explained_by_it() {
        let mut named = NamedLimits::default();
        named.hear(quota("30/1m"), at(10), &Timing::default());
        assert!(named.was_news(&quota("30/1m"), at(9)));
        assert!(!named.was_news(&quota("30/1m"), at(11)));
        assert!(!named.was_news(&quota("30/1h"), at(9)));
    }

    #[test]
    fn however_many_windows_are_named_a_few_are_kept() {
        let mut named = NamedLimits::default();
        for second in 1..100 {
            let quota = Quota { window: Duration::from_secs(second), ..quota("5/1m") };
            named.hear(quota, at(second), &Timing::default());
        }
        assert_eq!(named.iter().count(), MOST);
        assert!(named.iter().any(|limit| limit.quota.window == Duration::from_secs(99)));
    }

    #[test]
    fn of_two_budgets_that_become_one_the_lower_limits_stay() {
        let timing = Timing::default();
        let (mut one, mut other) = (NamedLimits::default(), NamedLimits::default());
        one.hear(quota("30/1m"), at(1), &timing);
        other.hear(quota("20/1m"), at(2), &timing);
        other.hear(quota("500/1h"), at(3), &timing);
        for merged in [one.merged(other), other.merged(one)] {
            let kept: Vec<Quota> = merged.in_force(at(4)).collect();
            assert_eq!(kept, [quota("20/1m"), quota("500/1h")]);
        }
    }

    #[test]
    fn towards_a_scaled_server_a_window_is_meant_as_the_server_counts_it() {
        let scaled = |text: &str, scale: u32| {
            as_counted(quota(text), &Timing::default().scaled(scale)).to_string()
        };
        assert_eq!(scaled("30/1m", 1), "30/min");
        assert_eq!(scaled("30/1m", 10), "30/6s");
        assert_eq!(scaled("30/6s", 10), "30/6s");
        assert_eq!(scaled("700/1h", 10), "700/6min");
        // A minute is the sixtieth of an hour: more than a minute's calls are an hour's.
        assert_eq!(scaled("30/1m", 60), "30/1s");
        assert_eq!(scaled("1500/1m", 60), "1,500/min".replace(',', ""));
    }
}
