//! What is known about a device before the first call, in groups, and what is done with each: left
//! out, asked last, asked. Pure rules over `Facts`; where the facts come from is the caller's.
//!
//! A device is left out only for what is known: what is missing or not understood is asked. An
//! antivirus that is passive takes scans, so it makes no group.

use std::time::Duration;

use jiff::Timestamp;

use super::machine::{Facts, same_word};
use super::platform::{Platform, client_is_old};

/// A device that did not report for so long is inactive (Microsoft's own bound, "Fix unhealthy
/// sensors" page).
pub const INACTIVE_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a device is known to be. A device can be in several groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Its record was merged into another one.
    Merged,
    /// It was excluded on purpose.
    Excluded,
    /// A phone or a tablet.
    Mobile,
    /// A network device.
    Network,
    /// A printer, a camera and the like.
    Iot,
    /// A Windows that is older than the API takes.
    OldWindows,
    /// Not onboarded.
    NotOnboarded,
    /// A scan that does was ordered within the time of `--due`.
    Recent,
    /// A scan is pending or running already.
    Busy,
    /// It has not reported for a week.
    Inactive,
    /// Linux or macOS with a client that is too old.
    OldClient,
    /// The tenant's inventory does not know it.
    NotListed,
    /// Nothing tells its operating system.
    UnknownOs,
    /// A server.
    Server,
    /// Marked as of high value.
    HighValue,
}

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
pub struct Groups(u16);

/// What is done with the devices of each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    skip: Groups,
    last: Groups,
}

impl Group {
    /// Every group; the first that leaves a device out is the reason that is told.
    pub const ALL: [Group; 15] = [
        Group::Merged,
        Group::Excluded,
        Group::Mobile,
        Group::Network,
        Group::Iot,
        Group::OldWindows,
        Group::NotOnboarded,
        Group::Recent,
        Group::Busy,
        Group::Inactive,
        Group::OldClient,
        Group::NotListed,
        Group::UnknownOs,
        Group::Server,
        Group::HighValue,
    ];

    /// The word on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Group::Merged => "merged",
            Group::Excluded => "excluded",
            Group::Mobile => "mobile",
            Group::Network => "network",
            Group::Iot => "iot",
            Group::OldWindows => "old-windows",
            Group::NotOnboarded => "not-onboarded",
            Group::Recent => "recent",
            Group::Busy => "busy",
            Group::Inactive => "inactive",
            Group::OldClient => "old-client",
            Group::NotListed => "not-listed",
            Group::UnknownOs => "unknown-os",
            Group::Server => "server",
            Group::HighValue => "high-value",
        }
    }

    /// What its devices are, for people.
    pub fn what(self) -> &'static str {
        match self {
            Group::Merged => "the record was merged into another one",
            Group::Excluded => "excluded in the portal on purpose",
            Group::Mobile => "iOS and Android take no scan orders",
            Group::Network => "network devices take no scan orders",
            Group::Iot => "printers and other IoT devices take no scan orders",
            Group::OldWindows => "Windows older than Windows 10 1709 takes no scan orders",
            Group::NotOnboarded => "not onboarded, so nothing there can scan",
            Group::Recent => "a scan that does was ordered within the time of --due",
            Group::Busy => "a scan is pending or running already",
            Group::Inactive => "not seen for a week",
            Group::OldClient => "Linux or macOS client below 101.98.84 may refuse",
            Group::NotListed => "not in the tenant's inventory",
            Group::UnknownOs => "the operating system is not known",
            Group::Server => "they run a server system",
            Group::HighValue => "marked as of high value",
        }
    }

    /// The group of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// What is done with its devices unless the user says otherwise.
    pub fn usual(self) -> Decision {
        match self {
            Group::Merged
            | Group::Excluded
            | Group::Mobile
            | Group::Network
            | Group::Iot
            | Group::OldWindows
            | Group::NotOnboarded
            | Group::Recent => Decision::Skip(self),
            Group::Inactive => Decision::Last,
            _ => Decision::Send,
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
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
        let known =
            |word: &Option<String>| word.as_deref().is_some_and(|word| !same_word(word, ""));
        for (is_in, group) in [
            (known(&facts.merged_into), Group::Merged),
            (facts.excluded, Group::Excluded),
            (platform == Platform::Mobile, Group::Mobile),
            (platform == Platform::Network, Group::Network),
            (platform == Platform::Iot, Group::Iot),
            (platform == Platform::OldWindows, Group::OldWindows),
            (
                known(&facts.onboarding) && !value(&facts.onboarding, "Onboarded"),
                Group::NotOnboarded,
            ),
            (is_inactive(facts, now), Group::Inactive),
            (
                matches!(platform, Platform::Linux | Platform::MacOs) && client_is_old(facts),
                Group::OldClient,
            ),
            (platform == Platform::Unknown, Group::UnknownOs),
            (platform == Platform::WindowsServer || value(&facts.kind, "Server"), Group::Server),
            (value(&facts.value, "High"), Group::HighValue),
        ] {
            if is_in {
                groups = groups.with(group);
            }
        }
        groups
    }
}

