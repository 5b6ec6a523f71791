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

const AUTH: &str = "auth";
const SECRET_FILE: &str = "client-secret-file";

const HEAD: &str = r#"# Settings of fleetsweep: `fleetsweep help settings` tells about each.
# What is typed wins over the environment, and the environment over this file.

# Leave a quarter of the limit to other tools that use the same application:
# leave = "25%"
"#;

/// Whether there is a profile of this name already.
///
/// # Errors
/// Why that is not known, as a sentence: the file cannot be read.
pub(in crate::cli) fn has_profile(before: Option<&str>, name: &str) -> Result<bool, String> {
    let file = SettingsFile::parse(before.unwrap_or_default())?;
    Ok(file.profiles.contains_key(name))
}

/// The text of the settings file with this profile behind what it has.
///
/// # Errors
/// Why not, as a sentence: the file cannot be read, or has a profile of that name.
pub(in crate::cli) fn added(before: Option<&str>, profile: &Profile) -> Result<String, String> {
    if has_profile(before, &profile.name)? {
        return Err(format!("it has a profile `{}` already", profile.name));
    }
    let mut table = vec![format!("[profiles.{}]", quoted(&profile.name))];
    for (name, value) in values(profile) {
        table.extend(remark(name).map(str::to_owned));
        table.push(format!("{name} = {value}"));
    }
    // The first one is used by itself, so that what comes next is one word shorter.
    let head = format!(
        "{HEAD}\n# The profile that is used where none is named:\nprofile = {}\n",
        quoted(&profile.name)
    );
    let text = format!("{}\n\n{}\n", before.unwrap_or(&head).trim_end(), table.join("\n"));
    SettingsFile::parse(&text).map(|_| text)
}

/// What the profile says, each with its value as the file has it.
pub(super) fn values(profile: &Profile) -> Vec<(&'static str, String)> {
    let Profile { name: _, tenant, kind, client_id, file, api_url, login_url } = profile;
    let mut all = vec![("tenant", Some(tenant)), ("client-id", client_id.as_ref())];
    let way = kind.name().to_owned();
    match (kind, file) {
        (SignInKind::Secret, Some(file)) => all.push((SECRET_FILE, Some(file))),
        (SignInKind::Certificate, file) => {
            all.extend([(AUTH, Some(&way)), ("client-certificate", file.as_ref())]);
        }
        (_, file) => all.extend([(AUTH, Some(&way)), ("token-file", file.as_ref())]),
    }
    all.extend([("api-url", api_url.as_ref()), ("login-url", login_url.as_ref())]);
    all.into_iter().filter_map(|(name, text)| Some((name, quoted(text?)))).collect()
}

/// Whether a setting says how it signs in, as far as this is asked for.
pub(super) fn of_sign_in(name: &str) -> bool {
    [AUTH, SECRET_FILE, "client-certificate", "token-file", "client-secret-credential"]
        .contains(&name)
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// What stands above a setting for who reads the file.
fn remark(setting: &str) -> Option<&'static str> {
    Some(match setting {
        "tenant" => "# Directory (tenant) ID, from the application's overview page",
        "client-id" => "# Application (client) ID, from the same page",
        SECRET_FILE => {
            "# The secret itself never stands here; only you may read the file that has it"
        }
        AUTH => "# The way to sign in; `fleetsweep help sign-in` lists them",
        _ => return None,
    })
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
