//! What somebody who typed a word that there is not may have meant. It judges spelling alone.

/// How alike two words must be for one to be proposed for the other.
const ALIKE: f64 = 0.7;

/// The known word that is most like this one; `None` if none is alike enough.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::jaro_winkler(word, name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}
