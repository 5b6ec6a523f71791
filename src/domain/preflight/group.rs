//! The groups that devices are in before the first call: their names, what they are, and what is
//! usually done with them.

use serde::{Deserialize, Serialize};

use super::Decision;

/// What a device is known to be. A device can be in several groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// The list says that it is another tenant's.
    OtherTenant,
    /// Its record was merged into another one.
    Merged,
    /// It was taken out of vulnerability management.
    Excluded,
    /// A phone or a tablet.
    Mobile,
    /// A network device.
    Network,
    /// A printer, a camera and the like.
    Iot,
    /// A Windows that is older than the API takes, or has a client that is.
    OldWindows,
    /// Not onboarded.
    NotOnboarded,
    /// A scan that does was ordered within the time of `--due`.
    Recent,
    /// A scan is pending or running already.
    Busy,
    /// What the security team may do on it is restricted.
    Restricted,
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
    /// Marked as of high value, or as critical.
    HighValue,
}

impl Group {
    /// Every group; the first that skips a device is the reason that is told.
    pub const ALL: [Group; 17] = [
        Group::OtherTenant,
        Group::Merged,
        Group::Excluded,
        Group::Mobile,
        Group::Network,
        Group::Iot,
        Group::OldWindows,
        Group::NotOnboarded,
        Group::Recent,
        Group::Busy,
        Group::Restricted,
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
            Group::OtherTenant => "other-tenant",
            Group::Merged => "merged",
            Group::Excluded => "excluded",
            Group::Mobile => "mobile",
            Group::Network => "network",
            Group::Iot => "iot",
            Group::OldWindows => "old-windows",
            Group::NotOnboarded => "not-onboarded",
            Group::Recent => "recent",
            Group::Busy => "busy",
            Group::Restricted => "restricted",
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
            Group::OtherTenant => "the list names another tenant than the one of this run",
            Group::Merged => "the record was merged into another one",
            Group::Excluded => "from vulnerability management alone; at risk like all others",
            Group::Mobile => "iOS and Android take no scan orders",
            Group::Network => "network devices take no scan orders",
            Group::Iot => "printers and other IoT devices take no scan orders",
            Group::OldWindows => "this Windows, or its agent, is too old to take scan orders",
            Group::NotOnboarded => "not onboarded, so nothing there can scan",
            Group::Recent => "a scan that does was ordered within the time of --due",
            Group::Busy => "a scan is pending or running already",
            Group::Restricted => "security operations are restricted; a policy may refuse the scan",
            Group::Inactive => "not seen for a week",
            Group::OldClient => "Linux or macOS client below 101.98.84 may refuse",
            Group::NotListed => "not in the tenant's inventory",
            Group::UnknownOs => "the operating system is not known",
            Group::Server => "they run a server system",
            Group::HighValue => "marked as of high value, or as critical",
        }
    }

    /// The group of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// Whether the user may turn around what is done with its devices.
    pub fn is_the_users(self) -> bool {
        self != Group::OtherTenant
    }

    /// What is done with its devices unless the user says otherwise.
    pub fn usual(self) -> Decision {
        match self {
            Group::OtherTenant
            | Group::Merged
            | Group::Mobile
            | Group::Network
            | Group::Iot
            | Group::OldWindows
            | Group::NotOnboarded
            | Group::Recent => Decision::Skip(self),
            Group::Restricted | Group::Inactive => Decision::Last,
            _ => Decision::Send,
        }
    }

    /// Whether its devices are skipped only where the user asked for it, be it by `--skip` or by
    /// `--due`.
    pub fn is_skipped_on_request(self) -> bool {
        self == Group::Recent || !matches!(self.usual(), Decision::Skip(_))
    }

    /// Whether no scan can be ordered for its devices, whatever is asked for.
    pub fn cannot_scan(self) -> bool {
        matches!(self.usual(), Decision::Skip(_)) && self != Group::Recent
    }

    /// Why a row is skipped, in a form in which `of_reason` finds the group again.
    pub fn reason(self, why: &str) -> String {
        format!("{}: {why}", self.name())
    }

    /// The group that a row was skipped for; rows that an older version
    /// wrote do not tell it.
    pub fn of_reason(reason: &str) -> Option<Self> {
        Self::named(reason.split_once(':')?.0)
    }

    pub(super) fn bit(self) -> u32 {
        1 << self as u32
    }
}
