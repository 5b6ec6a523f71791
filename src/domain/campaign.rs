//! A campaign as a value: one order to scan one list of devices, and the budget that it calls on.
//! What became of its devices is in `lifecycle` and `tally`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cloud::Cloud;
use super::device::DeviceId;
use super::service::{id_of, is_same_cloud, service_of};
use super::spelling::{as_told, serialised_as_text, shown_by_word, worded};
use super::text::{printable, squeezed};
use super::ticket::Ticket;

/// The most characters that a comment may have with its mark. The API documents no limit; this is
/// below every limit that has been seen for such fields.
pub const COMMENT_MAX: usize = 1000;

worded! {
    /// The type of a scan ("ScanType: Quick or Full", Run antivirus scan API page).
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    ScanType {
        /// A quick scan.
        Quick = "quick",
        /// A full scan, which includes what a quick one does.
        Full = "full",
    }
}

impl ScanType {
    /// The word that the API uses.
    pub fn api_name(self) -> &'static str {
        match self {
            ScanType::Quick => "Quick",
            ScanType::Full => "Full",
        }
    }

    /// Whether a scan of this type does what `asked` would do.
    pub fn includes(self, asked: ScanType) -> bool {
        self >= asked
    }
}

impl FromStr for ScanType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        ScanType::named(text).ok_or(())
    }
}

worded! {
    /// What is done with a device whose scan is already in progress.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    BusyPolicy {
        /// It ends as `already_in_progress`.
        #[default]
        Report = "report",
        /// It is asked again within the campaign, after an hour and at most three times.
        Retry = "retry",
    }
}

worded! {
    /// The operations of the API that have limits of their own.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    Operation {
        /// Ordering a scan.
        Scan = "scan",
        /// Reading the list of machine actions.
        Read = "read",
        /// Cancelling an action.
        Cancel = "cancel",
    }
}

shown_by_word!(ScanType, BusyPolicy, Operation);

/// Where calls go and who makes them: the API counts them per application and tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Scheme, host and port of the API, such as `https://api.security.microsoft.com`.
    pub api_origin: String,
    /// The tenant's id.
    pub tenant: String,
    /// The application's id.
    pub application: String,
    /// The name of the cloud, for people.
    pub cloud: String,
}

/// The key of one budget.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BudgetKey {
    /// Scheme, host and port of the API.
    pub api_origin: String,
    /// The tenant's id.
    pub tenant: String,
    /// The application's id.
    pub application: String,
    /// What is called.
    pub operation: Operation,
}

impl Target {
    /// The budget of one operation towards this target, under the one name that every host name
    /// of the service and every spelling of the ids have in common.
    pub fn budget(&self, operation: Operation) -> BudgetKey {
        let Self { api_origin, tenant, application, cloud: _ } = self;
        BudgetKey::of(api_origin, tenant, application, operation)
    }

    /// Where orders go, for people: the cloud, or the address of the API if that is none of the
    /// cloud's own. Whoever reads a plan must not take one for the other.
    pub fn place(&self) -> String {
        match Cloud::named(&self.cloud) {
            Some(cloud) if service_of(cloud.api_url()) != service_of(&self.api_origin) => {
                format!("API {}, which is not Microsoft's", printable(&self.api_origin))
            }
            // The embedded emulator has a name of its own.
            _ => format!("{} cloud", printable(&self.cloud)),
        }
    }

    /// Whether both are one application in one tenant of one service, whatever door they use.
    fn is_same_service(&self, other: &Target) -> bool {
        service_of(&self.api_origin) == service_of(&other.api_origin)
    }
}

impl BudgetKey {
    /// The key of what is spelled in these ways.
    pub fn of(api_origin: &str, tenant: &str, application: &str, operation: Operation) -> Self {
        Self {
            api_origin: service_of(api_origin),
            tenant: id_of(tenant),
            application: id_of(application),
            operation,
        }
    }
}

/// The name of a campaign: letters, digits, dots, dashes and underscores, at most 64.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CampaignName(String);

/// Why a text cannot name a campaign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot name a campaign; use 1 to 64 letters, digits, dots, dashes and underscores, \
     beginning with a letter or digit"
)]
pub struct NotAName(String);

impl CampaignName {
    /// The most characters of a name.
    pub const MAX: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CampaignName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins && text.len() <= Self::MAX && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAName(super::text::printable(text)))
        }
    }
}

serialised_as_text!(CampaignName; as_told);

impl fmt::Display for CampaignName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How every mark begins, behind its bracket.
const MARK_WORD: &str = "fleetsweep";

