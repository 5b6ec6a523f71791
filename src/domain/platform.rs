//! The table of platforms: which operating systems take a scan order, by the newest documentation
//! ("Run antivirus scan API" page, 2025-11, and "Take response actions on a device", 2025-12; the
//! solution for Windows 7 and Server 2008 R2: "What's new", 2026-05). The server has the last word;
//! this table only saves calls that would be refused.

use super::facts::Facts;
use super::words::{self, Said, letters};

/// The first build of Windows 10 version 1709, the oldest that takes a scan order.
const BUILD_1709: u32 = 16_299;

/// The first build of any Windows 10.
const BUILD_1507: u32 = 10_240;

/// The first client that takes a scan order on Linux and macOS.
const CLIENT: [u64; 3] = [101, 98, 84];

/// The sensor of the old agent of Windows 7 and Server 2008 R2 is numbered `10.3720`; that of the
/// solution that takes orders is numbered from here on.
const SENSOR: [u64; 2] = [10, 8_000];

/// What a machine runs, as far as a scan order cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Windows 10 from version 1709, Windows 11, and Windows 7 unless it has the old agent.
    Windows,
    /// An older Windows, or one of Windows 7 and Server 2008 R2 that has the old agent.
    OldWindows,
    /// A Windows Server.
    WindowsServer,
    /// macOS.
    MacOs,
    /// A Linux distribution.
    Linux,
    /// iOS or Android.
    Mobile,
    /// A switch, a router, an access point.
    Network,
    /// A printer, a camera, a controller.
    Iot,
    /// Not told, or not known to this table.
    Unknown,
}

impl Platform {
    /// Reads the platform of a machine.
    pub fn of(facts: &Facts) -> Self {
        let by_name = Self::named(facts);
        let takes_scans =
            matches!(by_name, Self::Windows | Self::WindowsServer | Self::MacOs | Self::Linux);
        // The portal guesses a category from the network; an onboarded machine has told what it is.
        // One of which it is not understood whether it is onboarded may have told so too.
        let told = matches!(words::onboarded(facts), Said::Yes | Said::NotUnderstood);
        let by_category = || {
            let words = [&facts.category, &facts.kind].into_iter().flatten();
            words.filter_map(|word| by_word(word)).next()
        };
        if takes_scans && told { by_name } else { by_category().unwrap_or(by_name) }
    }

    /// Reads it from the name of the operating system alone.
    pub(super) fn named(facts: &Facts) -> Self {
        by_name(facts)
    }

    /// Whether the order is worth sending. What is not known is sent: only the server knows.
    pub fn takes_scans(self) -> bool {
        !matches!(self, Self::OldWindows | Self::Mobile | Self::Network | Self::Iot)
    }
}

/// Whether the client is known to be too old. Only the numbering that began with 101 is compared:
/// the sensor's own (`30.…` on Linux, `20.…` on macOS) says nothing about it.
pub fn client_is_old(facts: &Facts) -> bool {
    let Some(client) = facts.client.as_deref() else { return false };
    let mut parts = client.trim().split('.').map(|part| part.parse::<u64>().ok());
    let mut next = || parts.next().flatten();
    match (next(), next(), next()) {
        (Some(101), Some(minor), patch) => [101, minor, patch.unwrap_or(0)] < CLIENT,
        _ => false,
    }
}

/// What a word of the portal's categories and types says, if it is of something that scans nothing.
pub(super) fn by_word(word: &str) -> Option<Platform> {
    let word: String = letters(word).collect();
    match word.as_str() {
        "iot" | "iotdevice" | "ot" | "printer" | "camera" | "voip" | "audioandvideo" => {
            Some(Platform::Iot)
        }
        "networkdevice" | "networkdevices" | "network" | "router" | "switch" | "firewall"
        | "accesspoint" => Some(Platform::Network),
        "mobile" | "smartphone" | "tablet" => Some(Platform::Mobile),
        _ => None,
    }
}

