//! The groups that devices are in before the first call: their names, what they are, and what is
//! usually done with them.

use serde::{Deserialize, Serialize};

use super::Decision;
use crate::domain::spelling::worded;

worded! {
    /// What a device is known to be. A device can be in several groups; the first that skips it is
    /// the reason that is told.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    Group {
        /// The list says that it is another tenant's.
        OtherTenant = "other-tenant",
        /// Its record was merged into another one.
        Merged = "merged",
        /// It was taken out of vulnerability management.
        Excluded = "excluded",
        /// A phone or a tablet.
        Mobile = "mobile",
        /// A network device.
        Network = "network",
        /// A printer, a camera and the like.
        Iot = "iot",
        /// A Windows that is older than the API takes, or has a client that is.
        OldWindows = "old-windows",
        /// Not onboarded.
        NotOnboarded = "not-onboarded",
        /// A scan that does was ordered within the time of `--due`.
        Recent = "recent",
        /// A scan is pending or running already.
        Busy = "busy",
        /// What the security team may do on it is restricted.
        Restricted = "restricted",
        /// It has not reported for a week.
        Inactive = "inactive",
        /// Linux or macOS with a client that is too old.
        OldClient = "old-client",
        /// The tenant's inventory does not know it.
        NotListed = "not-listed",
        /// Nothing tells its operating system.
        UnknownOs = "unknown-os",
        /// A server.
        Server = "server",
        /// Marked as of high value, or as critical.
        HighValue = "high-value",
    }
}

impl Group {
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
            Group::Recent => "a scan that covers it was ordered within the time of --due",
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
        let name = reason.split_once(':')?.0;
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    pub(super) fn bit(self) -> u32 {
        1 << self as u32
    }
}
