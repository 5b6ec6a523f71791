//! What somebody who typed a word that there is not may have meant. It judges spelling alone.

/// How alike two words must be for one to be proposed for the other.
const ALIKE: f64 = 0.7;

/// What some call a command that has another name here.
const OTHER_NAMES: [(&str, &str); 10] = [
    ("abort", "cancel"),
    ("check", "doctor"),
    ("continue", "resume"),
    ("list", "devices"),
    ("order", "scan"),
    ("run", "scan"),
    ("setup", "init"),
    ("start", "scan"),
    ("stop", "pause"),
    ("watch", "follow"),
];

/// The command or topic that somebody may have meant; `None` if there is none. Few mistake the
/// first letter, and many a short word stands within another one.
pub(super) fn nearest_name<'a>(
    word: &str,
    known: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    match OTHER_NAMES.iter().find(|(other, _)| *other == word) {
        Some((_, name)) => Some(name),
        None => nearest(word, known.filter(|name| name.chars().next() == word.chars().next())),
    }
}

/// The known word that is most like this one; `None` if none is alike enough.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::jaro_winkler(word, name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_proposed_for_its_other_name_or_its_misspelling_and_for_no_word_within_it() {
        let known = ["scan", "resume", "prune", "status", "nights"];
        let meant = |word: &str| nearest_name(word, known.into_iter());
        assert_eq!(meant("run"), Some("scan"));
        assert_eq!(meant("resum"), Some("resume"));
        assert_eq!(meant("night"), Some("nights"));
        assert_eq!(meant("rune"), None);
    }
}
