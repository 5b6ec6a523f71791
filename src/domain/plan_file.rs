//! A plan as a file that people approve: what is to be ordered, where, and under which rules. It is
//! compared with what would be ordered later; reading and writing the file is the command line's.
//!
//! What may differ is what nobody approves: times, the quota that is used, the store, and where the
//! list comes from, since what counts is what is in it.

mod found;
mod request;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::campaign::{CampaignName, Differences, Order};
use super::request::ScanRequest;
pub use found::FoundInList;
use request::yes_or_no;

/// The version of the file that this program writes and reads.
pub const VERSION: u8 = 2;

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
    pub list: PlannedList,
    /// What of it is skipped.
    pub left_out: SkippedDevices,
    /// What was asked for, with every default said, so that nobody need say it again.
    pub request: ScanRequest,
    /// The zone of `--until`, if that is a time of day.
    pub until_zone: Option<String>,
    /// What was found of the list.
    #[serde(default)]
    pub found: FoundInList,
    /// What is known of the devices, for people.
    pub checked: Checked,
    /// When, for people.
    pub times: Times,
}

/// Rows of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedList {
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
pub struct SkippedDevices {
    /// How many are skipped.
    pub devices: u64,
    /// SHA-256 over their sorted ids: see `campaign::hash_of_ids`.
    pub ids_hash: String,
    /// Every group of the list with what is done with it; none where a campaign that is open tells
    /// only whom it skipped.
    pub groups: Vec<PlannedGroup>,
}

/// Devices of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedGroup {
    /// The group's name, as `--skip` takes it.
    pub group: String,
    /// How many devices.
    pub devices: u64,
    /// `skip`, `last` or `send`.
    pub decision: String,
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
    /// When the first call was to leave; `None` if there is none.
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
            request,
            until_zone,
            found: list_then,
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
        request::compare(request, &now.request, now.times.made_at, &mut found);
        // Where the time is another one, its zone says nothing more.
        if request.run.speed.until == now.request.run.speed.until {
            let zone = |zone: &Option<String>| zone.clone().unwrap_or_else(|| "none".to_owned());
            found.compare("zone of --until", &zone(until_zone), &zone(&now.until_zone));
        }
        list_then.compare_with(&now.found, [request, &now.request], &mut found);
        found.end()
    }
}

impl PlannedList {
    fn compare_with(&self, now: &Self, found: &mut Differences) {
        // How many devices are ordered follows from the set of ids and those that are skipped.
        let Self { rows, devices: _, duplicates, bad_rows } = self;
        found.compare("rows", rows, &now.rows);
        found.compare("duplicates", duplicates, &now.duplicates);
        found.compare("bad rows", bad_rows, &now.bad_rows);
    }
}

impl SkippedDevices {
    /// Equal sets mean equal orders, whatever the groups are called that they are made of.
    fn compare_with(&self, now: &Self, found: &mut Differences) {
        let Self { devices, ids_hash, groups } = self;
        if *ids_hash == now.ids_hash {
            return;
        }
        found.push(set("devices that are skipped", *devices, now.devices));
        let count = |groups: &[PlannedGroup], name: &str| {
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

/// How two sets differ that are known by their hashes and sizes alone.
fn set(what: &str, planned: u64, now: u64) -> String {
    let differ = match now.checked_sub(planned) {
        Some(0) => "as many, but not the same ones".to_owned(),
        Some(more) => format!("{more} more"),
        None => format!("{} fewer", planned - now),
    };
    format!("{what}: {planned} planned, {now} now ({differ})")
}

#[cfg(test)]
mod tests;
