//! Machines: which ids there are, what class each belongs to, and how a machine looks in JSON.
//! Source: Microsoft's page "Machine resource type", and bodies that users published.

use serde::Serialize;

use super::clock::stamp;
use super::dice;
use super::odata::{Field, Kind, Row};
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
    let mut rest = dice::unit(dice::hash(seed, &["class", id]));
    let classes = [
        (devices.busy_share, Class::Busy { quick }),
        (devices.not_found_share, Class::NotFound),
        (devices.transient_not_found_share, Class::TransientNotFound),
        (devices.unsupported_share, Class::Unsupported),
        (devices.client_version_share, Class::ClientVersion),
        (devices.forbidden_share, Class::Forbidden),
    ];
    for (share, class) in classes {
        if rest < share {
            return class;
        }
        rest -= share;
    }
    Class::Normal
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
type System = (Option<&'static str>, &'static str, u32, &'static str);

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
        let onboarding = match () {
            () if platform.is_none() => "Unsupported",
            () if happens(0x0b, rules.not_onboarded_share) => "CanBeOnboarded",
            () => "Onboarded",
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
    pub(super) fn show(&self, context: Option<String>) -> Machine<'_> {
        let merged_into = self.merged.then(|| dice::machine_id(self.draw, 1));
        Machine {
            context,
            id: &self.id,
            merged_into_machine_id: merged_into,
            is_potential_duplication: self.merged,
            is_excluded: self.excluded,
            exclusion_reason: self.excluded.then_some("OutOfScope"),
            computer_dns_name: &self.name,
            first_seen: stamp(self.first_seen),
            last_seen: stamp(self.last_seen),
            os_platform: self.platform,
            os_version: None,
            os_processor: "x64",
            version: self.version,
            last_ip_address: &self.ip,
            last_external_ip_address: "192.0.2.1",
            agent_version: Some(self.agent).filter(|agent| !agent.is_empty()),
            os_build: Some(self.build).filter(|build| *build > 0),
            health_status: self.health,
            device_value: self.value,
            rbac_group_id: self.group.0.parse().unwrap_or(0),
            rbac_group_name: &self.group.1,
            risk_score: "None",
            exposure_level: "Low",
            is_aad_joined: true,
            aad_device_id: &self.aad,
            machine_tags: &self.tags,
            onboarding_status: self.onboarding,
            os_architecture: "64-bit",
            managed_by: "Intune",
            managed_by_status: "Success",
            ip_addresses: Vec::new(),
            vm_metadata: None,
            defender_av_status: if self.onboarding == "Onboarded" {
                "Updated"
            } else {
                "NotSupported"
            },
        }
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
    let mut rest = dice::unit(dice::mix(draw ^ 0x05));
    let kinds: [(f64, System); 6] = [
        (rules.mobile_share / 2.0, (Some("iOS"), "18.1", 0, "")),
        (rules.mobile_share / 2.0, (Some("Android"), "15", 0, "")),
        // What was only discovered has no platform that the inventory could tell.
        (rules.discovered_share, (None, "Unknown", 0, "")),
        (rules.old_windows_share / 2.0, (Some("Windows7"), "Other", 7_601, WINDOWS)),
        (rules.old_windows_share / 2.0, (Some("Windows10"), "1703", 15_063, WINDOWS)),
        (rules.old_client_share, (Some("Ubuntu"), "20.4", 0, "101.98.30")),
    ];
    for (share, kind) in kinds {
        if rest < share {
            return kind;
        }
        rest -= share;
    }
    match dice::unit(draw) {
        unit if unit < 0.6 => (Some("Windows11"), "24H2", 26_100, WINDOWS),
        unit if unit < 0.8 => (Some("Windows10"), "22H2", 19_045, WINDOWS),
        unit if unit < 0.9 => (Some("WindowsServer2022"), "21H2", 20_348, WINDOWS),
        _ => (Some("Ubuntu"), "22.4", 0, "101.24072.1"),
    }
}

/// A machine, in the order of fields in which the API sends it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Machine<'a> {
    #[serde(rename = "@odata.context", skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    id: &'a str,
    merged_into_machine_id: Option<String>,
    is_potential_duplication: bool,
    is_excluded: bool,
    exclusion_reason: Option<&'static str>,
    computer_dns_name: &'a str,
    first_seen: String,
    last_seen: String,
    os_platform: Option<&'static str>,
    os_version: Option<&'static str>,
    os_processor: &'static str,
    version: &'static str,
    last_ip_address: &'a str,
    last_external_ip_address: &'static str,
    agent_version: Option<&'static str>,
    os_build: Option<u32>,
    health_status: &'static str,
    device_value: &'static str,
    rbac_group_id: u64,
    rbac_group_name: &'a str,
    risk_score: &'static str,
    exposure_level: &'static str,
    is_aad_joined: bool,
    aad_device_id: &'a str,
    machine_tags: &'a [String],
    onboarding_status: &'static str,
    os_architecture: &'static str,
    managed_by: &'static str,
    managed_by_status: &'static str,
    ip_addresses: Vec<&'static str>,
    vm_metadata: Option<&'static str>,
    defender_av_status: &'static str,
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
            "id" => Field::Text(&self.id),
            "computerDnsName" => Field::Text(&self.name),
            "lastSeen" => Field::Time(self.last_seen),
            "osPlatform" => self.platform.map_or(Field::Null, Field::Text),
            "version" => Field::Text(self.version),
            "lastIpAddress" => Field::Text(&self.ip),
            "healthStatus" => Field::Text(self.health),
            "deviceValue" => Field::Text(self.value),
            "rbacGroupId" => Field::Text(&self.group.0),
            "riskScore" => Field::Text("None"),
            "exposureLevel" => Field::Text("Low"),
            "aadDeviceId" => Field::Text(&self.aad),
            "onboardingStatus" => Field::Text(self.onboarding),
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
