//! A profile of the settings file with other values: what `init` writes over one that is there.
//! Line by line, so that comments, the other profiles and whatever `init` does not ask for stay as
//! they are.

use toml::de::DeTable;

use super::file::SettingsFile;
use super::first::{Profile, of_sign_in, values};

/// The text of the settings file in which this profile says this.
///
/// # Errors
/// Why not, as a sentence: the file cannot be read, or its profile is not written in lines of its
/// own.
pub(in crate::cli) fn changed(before: &str, profile: &Profile) -> Result<String, String> {
    let mut lines: Vec<String> = before.lines().map(str::to_owned).collect();
    let by_hand = || format!("its profile `{}` is not written as lines of its own", profile.name);
    let head = lines.iter().position(|line| is_head_of(line, &profile.name)).ok_or_else(by_hand)?;
    let below = lines[head + 1..].iter().position(|line| line.trim_start().starts_with('['));
    let mut end = below.map_or(lines.len(), |below| head + 1 + below);
    let said = values(profile);
    // Another way to sign in takes the place of the one before.
    for at in (head + 1..end).rev() {
        let Some((key, ..)) = setting(&lines[at]) else { continue };
        if of_sign_in(&key) && said.iter().all(|(name, _)| *name != key) {
            lines.remove(at);
            end -= 1;
        }
    }
    let mut last = head;
    let mut missing = said;
    for (at, line) in lines.iter_mut().enumerate().take(end).skip(head + 1) {
        let Some((key, from, to)) = setting(line) else { continue };
        last = at;
        if let Some(place) = missing.iter().position(|(name, _)| *name == key) {
            line.replace_range(from..to, &missing.remove(place).1);
        }
    }
    let more = missing.into_iter().map(|(name, value)| format!("{name} = {value}"));
    lines.splice(last + 1..last + 1, more);
    let text = lines.join("\n") + "\n";
    check(before, &text, &profile.name)?;
    Ok(text)
}

/// What the profile of this name says, by the names of its settings.
pub(in crate::cli) fn said_before(before: &str, profile: &str, name: &str) -> Option<String> {
    let file = SettingsFile::parse(before).ok()?;
    file.profiles.get(profile)?.get(name)?.first().cloned()
}

/// Whether the line begins the table of this profile.
fn is_head_of(line: &str, name: &str) -> bool {
    let table = line.trim_start().starts_with('[').then(|| toml::from_str::<toml::Table>(line));
    let Some(Ok(table)) = table else { return false };
    table.get("profiles").and_then(|all| all.get(name)).is_some_and(toml::Value::is_table)
}

/// The setting of a line, and where its value begins and ends.
fn setting(line: &str) -> Option<(String, usize, usize)> {
    let table = DeTable::parse(line).ok()?;
    let (key, value) = table.get_ref().iter().next()?;
    let span = value.span();
    Some((key.get_ref().to_string(), span.start, span.end))
}

/// Nothing but this profile may say anything else than before.
fn check(before: &str, after: &str, name: &str) -> Result<(), String> {
    let [mut before, mut after] = [SettingsFile::parse(before)?, SettingsFile::parse(after)?];
    before.profiles.remove(name);
    after.profiles.remove(name);
    if before == after { Ok(()) } else { Err("more than its profile would change".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SignInKind;

    fn profile(kind: SignInKind) -> Profile {
        Profile {
            name: "prod".to_owned(),
            tenant: "new.example".to_owned(),
            kind,
            client_id: Some("66666666-7777-8888-9999-000000000000".to_owned()),
            file: Some("/run/new".to_owned()),
            api_url: None,
            login_url: None,
        }
    }

    const BEFORE: &str = "# ours\nleave = \"10%\"\n\n[profiles.\"prod\"] # the first\n# mine\n\
                          tenant = \"old.example\"  # was wrong\ncloud = \"gcc\"\n\
                          client-secret-file = \"old\"\n\n# the second\n[profiles.b]\n\
                          tenant = \"b.example\"\nclient-secret-file = \"b\"\n";

    #[test]
    fn a_profile_says_the_new_values_and_every_comment_and_other_setting_stays() {
        let text = changed(BEFORE, &profile(SignInKind::Secret)).unwrap();
        let expected = BEFORE.replace("old.example", "new.example").replace(
            "\"old\"",
            "\"/run/new\"\nclient-id = \"66666666-7777-8888-9999-000000000000\"",
        );
        assert_eq!(text, expected);
        // Another way to sign in leaves nothing of the one before.
        let text = changed(&text, &profile(SignInKind::Certificate)).unwrap();
        let prod = &SettingsFile::parse(&text).unwrap().profiles["prod"];
        assert!(!prod.contains_key("client-secret-file"), "{text}");
        assert_eq!(prod["auth"], ["certificate"]);
        assert_eq!(prod["client-certificate"], ["/run/new"]);
        let text = changed(&text, &profile(SignInKind::Secret)).unwrap();
        assert!(!text.contains("auth =") && text.contains("client-secret-file = \"b\""), "{text}");
    }

    #[test]
    fn a_profile_that_is_not_in_lines_of_its_own_is_left_to_its_writer() {
        for before in ["profiles.prod = { tenant = \"t\" }", "[profiles]\nprod.tenant = \"t\""] {
            let refused = changed(before, &profile(SignInKind::Secret)).unwrap_err();
            assert!(refused.contains("not written as lines of its own"), "{refused}");
        }
        let long = "[profiles.prod]\ntenant = \"\"\"\nt\"\"\"\n";
        assert!(changed(long, &profile(SignInKind::Secret)).is_err());
    }
}
