//! A piece of JSON that was read whole: text, list, or fields with their names. Numbers and words
//! are texts as they are written; what they mean is not known here.

/// A value.
#[derive(Debug)]
pub(super) enum Node {
    /// A text, a number or a word; empty for `null`.
    Text(String),
    /// An array.
    List(Vec<Node>),
    /// An object, with names in the order in which they stand, also those that stand twice.
    Fields(Vec<(String, Node)>),
}

impl Node {
    /// What a cell with this value would hold. An array of texts is a cell with several of them.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::List(nodes) if nodes.iter().all(|node| matches!(node, Self::Text(_))) => {
                format!("[{}]", nodes.iter().map(Self::text).collect::<Vec<_>>().join(","))
            }
            Self::List(_) => "[...]".to_owned(),
            Self::Fields(_) => "{...}".to_owned(),
        }
    }

    /// The field of an object whose name is this, in any case.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Fields(fields) = self else { return None };
        fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, node)| node)
    }
}
