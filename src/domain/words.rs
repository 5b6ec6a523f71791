//! The words in which lists and the tenant's inventory describe a device, and which of them are
//! understood. Columns and values change between eras, and the portal is translated: a word that is
//! not understood never skips a device, it is told.

use super::device::DeviceId;
use super::machine::{Facts, letters};
use super::platform::{self, Platform};

/// The tag that Defender itself gives to devices whose security operations are restricted.
const RESTRICTED_TAG: &str = "restrictedsecurityoperations";

/// What a word answers to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing is told.
    Nothing,
    /// Yes.
    Yes,
    /// No.
    No,
    /// Something that is not understood.
    NotUnderstood,
}

/// What a word is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Whether the device is onboarded.
    Onboarding,
    /// How its sensor is.
    Health,
    /// Whether it was taken out of vulnerability management.
    Exclusion,
    /// Its operating system.
    Platform,
    /// The portal's category.
    Category,
    /// The portal's type.
    Kind,
    /// What the security team may do on it.
    Operations,
    /// The record that it was merged into.
    Merged,
    /// What it is worth.
    Value,
    /// How critical it is.
    Criticality,
}

impl Field {
    /// What it is called on the screen.
    pub fn what(self) -> &'static str {
        match self {
            Field::Onboarding => "onboarding status",
            Field::Health => "health",
            Field::Exclusion => "exclusion",
            Field::Platform => "operating system",
            Field::Category => "device category",
            Field::Kind => "device type",
            Field::Operations => "security operations",
            Field::Merged => "record merged into",
            Field::Value => "device value",
            Field::Criticality => "criticality",
        }
    }
}

/// Whether the device is onboarded.
pub fn onboarded(facts: &Facts) -> Said {
    said(
        facts.onboarding.as_deref(),
        &["onboarded"],
        &["canbeonboarded", "unsupported", "insufficientinfo", "notonboarded", "offboarded"],
    )
}

/// Whether its sensor counts as inactive.
pub fn inactive(facts: &Facts) -> Said {
    said(
        facts.health.as_deref(),
        &["inactive"],
        &[
            "active",
            "misconfigured",
            "impairedcommunication",
            "impairedcommunications",
            "nosensordata",
            "nosensordataimpairedcommunication",
            "nosensordataimpairedcommunications",
            "unknown",
        ],
    )
}

/// Whether it was taken out of vulnerability management.
pub fn excluded(facts: &Facts) -> Said {
    let no = ["false", "no", "0", "notexcluded", "included"];
    said(facts.exclusion.as_deref(), &["true", "yes", "1", "excluded"], &no)
}

/// Whether what the security team may do on it is restricted. Of the kinds of operations that
/// hunting lists, each one restricts it.
pub fn restricted(facts: &Facts) -> Said {
    let switched_off = letters_of(facts.switched_off.as_deref());
    let listed = !["", "null", "none", "full"].contains(&switched_off.as_str());
    if listed || has_restricted_tag(&facts.tags) {
        return Said::Yes;
    }
    let yes = ["restricted", "restrictedsecurityoperations"];
    said(facts.operations.as_deref(), &yes, &["full", "notrestricted", "unrestricted"])
}

/// Whether one of the tags says so.
pub fn has_restricted_tag(tags: &[String]) -> bool {
    tags.iter().any(|tag| letters_of(Some(tag)) == RESTRICTED_TAG)
}

/// Whether its record was merged into another one, whose id it then names.
pub fn merged(facts: &Facts) -> Said {
    let word = facts.merged_into.as_deref().map(str::trim).unwrap_or_default();
    match word.parse::<DeviceId>() {
        Ok(id) if id.as_bytes().iter().all(|byte| *byte == 0) => Said::No,
        Ok(_) => Said::Yes,
        Err(_) => said(Some(word), &[], &["null", "none", "no", "false", "0"]),
    }
}

/// The words of a device that are not understood.
pub fn not_understood(facts: &Facts) -> impl Iterator<Item = (Field, &str)> {
    let platform = match Platform::named(facts) {
        Platform::Unknown => said(facts.platform.as_deref(), &[], &["unknown", "other"]),
        _ => Said::Yes,
    };
    [
        (Field::Onboarding, &facts.onboarding, onboarded(facts)),
        (Field::Health, &facts.health, inactive(facts)),
        (Field::Exclusion, &facts.exclusion, excluded(facts)),
        (Field::Platform, &facts.platform, platform),
        (Field::Category, &facts.category, category(facts.category.as_deref())),
        (Field::Kind, &facts.kind, category(facts.kind.as_deref())),
        (Field::Operations, &facts.operations, restricted(facts)),
        (Field::Merged, &facts.merged_into, merged(facts)),
        (Field::Value, &facts.value, worth(facts.value.as_deref())),
        (Field::Criticality, &facts.criticality, worth(facts.criticality.as_deref())),
    ]
    .into_iter()
    .filter(|(_, _, said)| *said == Said::NotUnderstood)
    .filter_map(|(field, word, _)| Some((field, word.as_deref()?.trim())))
}

