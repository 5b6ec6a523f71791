//! Machines: which ids there are, what class each belongs to, and how a machine looks in JSON.
//! Source: Microsoft's page "Machine resource type", and bodies that users published.

use serde::Serialize;

use super::clock::stamp;
use super::dice;
use super::odata::{Field, Kind, Row};
use super::scenario::Devices;

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

/// A machine, in the order of fields in which the API sends it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Machine {
    #[serde(rename = "@odata.context", skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<String>,
    pub(super) id: String,
    merged_into_machine_id: Option<String>,
    is_potential_duplication: bool,
    is_excluded: bool,
    exclusion_reason: Option<String>,
    pub(super) computer_dns_name: String,
    first_seen: String,
    last_seen: String,
    os_platform: &'static str,
    os_version: Option<String>,
    os_processor: &'static str,
    version: &'static str,
    last_ip_address: String,
    last_external_ip_address: &'static str,
    agent_version: &'static str,
    os_build: u32,
    health_status: &'static str,
    device_value: &'static str,
    rbac_group_id: u32,
    rbac_group_name: &'static str,
    risk_score: &'static str,
    exposure_level: &'static str,
    is_aad_joined: bool,
    aad_device_id: String,
    machine_tags: Vec<String>,
    onboarding_status: &'static str,
    os_architecture: &'static str,
    managed_by: &'static str,
    managed_by_status: &'static str,
    ip_addresses: Vec<String>,
    vm_metadata: Option<String>,
    defender_av_status: &'static str,
    #[serde(skip)]
    last_seen_ticks: i64,
}

impl Machine {
    /// The machine of that id, last seen within the day before `now` (ticks of 100 ns).
    pub(super) fn new(seed: u64, id: &str, devices: &Devices, now: i64) -> Machine {
        let draw = dice::hash(seed, &["machine", id]);
        let unit = dice::unit(draw);
        let (os_platform, version) = match class(seed, id, devices) {
            Class::Unsupported => ("iOS", "18.1"),
            _ if unit < 0.6 => ("Windows11", "24H2"),
            _ if unit < 0.8 => ("Windows10", "22H2"),
            _ if unit < 0.9 => ("WindowsServer2022", "21H2"),
            _ => ("Ubuntu", "22.4"),
        };
        let inactive = dice::unit(dice::mix(draw)) < 0.05;
        let day = 864_000_000_000;
        let age = (unit * day as f64) as i64 + if inactive { 9 * day } else { 0 };
        Machine {
            context: None,
            id: id.to_owned(),
            merged_into_machine_id: None,
            is_potential_duplication: false,
            is_excluded: false,
            exclusion_reason: None,
            computer_dns_name: dns_name(id),
            first_seen: stamp(now - 90 * day - age),
            last_seen: stamp(now - age),
            os_platform,
            os_version: None,
            os_processor: "x64",
            version,
            last_ip_address: format!(
                "10.{}.{}.{}",
                draw & 255,
                (draw >> 8) & 255,
                (draw >> 16) & 255
            ),
            last_external_ip_address: "192.0.2.1",
            agent_version: "10.8760.26100.1",
            os_build: 26100,
            health_status: if inactive { "Inactive" } else { "Active" },
            device_value: "Normal",
            rbac_group_id: 0,
            rbac_group_name: "Unassigned",
            risk_score: "None",
            exposure_level: "Low",
            is_aad_joined: true,
            aad_device_id: dice::guid(draw),
            machine_tags: Vec::new(),
            onboarding_status: "Onboarded",
            os_architecture: "64-bit",
            managed_by: "Intune",
            managed_by_status: "Success",
            ip_addresses: Vec::new(),
            vm_metadata: None,
            defender_av_status: "Updated",
            last_seen_ticks: now - age,
        }
    }
}

impl Row for Machine {
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
    ];

    fn field(&self, name: &str) -> Field<'_> {
        match name {
            "id" => Field::Text(&self.id),
            "computerDnsName" => Field::Text(&self.computer_dns_name),
            "lastSeen" => Field::Time(self.last_seen_ticks),
            "osPlatform" => Field::Text(self.os_platform),
            "version" => Field::Text(self.version),
            "lastIpAddress" => Field::Text(&self.last_ip_address),
            "healthStatus" => Field::Text(self.health_status),
            "deviceValue" => Field::Text(self.device_value),
            "rbacGroupId" => Field::Text("0"),
            "riskScore" => Field::Text(self.risk_score),
            "exposureLevel" => Field::Text(self.exposure_level),
            "aadDeviceId" => Field::Text(&self.aad_device_id),
            "onboardingStatus" => Field::Text(self.onboarding_status),
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
