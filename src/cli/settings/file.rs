//! The form of the settings file: TOML, whose unknown keys are refused with their line and the
//! nearest key that there is. What the values mean is checked where flags are.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::KEYS;
use super::notify::Notify;
use crate::cli::nearest::nearest;
use crate::ops::named_tenant::NamedTenant;

/// Settings by name, each as flags would have it: one text, or several for a flag that can be
/// repeated.
type Values = BTreeMap<String, Vec<String>>;

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SettingsFile {
    /// The profile that is used where none is named.
    pub(super) profile: Option<String>,
    /// Settings for every tenant.
    pub(super) general: Values,
    /// Settings of each tenant, with what all of them share.
    pub(super) profiles: BTreeMap<String, Values>,
    /// Where messages go.
    pub(super) notify: Vec<Notify>,
}

/// The tables of where messages go.
const NOTIFY: &str = "notify";

/// The table of what all profiles share. It never says which tenant, so that half of one tenant's
/// settings cannot meet half of another's.
const SHARED: &str = "shared";

impl SettingsFile {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// A sentence with the line, what is wrong there, and what could be meant.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lines = Lines::of(text);
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            format!("line {}: {}", lines.at(at), error.message())
        })?;
        let mut file = Self::default();
        let mut shared = Values::new();
        for (key, value) in table.get_ref() {
            let at = lines.at(key.span().start);
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("profile", DeValue::Table(_)) => {
                    return Err(format!(
                        "line {at}: write [profiles.NAME], with an s, for a profile's settings"
                    ));
                }
                ("profile", _) => file.profile = Some(one_text(value, "profile", at)?),
                ("profiles", DeValue::Table(profiles)) => {
                    for (name, values) in profiles {
                        let at = lines.at(name.span().start);
                        let values = profile(&lines, name.get_ref(), values, at)?;
                        file.profiles.insert(name.get_ref().to_string(), values);
                    }
                }
                (SHARED, _) => {
                    shared = profile(&lines, SHARED, value, at)?;
                    if shared.contains_key("tenant") {
                        return Err(format!(
                            "line {at}: `tenant` belongs in a profile, below [profiles.NAME]; \
                             [{SHARED}] holds what all profiles have in common"
                        ));
                    }
                }
                (NOTIFY, DeValue::Array(tables)) => {
                    for table in tables {
                        let at = lines.at(table.span().start);
                        let notify = Notify::of(table.get_ref());
                        file.notify.push(notify.map_err(|why| format!("line {at}: {why}"))?);
                    }
                }
                (NOTIFY, _) => {
                    return Err(format!("line {at}: write [[notify]] and its settings below"));
                }
                (name, _) => {
                    let value = setting(name, value, false, at)?;
                    file.general.insert(name.to_owned(), value);
                }
            }
        }
        for values in file.profiles.values_mut() {
            for (name, value) in &shared {
                values.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        Ok(file)
    }

    /// The tenants of all profiles, each with the name of its profile.
    pub(super) fn tenants(&self) -> Vec<NamedTenant> {
        let tenant = |values: &Values| values.get("tenant").and_then(|all| all.first()).cloned();
        let named = self.profiles.iter().filter_map(|(name, values)| {
            Some(NamedTenant { tenant: tenant(values)?, name: name.clone() })
        });
        named.collect()
    }
}

fn profile(
    lines: &Lines,
    name: &str,
    values: &Spanned<DeValue<'_>>,
    at: usize,
) -> Result<Values, String> {
    let DeValue::Table(values) = values.get_ref() else {
        let table = if name == SHARED { SHARED.to_owned() } else { format!("profiles.{name}") };
        return Err(format!("line {at}: write [{table}] and its settings below"));
    };
    let one = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        let at = lines.at(key.span().start);
        Ok((key.get_ref().to_string(), setting(key.get_ref(), value, true, at)?))
    };
    values.iter().map(one).collect()
}

fn setting(
    name: &str,
    value: &Spanned<DeValue<'_>>,
    in_profile: bool,
    at: usize,
) -> Result<Vec<String>, String> {
    let Some(key) = KEYS.iter().find(|key| key.name == name) else {
        return Err(format!("line {at}: there is no setting `{name}`{}", proposed(name)));
    };
    if key.tenants != in_profile {
        let place = if key.tenants { "in a profile, below [profiles.NAME]" } else { "at the top" };
        return Err(format!("line {at}: `{name}` belongs {place}"));
    }
    match value.get_ref() {
        DeValue::Array(items) => items.iter().map(|item| one_text(item, name, at)).collect(),
        _ => Ok(vec![one_text(value, name, at)?]),
    }
}

