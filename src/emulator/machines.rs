//! Machines: which ids there are, what class each belongs to, and how a machine looks in JSON.
//! Source: Microsoft's page "Machine resource type", and bodies that users published.

use serde_json::{Value, json};

use super::clock::stamp;
use super::dice;
use super::odata::{Field, Kind, Row};
use super::reply::Object;
use super::scenario::{Devices, Machines};

/// What a device is like, for its whole life in one scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Takes a scan.
    Normal,
    /// Has a scan that a stranger ordered before the start; true: a quick one.
    Busy {
        /// The stranger's scan is a quick one.
        quick: bool,
    },
    /// Is not known.
    NotFound,
    /// Is not known to the first call.
    TransientNotFound,
    /// Has a platform that cannot scan.
    Unsupported,
    /// Has a client that is too old.
    ClientVersion,
    /// Is outside what the application may touch.
    Forbidden,
}

/// Whether a text has the form of a machine id: 40 hexadecimal characters.
pub(super) fn is_machine_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The class of a device, from the seed and its id in lower case.
pub(super) fn class(seed: u64, id: &str, devices: &Devices) -> Class {
    // Machine ids are SHA-1 sums, and nothing is known whose sum has all bits set.
    if id.bytes().all(|byte| byte == b'f') {
        return Class::NotFound;
    }
    let quick = dice::unit(dice::hash(seed, &["scope", id])) < devices.scope_quick_share;
    let draw = dice::unit(dice::hash(seed, &["class", id]));
    dice::pick(draw, devices.classes(quick)).unwrap_or(Class::Normal)
}

impl Devices {
    /// The share of each class but the normal one; `quick` is which scan a stranger ordered.
    pub(super) fn classes(&self, quick: bool) -> [(f64, Class); 6] {
        [
            (self.busy_share, Class::Busy { quick }),
            (self.not_found_share, Class::NotFound),
            (self.transient_not_found_share, Class::TransientNotFound),
            (self.unsupported_share, Class::Unsupported),
            (self.client_version_share, Class::ClientVersion),
            (self.forbidden_share, Class::Forbidden),
        ]
    }
}

/// The DNS name of a device, from its id.
pub(super) fn dns_name(id: &str) -> String {
    format!("pc-{}.emulator.example", id.get(..8).unwrap_or(id))
}

/// What the inventory says of a machine, as far as lists filter by it. The rest is made only for
/// those that are shown, since a fleet can be large.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) id: String,
    draw: u64,
    name: String,
    platform: Option<&'static str>,
    version: &'static str,
    build: u32,
    agent: &'static str,
    health: &'static str,
    onboarding: &'static str,
    value: &'static str,
    merged: bool,
    excluded: bool,
    group: (String, String),
    tags: Vec<String>,
    last_seen: i64,
    first_seen: i64,
    ip: String,
    aad: String,
}

