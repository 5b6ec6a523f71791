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
#[derive(Clone, Copy, Debug)]
pub(super) enum Fact {
    /// A text, which is kept here.
    Text(fn(&mut Facts) -> &mut Option<String>),
    Build,
    LastSeen,
    Event,
    /// Also as a list of words.
    SwitchedOff,
    Tenant,
    TenantId,
    /// The profile of the settings that is the tenant's.
    Profile,
    Workspace,
    Tags,
}

/// Headers in their normalised form: of the portal's exports, of advanced hunting, of the API.
const HEADERS: [(&str, Fact); 38] = [
    ("osplatform", Fact::Text(|facts| &mut facts.platform)),
    ("windows10version", Fact::Text(|facts| &mut facts.version)),
    ("version", Fact::Text(|facts| &mut facts.version)),
    ("osbuild", Fact::Build),
    ("clientversion", Fact::Text(|facts| &mut facts.client)),
    ("agentversion", Fact::Text(|facts| &mut facts.client)),
    ("devicecategory", Fact::Text(|facts| &mut facts.category)),
    ("devicetype", Fact::Text(|facts| &mut facts.kind)),
    ("onboardingstatus", Fact::Text(|facts| &mut facts.onboarding)),
    ("healthstatus", Fact::Text(|facts| &mut facts.health)),
    ("healthstate", Fact::Text(|facts| &mut facts.health)),
    ("sensorhealthstate", Fact::Text(|facts| &mut facts.health)),
    ("lastdeviceupdate", Fact::LastSeen),
    ("lastseen", Fact::LastSeen),
    ("timestamp", Fact::Event),
    ("group", Fact::Text(|facts| &mut facts.group)),
    ("machinegroup", Fact::Text(|facts| &mut facts.group)),
    ("rbacgroupname", Fact::Text(|facts| &mut facts.group)),
    ("devicevalue", Fact::Text(|facts| &mut facts.value)),
    ("mergedintomachineid", Fact::Text(|facts| &mut facts.merged_into)),
    ("mergedtodeviceid", Fact::Text(|facts| &mut facts.merged_into)),
    ("criticalitylevel", Fact::Text(|facts| &mut facts.criticality)),
    ("isexcluded", Fact::Text(|facts| &mut facts.exclusion)),
    ("exclusionstate", Fact::Text(|facts| &mut facts.exclusion)),
    ("securityoperations", Fact::Text(|facts| &mut facts.operations)),
    ("restricteddevicesecurityoperations", Fact::SwitchedOff),
    ("tenantid", Fact::TenantId),
    ("tenant", Fact::Tenant),
    ("aadtenantid", Fact::Tenant),
    ("azureadtenantid", Fact::Tenant),
    ("entratenantid", Fact::Tenant),
    ("profile", Fact::Profile),
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
    match fact {
        Fact::Text(place) => keep(place(facts), text),
        Fact::SwitchedOff => keep(&mut facts.switched_off, text),
        Fact::Build => facts.build = facts.build.or_else(|| text.parse().ok()),
        Fact::LastSeen => {
            let (at, moment) = moment(text);
            facts.last_seen = facts.last_seen.or(at);
            facts.seen = facts.seen.take().or(moment);
        }
        Fact::Event => {
            let (at, moment) = moment(text);
            facts.event_at = facts.event_at.or(at);
            facts.event = facts.event.take().or(moment);
        }
        Fact::Tenant => {
            let id = text.parse().ok();
            facts.tenancy.tenant = facts.tenancy.tenant.or(id);
            note_tenant_name(facts, id.is_some(), text);
        }
        Fact::TenantId => {
            let id = text.parse().ok();
            facts.tenancy.tenant_id = facts.tenancy.tenant_id.or(id);
            note_tenant_name(facts, id.is_some(), text);
        }
        Fact::Profile => keep(&mut facts.tenant_name, text),
        // Both columns are those of every table of Log Analytics, and of no other export.
        Fact::Workspace => facts.tenancy.of_workspace = true,
        Fact::Tags => note_tags(facts, text),
    }
}

