//! Waves: how many devices are ordered before the others, what is waited for in between, and when
//! too many failed to go on. Pure rules; who is in which wave is the store's, when a wave is over
//! and how its actions stand the engine finds out.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::action::{has_ended, has_ended_badly};
use super::device::DeviceId;
use super::outcome::Outcome;
use super::spelling::{as_told, serialised_as_text};

/// Parts of a whole in which shares are kept: a hundredth of a percent each.
const WHOLE: u32 = 10_000;

/// From how many failures on it is too many to go on; one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxFailures {
    /// This share of the results, in hundredths of a percent.
    Share(u32),
    /// This many.
    Count(u64),
}

/// How the devices of a campaign are dealt into waves, and what is asked between two of them. The
/// default is one wave, after which nothing is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rollout {
    /// Devices of each wave but the last, which takes what remains.
    pub sizes: Vec<u64>,
    /// The first wave is a canary.
    pub canary: bool,
    /// How long is waited after the canary before it is judged.
    pub canary_wait: Duration,
    /// How long is waited after every other wave.
    pub wave_wait: Duration,
    /// From how many failures on a run stops; `None` if that was not asked for.
    pub max_failures: Option<MaxFailures>,
}

/// A time in which nothing is ordered, between two waves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The calls before it, from now on; it begins with the last of their answers.
    pub after: u64,
    /// How long it is.
    pub wait: Duration,
}

/// How the devices of a wave stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Devices that were asked.
    pub devices: u64,
    /// Those that failed, by what became of them.
    pub failures: BTreeMap<String, u64>,
    /// Scans that were ordered and have not ended, as far as was seen.
    #[serde(default)]
    pub under_way: u64,
    /// Those on which a scan was ordered.
    #[serde(default)]
    pub ordered: u64,
}

/// A wave that failed: nothing after it is ordered until somebody has looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaveFailure {
    /// What the wave is called.
    pub name: String,
    /// How its devices stood.
    pub figures: Figures,
    /// What was too many.
    pub most: MaxFailures,
}

impl MaxFailures {
    /// What is too many in a wave if nothing else is asked for.
    pub const OF_A_WAVE: MaxFailures = MaxFailures::Share(5 * 100);

    /// Whether so many failures of so many results are too many.
    pub fn is_reached(self, failures: u64, results: u64) -> bool {
        failures > 0
            && match self {
                Self::Share(share) => {
                    u128::from(failures) * u128::from(WHOLE)
                        >= u128::from(results) * u128::from(share)
                }
                Self::Count(count) => failures >= count,
            }
    }
}

impl FromStr for MaxFailures {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write a share such as 5% or 0.5%, or a number of devices".to_owned();
        let Some(share) = text.trim().strip_suffix('%') else {
            let count = text.trim().parse().ok().filter(|count| *count > 0);
            return count.map(Self::Count).ok_or_else(wrong);
        };
        let share = share.trim();
        let (whole, part) = share.split_once('.').unwrap_or((share, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 2 || share.ends_with('.') {
            return Err(wrong());
        }
        let hundredths = format!("{whole}{part:0<2}").parse().ok();
        let share = hundredths.filter(|share| (1..=WHOLE).contains(share));
        share.map(Self::Share).ok_or_else(wrong)
    }
}

impl fmt::Display for MaxFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) if share % 100 == 0 => write!(f, "{}%", share / 100),
            Self::Share(share) => {
                let part = format!("{:02}", share % 100);
                write!(f, "{}.{}%", share / 100, part.trim_end_matches('0'))
            }
            Self::Count(count) => write!(f, "{count}"),
        }
    }
}

serialised_as_text!(MaxFailures; as_told);

impl Rollout {
    /// Whether it asks for nothing at all.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The number of the last wave.
    pub fn last(&self) -> u32 {
        u32::try_from(self.sizes.len()).unwrap_or(u32::MAX)
    }

    /// What a wave is called, as in "the canary", "wave 2 of 3".
    pub fn name(&self, wave: u32) -> String {
        match wave {
            0 if self.canary => "the canary".to_owned(),
            _ => format!("wave {} of {}", wave.saturating_add(1), self.last().saturating_add(1)),
        }
    }

    /// How many of a campaign's devices are in a wave; how many are in all waves after it.
    pub fn sizes_at(&self, wave: u32, devices: u64) -> (u64, u64) {
        let wave = wave as usize;
        let before = self.sizes.iter().take(wave).sum::<u64>();
        let left = devices.saturating_sub(before);
        let size = self.sizes.get(wave).map_or(left, |size| left.min(*size));
        (size, left - size)
    }

    /// How long is waited after a wave.
    pub fn wait_after(&self, wave: u32) -> Duration {
        if wave == 0 && self.canary { self.canary_wait } else { self.wave_wait }
    }

