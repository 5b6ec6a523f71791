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

/// Tags of one device that are kept.
const TAGS: usize = 100;

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
    Tags,
}

/// Headers in their normalised form: of the portal's exports, of advanced hunting, of the API.
const HEADERS: [(&str, Fact); 24] = [
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
    ("tags", Fact::Tags),
    ("machinetags", Fact::Tags),
    ("devicemanualtags", Fact::Tags),
    ("devicedynamictags", Fact::Tags),
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
        Fact::Tags => return note_tags(facts, text),
    };
    place.get_or_insert_with(|| cut(text, FACT));
}

/// Takes the tags of a cell: an array as advanced hunting writes it, or texts between commas or
/// semicolons. A tag may hold one of these itself, so that the whole text is taken for one too.
fn note_tags(facts: &mut Facts, text: &str) {
    if let Ok(tags) = serde_json::from_str::<Vec<String>>(text) {
        return tags.iter().for_each(|tag| note_tag(facts, tag));
    }
    let parts = [',', ';'].into_iter().flat_map(|between| text.split(between));
    std::iter::once(text).chain(parts).for_each(|tag| note_tag(facts, tag));
}

/// Takes one tag.
pub(super) fn note_tag(facts: &mut Facts, tag: &str) {
    let tag = cut(cell::trim(tag), FACT);
    if !tag.is_empty() && !facts.tags.contains(&tag) && facts.tags.len() < TAGS {
        facts.tags.push(tag);
    }
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
    fn tags_are_read_as_each_export_writes_them() {
        let tags = |texts: &[&str]| {
            let mut facts = Facts::default();
            texts.iter().for_each(|text| note(&mut facts, Fact::Tags, text));
            facts.tags
        };
        assert_eq!(tags(&["Tier 1"]), ["Tier 1"]);
        assert_eq!(tags(&[""]), Vec::<String>::new());
        for text in ["Finance,Pilot ring", "Finance; Pilot ring"] {
            assert!(tags(&[text]).contains(&"Pilot ring".to_owned()), "{text}");
        }
        assert_eq!(tags(&[r#"["a, b","c"]"#, r#"["c","d"]"#]), ["a, b", "c", "d"]);
        assert!(tags(&["a, b"]).contains(&"a, b".to_owned()), "it may be one tag");
        assert_eq!(tags(&[&"x,".repeat(500)]).len(), 2);
        assert!(tags(&[&(0..500).map(|n| format!("{n},")).collect::<String>()]).len() <= TAGS);
        assert_eq!(fact_of("Tags"), Some(Fact::Tags));
        assert_eq!(fact_of("machineTags"), Some(Fact::Tags));
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
