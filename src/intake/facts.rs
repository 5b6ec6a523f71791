//! Which columns and fields of a list tell something about a device beside its id and its name, and
//! how their text is read. What follows from it is not decided here. The portal's column for the
//! antivirus is not among them: it always reads "Not supported" ("Device inventory" page).

use jiff::Timestamp;

use super::cell;
use super::dates::{self, When};
use super::header::is_header;
use crate::domain::Facts;
use crate::domain::moment::{Moment, Readings, Shown};
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
    Event,
    Group,
    Value,
    Criticality,
    MergedInto,
    Excluded,
    Operations,
    SwitchedOff,
    Tenant,
    TenantId,
    Workspace,
    Tags,
}

/// Headers in their normalised form: of the portal's exports, of advanced hunting, of the API.
const HEADERS: [(&str, Fact); 37] = [
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
    ("healthstate", Fact::Health),
    ("sensorhealthstate", Fact::Health),
    ("lastdeviceupdate", Fact::LastSeen),
    ("lastseen", Fact::LastSeen),
    ("timestamp", Fact::Event),
    ("group", Fact::Group),
    ("machinegroup", Fact::Group),
    ("rbacgroupname", Fact::Group),
    ("devicevalue", Fact::Value),
    ("mergedintomachineid", Fact::MergedInto),
    ("mergedtodeviceid", Fact::MergedInto),
    ("criticalitylevel", Fact::Criticality),
    ("isexcluded", Fact::Excluded),
    ("exclusionstate", Fact::Excluded),
    ("securityoperations", Fact::Operations),
    ("restricteddevicesecurityoperations", Fact::SwitchedOff),
    ("tenantid", Fact::TenantId),
    ("tenant", Fact::Tenant),
    ("aadtenantid", Fact::Tenant),
    ("azureadtenantid", Fact::Tenant),
    ("entratenantid", Fact::Tenant),
    ("timegenerated", Fact::Workspace),
    ("sourcesystem", Fact::Workspace),
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
        Fact::Criticality => &mut facts.criticality,
        Fact::MergedInto => &mut facts.merged_into,
        Fact::Excluded => &mut facts.exclusion,
        Fact::Operations => &mut facts.operations,
        Fact::SwitchedOff => &mut facts.switched_off,
        Fact::Build => {
            facts.build = facts.build.or_else(|| text.parse().ok());
            return;
        }
        Fact::LastSeen => {
            let (at, moment) = moment(text);
            facts.last_seen = facts.last_seen.or(at);
            facts.seen = facts.seen.take().or(moment);
            return;
        }
        Fact::Event => {
            let (at, moment) = moment(text);
            facts.event_at = facts.event_at.or(at);
            facts.event = facts.event.take().or(moment);
            return;
        }
        Fact::Tenant => {
            facts.tenancy.tenant = facts.tenancy.tenant.or_else(|| text.parse().ok());
            return;
        }
        Fact::TenantId => {
            facts.tenancy.tenant_id = facts.tenancy.tenant_id.or_else(|| text.parse().ok());
            return;
        }
        // Both columns are those of every table of Log Analytics, and of no other export.
        Fact::Workspace => {
            facts.tenancy.of_workspace = true;
            return;
        }
        Fact::Tags => return note_tags(facts, text),
    };
    place.get_or_insert_with(|| cut(text, FACT));
}

/// The moment of a text, and the text with its readings where the text alone does not settle which
/// number is the day.
fn moment(text: &str) -> (Option<Timestamp>, Option<Moment>) {
    let unsure = |readings: Readings| {
        let moment = Moment { text: cut(text, FACT), readings };
        (readings.by(Shown::default()), Some(moment))
    };
    match dates::read(text) {
        When::At(at) => (Some(at), None),
        When::Numbers(readings) => unsure(readings),
        When::Unset => (None, None),
        When::Unread => unsure(Readings::default()),
    }
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
        assert_eq!(fact_of("Exclusion state"), Some(Fact::Excluded));
        assert_eq!(fact_of("Security operations"), Some(Fact::Operations));
        assert_eq!(fact_of("RestrictedDeviceSecurityOperations"), Some(Fact::SwitchedOff));
        assert_eq!(fact_of("Criticality level"), Some(Fact::Criticality));
        for header in ["Antivirus status", "OS Version", "Risk Level", ""] {
            assert_eq!(fact_of(header), None, "{header}");
        }
    }

    #[test]
    fn a_tenant_is_taken_from_its_columns_where_it_is_an_id() {
        let id = "11111111-2222-3333-4444-555555555555";
        let told = |header: &str, text: &str| {
            let mut facts = Facts::default();
            note(&mut facts, fact_of(header).unwrap(), text);
            facts.tenancy.told()
        };
        for header in ["TenantId", "Tenant ID", "tenant_id", "AadTenantId", "tenant"] {
            assert_eq!(told(header, id), id.parse().ok(), "{header}");
            for other in ["", "Contoso", "EMULATED", "contoso.example"] {
                assert_eq!(told(header, other), None, "{header}: {other}");
            }
        }
        assert_eq!(fact_of("TenantName"), None);
        let mut facts = Facts::default();
        note(&mut facts, Fact::TenantId, id);
        note(&mut facts, fact_of("TimeGenerated").unwrap(), "2026-11-20T00:00:00Z");
        assert_eq!(facts.tenancy.told(), None, "it is the id of a workspace");
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
    fn a_date_of_a_list_is_kept_with_its_readings_until_its_column_tells_the_day() {
        let mut facts = Facts::default();
        note(&mut facts, Fact::LastSeen, "3/4/2026 3:45 PM");
        note(&mut facts, Fact::Event, "Nov 20, 2026 3:45:12 PM");
        assert_eq!(facts.last_seen, None);
        assert!(facts.seen.as_ref().unwrap().readings.is_ambiguous());
        assert_eq!(facts.event_at, "2026-11-20T15:45:12Z".parse().ok());
        let mut facts = Facts::default();
        note(&mut facts, Fact::LastSeen, "2/24/2026 3:45 PM");
        assert_eq!(facts.last_seen, "2026-02-24T15:45:00Z".parse().ok(), "it has one meaning");
        assert!(facts.seen.is_some(), "which the others of its column go by");
        let mut facts = Facts::default();
        note(&mut facts, Fact::LastSeen, "gestern");
        assert_eq!(facts.unknown_date().map(|moment| moment.text.as_str()), Some("gestern"));
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
        assert!(facts.last_seen.is_some() && !crate::domain::words::is_excluded(&facts));
    }
}