    /// Where a campaign pauses from now on, when this many devices of the present wave wait for
    /// their turn: `left` is what is left of the wait after it, if that has begun.
    pub fn pauses(&self, wave: u32, waiting: u64, left: Option<Duration>) -> Vec<Pause> {
        let mut after = waiting;
        let sizes = self.sizes.iter().skip(wave as usize + 1);
        let mut pauses = Vec::new();
        for (number, size) in (wave..self.last()).zip(sizes.map(Some).chain([None])) {
            let wait = match left {
                Some(left) if number == wave => left,
                _ => self.wait_after(number),
            };
            pauses.push(Pause { after, wait });
            after = after.saturating_add(size.copied().unwrap_or(0));
        }
        pauses
    }
}

impl Figures {
    /// Counts a device that was asked: how it ended, and the status of the action that it has. One
    /// that is busy with somebody else's scan did not fail, and one that was called off says
    /// nothing.
    pub fn add(&mut self, outcome: Outcome, status: Option<&str>) {
        let ended = |word: &str| status.is_some_and(|status| status.eq_ignore_ascii_case(word));
        let failure = match outcome {
            Outcome::Rejected => Some("rejected"),
            Outcome::NotFound => Some("not found"),
            Outcome::Unknown => Some("not known"),
            Outcome::ScanFailed | Outcome::Failed if ended("Failed") => Some("scan failed"),
            Outcome::ScanFailed | Outcome::Failed if ended("TimeOut") => Some("scan timed out"),
            Outcome::Failed if status.is_some_and(has_ended_badly) => Some("scan was cancelled"),
            Outcome::Failed => Some("could not be ordered"),
            Outcome::Accepted | Outcome::ScanFailed | Outcome::AlreadyInProgress { .. } => None,
            _ => return,
        };
        self.devices += 1;
        let is_over = status.is_some_and(has_ended);
        self.ordered += u64::from(outcome.is_ordered());
        self.under_way += u64::from(outcome == Outcome::Accepted && !is_over);
        if let Some(failure) = failure {
            *self.failures.entry(failure.to_owned()).or_default() += 1;
        }
    }

    /// How many failed.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// The figures as a sentence without its full stop; `of` says whose they are, as in `of the
    /// canary`.
    pub fn told(&self, of: &str) -> String {
        let causes = self.failures.iter().map(|(what, devices)| format!("{devices} {what}"));
        let mut causes = causes.collect::<Vec<_>>().join(", ");
        if !causes.is_empty() {
            causes = format!(": {causes}");
        }
        format!("{} of {} devices {of} failed{causes}", self.failed(), self.devices)
    }

    /// The same of a wave that passed, which says nothing of scans that have not ended.
    pub fn told_as_passed(&self, of: &str) -> String {
        match self.under_way {
            _ if self.ordered == 0 => format!(
                "{}, but none was ordered, so that nothing is known of the others",
                self.told(of)
            ),
            0 => self.told(of),
            some => format!(
                "{}; {some} of their scans have not ended, so that nothing is known of those",
                self.told(of)
            ),
        }
    }
}

/// Whether a device that ended so counts as failed.
pub fn is_failure(outcome: Outcome) -> bool {
    use Outcome::{Failed, NotFound, Rejected, Unknown};
    matches!(outcome, Rejected | NotFound | Failed | Unknown)
}

impl fmt::Display for WaveFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, figures, most } = self;
        write!(f, "{}; {most} or more is too many", figures.told(&format!("of {name}")))
    }
}

