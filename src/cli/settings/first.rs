//! The first settings of a tenant, as text with comments: what `init` writes.

use super::file::SettingsFile;
use crate::domain::SignInKind;

/// A tenant's settings, as far as they must be there.
pub(in crate::cli) struct Profile {
    /// Its name in the file.
    pub name: String,
    /// The tenant's id or domain.
    pub tenant: String,
    /// How it signs in.
    pub kind: SignInKind,
    /// The application's id, if that is needed.
    pub client_id: Option<String>,
    /// Where the client secret, the certificate or the token is, if there is one.
    pub file: Option<String>,
    /// Another address of the API.
    pub api_url: Option<String>,
    /// Another address to sign in at.
    pub login_url: Option<String>,
}

const HEAD: &str = r#"# Settings of fleetsweep: `fleetsweep help settings` tells about each.
# What is typed wins over the environment, and the environment over this file.

# Leave a quarter of the limit to other tools that use the same application:
# leave = "25%"
"#;

/// Whether a profile of this name can be added.
///
/// # Errors
/// Why not, as a sentence: the file cannot be read, or has a profile of that name.
pub(in crate::cli) fn may_be_added(before: Option<&str>, name: &str) -> Result<(), String> {
    let file = SettingsFile::parse(before.unwrap_or_default())?;
    if file.profiles.contains_key(name) {
        return Err(format!("it has a profile `{name}` already"));
    }
    Ok(())
}

/// The text of the settings file with this profile behind what it has.
///
/// # Errors
/// Why not, as a sentence: the file cannot be read, or has a profile of that name.
pub(in crate::cli) fn added(before: Option<&str>, profile: &Profile) -> Result<String, String> {
    may_be_added(before, &profile.name)?;
    let value = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let Profile { name, tenant, kind, client_id, file, api_url, login_url } = profile;
    let mut table = vec![
        format!("[profiles.{}]", value(name)),
        "# Directory (tenant) ID, from the application's overview page".to_owned(),
        format!("tenant = {}", value(tenant)),
    ];
    if let Some(id) = client_id {
        table.push("# Application (client) ID, from the same page".to_owned());
        table.push(format!("client-id = {}", value(id)));
    }
    match (kind, file) {
        (SignInKind::Secret, Some(file)) => {
            let told =
                "# The secret itself never stands here; only you may read the file that has it";
            table.push(told.to_owned());
            table.push(format!("client-secret-file = {}", value(file)));
        }
        (kind, file) => {
            table.push("# The way to sign in; `fleetsweep help sign-in` lists them".to_owned());
            table.push(format!("auth = {}", value(kind.name())));
            let key = match kind {
                SignInKind::Certificate => "client-certificate",
                _ => "token-file",
            };
            table.extend(file.iter().map(|file| format!("{key} = {}", value(file))));
        }
    }
    for (key, url) in [("api-url", api_url), ("login-url", login_url)] {
        table.extend(url.iter().map(|url| format!("{key} = {}", value(url))));
    }
    // The first one is used by itself, so that what comes next is one word shorter.
    let head = format!(
        "{HEAD}\n# The profile that is used where none is named:\nprofile = {}\n",
        value(name)
    );
    let text = format!("{}\n\n{}\n", before.unwrap_or(&head).trim_end(), table.join("\n"));
    SettingsFile::parse(&text).map(|_| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str) -> Profile {
        Profile {
            name: name.to_owned(),
            tenant: "contoso.com".to_owned(),
            kind: SignInKind::Secret,
            client_id: Some("66666666-7777-8888-9999-000000000000".to_owned()),
            file: Some("/run/a \"secret\"".to_owned()),
            api_url: None,
            login_url: None,
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
        let certificate = Profile { kind: SignInKind::Certificate, ..profile("cert") };
        let identity = Profile { kind: SignInKind::ManagedIdentity, file: None, ..profile("mi") };
        let text =
            added(None, &certificate).and_then(|text| added(Some(&text), &identity)).unwrap();
        let profiles = SettingsFile::parse(&text).unwrap().profiles;
        assert_eq!(profiles["cert"]["auth"], ["certificate"]);
        assert_eq!(profiles["cert"]["client-certificate"], ["/run/a \"secret\""]);
        assert_eq!(profiles["mi"]["auth"], ["managed-identity"]);
        assert!(added(Some("limit ="), &profile("prod")).is_err(), "a broken file stays");
    }
}