/// What a machine runs: platform, version, build, agent.
pub(super) type System = (Option<&'static str>, &'static str, u32, &'static str);

const WINDOWS: &str = "10.8760.26100.1";

impl Profile {
    /// The machine of that id, last seen within the day before `now` (ticks of 100 ns), unless it
    /// is inactive.
    pub(super) fn new(seed: u64, id: &str, devices: &Devices, rules: &Machines, now: i64) -> Self {
        let draw = dice::hash(seed, &["machine", id]);
        let unit = dice::unit(draw);
        let happens = |what: u64, share: f64| dice::unit(dice::mix(draw ^ what)) < share;
        let (platform, version, build, agent) = system(seed, id, devices, rules, draw);
        let inactive = dice::unit(dice::mix(draw)) < rules.inactive_share;
        let day = 864_000_000_000;
        let age = (unit * day as f64) as i64 + if inactive { 9 * day } else { 0 };
        let unmanaged = matches!(platform, None | Some("iOS" | "Android"));
        let onboarding = match platform {
            None => "Unsupported",
            Some(_) if happens(0x0b, rules.not_onboarded_share) => "CanBeOnboarded",
            Some(_) => "Onboarded",
        };
        let pick = |what: u64, from: &[String]| {
            let at = dice::mix(draw ^ what) % from.len().max(1) as u64;
            from.get(at as usize).map(|name| (at, name.clone()))
        };
        let group = match pick(0x96, &rules.groups) {
            Some((at, name)) => ((at + 1).to_string(), name),
            None => ("0".to_owned(), "Unassigned".to_owned()),
        };
        Self {
            id: id.to_owned(),
            draw,
            name: name_of(id, draw, devices, rules),
            platform,
            version,
            build,
            agent: if unmanaged { "" } else { agent },
            health: if inactive { "Inactive" } else { "Active" },
            onboarding,
            value: if happens(0x7a, rules.high_value_share) { "High" } else { "Normal" },
            merged: happens(0x3e, rules.merged_share),
            excluded: happens(0xec, rules.excluded_share),
            group,
            tags: pick(0x7a6, &rules.tags).map(|(_, tag)| tag).into_iter().collect(),
            last_seen: now - age,
            first_seen: now - 90 * day - age,
            ip: format!("10.{}.{}.{}", draw & 255, (draw >> 8) & 255, (draw >> 16) & 255),
            aad: dice::guid(draw),
        }
    }

    /// The machine in full; with a context it is an entity of its own.
    pub(super) fn show(&self, context: Option<String>) -> Object {
        let merged_into = if self.merged { Some(dice::machine_id(self.draw, 1)) } else { None };
        let agent = Some(self.agent).filter(|agent| !agent.is_empty());
        let antivirus = if self.onboarding == "Onboarded" { "Updated" } else { "NotSupported" };
        let fields = [
            ("id", json!(self.id)),
            ("mergedIntoMachineId", json!(merged_into)),
            ("isPotentialDuplication", json!(self.merged)),
            ("isExcluded", json!(self.excluded)),
            ("exclusionReason", json!(if self.excluded { Some("OutOfScope") } else { None })),
            ("computerDnsName", json!(self.name)),
            ("firstSeen", json!(stamp(self.first_seen))),
            ("lastSeen", json!(stamp(self.last_seen))),
            ("osPlatform", json!(self.platform)),
            ("osVersion", Value::Null),
            ("osProcessor", json!("x64")),
            ("version", json!(self.version)),
            ("lastIpAddress", json!(self.ip)),
            ("lastExternalIpAddress", json!("192.0.2.1")),
            ("agentVersion", json!(agent)),
            ("osBuild", json!(Some(self.build).filter(|build| *build > 0))),
            ("healthStatus", json!(self.health)),
            ("deviceValue", json!(self.value)),
            ("rbacGroupId", json!(self.group.0.parse().unwrap_or(0_u64))),
            ("rbacGroupName", json!(self.group.1)),
            ("riskScore", json!("None")),
            ("exposureLevel", json!("Low")),
            ("isAadJoined", json!(true)),
            ("aadDeviceId", json!(self.aad)),
            ("machineTags", json!(self.tags)),
            ("onboardingStatus", json!(self.onboarding)),
            ("osArchitecture", json!("64-bit")),
            ("managedBy", json!("Intune")),
            ("managedByStatus", json!("Success")),
            ("ipAddresses", json!([])),
            ("vmMetadata", Value::Null),
            ("defenderAvStatus", json!(antivirus)),
        ];
        Object::entity(context, fields)
    }

    /// The DNS name, which several records can share.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// Records that share a name come in pairs on average, as after a reinstallation.
fn name_of(id: &str, draw: u64, devices: &Devices, rules: &Machines) -> String {
    if dice::unit(dice::mix(draw ^ 0x5a)) >= rules.shared_name_share {
        return dns_name(id);
    }
    let pairs = (devices.fleet_size as f64 * rules.shared_name_share / 2.0).max(1.0) as u64;
    format!("shared-{:05}.emulator.example", dice::mix(draw ^ 0x5b) % pairs)
}

fn system(seed: u64, id: &str, devices: &Devices, rules: &Machines, draw: u64) -> System {
    if class(seed, id, devices) == Class::Unsupported {
        return (Some("iOS"), "18.1", 26_100, WINDOWS);
    }
    if let Some(system) = dice::pick(dice::unit(dice::mix(draw ^ 0x05)), rules.systems()) {
        return system;
    }
    match dice::unit(draw) {
        unit if unit < 0.6 => (Some("Windows11"), "24H2", 26_100, WINDOWS),
        unit if unit < 0.8 => (Some("Windows10"), "22H2", 19_045, WINDOWS),
        unit if unit < 0.9 => (Some("WindowsServer2022"), "21H2", 20_348, WINDOWS),
        _ => (Some("Ubuntu"), "22.4", 0, "101.24072.1"),
    }
}

impl Machines {
    /// The share of each system that is not usual.
    pub(super) fn systems(&self) -> [(f64, System); 6] {
        [
            (self.mobile_share / 2.0, (Some("iOS"), "18.1", 0, "")),
            (self.mobile_share / 2.0, (Some("Android"), "15", 0, "")),
            // What was only discovered has no platform that the inventory could tell.
            (self.discovered_share, (None, "Unknown", 0, "")),
            (self.old_windows_share / 2.0, (Some("Windows7"), "Other", 7_601, WINDOWS)),
            (self.old_windows_share / 2.0, (Some("Windows10"), "1703", 15_063, WINDOWS)),
            (self.old_client_share, (Some("Ubuntu"), "20.4", 0, "101.98.30")),
        ]
    }
}

impl Row for Profile {
    const ENTITY: &'static str = "microsoft.windowsDefenderATP.api.Machine";
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("id", Kind::Text),
        ("computerDnsName", Kind::Text),
        ("lastSeen", Kind::Time),
        ("osPlatform", Kind::Text),
        ("version", Kind::Text),
        ("lastIpAddress", Kind::Text),
        ("healthStatus", Kind::Text),
        ("deviceValue", Kind::Text),
        ("rbacGroupId", Kind::Text),
        ("riskScore", Kind::Text),
        ("exposureLevel", Kind::Text),
        ("aadDeviceId", Kind::Text),
        ("onboardingStatus", Kind::Text),
        ("machineTags", Kind::Texts),
    ];

    fn field(&self, name: &str) -> Field<'_> {
        match name {
            "id" => Field::text(&self.id),
            "computerDnsName" => Field::text(&self.name),
            "lastSeen" => Field::Time(self.last_seen),
            "osPlatform" => self.platform.map_or(Field::Null, Field::text),
            "version" => Field::text(self.version),
            "lastIpAddress" => Field::text(&self.ip),
            "healthStatus" => Field::text(self.health),
            "deviceValue" => Field::text(self.value),
            "rbacGroupId" => Field::text(&self.group.0),
            "riskScore" => Field::text("None"),
            "exposureLevel" => Field::text("Low"),
            "aadDeviceId" => Field::text(&self.aad),
            "onboardingStatus" => Field::text(self.onboarding),
            "machineTags" => Field::Texts(&self.tags),
            _ => Field::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_come_in_their_shares_and_stay_the_same() {
        let devices = Devices { busy_share: 0.2, not_found_share: 0.1, ..Devices::default() };
        let ids: Vec<String> = (0..5000).map(|i| dice::machine_id(1, i)).collect();
        let of = |id: &String| class(9, id, &devices);
        let busy = ids.iter().filter(|id| matches!(of(id), Class::Busy { .. })).count();
        let missing = ids.iter().filter(|id| of(id) == Class::NotFound).count();
        assert!((900..1100).contains(&busy), "{busy} of 5000 are busy");
        assert!((420..580).contains(&missing), "{missing} of 5000 are not found");
        assert!(ids.iter().all(|id| of(id) == of(id)));
    }
}