fn one_text(value: &Spanned<DeValue<'_>>, name: &str, at: usize) -> Result<String, String> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.as_str().to_owned()),
        _ => Err(format!("line {at}: write `{name}` as a text in quotes, or as a number")),
    }
}

fn proposed(name: &str) -> String {
    let known = KEYS.iter().map(|key| key.name).chain(["profile", "profiles", SHARED, NOTIFY]);
    nearest(name, known).map_or(String::new(), |best| format!("; did you mean `{best}`?"))
}

/// Where the lines of a text end: a file of a thousand profiles has thousands of settings, and
/// each is looked for.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line of a place in the text, from 1.
    fn at(&self, place: usize) -> usize {
        self.0.partition_point(|end| *end < place) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_profiles_is_read_and_numbers_and_lists_are_texts() {
        let text = "profile = \"prod\"\nlimit = [\"50/1m\", \"700/1h\"]\nconcurrency = 8\n\
                    [profiles.prod]\ntenant = \"t\"\nclient-id = \"c\"\n";
        let file = SettingsFile::parse(text).unwrap();
        assert_eq!(file.profile.as_deref(), Some("prod"));
        assert_eq!(file.general["limit"], ["50/1m", "700/1h"]);
        assert_eq!(file.general["concurrency"], ["8"]);
        assert_eq!(file.profiles["prod"]["tenant"], ["t"]);
    }

    #[test]
    fn what_all_profiles_share_is_written_once_and_a_profile_says_otherwise() {
        let text = "[profiles.a]\ntenant = \"t1\"\n[profiles.b]\ntenant = \"t2\"\n\
                    client-id = \"own\"\n[shared]\nclient-id = \"c\"\nauth = \"secret\"\n";
        let profiles = SettingsFile::parse(text).unwrap().profiles;
        assert_eq!(profiles["a"]["client-id"], ["c"]);
        assert_eq!(profiles["b"]["client-id"], ["own"]);
        assert_eq!(profiles["b"]["auth"], ["secret"]);
        let error = SettingsFile::parse("[shared]\ntenant = \"t\"\n").unwrap_err();
        assert!(error.starts_with("line 1: `tenant` belongs in a profile"), "{error}");
        let error = SettingsFile::parse("shared = 3").unwrap_err();
        assert_eq!(error, "line 1: write [shared] and its settings below");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_the_nearest_key() {
        let wrong = [
            "\n[profiles.a]\ntennant = \"t\"",
            "zzz = 1",
            "\ntenant = \"t\"",
            "[profiles.a]\nstore = \"sqlite:x\"",
            "pace = true",
            "profiles.a = 3",
            "limit = [1.5]",
            "[[notify]]\nkind = \"slak\"\nurl-file = \"x\"",
            "\n[[notify]]\nkind = \"slack\"",
            "[[notify]]\nkind = \"slack\"\nurl = \"https://secret.example\"",
            "[[notify]]\nkind = \"slack\"\nurl-fiel = \"x\"",
            "[[notify]]\nkind = \"slack\"\nurl-file = \"x\"\non = [\"ends\"]",
            "notify = 3",
            "[profile.a]\ntenant = \"x\"",
            "x = = 1",
        ];
        let told: Vec<String> =
            wrong.iter().map(|text| SettingsFile::parse(text).unwrap_err()).collect();
        assert_eq!(
            told[..7],
            [
                "line 3: there is no setting `tennant`; did you mean `tenant`?",
                "line 1: there is no setting `zzz`",
                "line 2: `tenant` belongs in a profile, below [profiles.NAME]",
                "line 2: `store` belongs at the top",
                "line 1: write `pace` as a text in quotes, or as a number",
                "line 1: write [profiles.a] and its settings below",
                "line 1: write `limit` as a text in quotes, or as a number",
            ]
        );
        assert_eq!(
            told[7..13],
            [
                "line 1: `slak` is no `kind` of [[notify]]: write one of teams, slack, \
                 healthchecks, json",
                "line 2: [[notify]] lacks `url-file` or `url-env`",
                "line 1: an address is a secret: write it into a file that only you can read, and \
                 name that with `url-file`",
                "line 1: [[notify]] has no `url-fiel`; did you mean `url-file`?",
                "line 1: `ends` is nothing that [[notify]] tells `on`: write attention, end, all, \
                 or some of started, wave_judged, stuck, late, window_closed, stopped, finished, \
                 cancelled, killed, not_begun",
                "line 1: write [[notify]] and its settings below",
            ]
        );
        assert_eq!(told[13], "line 1: write [profiles.NAME], with an s, for a profile's settings");
        assert!(told[14].starts_with("line 1: "), "{}", told[14]);
    }
}
