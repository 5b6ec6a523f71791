//! The words in which lists and the tenant's inventory describe a device, and which of them are
//! understood. Columns and values change between eras, and the portal is translated: a word that is
//! not understood never skips a device, it is told.

use super::device::DeviceId;
use super::facts::Facts;

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

/// Whether it is known to have been taken out of vulnerability management.
pub fn is_excluded(facts: &Facts) -> bool {
    excluded(facts) == Said::Yes
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

/// What a word says, of those that mean yes and no.
pub(super) fn said(word: Option<&str>, yes: &[&str], no: &[&str]) -> Said {
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

/// Whether two words are the same but for case, spaces and signs: `Can be onboarded` is
/// `CanBeOnboarded`.
pub fn same_word(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

/// The letters and digits of a word, in lower case.
pub(super) fn letters(word: &str) -> impl Iterator<Item = char> {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
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
}