/// What the health says counts; the time of the last report only where nothing else is told.
fn is_inactive(facts: &Facts, now: Timestamp) -> bool {
    match facts.health.as_deref().map(str::trim) {
        Some(health) if !health.is_empty() => same_word(health, "Inactive"),
        _ => facts
            .last_seen
            .is_some_and(|at| at < now && now.duration_since(at).unsigned_abs() > INACTIVE_AFTER),
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(&[], &[])
    }
}

impl Rules {
    /// The usual rules with these turned around.
    pub fn new(keep: &[Group], skip: &[Group]) -> Self {
        let mut rules = Self { skip: Groups::default(), last: Groups::default() };
        for group in Group::ALL {
            match group.usual() {
                _ if skip.contains(&group) => rules.skip = rules.skip.with(group),
                _ if keep.contains(&group) => {}
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
        match groups.iter().any(|group| self.last.has(group)) {
            true => Decision::Last,
            false => Decision::Send,
        }
    }

    /// Those of these groups that leave a device out, the one that is told as the reason first.
    pub fn skipping(&self, groups: Groups) -> impl Iterator<Item = Group> {
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
        assert_eq!(names(&Facts { merged_into: text("a"), ..windows() }), ["merged"]);
        assert_eq!(names(&Facts { merged_into: text(" "), ..windows() }), [""; 0]);
        assert_eq!(names(&Facts { excluded: true, ..windows() }), ["excluded"]);
        assert_eq!(names(&on("iOS")), ["mobile"]);
        assert_eq!(names(&on("NetworkDevice")), ["network"]);
        assert_eq!(names(&on("Windows7")), ["old-windows"]);
        assert_eq!(names(&on("WindowsServer2019")), ["server"]);
        assert_eq!(names(&linux("101.98.83")), ["old-client"]);
        assert_eq!(names(&linux("101.98.84")), [""; 0]);
        assert_eq!(names(&Facts { value: text("high"), ..windows() }), ["high-value"]);
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
    }

    #[test]
    fn what_cannot_scan_is_left_out_and_what_sleeps_comes_last() {
        let rules = Rules::default();
        let skipped: Vec<_> = Group::ALL
            .into_iter()
            .filter(|group| rules.on(*group) == Decision::Skip(*group))
            .map(Group::name)
            .collect();
        assert_eq!(
            skipped,
            [
                "merged",
                "excluded",
                "mobile",
                "network",
                "iot",
                "old-windows",
                "not-onboarded",
                "recent"
            ]
        );
        assert_eq!(rules.on(Group::Inactive), Decision::Last);
        for group in [Group::Busy, Group::OldClient, Group::NotListed, Group::UnknownOs] {
            assert_eq!(rules.on(group), Decision::Send);
        }
    }

    #[test]
    fn each_rule_can_be_turned_around() {
        for group in Group::ALL {
            assert_eq!(Group::named(group.name()), Some(group));
            assert_eq!(Rules::new(&[group], &[]).on(group), Decision::Send);
            assert_eq!(Rules::new(&[], &[group]).on(group), Decision::Skip(group));
        }
        assert_eq!(Group::named("phones"), None);
        // Keeping one group keeps no device that another one leaves out.
        let both = Groups::default().with(Group::Mobile).with(Group::NotOnboarded);
        assert_eq!(Rules::default().decide(both), Decision::Skip(Group::Mobile));
        let keep = Rules::new(&[Group::Mobile], &[]);
        assert_eq!(keep.decide(both), Decision::Skip(Group::NotOnboarded));
        assert_eq!(keep.decide(both.without(Group::NotOnboarded)), Decision::Send);
    }
}
