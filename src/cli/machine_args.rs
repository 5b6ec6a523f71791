//! Which of the tenant's machines are meant: the flags of `devices` and of `scan --from-tenant`.
//! Filters that the API knows go to the server; those that it does not know, and all the others
//! once more, are applied here.

use std::time::Duration;

use clap::{Args, Parser};
use jiff::{SignedDuration, Timestamp};

use super::failure::Failure;
use crate::defender::MachineFilter;
use crate::domain::Machine;
use crate::domain::machine::same_word;
use crate::domain::platform::Platform;
use crate::domain::quota::{duration_text, parse_duration};

/// Which machines. Different flags all hold; of one flag given twice either may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Which of the tenant's devices")]
pub struct MachineArgs {
    /// Health: active, inactive, impaired-communication, no-sensor-data, ...; repeatable
    #[arg(long, value_name = "STATE", value_parser = health)]
    pub health: Vec<String>,

    /// Onboarding: onboarded, can-be-onboarded, unsupported, insufficient-info; repeatable
    #[arg(long, value_name = "STATE", value_parser = onboarding)]
    pub onboarding: Vec<String>,

    /// System: windows, windows-server, macos, linux or mobile, or as Defender writes it, such as
    /// Windows11 or Ubuntu; repeatable
    #[arg(long, value_name = "NAME")]
    pub os: Vec<String>,

    /// Tag; repeatable
    #[arg(long = "tag", value_name = "TEXT")]
    pub tags: Vec<String>,

    /// Device group; repeatable
    #[arg(long = "group", value_name = "NAME")]
    pub groups: Vec<String>,

    /// Last report within this time, such as 7d
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub seen_within: Option<Duration>,

    /// No report for this time, such as 30d
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub not_seen_for: Option<Duration>,

    /// Device value: low, normal or high; repeatable
    #[arg(long, value_name = "VALUE", value_parser = value)]
    pub device_value: Vec<String>,

    /// DNS name, * for any characters; repeatable
    #[arg(long = "name", value_name = "NAME")]
    pub dns_names: Vec<String>,

    /// More in the API's own language, such as "riskScore eq 'High'"
    #[arg(long, value_name = "ODATA")]
    pub filter: Option<String>,
}

/// The filters as a command line of their own.
#[derive(Debug, Parser)]
#[command(disable_help_flag = true)]
struct Filters {
    #[command(flatten)]
    machines: MachineArgs,
}

/// The words of the API that a family of systems is named by here.
const FAMILIES: [(&str, Platform); 5] = [
    ("windows", Platform::Windows),
    ("windows-server", Platform::WindowsServer),
    ("macos", Platform::MacOs),
    ("linux", Platform::Linux),
    ("mobile", Platform::Mobile),
];

impl MachineArgs {
    /// Whether every machine is meant.
    pub(super) fn is_empty(&self) -> bool {
        let lists = [
            &self.health,
            &self.onboarding,
            &self.os,
            &self.tags,
            &self.groups,
            &self.device_value,
            &self.dns_names,
        ];
        lists.into_iter().all(Vec::is_empty)
            && self.seen_within.is_none()
            && self.not_seen_for.is_none()
            && self.filter.is_none()
    }

    /// The flags, as they can be typed again.
    pub(super) fn flags(&self) -> Vec<String> {
        let Self { health, onboarding, os, tags, groups, device_value, dns_names, .. } = self;
        let Self { seen_within, not_seen_for, filter, .. } = self;
        let lists = [
            ("health", health),
            ("onboarding", onboarding),
            ("os", os),
            ("tag", tags),
            ("group", groups),
            ("device-value", device_value),
            ("name", dns_names),
        ];
        let one = |text: &Option<String>| text.clone().into_iter().collect();
        let times = [("seen-within", seen_within), ("not-seen-for", not_seen_for)];
        let mut flags: Vec<(&str, Vec<String>)> =
            lists.map(|(name, values)| (name, values.clone())).into();
        flags.extend(times.map(|(name, time)| (name, one(&time.map(duration_text)))));
        flags.push(("filter", one(filter)));
        let typed = |(name, values): (&str, Vec<String>)| {
            values.into_iter().map(|value| format!("--{name}={value}")).collect::<Vec<_>>()
        };
        flags.into_iter().flat_map(typed).collect()
    }