/// Whether a word of the portal's categories or types is one of those that scan nothing.
fn category(word: Option<&str>) -> Said {
    match word.is_some_and(|word| platform::by_word(word).is_some()) {
        true => Said::Yes,
        false => said(
            word,
            &[],
            &[
                "endpoint",
                "workstation",
                "server",
                "desktop",
                "laptop",
                "computer",
                "computersandmobile",
                "domaincontroller",
                "virtualmachine",
                "hypervisor",
                "generic",
                "other",
                "uncategorized",
                "unknown",
            ],
        ),
    }
}

fn worth(word: Option<&str>) -> Said {
    said(word, &["veryhigh", "high"], &["normal", "medium", "low", "none"])
}

fn said(word: Option<&str>, yes: &[&str], no: &[&str]) -> Said {
    let word = letters_of(word);
    match word.as_str() {
        "" => Said::Nothing,
        word if yes.contains(&word) => Said::Yes,
        word if no.contains(&word) => Said::No,
        _ => Said::NotUnderstood,
    }
}

fn letters_of(word: Option<&str>) -> String {
    word.map(letters).into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn each_word_of_the_portal_of_hunting_and_of_the_api_is_understood() {
        let onboarding = |word| onboarded(&Facts { onboarding: text(word), ..Facts::default() });
        assert_eq!(["Onboarded", "onboarded "].map(onboarding), [Said::Yes; 2]);
        let not = ["Can be onboarded", "CanBeOnboarded", "Unsupported", "Insufficient info"];
        assert_eq!(not.map(onboarding), [Said::No; 4]);
        assert_eq!(["", " ", "-"].map(onboarding), [Said::Nothing; 3]);

        let excluded = |word| excluded(&Facts { exclusion: text(word), ..Facts::default() });
        assert_eq!(["True", "true", "1", "Excluded"].map(excluded), [Said::Yes; 4]);
        assert_eq!(["False", "0", "Not excluded", "not_excluded"].map(excluded), [Said::No; 4]);

        let operations = |word| restricted(&Facts { operations: text(word), ..Facts::default() });
        assert_eq!(
            ["Restricted", "Full", ""].map(operations),
            [Said::Yes, Said::No, Said::Nothing]
        );
        let off = |word| restricted(&Facts { switched_off: text(word), ..Facts::default() });
        let listed = ["BasicResponse", r#"["BasicResponse","LiveResponse"]"#, "LiveResponse"];
        assert_eq!(listed.map(off), [Said::Yes; 3]);
        assert_eq!(["", "[]", "null", " - "].map(off), [Said::Nothing; 4]);
        let tags = vec!["x".to_owned(), "Restricted security operations".to_owned()];
        assert_eq!(restricted(&Facts { tags, ..Facts::default() }), Said::Yes);

        let id = "ba7bfa56319c2cb60f96537b5e032e291ab838e0";
        let merged = |word: &str| merged(&Facts { merged_into: text(word), ..Facts::default() });
        assert_eq!([id, " ", "null"].map(merged), [Said::Yes, Said::Nothing, Said::No]);
        assert_eq!(merged(&"0".repeat(40)), Said::No);
        assert_eq!(merged("pc-1"), Said::NotUnderstood);
    }

    #[test]
    fn what_is_not_understood_is_named_with_what_it_is_about() {
        let facts = Facts {
            onboarding: text("Onboardet"),
            health: text("Aktiv"),
            exclusion: text("Nicht ausgeschlossen"),
            platform: text("Windows12"),
            category: text("Endpunkt"),
            kind: text(" Arbeitsstation "),
            operations: text("Vollständig"),
            merged_into: text("ja"),
            value: text("Hoch"),
            criticality: text("Sehr hoch"),
            ..Facts::default()
        };
        let told: Vec<_> =
            not_understood(&facts).map(|(field, word)| (field.what(), word)).collect();
        assert_eq!(
            told,
            [
                ("onboarding status", "Onboardet"),
                ("health", "Aktiv"),
                ("exclusion", "Nicht ausgeschlossen"),
                ("operating system", "Windows12"),
                ("device category", "Endpunkt"),
                ("device type", "Arbeitsstation"),
                ("security operations", "Vollständig"),
                ("record merged into", "ja"),
                ("device value", "Hoch"),
                ("criticality", "Sehr hoch"),
            ]
        );
        let understood = Facts {
            onboarding: text("Onboarded"),
            health: text("No sensor data"),
            exclusion: text("Not excluded"),
            platform: text("Windows"),
            category: text("IoT"),
            kind: text("Printer"),
            operations: text("Full"),
            merged_into: text(""),
            value: text("Normal"),
            criticality: text("Very high"),
            ..Facts::default()
        };
        assert_eq!(not_understood(&understood).count(), 0);
        assert_eq!(not_understood(&Facts::default()).count(), 0);
    }
}