/// The lot of a device: a seed draws the devices with the smallest ones. It depends on nothing
/// else, so that the same seed draws the same devices from the same set, whatever their order.
pub fn lot(seed: u64, device: DeviceId) -> u64 {
    let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(device.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn rollout() -> Rollout {
        Rollout {
            sizes: vec![20, 100],
            canary: true,
            canary_wait: MINUTE * 30,
            wave_wait: MINUTE,
            max_failures: None,
        }
    }

    #[test]
    fn a_share_or_a_count_is_reached_from_its_first_device_on_and_never_by_none() {
        let reached = |text: &str, failures, of| {
            text.parse::<MaxFailures>().unwrap().is_reached(failures, of)
        };
        assert!(!reached("5%", 0, 20) && !reached("5%", 0, 0) && !reached("1", 0, 9));
        // Less than one device is one.
        assert!(reached("5%", 1, 20) && reached("5%", 1, 5));
        assert!(!reached("5%", 4, 100) && reached("5%", 5, 100));
        assert!(!reached("0.5%", 59, 12_000) && reached("0.5%", 60, 12_000));
        assert!(!reached("20", 19, 20) && reached("20", 20, 12_000));
        assert!(reached("100%", 3, 3) && !reached("100%", 2, 3));
    }

    #[test]
    fn what_is_typed_is_read_and_shown_the_same_and_nonsense_is_refused() {
        for text in ["5%", "0.5%", "12.25%", "100%", "20", "1"] {
            let most: MaxFailures = text.parse().unwrap();
            assert_eq!(most.to_string(), text);
            let json = serde_json::to_string(&most).unwrap();
            assert_eq!(serde_json::from_str::<MaxFailures>(&json).unwrap(), most);
        }
        assert_eq!(".5%".parse(), Ok(MaxFailures::Share(50)));
        for wrong in ["", "%", "0", "0%", "0.00%", "101%", "5.%", "1.234%", "-5%", "five", "5 of 9"]
        {
            assert!(wrong.parse::<MaxFailures>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_refusals_doubts_and_scans_that_ended_badly_count_as_failures() {
        let mut figures = Figures::default();
        for outcome in Outcome::ALL {
            figures.add(outcome, None);
        }
        for status in ["Pending", "Succeeded", "Cancelled", "failed", "TimeOut"] {
            let failed = has_ended_badly(status);
            let ordered = if failed { Outcome::ScanFailed } else { Outcome::Accepted };
            figures.add(ordered, Some(status));
            figures.add(Outcome::AlreadyInProgress { covered: false }, Some(status));
        }
        assert_eq!(
            figures.told("of the canary"),
            "6 of 18 devices of the canary failed: 1 could not be ordered, 1 not found, 1 not \
             known, 1 rejected, 1 scan failed, 1 scan timed out"
        );
        assert_eq!(figures.under_way, 2, "one without a status, and one that is pending");
        assert!(
            figures
                .told_as_passed("of the canary")
                .ends_with("; 2 of their scans have not ended, so that nothing is known of those")
        );
        let mut busy = Figures::default();
        busy.add(Outcome::AlreadyInProgress { covered: true }, Some("Pending"));
        assert_eq!(
            busy.told_as_passed("of the canary"),
            "0 of 1 devices of the canary failed, but none was ordered, so that nothing is known \
             of the others"
        );
        let failure = WaveFailure {
            name: "wave 2 of 3".to_owned(),
            figures: Figures { devices: 3, ..Figures::default() },
            most: MaxFailures::OF_A_WAVE,
        };
        assert_eq!(
            failure.to_string(),
            "0 of 3 devices of wave 2 of 3 failed; 5% or more is too many"
        );
    }

    #[test]
    fn waves_have_their_sizes_names_and_waits() {
        let rollout = rollout();
        assert_eq!(rollout.last(), 2);
        assert_eq!(
            [0, 1, 2].map(|wave| rollout.sizes_at(wave, 130)),
            [(20, 110), (100, 10), (10, 0)]
        );
        assert_eq!([0, 1, 2].map(|wave| rollout.sizes_at(wave, 50)), [(20, 30), (30, 0), (0, 0)]);
        assert_eq!([0, 1].map(|wave| rollout.wait_after(wave)), [MINUTE * 30, MINUTE]);
        assert_eq!([0, 2].map(|wave| rollout.name(wave)), ["the canary", "wave 3 of 3"]);
        assert_eq!(Rollout::default().sizes_at(0, 7), (7, 0));
        assert!(Rollout::default().is_plain() && !rollout.is_plain());
    }

    #[test]
    fn pauses_are_those_that_are_still_to_come() {
        let pauses = |wave, waiting, left| {
            let pauses = rollout().pauses(wave, waiting, left);
            pauses.into_iter().map(|pause| (pause.after, pause.wait)).collect::<Vec<_>>()
        };
        assert_eq!(pauses(0, 20, None), [(20, MINUTE * 30), (120, MINUTE)]);
        assert_eq!(pauses(0, 3, None), [(3, MINUTE * 30), (103, MINUTE)]);
        assert_eq!(pauses(0, 0, Some(MINUTE * 9)), [(0, MINUTE * 9), (100, MINUTE)]);
        assert_eq!(pauses(1, 7, None), [(7, MINUTE)]);
        assert_eq!(pauses(2, 7, None), []);
        assert_eq!(Rollout::default().pauses(0, 7, None), []);
    }

    #[test]
    fn a_seed_draws_the_same_devices_again_and_another_one_others() {
        let devices: Vec<DeviceId> = (0..200_u8).map(|n| DeviceId::from_bytes([n; 20])).collect();
        let drawn = |seed: u64| {
            let mut lots: Vec<_> = devices.iter().map(|one| (lot(seed, *one), *one)).collect();
            lots.sort_unstable();
            lots.into_iter().take(10).map(|(_, one)| one).collect::<Vec<_>>()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let first = |seed: u64| drawn(seed).iter().filter(|one| one.as_bytes()[0] < 100).count();
        let share: usize = (0..40).map(first).sum();
        assert!((150..250).contains(&share), "{share} of 400 come from the first half");
    }
}