/// What tells our actions from everybody else's: it stands at the start of every comment, so that
/// no cut at the end loses it. The 64 bits are drawn once for a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    whole: String,
    /// What must be found again of it: the word, the name and the bits, squeezed.
    parts: [String; 3],
}

impl Mark {
    /// The mark of a campaign.
    pub fn new(campaign: &CampaignName, bits: u64) -> Self {
        let bits = format!("{bits:016x}");
        let whole = format!("[{MARK_WORD} {campaign}/{bits}]");
        let parts = [MARK_WORD.to_owned(), squeezed(campaign.as_str()), bits];
        Self { whole, parts }
    }

    /// Whether a comment carries this mark, also where a server changed its letters to capitals or
    /// its blanks, or escaped or stripped what stands between its parts: the drawn bits tell it
    /// from all others.
    pub fn stands_in(&self, comment: &str) -> bool {
        let comment = squeezed(comment);
        self.parts.iter().all(|part| comment.contains(part))
    }

    /// Whether a comment carries the mark of any campaign, as far as the word tells it.
    pub fn any_in(comment: &str) -> bool {
        squeezed(comment).contains(MARK_WORD)
    }

    /// The mark as it stands in comments.
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// The comment that is sent: the mark, a space, and what the user wrote.
    pub fn comment(&self, text: &str) -> String {
        format!("{} {text}", self.whole)
    }
}

/// Everything that makes a campaign this one. A second `scan` with the same name goes on with it
/// only if all of this is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Where the scans are ordered.
    pub target: Target,
    /// The type of the scan.
    pub scan_type: ScanType,
    /// The user's comment, without the mark.
    pub comment: String,
    /// The change request or incident that it is ordered for.
    pub ticket: Option<Ticket>,
    /// SHA-256 over the sorted ids, in hexadecimal: see `hash_of_ids`.
    pub ids_hash: String,
}

impl Order {
    /// What stands behind the mark in each action's comment: the ticket in brackets, if there is
    /// one, and the user's comment.
    pub fn text(&self) -> String {
        text_of(self.ticket.as_ref(), &self.comment)
    }

    /// What differs between two orders, in the user's words; empty if nothing does.
    pub fn differences(&self, other: &Order) -> Vec<String> {
        let mut found = Differences::new("there");
        self.compare_with(other, &mut found);
        if self.ids_hash != other.ids_hash {
            found.push("the set of device ids".to_owned());
        }
        found.end()
    }

    /// Adds what differs to a longer list, but for the ids, of which a plan file can tell more.
    pub(super) fn compare_with(&self, other: &Order, found: &mut Differences) {
        let Order { target, scan_type, comment, ticket, ids_hash: _ } = self;
        let Target { api_origin, tenant, application, cloud } = target;
        // Another host name of the same service, or another spelling, is no difference.
        if !target.is_same_service(&other.target) {
            found.compare("API", api_origin, &other.target.api_origin);
        }
        if !is_same_cloud(cloud, &other.target.cloud) {
            found.compare("cloud", cloud, &other.target.cloud);
        }
        if id_of(tenant) != id_of(&other.target.tenant) {
            found.compare("tenant", tenant, &other.target.tenant);
        }
        if id_of(application) != id_of(&other.target.application) {
            found.compare("application", application, &other.target.application);
        }
        found.compare("type", scan_type, &other.scan_type);
        found.compare("comment", comment, &other.comment);
        found.compare("ticket", shown(ticket.as_ref()), shown(other.ticket.as_ref()));
    }
}

/// What differs between something that was fixed before and what is asked for now.
pub(super) struct Differences {
    /// Where the former is, or what it is.
    there: &'static str,
    found: Vec<String>,
}

impl Differences {
    /// None yet.
    pub(super) fn new(there: &'static str) -> Self {
        Self { there, found: Vec::new() }
    }

    /// Compares two values by how people read them.
    pub(super) fn compare<T: fmt::Display + ?Sized>(&mut self, what: &str, then: &T, now: &T) {
        let (then, now) = (then.to_string(), now.to_string());
        if then != now {
            let there = self.there;
            let (then, now) = (super::text::printable(&then), super::text::printable(&now));
            self.found.push(format!("{what}: `{then}` {there}, `{now}` now"));
        }
    }

    /// A difference that has its own words.
    pub(super) fn push(&mut self, sentence: String) {
        self.found.push(sentence);
    }

    /// All that was found.
    pub(super) fn end(self) -> Vec<String> {
        self.found
    }
}

