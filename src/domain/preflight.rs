//! What is known about a device before the first call, in groups, and what is done with each:
//! skipped, asked last, asked. Pure rules over `Facts`; where the facts come from is the caller's.
//!
//! A device is skipped only for what is known: what is missing or not understood is asked. An
//! antivirus that is passive takes scans, so it makes no group.

mod group;

use std::time::Duration;

use jiff::Timestamp;

use super::facts::Facts;
use super::platform::{Platform, client_is_old};
use super::words::{self, Said, same_word};

pub use group::Group;

/// A device that did not report for so long is inactive (Microsoft's own bound, "Fix unhealthy
/// sensors" page).
pub const INACTIVE_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is done with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// It is not ordered, because of this group.
    Skip(Group),
    /// It is ordered after the others.
    Last,
    /// It is ordered.
    Send,
}

/// A set of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Groups(u32);

/// What is done with the devices of each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    skip: Groups,
    last: Groups,
}

impl Groups {
    /// The set with one more.
    #[must_use]
    pub fn with(self, group: Group) -> Self {
        Self(self.0 | group.bit())
    }

    /// The set without one.
    #[must_use]
    pub fn without(self, group: Group) -> Self {
        Self(self.0 & !group.bit())
    }

    /// Whether this one is in it.
    pub fn has(self, group: Group) -> bool {
        self.0 & group.bit() != 0
    }

    /// Those in it, in the order of `Group::ALL`.
    pub fn iter(self) -> impl Iterator<Item = Group> {
        Group::ALL.into_iter().filter(move |group| self.has(*group))
    }

    /// What the facts say of a device at this moment. `Busy` and `NotListed` are not facts of a
    /// device; whoever knows adds them.
    pub fn of(facts: &Facts, now: Timestamp) -> Self {
        let mut groups = Self::default();
        let platform = Platform::of(facts);
        let value = |word: &Option<String>, is: &str| {
            word.as_deref().is_some_and(|word| same_word(word, is))
        };
        for (is_in, group) in [
            (words::merged(facts) == Said::Yes, Group::Merged),
            (words::excluded(facts) == Said::Yes, Group::Excluded),
            (platform == Platform::Mobile, Group::Mobile),
            (platform == Platform::Network, Group::Network),
            (platform == Platform::Iot, Group::Iot),
            (platform == Platform::OldWindows, Group::OldWindows),
            (words::onboarded(facts) == Said::No, Group::NotOnboarded),
            (words::restricted(facts) == Said::Yes, Group::Restricted),
            (is_inactive(facts, now), Group::Inactive),
            (
                matches!(platform, Platform::Linux | Platform::MacOs) && client_is_old(facts),
                Group::OldClient,
            ),
            (platform == Platform::Unknown, Group::UnknownOs),
            (platform == Platform::WindowsServer || value(&facts.kind, "Server"), Group::Server),
            (value(&facts.value, "High") || is_critical(facts), Group::HighValue),
        ] {
            if is_in {
                groups = groups.with(group);
            }
        }
        groups
    }
}

/// Whether the portal calls the device critical.
pub fn is_critical(facts: &Facts) -> bool {
    let is = |word: &str| same_word(word, "High") || same_word(word, "Very high");
    facts.criticality.as_deref().is_some_and(is)
}

