//! What an operation shows, as people and as programs read it, whatever it is.

/// A result as people and as programs read it.
pub trait Document {
    /// For people: lines without a line end at their end.
    fn text(&self) -> String;

    /// For people who want to see all of it, which may be longer than a screen.
    fn details(&self) -> String {
        self.text()
    }

    /// For programs: one JSON object of one line, without a line end.
    fn json(&self) -> String;

    /// Whether the text is one line, which a terminal breaks between words as it does a sentence.
    fn is_line(&self) -> bool {
        false
    }

    /// For the journal of a service, where many tell of themselves: one line.
    fn line(&self) -> String {
        self.text().split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