/// What stands behind the mark in a comment.
pub fn text_of(ticket: Option<&Ticket>, comment: &str) -> String {
    match ticket {
        Some(ticket) => format!("[{ticket}] {comment}"),
        None => comment.to_owned(),
    }
}

fn shown(ticket: Option<&Ticket>) -> &str {
    ticket.map_or("none", Ticket::as_str)
}

/// SHA-256 over the ids in ascending order, so that the order of the rows does not matter.
pub fn hash_of_ids(ids: impl IntoIterator<Item = DeviceId>) -> String {
    let mut ids: Vec<DeviceId> = ids.into_iter().collect();
    ids.sort_unstable();
    hash_in_order(ids)
}

/// SHA-256 over ids in the order in which they are given.
pub fn hash_in_order(ids: impl IntoIterator<Item = DeviceId>) -> String {
    let mut hash = Sha256::new();
    for id in ids {
        hash.update(id.as_bytes());
    }
    hexadecimal(&hash.finalize())
}

/// Bytes as hexadecimal digits, two for each.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_first_in_the_comment() {
        let mark = Mark::new(&"night-1".parse().unwrap(), 0xabc);
        assert_eq!(mark.comment("CHG1"), "[fleetsweep night-1/0000000000000abc] CHG1");
        let ticket = "CHG0031337".parse().ok();
        assert_eq!(
            mark.comment(&text_of(ticket.as_ref(), "nightly")),
            "[fleetsweep night-1/0000000000000abc] [CHG0031337] nightly"
        );
    }

    fn order(api: &str, cloud: &str, tenant: &str, application: &str) -> Order {
        Order {
            target: Target {
                api_origin: api.to_owned(),
                tenant: tenant.to_owned(),
                application: application.to_owned(),
                cloud: cloud.to_owned(),
            },
            scan_type: ScanType::Full,
            comment: "c".to_owned(),
            ticket: None,
            ids_hash: String::new(),
        }
    }

    #[test]
    fn a_campaign_goes_on_by_another_host_name_and_another_spelling_of_its_ids() {
        let world = order("https://api.security.microsoft.com", "commercial", "T-A", "{App-B}");
        let old = "https://api.securitycenter.windows.com";
        for same in [
            order("https://eu.api.security.microsoft.com", "commercial-eu", "t-a", "app-b"),
            order(old, "commercial", "{t-A}", "APP-B"),
        ] {
            assert_eq!(world.differences(&same), Vec::<String>::new());
            let budget = same.target.budget(Operation::Scan);
            assert_eq!(budget, world.target.budget(Operation::Scan));
        }
        let gov = "https://api-gov.securitycenter.microsoft.us";
        let other = order(gov, "gcc-high", "t-x", "app-x");
        let named: Vec<String> = world
            .differences(&other)
            .iter()
            .map(|one| one.split(':').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(named, ["API", "cloud", "tenant", "application"]);
        assert_ne!(other.target.budget(Operation::Scan), world.target.budget(Operation::Scan));
    }

    /// Negative control: the folding of the first release, under which 180 calls left in 16 s.
    #[test]
    fn the_folding_of_regions_alone_would_give_an_older_host_a_limit_of_its_own() {
        let regions_alone = |origin: &str| {
            let world = "api.security.microsoft.com";
            let regional = origin.strip_suffix(world).is_some_and(|rest| rest.ends_with('.'));
            if regional { format!("https://{world}") } else { origin.to_owned() }
        };
        let (new, old) =
            ("https://api.security.microsoft.com", "https://api.securitycenter.microsoft.com");
        assert_ne!(regions_alone(new), regions_alone(old));
        assert_eq!(service_of(new), service_of(old));
    }

    #[test]
    fn a_name_that_could_break_a_path_or_a_line_is_refused() {
        for wrong in ["", "a b", "../x", "-x", "a\n", &"x".repeat(65)] {
            assert!(wrong.parse::<CampaignName>().is_err(), "{wrong:?}");
        }
        assert!("nightly-2026-11-23.a_b".parse::<CampaignName>().is_ok());
    }

    #[test]
    fn the_hash_of_a_list_does_not_depend_on_its_order() {
        let a = DeviceId::from_bytes([1; 20]);
        let b = DeviceId::from_bytes([2; 20]);
        assert_eq!(hash_of_ids([a, b]), hash_of_ids([b, a]));
        assert_ne!(hash_of_ids([a]), hash_of_ids([b, a]));
    }

    #[test]
    fn a_full_scan_includes_a_quick_one_and_not_the_other_way_round() {
        assert!(ScanType::Full.includes(ScanType::Quick));
        assert!(!ScanType::Quick.includes(ScanType::Full));
    }
}