/// What the health says counts; the time of the last report only where nothing else is understood.
fn is_inactive(facts: &Facts, now: Timestamp) -> bool {
    match words::inactive(facts) {
        Said::Yes => true,
        Said::No => false,
        Said::Nothing | Said::NotUnderstood => {
            // Of a date with two meanings both must be long ago.
            let unsure = || facts.seen.as_ref()?.readings.latest();
            let seen = facts.last_seen.or_else(unsure);
            let long = |at| now.duration_since(at).unsigned_abs() > INACTIVE_AFTER;
            seen.is_some_and(|at| at < now && long(at))
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(&[], &[])
    }
}

impl Rules {
    /// The usual rules with these turned around. What is another tenant's stays skipped.
    pub fn new(keep: &[Group], skip: &[Group]) -> Self {
        let mut rules = Self { skip: Groups::default(), last: Groups::default() };
        for group in Group::ALL {
            match group.usual() {
                _ if skip.contains(&group) => rules.skip = rules.skip.with(group),
                _ if keep.contains(&group) && group.is_the_users() => {}
                Decision::Skip(_) => rules.skip = rules.skip.with(group),
                Decision::Last => rules.last = rules.last.with(group),
                Decision::Send => {}
            }
        }
        rules
    }

    /// What is done with a device in these groups.
    pub fn decide(&self, groups: Groups) -> Decision {
        if let Some(group) = self.skipping(groups).next() {
            return Decision::Skip(group);
        }
        if groups.iter().any(|group| self.last.has(group)) {
            Decision::Last
        } else {
            Decision::Send
        }
    }

    /// Why a device in these groups is skipped, if it is; `Recent` has a reason of its own.
    pub fn why_skipped(&self, groups: Groups) -> Option<String> {
        let skipping: Vec<Group> = self.skipping(groups).collect();
        let group = *skipping.first()?;
        let (what, name) = (group.what(), group.name());
        // A device is ordered only when nothing is left that skips it.
        let usual = |group: &Group| matches!(group.usual(), Decision::Skip(_));
        let why = if skipping.iter().all(|group| usual(group) && group.is_the_users()) {
            let keep = skipping.iter().map(|group| format!("--keep {}", group.name()));
            format!("{what} ({} orders it)", keep.collect::<Vec<_>>().join(" "))
        } else if usual(&group) {
            what.to_owned()
        } else {
            format!("on request (--skip {name}); {what}")
        };
        Some(group.reason(&why))
    }

    /// Those of these groups that skip a device, the one that is told as the reason first.
    fn skipping(&self, groups: Groups) -> impl Iterator<Item = Group> {
        let skip = self.skip;
        groups.iter().filter(move |group| skip.has(*group))
    }

    /// What is done with the devices of one group.
    pub fn on(&self, group: Group) -> Decision {
        self.decide(Groups::default().with(group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::moment::{Moment, Readings};

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn names(facts: &Facts) -> Vec<&'static str> {
        Groups::of(facts, now()).iter().map(Group::name).collect()
    }

    #[test]
    fn every_group_is_told_by_its_facts() {
        let windows = || Facts { platform: text("Windows11"), ..Facts::default() };
        let linux = |client: &str| Facts {
            platform: text("Ubuntu"),
            client: text(client),
            ..Facts::default()
        };
        let on = |platform: &str| Facts { platform: text(platform), ..Facts::default() };
        assert_eq!(names(&windows()), [""; 0]);
        assert_eq!(names(&Facts::default()), ["unknown-os"]);
        let id = "ba7bfa56319c2cb60f96537b5e032e291ab838e0";
        assert_eq!(names(&Facts { merged_into: text(id), ..windows() }), ["merged"]);
        assert_eq!(names(&Facts { merged_into: text(" "), ..windows() }), [""; 0]);
        assert_eq!(names(&Facts { exclusion: text("True"), ..windows() }), ["excluded"]);
        assert_eq!(names(&on("iOS")), ["mobile"]);
        assert_eq!(names(&on("NetworkDevice")), ["network"]);
        assert_eq!(names(&on("Windows8")), ["old-windows"]);
        assert_eq!(names(&on("WindowsServer2019")), ["server"]);
        assert_eq!(names(&linux("101.98.83")), ["old-client"]);
        assert_eq!(names(&linux("101.98.84")), [""; 0]);
        assert_eq!(names(&Facts { value: text("high"), ..windows() }), ["high-value"]);
        assert_eq!(names(&Facts { criticality: text("Very high"), ..windows() }), ["high-value"]);
        assert_eq!(names(&Facts { operations: text("Restricted"), ..windows() }), ["restricted"]);
        let off = Facts { switched_off: text("BasicResponse"), ..windows() };
        assert_eq!(names(&off), ["restricted"]);
        for word in ["Can be onboarded", "CanBeOnboarded", "Unsupported", "InsufficientInfo"] {
            let facts = Facts { onboarding: text(word), ..windows() };
            assert_eq!(names(&facts), ["not-onboarded"], "{word}");
        }
        for word in ["Onboarded", "onboarded ", "", " ", "-"] {
            let facts = Facts { onboarding: text(word), ..windows() };
            assert_eq!(names(&facts), [""; 0], "{word:?}");
        }
    }

    #[test]
    fn a_word_that_is_not_understood_puts_a_device_into_no_group_that_is_skipped() {
        let rules = Rules::default();
        for word in [
            "Onboarded (MDE)",
            "Yes",
            "Unknown",
            "Intégré",
            "Onboardet",
            "OnboardedRestricted",
            "オンボード済み",
            "?!",
            "0",
        ] {
            let word = text(word);
            let facts = Facts {
                onboarding: word.clone(),
                health: word.clone(),
                exclusion: word.clone(),
                platform: word.clone(),
                category: word.clone(),
                kind: word.clone(),
                operations: word.clone(),
                merged_into: word.clone(),
                value: word.clone(),
                criticality: word.clone(),
                ..Facts::default()
            };
            assert_eq!(rules.decide(Groups::of(&facts, now())), Decision::Send, "{word:?}");
        }
    }

    #[test]
    fn health_tells_who_is_inactive_and_the_last_report_only_without_it() {
        let facts = |health: &str, seen: &str| Facts {
            platform: text("Windows11"),
            health: text(health),
            last_seen: seen.parse().ok(),
            ..Facts::default()
        };
        assert_eq!(names(&facts("Inactive", "2026-11-24T11:00:00Z")), ["inactive"]);
        assert_eq!(names(&facts("Active", "2026-01-01T00:00:00Z")), [""; 0]);
        assert_eq!(names(&facts("", "2026-11-17T11:59:59Z")), ["inactive"]);
        assert_eq!(names(&facts("", "2026-11-17T12:00:00Z")), [""; 0]);
        assert_eq!(names(&facts("", "2027-11-17T12:00:00Z")), [""; 0], "a clock ahead of ours");
        assert_eq!(names(&facts("No sensor data", "2026-01-01T00:00:00Z")), [""; 0]);
        assert_eq!(names(&facts("Aktiv", "2026-01-01T00:00:00Z")), ["inactive"]);
        let unsure = |month_first: &str, day_first: &str| {
            let readings = Readings {
                month_first: month_first.parse().ok(),
                day_first: day_first.parse().ok(),
            };
            let seen = Some(Moment { text: String::new(), readings });
            names(&Facts { platform: text("Windows11"), seen, ..Facts::default() })
        };
        assert_eq!(unsure("2026-03-04T00:00:00Z", "2026-04-03T00:00:00Z"), ["inactive"]);
        assert_eq!(unsure("2026-11-01T00:00:00Z", "2026-11-23T00:00:00Z"), [""; 0]);
        assert_eq!(names(&facts("Aktiv", "2026-11-24T11:00:00Z")), [""; 0]);
    }

    #[test]
    fn what_cannot_scan_is_skipped_and_what_sleeps_or_may_refuse_comes_last() {
        let rules = Rules::default();
        let skipped: Vec<_> = Group::ALL
            .into_iter()
            .filter(|group| rules.on(*group) == Decision::Skip(*group))
            .map(Group::name)
            .collect();
        assert_eq!(
            skipped,
            [
                "other-tenant",
                "merged",
                "mobile",
                "network",
                "iot",
                "old-windows",
                "not-onboarded",
                "recent"
            ]
        );
        assert_eq!(rules.on(Group::Inactive), Decision::Last);
        assert_eq!(rules.on(Group::Restricted), Decision::Last);
        for group in
            [Group::Excluded, Group::Busy, Group::OldClient, Group::NotListed, Group::UnknownOs]
        {
            assert_eq!(rules.on(group), Decision::Send);
        }
    }

    #[test]
    fn each_rule_can_be_turned_around() {
        for group in Group::ALL {
            assert_eq!(Group::named(group.name()), Some(group));
            let kept = Rules::new(&[group], &[]).on(group);
            match group {
                Group::OtherTenant => assert_eq!(kept, Decision::Skip(group)),
                _ => assert_eq!(kept, Decision::Send),
            }
            assert_eq!(Rules::new(&[], &[group]).on(group), Decision::Skip(group));
        }
        assert_eq!(Group::named("phones"), None);
        // Keeping one group keeps no device that another one skips.
        let both = Groups::default().with(Group::Mobile).with(Group::NotOnboarded);
        assert_eq!(Rules::default().decide(both), Decision::Skip(Group::Mobile));
        let keep = Rules::new(&[Group::Mobile], &[]);
        assert_eq!(keep.decide(both), Decision::Skip(Group::NotOnboarded));
        assert_eq!(keep.decide(both.without(Group::NotOnboarded)), Decision::Send);
    }

    #[test]
    fn the_reason_of_a_skipped_row_tells_its_group_again() {
        for group in Group::ALL {
            let rules = Rules::new(&[], &[group]);
            let why = rules.why_skipped(Groups::default().with(group)).unwrap();
            assert_eq!(Group::of_reason(&why), Some(group), "{why}");
        }
        let both = Groups::default().with(Group::Iot).with(Group::NotOnboarded);
        let why = Rules::default().why_skipped(both).unwrap();
        assert!(why.contains("(--keep iot --keep not-onboarded orders it)"), "{why}");
        let why = Rules::new(&[], &[Group::Server]).why_skipped(Groups(Group::Server.bit()));
        assert!(why.unwrap().contains("on request (--skip server)"));
        let foreign = Groups::default().with(Group::OtherTenant);
        let why = Rules::default().why_skipped(foreign).unwrap();
        assert!(!why.contains("--keep"), "{why}");
        assert_eq!(Rules::default().why_skipped(Groups::default()), None);
        assert_eq!(Group::of_reason("left out: not onboarded"), None);
    }
}