fn by_name(facts: &Facts) -> Platform {
    let name: String = facts.platform.as_deref().map(letters).into_iter().flatten().collect();
    let begins = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
    if begins(&["windows7", "windowsserver2008r2"]) && has_old_agent(facts) {
        Platform::OldWindows
    } else if begins(&["windowsserver"]) {
        Platform::WindowsServer
    } else if begins(&["windows10"]) {
        if is_before_1709(facts) { Platform::OldWindows } else { Platform::Windows }
    } else if begins(&["windows11", "windows7"]) || name == "windows" {
        // The portal tells newer exports only that it is a Windows.
        Platform::Windows
    } else if begins(&["windows8", "windowsxp", "windowsvista", "windows2000"]) {
        Platform::OldWindows
    } else if begins(&["macos", "osx"]) {
        Platform::MacOs
    } else if begins(&["android", "ipados", "iphone", "ipad"]) || name == "ios" {
        Platform::Mobile
    } else if begins(&["ciscoios", "networkdevice", "junos", "fortios", "nxos"]) {
        Platform::Network
    } else if begins(&["iot", "printer"]) {
        Platform::Iot
    } else if begins(LINUX) {
        Platform::Linux
    } else {
        Platform::Unknown
    }
}

/// How the names of distributions begin.
const LINUX: &[&str] = &[
    "linux",
    "ubuntu",
    "debian",
    "redhat",
    "rhel",
    "centos",
    "suse",
    "opensuse",
    "sles",
    "oracle",
    "fedora",
    "amazonlinux",
    "rocky",
    "alma",
    "mariner",
    "azurelinux",
];

fn is_before_1709(facts: &Facts) -> bool {
    if let Some(build) = facts.build.filter(|build| *build >= BUILD_1507) {
        return build < BUILD_1709;
    }
    // Versions up to 2004 are numbers; `20H2` and later are not, and all of those are new enough.
    let version = facts.version.as_deref().map(str::trim).unwrap_or_default();
    version.len() == 4 && version.parse::<u32>().is_ok_and(|number| (1507..1709).contains(&number))
}

