//! The words of a device that nobody understands, by field: they are told, and skip nothing. What
//! the others mean is `words`' and `platform`'s.

use super::facts::Facts;
use super::platform::{self, Platform};
use super::words::{Said, excluded, inactive, merged, onboarded, restricted, said};

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
    const SCANS: [&str; 14] = [
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
    ];
    if word.is_some_and(|word| platform::by_word(word).is_some()) {
        return Said::Yes;
    }
    said(word, &[], &SCANS)
}

fn worth(word: Option<&str>) -> Said {
    said(word, &["veryhigh", "high"], &["normal", "medium", "low", "none"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
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