/// Takes what stands in the place of a tenant's id for a name of the tenant.
fn note_tenant_name(facts: &mut Facts, is_id: bool, text: &str) {
    if !is_id {
        keep(&mut facts.tenant_name, text);
    }
}

fn keep(place: &mut Option<String>, text: &str) {
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
    if text.starts_with('[')
        && let Ok(tags) = serde_json::from_str::<Vec<String>>(text)
    {
        return tags.iter().for_each(|tag| note_tag(facts, tag));
    }
    let separators = [',', ';'].into_iter().filter(|between| text.contains(*between));
    let parts = separators.flat_map(|between| text.split(between));
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
        let x = || Some("x".to_owned());
        let platform = Facts { platform: x(), ..Facts::default() };
        assert_eq!(noted("OS Platform", "x"), platform);
        assert_eq!(noted("os_platform", "x"), platform);
        let onboarding = Facts { onboarding: x(), ..Facts::default() };
        assert_eq!(noted("onboardingStatus", "x"), onboarding);
        let at = "2026-11-20T15:45:12Z";
        let seen = Facts { last_seen: at.parse().ok(), ..Facts::default() };
        assert_eq!(noted("Last device update", at), seen);
        assert_eq!(noted("Exclusion state", "x"), Facts { exclusion: x(), ..Facts::default() });
        let operations = Facts { operations: x(), ..Facts::default() };
        assert_eq!(noted("Security operations", "x"), operations);
        let switched_off = Facts { switched_off: x(), ..Facts::default() };
        assert_eq!(noted("RestrictedDeviceSecurityOperations", "x"), switched_off);
        let criticality = Facts { criticality: x(), ..Facts::default() };
        assert_eq!(noted("Criticality level", "x"), criticality);
        for header in ["Antivirus status", "OS Version", "Risk Level", ""] {
            assert!(fact_of(header).is_none(), "{header}");
        }
    }

    /// What a cell under a header tells.
    fn noted(header: &str, text: &str) -> Facts {
        let mut facts = Facts::default();
        note(&mut facts, fact_of(header).expect(header), text);
        facts
    }

    #[test]
    fn a_tenant_is_taken_from_its_columns_where_it_is_an_id() {
        let id = "11111111-2222-3333-4444-555555555555";
        let told = |header: &str, text: &str| noted(header, text).tenancy.told();
        for header in ["TenantId", "Tenant ID", "tenant_id", "AadTenantId", "tenant"] {
            assert_eq!(told(header, id), id.parse().ok(), "{header}");
            for other in ["", "Contoso", "EMULATED", "contoso.example"] {
                assert_eq!(told(header, other), None, "{header}: {other}");
            }
        }
        assert!(fact_of("TenantName").is_none());
        let named = |header: &str, text: &str| noted(header, text).tenant_name;
        for header in ["Tenant", "TenantId", "Profile"] {
            assert_eq!(named(header, " cust-a ").as_deref(), Some("cust-a"), "{header}");
        }
        assert_eq!((named("Tenant", id), named("Tenant", "")), (None, None));
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
        for header in ["Tags", "machineTags"] {
            assert_eq!(noted(header, "Tier 1").tags, ["Tier 1"], "{header}");
        }
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
        for (header, text) in [
            ("Version", " "),
            ("Version", "1703"),
            ("Version", "22H2"),
            ("OS build", "x"),
            ("OS build", "15063"),
            ("Last seen", "yesterday"),
            ("Last seen", "2026-11-23T08:51:00.8214187Z"),
            ("Is excluded", "False"),
        ] {
            note(&mut facts, fact_of(header).expect(header), text);
        }
        assert_eq!((facts.version.as_deref(), facts.build), (Some("1703"), Some(15_063)));
        assert!(facts.last_seen.is_some() && !crate::domain::words::is_excluded(&facts));
    }
}