/// Whether the client is known to be the agent that takes no orders; one that is not told is asked.
fn has_old_agent(facts: &Facts) -> bool {
    let mut parts = facts.client.as_deref().unwrap_or_default().trim().split('.');
    let mut next = || parts.next().and_then(|part| part.parse::<u64>().ok());
    match (next(), next()) {
        (Some(major), Some(minor)) => [major, minor] < SENSOR,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(platform: &str) -> Facts {
        Facts { platform: Some(platform.to_owned()), ..Facts::default() }
    }

    #[test]
    fn each_platform_of_the_table_is_known_by_its_name() {
        let table = [
            (Platform::Windows, "Windows10 Windows11 windows_10 Windows10WVD Windows11WVD Windows"),
            (Platform::WindowsServer, "WindowsServer2012R2 WindowsServer2016 WindowsServer2025"),
            (Platform::OldWindows, "Windows8 Windows8.1 Windows81 WindowsXP WindowsVista"),
            (Platform::MacOs, "macOS MacOS OSX"),
            (
                Platform::Linux,
                "Linux Ubuntu Debian RedHatEnterpriseLinux CentOS SuseLinuxEnterpriseServer \
                 OracleLinux Fedora AmazonLinux2 Rocky AlmaLinux Mariner",
            ),
            (Platform::Mobile, "iOS Android iPadOS"),
            (Platform::Network, "CiscoIOS NetworkDevice"),
            (Platform::Iot, "IoT Printer"),
            (Platform::Unknown, "Unknown Other Windows12 ChromeOS -"),
        ];
        for (platform, names) in table {
            for name in names.split_whitespace() {
                assert_eq!(Platform::of(&named(name)), platform, "{name}");
            }
        }
        assert_eq!(Platform::of(&Facts::default()), Platform::Unknown);
        assert!(Platform::Unknown.takes_scans() && !Platform::OldWindows.takes_scans());
    }

    #[test]
    fn windows_10_is_too_old_before_1709_by_its_build_and_else_by_its_version() {
        let old = |build: Option<u32>, version: &str| {
            let version = Some(version.to_owned());
            Platform::of(&Facts { build, version, ..named("Windows10") }) == Platform::OldWindows
        };
        assert!(old(Some(16_298), "1709") && old(Some(10_240), ""));
        assert!(!old(Some(16_299), "1703") && !old(Some(19_045), ""));
        assert!(old(None, "1703") && old(None, " 1507 ") && old(Some(7), "1607"));
        for version in ["1709", "2004", "20H2", "22H2", "10.0", "", "Future", "0001"] {
            assert!(!old(None, version), "{version}");
        }
        let server = Facts { build: Some(14_393), ..named("WindowsServer2016") };
        assert_eq!(Platform::of(&server), Platform::WindowsServer);
    }

    #[test]
    fn one_rule_decides_for_windows_7_and_server_2008_r2_by_the_client_where_it_tells() {
        let table = [
            ("10.3720.16299.98", true),
            ("10.3720", true),
            ("10.7999.1", true),
            ("10.8000.1", false),
            ("10.8798.1", false),
            ("11.1.1", false),
            ("", false),
            ("unknown", false),
        ];
        let of = |name: &str, client: &str| {
            Platform::of(&Facts { client: Some(client.to_owned()), ..named(name) })
        };
        for (client, is_old) in table {
            for (name, other) in [
                ("Windows7", Platform::Windows),
                ("WindowsServer2008R2", Platform::WindowsServer),
                ("Windows Server 2008 R2", Platform::WindowsServer),
            ] {
                let wanted = if is_old { Platform::OldWindows } else { other };
                assert_eq!(of(name, client), wanted, "{name} with client {client:?}");
            }
            // The same numbers say nothing of what came later.
            assert_eq!(of("Windows10", client), Platform::Windows);
            assert_eq!(of("WindowsServer2016", client), Platform::WindowsServer);
            assert_eq!(of("Windows8.1", client), Platform::OldWindows);
        }
        assert!(Platform::of(&named("Windows7")).takes_scans());
    }

    #[test]
    fn a_client_is_old_below_101_98_84_and_other_numberings_say_nothing() {
        let old = |client: &str| {
            client_is_old(&Facts { client: Some(client.to_owned()), ..Facts::default() })
        };
        for client in ["101.98.83", "101.97.99", "101.98", "101.0.0.1"] {
            assert!(old(client), "{client}");
        }
        for client in ["101.98.84", "101.98.100", "101.24072.0001", "30.1.2", "10.8760.1", "", "x"]
        {
            assert!(!old(client), "{client}");
        }
        assert!(!client_is_old(&Facts::default()));
    }

    #[test]
    fn the_portals_category_decides_unless_an_onboarded_machine_says_otherwise() {
        let facts = |category: &str, platform: &str, onboarding: &str| Facts {
            category: Some(category.to_owned()),
            onboarding: Some(onboarding.to_owned()),
            ..named(platform)
        };
        let of =
            |category, platform, onboarding| Platform::of(&facts(category, platform, onboarding));
        assert_eq!(of("IoT", "Windows11", "Can be onboarded"), Platform::Iot);
        assert_eq!(of("IoT", "Windows11", "Onboarded"), Platform::Windows);
        assert_eq!(of("IoT", "Windows11", "Onboardet"), Platform::Windows, "not understood");
        assert_eq!(of("Network device", "", "Unsupported"), Platform::Network);
        assert_eq!(of("Endpoint", "Linux", "Can be onboarded"), Platform::Linux);
        let kind = Some("Mobile".to_owned());
        let phone = Facts { kind, ..facts("Endpoint", "Unknown", "Onboarded") };
        assert_eq!(Platform::of(&phone), Platform::Mobile);
    }
}
