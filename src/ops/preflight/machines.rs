//! Which of the tenant's machines are meant. Filters that the API knows go to the server; those
//! that it does not know, and all the others once more, are applied here.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::defender::MachineFilter;
use crate::domain::Machine;
use crate::domain::platform::Platform;
use crate::domain::request::{Length, MachineFilters};
use crate::domain::words::same_word;
use crate::ops::failure::Failure;

/// The words of the API that a family of systems is named by here.
const FAMILIES: [(&str, Platform); 5] = [
    ("windows", Platform::Windows),
    ("windows-server", Platform::WindowsServer),
    ("macos", Platform::MacOs),
    ("linux", Platform::Linux),
    ("mobile", Platform::Mobile),
];

impl MachineFilters {
    /// What the server is asked for.
    ///
    /// # Errors
    /// `Failure` if `--filter` is none.
    pub(crate) fn filter(&self, now: Timestamp) -> Result<MachineFilter, Failure> {
        let mut filter = MachineFilter::default();
        filter.is_any("healthStatus", &self.health);
        filter.is_any("onboardingStatus", &self.onboarding);
        if self.os.iter().all(|name| family(name).is_none()) {
            filter.is_any("osPlatform", &self.os);
        }
        filter.has_any_tag(&self.tags);
        if let Some(at) = self.seen_within.and_then(|by| before(now, by.0)) {
            filter.seen_since(at);
        }
        if let Some(at) = self.not_seen_for.and_then(|by| before(now, by.0)) {
            filter.seen_before(at);
        }
        filter.is_any("deviceValue", &self.device_value);
        if self.dns_names.iter().all(|name| !name.contains('*')) {
            filter.is_any("computerDnsName", &self.dns_names);
        }
        if let Some(raw) = &self.filter {
            filter.raw(raw).map_err(|error| {
                Failure::usage(
                    format!("the filter `{raw}` cannot be used"),
                    error,
                    "write it as the API's page on OData queries shows, such as --filter \
                     \"riskScore eq 'High'\"",
                )
            })?;
        }
        Ok(filter)
    }

    /// Whether a machine is meant, as far as the flags say it; `--filter` is the server's alone.
    pub(crate) fn takes(&self, machine: &Machine, now: Timestamp) -> bool {
        let facts = &machine.facts;
        let any = |wanted: &[String], is: &dyn Fn(&str) -> bool| {
            wanted.is_empty() || wanted.iter().any(|one| is(one))
        };
        let same = |word: Option<&String>, is: &str| word.is_some_and(|word| same_word(word, is));
        let exact = |word: Option<&String>, is: &str| {
            word.is_some_and(|word| word.eq_ignore_ascii_case(is))
        };
        let seen = |by: Option<Length>| {
            let bound = by.and_then(|by| before(now, by.0))?;
            Some((facts.last_seen?, bound))
        };
        any(&self.health, &|one| same(facts.health.as_ref(), one))
            && any(&self.onboarding, &|one| same(facts.onboarding.as_ref(), one))
            && any(&self.os, &|one| match family(one) {
                Some(family) => is_of(Platform::of(facts), family),
                None => same(facts.platform.as_ref(), one),
            })
            && any(&self.tags, &|one| machine.tags.iter().any(|tag| tag == one))
            && any(&self.groups, &|one| exact(facts.group.as_ref(), one))
            && any(&self.device_value, &|one| same(facts.value.as_ref(), one))
            && any(&self.dns_names, &|one| {
                machine.name.as_deref().is_some_and(|name| matches(name, one))
            })
            && (self.seen_within.is_none()
                || seen(self.seen_within).is_some_and(|(at, bound)| at >= bound))
            && (self.not_seen_for.is_none()
                || seen(self.not_seen_for).is_some_and(|(at, bound)| at < bound))
    }
}

fn family(name: &str) -> Option<Platform> {
    FAMILIES.iter().find(|(word, _)| word.eq_ignore_ascii_case(name)).map(|(_, is)| *is)
}

/// An old Windows is a Windows too.
fn is_of(platform: Platform, family: Platform) -> bool {
    platform == family || (family == Platform::Windows && platform == Platform::OldWindows)
}

fn before(now: Timestamp, by: Duration) -> Option<Timestamp> {
    now.checked_sub(SignedDuration::try_from(by).ok()?).ok()
}

/// Whether a name is this one, in any case, where `*` stands for any characters.
fn matches(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.to_lowercase(), pattern.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeviceId, Facts};

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn a_star_stands_for_any_characters_and_case_does_not_matter() {
        for (pattern, fits) in [
            ("pc-1.corp", true),
            ("PC-1.Corp", true),
            ("pc-*", true),
            ("*.corp", true),
            ("p*1*rp", true),
            ("*", true),
            ("pc-1", false),
            ("*1", false),
            ("pc*pc*", false),
            ("", false),
        ] {
            assert_eq!(matches("pc-1.corp", pattern), fits, "{pattern}");
        }
    }

    #[test]
    fn what_the_api_does_not_know_stays_here_and_nothing_is_sent_for_it() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let here = MachineFilters {
            os: texts(&["linux", "Windows11"]),
            groups: texts(&["Servers"]),
            dns_names: texts(&["pc-*"]),
            ..MachineFilters::default()
        };
        assert_eq!(here.filter(now).unwrap().text(), None);
        let there = MachineFilters {
            os: texts(&["Windows11"]),
            seen_within: Some(Length(Duration::from_secs(86_400))),
            dns_names: texts(&["it's"]),
            ..MachineFilters::default()
        };
        assert_eq!(
            there.filter(now).unwrap().text().unwrap(),
            "osPlatform eq 'Windows11' and lastSeen ge 2026-11-23T12:00:00Z and \
             computerDnsName eq 'it''s'"
        );
        let machine = Machine {
            id: DeviceId::from_bytes([1; 20]),
            name: Some("PC-7.corp".to_owned()),
            facts: Facts {
                platform: Some("Ubuntu".to_owned()),
                group: Some("servers".to_owned()),
                ..Facts::default()
            },
            tags: Vec::new(),
            risk: None,
            exposure: None,
        };
        assert!(here.takes(&machine, now));
        assert!(!there.takes(&machine, now), "nothing says when it was seen");
        let other = MachineFilters { groups: texts(&["Clients"]), ..here };
        assert!(!other.takes(&machine, now));
    }
}
