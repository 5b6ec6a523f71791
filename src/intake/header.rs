//! Which headers of columns and names of fields stand for the id and the name, and which show that
//! a list is about something else. Which column is taken is chosen in `columns`.

use super::cell;

/// Headers and fields of the id, normalised, the surest first: of Graph and the incidents, of
/// Sentinel, of exports and hunting, of lists made by `make_set`, of the API's own machines.
const ID_HEADERS: [&str; 11] = [
    "mdedeviceid",
    "mdatpdeviceid",
    "defenderdeviceid",
    "deviceid",
    "machineid",
    "deviceids",
    "machineids",
    "setdeviceid",
    "listdeviceid",
    "setmachineid",
    PLAIN_ID,
];
/// The id of whatever the row is about, which need not be a device.
pub(super) const PLAIN_ID: &str = "id";
/// Headers and fields of the name, normalised, the surest first.
const NAME_HEADERS: [&str; 12] = [
    "devicename",
    "machinename",
    "computerdnsname",
    "devicednsname",
    "dnshostname",
    "dnsname",
    "fqdn",
    "computername",
    NAME,
    "hostname",
    "computer",
    "device",
];
const NAME: &str = "name";
/// Headers and fields, normalised, that only alerts and incidents have: their own id is none of a
/// device.
const ALERT_HEADERS: [&str; 9] = [
    "alertid",
    "alerts",
    "detectionsource",
    "evidence",
    "incidentid",
    "incidentweburl",
    "investigationstate",
    "provideralertid",
    "severity",
];
/// Headers of fleetsweep's own report, normalised. It is this program's, whoever renamed the file.
const REPORT_HEADERS: [&str; 4] = ["line", "deviceid", "outcome", "reason"];

/// How sure a header names the id column: 0 is surest.
pub(super) fn id_rank(header: &str) -> Option<usize> {
    rank(&ID_HEADERS, header, PLAIN_ID)
}

/// How sure a header names the name column: 0 is surest.
pub(super) fn name_rank(header: &str) -> Option<usize> {
    rank(&NAME_HEADERS, header, NAME)
}

/// The place of a header in a table; of a path such as `properties.DeviceId` the last part counts,
/// unless it is a word that says nothing by itself.
fn rank(table: &[&str], header: &str, plain: &str) -> Option<usize> {
    let place = |header: &str| table.iter().position(|known| is_header(header, known));
    match (place(header), header.rsplit_once('.')) {
        (None, Some((_, last))) => place(last).filter(|place| table[*place] != plain),
        (found, _) => found,
    }
}

/// Whether a header or field is one that only alerts and incidents have.
pub(super) fn is_of_alerts(header: &str) -> bool {
    ALERT_HEADERS.iter().any(|known| is_header(header, known))
}

/// Whether these headers are those of fleetsweep's own report.
pub(super) fn are_of_our_report<'h>(headers: impl Iterator<Item = &'h str> + Clone) -> bool {
    REPORT_HEADERS.iter().all(|known| headers.clone().any(|header| is_header(header, known)))
}

/// Whether a header is the one that is given in its normalised form.
pub(super) fn is_header(header: &str, known: &str) -> bool {
    significant(header).eq(known.chars())
}

/// A header without what differs between tools: case, spaces, underscores, quotes around it, and
/// marks nobody sees.
pub(super) fn normalised(header: &str) -> String {
    significant(header).collect()
}

fn significant(header: &str) -> impl Iterator<Item = char> {
    header
        .trim_matches(|c| cell::is_guard(c) || cell::is_invisible(c) || c == '=')
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '_' && !cell::is_invisible(*c))
        .flat_map(char::to_lowercase)
}
