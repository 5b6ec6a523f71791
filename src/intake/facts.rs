//! Which columns and fields of a list tell something about a device beside its id and its name, and
//! how their text is read. What follows from it is not decided here. The portal's column for the
//! antivirus is not among them: it always reads "Not supported" ("Device inventory" page).

use jiff::Timestamp;

use super::cell;
use super::columns::is_header;
use crate::domain::Facts;
use crate::domain::text::cut;

/// Characters of a fact that are kept.
const FACT: usize = 100;

/// What a column tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Platform,
    Version,
    Build,
    Client,
    Category,
    Kind,
    Onboarding,
    Health,
    LastSeen,
    Group,
    Value,
    MergedInto,
    Excluded,
}

/// Headers in their normalised form: of the portal's exports, of advanced hunting, of the API.
const HEADERS: [(&str, Fact); 20] = [
    ("osplatform", Fact::Platform),
    ("windows10version", Fact::Version),
    ("version", Fact::Version),
    ("osbuild", Fact::Build),
    ("clientversion", Fact::Client),
    ("agentversion", Fact::Client),
    ("devicecategory", Fact::Category),
    ("devicetype", Fact::Kind),
    ("onboardingstatus", Fact::Onboarding),
    ("healthstatus", Fact::Health),
    ("sensorhealthstate", Fact::Health),
    ("lastdeviceupdate", Fact::LastSeen),
    ("lastseen", Fact::LastSeen),
    ("group", Fact::Group),
    ("machinegroup", Fact::Group),
    ("rbacgroupname", Fact::Group),
    ("devicevalue", Fact::Value),
    ("mergedintomachineid", Fact::MergedInto),
    ("mergedtodeviceid", Fact::MergedInto),
    ("isexcluded", Fact::Excluded),
];

/// What a header says that its column tells.
pub(super) fn fact_of(header: &str) -> Option<Fact> {
    HEADERS.iter().find(|(known, _)| is_header(header, known)).map(|(_, fact)| *fact)
}

/// Takes the text of a cell; of several cells with one fact the first that is not empty counts.
pub(super) fn note(facts: &mut Facts, fact: Fact, text: &str) {
    let text = cell::trim(text);
    if text.is_empty() {
        return;
    }
    let place = match fact {
        Fact::Platform => &mut facts.platform,
        Fact::Version => &mut facts.version,
        Fact::Client => &mut facts.client,
        Fact::Category => &mut facts.category,
        Fact::Kind => &mut facts.kind,
        Fact::Onboarding => &mut facts.onboarding,
        Fact::Health => &mut facts.health,
        Fact::Group => &mut facts.group,
        Fact::Value => &mut facts.value,
        Fact::MergedInto => &mut facts.merged_into,
        Fact::Build => {
            facts.build = facts.build.or_else(|| text.parse().ok());
            return;
        }
        Fact::LastSeen => {
            facts.last_seen = facts.last_seen.or_else(|| text.parse::<Timestamp>().ok());
            return;
        }
        Fact::Excluded => {
            facts.excluded |= text.eq_ignore_ascii_case("true") || text == "1";
            return;
        }
    };
    place.get_or_insert_with(|| cut(text, FACT));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_export_are_known_and_the_antivirus_column_is_not() {
        assert_eq!(fact_of("OS Platform"), Some(Fact::Platform));
        assert_eq!(fact_of("os_platform"), Some(Fact::Platform));
        assert_eq!(fact_of("onboardingStatus"), Some(Fact::Onboarding));
        assert_eq!(fact_of("Last device update"), Some(Fact::LastSeen));
        for header in ["Antivirus status", "OS Version", "Risk Level", ""] {
            assert_eq!(fact_of(header), None, "{header}");
        }
    }

    #[test]
    fn the_first_text_that_says_something_counts() {
        let mut facts = Facts::default();
        for (fact, text) in [
            (Fact::Version, " "),
            (Fact::Version, "1703"),
            (Fact::Version, "22H2"),
            (Fact::Build, "x"),
            (Fact::Build, "15063"),
            (Fact::LastSeen, "yesterday"),
            (Fact::LastSeen, "2026-11-23T08:51:00.8214187Z"),
            (Fact::Excluded, "False"),
        ] {
            note(&mut facts, fact, text);
        }
        assert_eq!((facts.version.as_deref(), facts.build), (Some("1703"), Some(15_063)));
        assert!(facts.last_seen.is_some() && !facts.excluded);
    }
}
