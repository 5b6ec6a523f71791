//! What stands behind the question mark of an address. Nothing in it is believed.

use url::form_urlencoded;

/// What stands behind the question mark of an address.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// What this text says.
    pub(super) fn of(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// What was said of this, if it is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let said = self.0.iter().find(|(one, _)| one == name).map(|(_, value)| value.trim());
        said.filter(|value| !value.is_empty())
    }
}
