//! A plan as a file that people approve: what is to be ordered, where, and under which rules. It is
//! compared with what would be ordered later; reading and writing the file is the command line's.
//!
//! What may differ is what nobody approves: times, the quota that is used, the store, and where the
//! list comes from, since what counts is what is in it.

mod course;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::campaign::{BusyPolicy, CampaignName, Differences, Order};
pub use course::{Canary, Course, First, Who, hash_in_order};

/// The version of the file that this program writes and reads.
pub const VERSION: u8 = 1;

/// The type in its second field.
pub const KIND: &str = "plan_file";

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// `VERSION`.
    pub v: u8,
    /// `KIND`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The campaign's name: a plan that is run twice is one campaign, and is ordered once.
    pub campaign: CampaignName,
    /// It runs against the embedded emulator.
    pub emulated: bool,
    /// What is ordered, where and why.
    pub order: Order,
    /// What the list holds.
    pub list: List,
    /// What of it is skipped.
    pub left_out: LeftOut,
    /// Where the list comes from.
    pub source: Source,
    /// What decides what is ordered, and how fast.
    pub options: Options,
    /// Who goes first, in which waves, and what stops it.
    #[serde(default)]
    pub course: Course,
    /// What is known of the devices, for people.
    pub checked: Checked,
    /// When, for people.
    pub times: Times,
}

/// Rows of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// All of them.
    pub rows: u64,
    /// Devices that are ordered.
    pub devices: u64,
    /// Rows whose device stands in an earlier row.
    pub duplicates: u64,
    /// Rows that hold no device.
    pub bad_rows: u64,
}

/// Devices that are skipped, and all groups of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// How many are skipped.
    pub devices: u64,
    /// SHA-256 over their sorted ids: see `campaign::hash_of_ids`.
    pub ids_hash: String,
    /// Every group of the list with what is done with it; none where a campaign that is open tells
    /// only whom it skipped.
    pub groups: Vec<Group>,
}

/// Devices of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The group's name, as `--skip` takes it.
    pub group: String,
    /// How many devices.
    pub devices: u64,
    /// `skip`, `last` or `send`.
    pub decision: String,
}

/// Where a list comes from, so that nobody need type it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Absolute paths; `-` is standard input.
    pub lists: Vec<String>,
    /// The tenant's own devices.
    pub from_tenant: bool,
    /// The flags that choose among them.
    pub filters: Vec<String>,
    /// Header of the column with the ids.
    pub column: Option<String>,
}

/// What decides what is ordered, and how fast, as it is typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// What is done with busy devices.
    pub busy: BusyPolicy,
    /// `--keep`, sorted.
    pub keep: Vec<String>,
    /// `--skip`, sorted.
    pub skip: Vec<String>,
    /// `--skip-bad-rows`.
    pub skip_bad_rows: bool,
    /// `--names`.
    pub names: bool,
    /// `--strict-names`.
    pub strict_names: bool,
    /// The tenant's inventory is asked about the devices.
    pub check: bool,
    /// `--window`.
    pub windows: Vec<String>,
    /// `--last-order`.
    pub last_order: Option<String>,
    /// The zone of the windows.
    pub zone: Option<String>,
    /// No order before this moment.
    pub start_at: Option<Timestamp>,
    /// `--until`.
    pub until: Option<String>,
    /// The zone of `--until`, if that is a time of day.
    pub until_zone: Option<String>,
    /// `--max-duration`.
    pub max_duration: Option<String>,
    /// The limits that are kept, after `--limit` and `--leave`, sorted.
    pub limits: Vec<String>,
    /// `--pace`.
    pub pace: String,
    /// `--due`.
    #[serde(default)]
    pub due: Option<String>,
    /// `--time-scale`, which is for loopback addresses alone.
    pub time_scale: u32,
}

/// What is known of the devices that are ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// Machines in the tenant's inventory, if it was read.
    pub inventory: Option<u64>,
    /// What was not checked, and why.
    pub not_checked: Vec<String>,
    /// Their systems.
    pub systems: BTreeMap<String, u64>,
    /// Their device groups.
    pub device_groups: BTreeMap<String, u64>,
}

/// When the plan was made, and what it foresaw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// When it was made.
    pub made_at: Timestamp,
    /// When the first call was to leave; nothing if there is none.
    pub starts_at: Option<Timestamp>,
    /// When the last one was.
    pub last_call_at: Option<Timestamp>,
    /// From the making to the last call.
    pub duration_s: Option<f64>,
}

impl PlanFile {
    /// What would be ordered now and was not planned so, in the user's words; empty if nothing
    /// differs that matters.
    pub fn differences(&self, now: &PlanFile) -> Vec<String> {
        // Every field is named, so that none that is added can be forgotten here.
        let Self {
            v: _,
            kind: _,
            campaign,
            emulated,
            order,
            list,
            left_out,
            source: _,
            options,
            course,
            checked: _,
            times: _,
        } = self;
        let mut found = Differences::new("planned");
        found.compare("campaign", campaign.as_str(), now.campaign.as_str());
        found.compare("the emulator", yes_or_no(*emulated), yes_or_no(now.emulated));
        order.compare_with(&now.order, &mut found);
        if order.ids_hash != now.order.ids_hash {
            let ids = |file: &Self| file.list.devices + file.left_out.devices;
            found.push(set("the set of device ids", ids(self), ids(now)));
        }
        list.compare_with(&now.list, &mut found);
        left_out.compare_with(&now.left_out, &mut found);
        options.compare_with(&now.options, now.times.made_at, &mut found);
        course.compare_with(&now.course, &mut found);
        found.end()
    }
}