    /// Reads what `flags` gave.
    ///
    /// # Errors
    /// The parser's own words, if that is not what it was.
    pub(super) fn of_flags(flags: &[String]) -> Result<Self, String> {
        let words = std::iter::once("filters").chain(flags.iter().map(String::as_str));
        Ok(Filters::try_parse_from(words).map_err(|error| error.to_string())?.machines)
    }

    /// What the server is asked for.
    ///
    /// # Errors
    /// `Failure` if `--filter` is none.
    pub(super) fn filter(&self, now: Timestamp) -> Result<MachineFilter, Failure> {
        let mut filter = MachineFilter::default();
        filter.is_any("healthStatus", &self.health);
        filter.is_any("onboardingStatus", &self.onboarding);
        if self.os.iter().all(|name| family(name).is_none()) {
            filter.is_any("osPlatform", &self.os);
        }
        filter.has_any_tag(&self.tags);
        if let Some(at) = self.seen_within.and_then(|by| before(now, by)) {
            filter.seen_since(at);
        }
        if let Some(at) = self.not_seen_for.and_then(|by| before(now, by)) {
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
                    error.to_string(),
                    "write it as the API's page on OData queries shows, such as --filter \
                     \"riskScore eq 'High'\"",
                )
            })?;
        }
        Ok(filter)
    }

    /// Whether a machine is meant, as far as the flags say it; `--filter` is the server's alone.
    pub(super) fn takes(&self, machine: &Machine, now: Timestamp) -> bool {
        let facts = &machine.facts;
        let any = |wanted: &[String], is: &dyn Fn(&str) -> bool| {
            wanted.is_empty() || wanted.iter().any(|one| is(one))
        };
        let same = |word: Option<&String>, is: &str| word.is_some_and(|word| same_word(word, is));
        let exact = |word: Option<&String>, is: &str| {
            word.is_some_and(|word| word.eq_ignore_ascii_case(is))
        };
        let seen = |by: Option<Duration>| {
            let bound = by.and_then(|by| before(now, by))?;
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

fn one_of(text: &str, words: &[&str]) -> Result<String, String> {
    let known = words.iter().find(|word| same_word(word, text));
    known.map(|word| (*word).to_owned()).ok_or_else(|| format!("write one of {}", words.join(", ")))
}

fn health(text: &str) -> Result<String, String> {
    const WORDS: [&str; 6] = [
        "Active",
        "Inactive",
        "ImpairedCommunication",
        "NoSensorData",
        "NoSensorDataImpairedCommunication",
        "Unknown",
    ];
    one_of(text, &WORDS)
}

fn onboarding(text: &str) -> Result<String, String> {
    one_of(text, &["Onboarded", "CanBeOnboarded", "Unsupported", "InsufficientInfo"])
}

fn value(text: &str) -> Result<String, String> {
    one_of(text, &["Low", "Normal", "High"])
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "write a time with its unit, such as 12h or 7d".to_owned())
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
    fn filters_are_read_back_from_the_flags_that_they_are_written_as() {
        let all = MachineArgs {
            health: texts(&["Active", "Inactive"]),
            onboarding: texts(&["Onboarded"]),
            os: texts(&["linux", "-odd"]),
            tags: texts(&["it's (a) \"test\"", "--tag=x"]),
            groups: texts(&["Berlin"]),
            seen_within: Some(Duration::from_secs(7 * 86_400)),
            not_seen_for: Some(Duration::from_millis(90_500)),
            device_value: texts(&["High"]),
            dns_names: texts(&["pc-*", ""]),
            filter: Some("riskScore eq 'High'".to_owned()),
        };
        assert_eq!(MachineArgs::of_flags(&all.flags()).unwrap(), all);
        assert_eq!(MachineArgs::of_flags(&[]).unwrap(), MachineArgs::default());
        assert!(MachineArgs::of_flags(&texts(&["--approve-max=9"])).is_err());
    }

    #[test]
    fn what_the_api_does_not_know_stays_here_and_nothing_is_sent_for_it() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let here = MachineArgs {
            os: texts(&["linux", "Windows11"]),
            groups: texts(&["Servers"]),
            dns_names: texts(&["pc-*"]),
            ..MachineArgs::default()
        };
        assert_eq!(here.filter(now).unwrap().text(), None);
        let there = MachineArgs {
            os: texts(&["Windows11"]),
            seen_within: Some(Duration::from_secs(86_400)),
            dns_names: texts(&["it's"]),
            ..MachineArgs::default()
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
        let other = MachineArgs { groups: texts(&["Clients"]), ..here };
        assert!(!other.takes(&machine, now));
    }
}
