//! The first settings of a tenant, as text with comments: what `init` writes.

use super::file::SettingsFile;

/// A tenant's settings, as far as they must be there.
pub(in crate::cli) struct Profile {
    /// Its name in the file.
    pub name: String,
    /// The tenant's id or domain.
    pub tenant: String,
    /// The application's id.
    pub client_id: String,
    /// Where the client secret is.
    pub secret_file: String,
}

const HEAD: &str = r#"# Settings of fleetsweep: `fleetsweep help settings` tells about each.
# What is typed wins over the environment, and the environment over this file.

# Leave a quarter of the limit to other tools that use the same application:
# leave = "25%"
"#;

/// The text of the settings file with this profile behind what it has.
///
/// # Errors
/// Why not, as a sentence: the file cannot be read, or has a profile of that name.
pub(in crate::cli) fn added(before: Option<&str>, profile: &Profile) -> Result<String, String> {
    let file = SettingsFile::parse(before.unwrap_or_default())?;
    if file.profiles.contains_key(&profile.name) {
        return Err(format!("it has a profile `{}` already", profile.name));
    }
    let value = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let Profile { name, tenant, client_id, secret_file } = profile;
    let table = [
        format!("[profiles.{}]", value(name)),
        "# Directory (tenant) ID and Application (client) ID, from the overview page".to_owned(),
        format!("tenant = {}", value(tenant)),
        format!("client-id = {}", value(client_id)),
        "# The secret itself never stands here; only you may read the file that holds it".into(),
        format!("client-secret-file = {}", value(secret_file)),
    ];
    let text = format!("{}\n\n{}\n", before.unwrap_or(HEAD).trim_end(), table.join("\n"));
    SettingsFile::parse(&text).map(|_| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str) -> Profile {
        Profile {
            name: name.to_owned(),
            tenant: "contoso.com".to_owned(),
            client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
            secret_file: "/run/a \"secret\"".to_owned(),
        }
    }

    #[test]
    fn a_profile_is_added_behind_what_is_there_and_none_is_written_twice() {
        let first = added(None, &profile("prod")).unwrap();
        let both = added(Some(&first), &profile("other one")).unwrap();
        assert!(both.starts_with(first.trim_end()), "{both}");
        let file = SettingsFile::parse(&both).unwrap();
        assert_eq!(file.profiles.len(), 2);
        assert_eq!(file.profiles["other one"]["client-secret-file"], ["/run/a \"secret\""]);
        assert!(added(Some(&both), &profile("prod")).unwrap_err().contains("already"));
        assert!(added(Some("limit ="), &profile("prod")).is_err(), "a broken file stays");
    }
}