impl List {
    fn compare_with(&self, now: &Self, found: &mut Differences) {
        // How many devices are ordered follows from the set of ids and those that are skipped.
        let Self { rows, devices: _, duplicates, bad_rows } = self;
        found.compare("rows", rows, &now.rows);
        found.compare("duplicates", duplicates, &now.duplicates);
        found.compare("bad rows", bad_rows, &now.bad_rows);
    }
}

impl LeftOut {
    /// The same set is the same orders, whatever the groups are called that it is made of.
    fn compare_with(&self, now: &Self, found: &mut Differences) {
        let Self { devices, ids_hash, groups } = self;
        if *ids_hash == now.ids_hash {
            return;
        }
        found.push(set("devices that are skipped", *devices, now.devices));
        let count = |groups: &[Group], name: &str| {
            let skipped = groups.iter().filter(|one| one.group == name && one.decision == "skip");
            skipped.map(|one| one.devices).sum::<u64>()
        };
        if now.groups.is_empty() {
            return;
        }
        let names: std::collections::BTreeSet<&str> =
            groups.iter().chain(&now.groups).map(|one| one.group.as_str()).collect();
        for name in names {
            let (then, now) = (count(groups, name), count(&now.groups, name));
            found.compare(&format!("skipped as {name}"), &then, &now);
        }
    }
}

impl Options {
    fn compare_with(&self, now: &Self, at: Timestamp, found: &mut Differences) {
        let Self {
            busy,
            keep,
            skip,
            skip_bad_rows,
            names,
            strict_names,
            check,
            windows,
            last_order,
            zone,
            start_at,
            until,
            until_zone,
            max_duration,
            limits,
            pace,
            time_scale,
            due,
        } = self;
        found.compare("busy devices", &Word(busy), &Word(&now.busy));
        found.compare("--keep", &Words(keep), &Words(&now.keep));
        found.compare("--skip", &Words(skip), &Words(&now.skip));
        let mut flag = |name: &str, then: bool, now: bool| {
            found.compare(name, yes_or_no(then), yes_or_no(now));
        };
        flag("bad rows are passed over", *skip_bad_rows, now.skip_bad_rows);
        flag("names are looked up", *names, now.names);
        flag("names that several share are refused", *strict_names, now.strict_names);
        flag("the tenant's inventory is asked", *check, now.check);
        found.compare("windows", &Words(windows), &Words(&now.windows));
        let mut text = |name: &str, then: &Option<String>, now: &Option<String>| {
            found.compare(
                name,
                then.as_deref().unwrap_or("none"),
                now.as_deref().unwrap_or("none"),
            );
        };
        text("--due", due, &now.due);
        text("last order", last_order, &now.last_order);
        text("until", until, &now.until);
        // Where the times are other ones, their zones say nothing more.
        if *windows == now.windows {
            text("zone of the windows", zone, &now.zone);
        }
        if *until == now.until {
            text("zone of --until", until_zone, &now.until_zone);
        }
        text("at most", max_duration, &now.max_duration);
        found.compare("limits", &Words(limits), &Words(&now.limits));
        found.compare("pace", pace, &now.pace);
        found.compare("time scale", time_scale, &now.time_scale);
        // Later than approved is a matter of time; earlier is not.
        let begins = now.start_at.unwrap_or(at);
        if let Some(start) = start_at.filter(|start| begins < *start) {
            found.compare("start", &start, &begins);
        }
    }
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// How two sets differ that are known by their hashes and sizes alone.
fn set(what: &str, planned: u64, now: u64) -> String {
    let differ = match now.checked_sub(planned) {
        Some(0) => "as many, but not the same ones".to_owned(),
        Some(more) => format!("{more} more"),
        None => format!("{} fewer", planned - now),
    };
    format!("{what}: {planned} planned, {now} now ({differ})")
}

/// Several words as people read them.
struct Words<'a>(&'a [String]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "" })?;
        f.write_str(&self.0.join(", "))
    }
}

/// A policy by its word.
struct Word<'a>(&'a BusyPolicy);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            BusyPolicy::Report => "report",
            BusyPolicy::Retry => "retry",
        })
    }
}

/// The SHA-256 of a file, by which people approve it: `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDigest(String);

/// Why a text is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write sha256: and the 64 hexadecimal digits that --plan-out printed")]
pub struct NotADigest;

impl FileDigest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl FromStr for FileDigest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.trim().strip_prefix("sha256:").ok_or(NotADigest)?;
        let right = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if right { Ok(Self(digits.to_ascii_lowercase())) } else { Err(NotADigest) }
    }
}

impl fmt::Display for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

#[cfg(test)]
mod tests;
