//! The settings file: what a user need not type every time, and a profile for each tenant. File and
//! environment are turned into flags, so that the same parsers check them; what is typed wins over
//! the environment, the environment over the file, the file over the defaults. It holds no secret.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::env::{named_profile, variable};
use super::file::SettingsFile;
use super::keys::{KEYS, Key, OF_SIGN_IN};
use super::notify::Notify;
use crate::cli::terminal::say;
use crate::defender::HttpClients;
use crate::domain::text::{in_words, printable};
use crate::ops::failure::Failure;
use crate::ops::messages::Channels;
use crate::ops::named_tenant::NamedTenant;
use crate::system::places;

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nobody gave one.
    Default,
    /// The settings file, or this profile in it.
    File(Option<String>),
    /// This variable of the environment.
    Environment(&'static str),
    /// A flag.
    Flag,
}

/// A setting, its value as it was given, and where that comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Its values; none if it is the default.
    pub values: Vec<String>,
    /// Where they come from.
    pub source: Source,
}

/// What the file adds to a command line.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// The file that was read.
    pub path: Option<PathBuf>,
    /// The profile that was chosen.
    pub profile: Option<String>,
    /// Every setting that the command knows.
    pub all: Vec<Setting>,
    /// Where messages go.
    pub(super) notify: Vec<Notify>,
    /// The tenants of all profiles.
    pub tenants: Vec<NamedTenant>,
}

/// A command line, and the arguments that its command has.
pub(crate) struct Typed<'a> {
    pub(crate) command: &'a Command,
    pub(crate) matches: &'a ArgMatches,
}

impl Typed<'_> {
    /// Whether the command has this argument. The matches themselves know it in debug builds alone.
    fn knows(&self, id: &str) -> bool {
        self.command.get_arguments().any(|argument| argument.get_id() == id)
    }

    /// Whether several profiles are meant.
    fn means_profiles(&self) -> bool {
        self.knows("all_profiles")
            && (self.matches.get_flag("all_profiles") || is_given(self, "profiles"))
    }

    /// Whether the command calls nobody, wherever the API is and however one signs in to it.
    fn calls_nobody(&self) -> bool {
        let signs_in = self.knows(&id_of("client-secret-file"));
        !signs_in || (self.knows("queue_only") && self.matches.get_flag("queue_only"))
    }
}

impl Settings {
    /// Reads the file for a command that was parsed without it.
    ///
    /// # Errors
    /// `Failure` if the file is wrong, or contradicts what was typed or the environment.
    pub(crate) fn read(typed: &Typed<'_>) -> Result<Self, Failure> {
        readable(env::vars_os())?;
        // The emulator is for trying things out: nothing of a tenant's settings is for it.
        if typed.knows("emulator") && typed.matches.get_flag("emulator") {
            return Ok(Self::default());
        }
        let Some((path, file)) = the_file(typed)? else {
            no_file_with_a_profile(typed)?;
            let all = KEYS.iter().filter_map(|key| told(key, typed, None, None));
            return Ok(Self { all: all.collect(), ..Self::default() });
        };
        let tenant = typed.knows("tenant");
        let tenants = file.tenants();
        if typed.means_profiles() {
            // Each of them says who its tenant is.
            return Ok(Self { tenants, ..Self::of(typed, &path, &file, None) });
        }
        let profile = if tenant { chosen(typed, &file, &path)? } else { None };
        if let Some(name) = &profile {
            contradictions(typed, &file, name)?;
        } else if tenant && !is_given(typed, "tenant") {
            none_chosen(typed, &file, &path)?;
        }
        Ok(Self { tenants, ..Self::of(typed, &path, &file, profile) })
    }

    /// What holds for each of several profiles, in the order of their names; empty if the command
    /// means one tenant.
    ///
    /// # Errors
    /// `Failure` if the file is wrong or has no such profile, or if what was typed or the
    /// environment contradicts one of them.
    pub(in crate::cli) fn of_profiles(typed: &Typed<'_>) -> Result<Vec<Self>, Failure> {
        if !typed.means_profiles() {
            return Ok(Vec::new());
        }
        let (path, file) = the_file(typed)?.ok_or_else(|| {
            let why = "without a settings file there are no profiles";
            let next = "name the settings file with --config, or the tenant with --tenant";
            Failure::usage("no profile is known", why, next)
        })?;
        let patterns = patterns(typed)?;
        let is_meant = |name: &String| patterns.iter().any(|pattern| pattern.matches(name));
        let names: Vec<&String> = file.profiles.keys().filter(|name| is_meant(name)).collect();
        if names.is_empty() {
            return Err(Failure::usage(
                "no profile has such a name",
                format!("{} has {}", path.display(), listed(&file)),
                "name some of them with --profiles, or all with --all-profiles",
            ));
        }
        let of_profile = |name: &String| {
            contradictions(typed, &file, name)?;
            Ok(Self::of(typed, &path, &file, Some(name.clone())))
        };
        names.into_iter().map(of_profile).collect()
    }

    /// All but the tenants of other profiles, which those of one do without.
    fn of(typed: &Typed<'_>, path: &Path, file: &SettingsFile, profile: Option<String>) -> Self {
        let of_key = |key: &Key| match (key.tenants, &profile) {
            (true, Some(name)) => file.profiles.get(name).and_then(|one| one.get(key.name)),
            (true, None) => None,
            (false, _) => file.general.get(key.name),
        };
        let all =
            KEYS.iter().filter_map(|key| told(key, typed, of_key(key), profile.as_ref())).collect();
        let notify = file.notify.clone();
        Self { path: Some(path.to_owned()), profile, all, notify, tenants: Vec::new() }
    }

    /// The channels of messages. One whose address cannot be read is told, and nothing else: a
    /// night without messages is better than none.
    pub(in crate::cli) fn channels(
        &self,
        clients: &HttpClients,
        ca_file: Option<&Path>,
    ) -> Channels {
        let mut all = Vec::new();
        for notify in &self.notify {
            match notify.channel(clients, ca_file) {
                Ok(channel) => all.push(channel),
                Err(why) => {
                    let name = notify.name();
                    say::told(&format!("Warning: no messages go to {name}: {why}."));
                }
            }
        }
        Channels::new(all)
    }

    /// Whether the file says this, and nobody says otherwise.
    pub(in crate::cli) fn holds(&self, name: &str) -> bool {
        let of_file = |one: &Setting| one.name == name && matches!(one.source, Source::File(_));
        self.all.iter().any(of_file)
    }

    /// Files that hold addresses of messages.
    pub(in crate::cli) fn files_of_messages(&self) -> impl Iterator<Item = &Path> {
        self.notify.iter().filter_map(Notify::file)
    }

    /// Variables of the environment that hold addresses of messages.
    pub(in crate::cli) fn variables_of_messages(&self) -> impl Iterator<Item = &str> {
        self.notify.iter().filter_map(Notify::variable)
    }

    /// The flags that stand for what the file and the environment say and nobody typed.
    pub(crate) fn flags(&self) -> Vec<String> {
        let is_missing = |one: &&Setting| match &one.source {
            Source::File(_) => true,
            Source::Environment(_) => !OF_SIGN_IN.contains(&one.name),
            Source::Default | Source::Flag => false,
        };
        let flags = self.all.iter().filter(is_missing);
        let flags =
            flags.flat_map(|one| one.values.iter().map(|value| format!("--{}={value}", one.name)));
        let profile = self.profile.iter().map(|name| format!("--profile={name}"));
        profile.chain(flags).collect()
    }
}

/// A variable that cannot be read as text must not pass for one that is not set.
fn readable(all: impl Iterator<Item = (OsString, OsString)>) -> Result<(), Failure> {
    for (name, value) in all {
        let name = name.to_string_lossy();
        let ours = name.starts_with("FLEETSWEEP_") || name.starts_with("AZURE_");
        if ours && value.to_str().is_none() {
            return Err(Failure::usage(
                format!("the variable {name} cannot be read"),
                "its value is not UTF-8",
                "set it to a text in UTF-8, or unset it",
            ));
        }
    }
    Ok(())
}

/// The file that is named, or the one in its usual place if it is there.
fn the_file(typed: &Typed<'_>) -> Result<Option<(PathBuf, SettingsFile)>, Failure> {
    let named = typed.matches.get_one::<PathBuf>("config").cloned();
    let named = named.or_else(|| variable("FLEETSWEEP_CONFIG").map(PathBuf::from));
    let path = match &named {
        Some(path) => path.clone(),
        None => match usual_place() {
            Some(path) if path.exists() => path,
            _ => return Ok(None),
        },
    };
    if typed.command.get_name() == "init" && !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::usage(
            format!("the settings file {} cannot be read", path.display()),
            in_words(&error),
            "check the path, or leave --config and FLEETSWEEP_CONFIG out",
        )
    })?;
    let file = SettingsFile::parse(&text).map_err(|wrong| {
        Failure::usage(
            format!("the settings file {} cannot be used", path.display()),
            wrong,
            format!("fix that line; the settings are {}", names_of_settings()),
        )
    })?;
    Ok(Some((path, file)))
}

/// Which profiles are meant.
fn patterns(typed: &Typed<'_>) -> Result<Vec<glob::Pattern>, Failure> {
    let typed = typed.matches.get_many::<String>("profiles");
    let all = typed.map_or_else(|| vec!["*"], |all| all.map(String::as_str).collect());
    let pattern = |text: &str| {
        glob::Pattern::new(text).map_err(|error| {
            Failure::usage(
                format!("`{}` is no pattern of names", printable(text)),
                error.to_string(),
                "write a name of a profile, with * for anything",
            )
        })
    };
    all.into_iter().map(pattern).collect()
}

/// Those of every tenant, and those of one.
fn names_of_settings() -> String {
    let names = |tenants: bool| {
        let keys = KEYS.iter().filter(|key| key.tenants == tenants).map(|key| key.name);
        keys.collect::<Vec<_>>().join(", ")
    };
    format!(
        "profile, {}, [[notify]], and below [profiles.NAME] or [shared] {}",
        names(false),
        names(true)
    )
}

/// Where the settings file is if nobody names one.
pub(crate) fn usual_place() -> Option<PathBuf> {
    Some(places::settings_folder()?.join("fleetsweep").join("config.toml"))
}

/// The profile: typed, from the environment, or the file's own choice.
fn chosen(typed: &Typed<'_>, file: &SettingsFile, path: &Path) -> Result<Option<String>, Failure> {
    // Commands that sign in nowhere have no such option.
    let named =
        if typed.knows("profile") { typed.matches.get_one::<String>("profile") } else { None };
    let name = named.cloned().or_else(named_profile);
    let name = name.or_else(|| file.profile.clone());
    let Some(name) = name else { return Ok(None) };
    if file.profiles.contains_key(&name) {
        return Ok(Some(name));
    }
    Err(Failure::usage(
        format!("there is no profile `{name}`"),
        format!("{} has {}", path.display(), listed(file)),
        "name one of them with --profile, or add it to the file",
    ))
}

/// A profile that is named must not be passed over because no settings file is found, as under
/// another user's home: the tenant of the environment would be scanned in its place.
fn no_file_with_a_profile(typed: &Typed<'_>) -> Result<(), Failure> {
    if !typed.knows("profile") {
        return Ok(());
    }
    let named = typed.matches.get_one::<String>("profile").cloned();
    let Some(name) = named.or_else(named_profile) else { return Ok(()) };
    let place = match usual_place() {
        Some(path) => format!("there is no settings file at {}", path.display()),
        None => {
            format!("{} is not set, so no settings file was looked for", places::VARIABLE_OF_HOME)
        }
    };
    Err(Failure::usage(
        format!("there is no profile `{name}`"),
        place,
        "name the settings file with --config, or leave --profile and FLEETSWEEP_PROFILE out",
    ))
}

/// A file with profiles is there for a tenant to be chosen: none must not go unnoticed.
fn none_chosen(typed: &Typed<'_>, file: &SettingsFile, path: &Path) -> Result<(), Failure> {
    let dry_run = typed.knows("dry_run") && typed.matches.get_flag("dry_run");
    // A campaign knows its tenant, and who signs in nowhere needs none.
    let knows = ["resume", "cancel", "follow", "retry"].contains(&typed.command.get_name());
    if knows || !typed.knows("profile") {
        return Ok(());
    }
    if file.profiles.is_empty() || dry_run || variable("AZURE_TENANT_ID").is_some() {
        return Ok(());
    }
    Err(Failure::usage(
        "no tenant is given",
        format!("no profile is chosen; {} has {}", path.display(), listed(file)),
        "name one with --profile or FLEETSWEEP_PROFILE",
    ))
}

fn listed(file: &SettingsFile) -> String {
    let names: Vec<&str> = file.profiles.keys().map(String::as_str).collect();
    match names.as_slice() {
        [] => "no profiles".to_owned(),
        names => format!("the profiles {}", names.join(", ")),
    }
}

/// A profile is all or nothing: half of one tenant's settings with half of another's would send a
/// list to the wrong place.
fn contradictions(typed: &Typed<'_>, file: &SettingsFile, profile: &str) -> Result<(), Failure> {
    let values = &file.profiles[profile];
    // What is of no use to a command must not keep orders from being stopped at two in the morning.
    let decides = |key: &Key| !typed.calls_nobody() || ["tenant", "client-id"].contains(&key.name);
    for key in KEYS.iter().filter(|key| key.tenants && decides(key)) {
        let says = values.get(key.name).map(|value| value.join(", "));
        let others = key.variables.iter().filter_map(|name| Some((*name, variable(name)?)));
        let typed = typed_values(typed, key).map(|typed| (key.name, typed.join(", ")));
        for (name, other) in others
            .map(|(name, value)| (name.to_owned(), value))
            .chain(typed.map(|(name, value)| (format!("--{name}"), value)))
        {
            if says.as_ref() == Some(&other) {
                continue;
            }
            let there = says.as_ref().map_or_else(
                || format!("does not set `{}`", key.name),
                |value| format!("says {} = \"{value}\"", key.name),
            );
            return Err(Failure::usage(
                format!("{name} contradicts the profile `{profile}`"),
                format!(
                    "the profile {there}, and {name} is \"{other}\"; a profile is all or nothing"
                ),
                format!("leave {name} out, write its value into the profile, or use another one"),
            ));
        }
    }
    Ok(())
}

/// Where a setting comes from, if the command knows it.
fn told(
    key: &Key,
    typed: &Typed<'_>,
    in_file: Option<&Vec<String>>,
    profile: Option<&String>,
) -> Option<Setting> {
    let name = key.name;
    if !typed.knows(&id_of(name)) {
        return None;
    }
    let from_environment =
        || key.variables.iter().find_map(|variable_| Some((*variable_, variable(variable_)?)));
    let (values, source) = if let Some(values) = typed_values(typed, key) {
        (values, Source::Flag)
    } else if let Some((variable, value)) = from_environment() {
        let values = value.split(',').map(|one| one.trim().to_owned());
        let whole = || vec![value.clone()];
        let values = if name == "limit" { values.collect() } else { whole() };
        (values, Source::Environment(variable))
    } else if let Some(value) = in_file {
        let profile = if key.tenants { profile.cloned() } else { None };
        (value.clone(), Source::File(profile))
    } else {
        (Vec::new(), Source::Default)
    };
    Some(Setting { name, values, source })
}

/// clap's name for a flag's argument.
fn id_of(flag: &str) -> String {
    if flag == "limit" { "limits".to_owned() } else { flag.replace('-', "_") }
}

fn is_known_and_given(typed: &Typed<'_>, id: &str) -> bool {
    typed.knows(id) && is_given(typed, id)
}

fn is_given(typed: &Typed<'_>, id: &str) -> bool {
    typed.matches.value_source(id) == Some(ValueSource::CommandLine)
}

fn typed_values(typed: &Typed<'_>, key: &Key) -> Option<Vec<String>> {
    let id = id_of(key.name);
    if !is_known_and_given(typed, &id) {
        return None;
    }
    let raw = typed.matches.get_raw(&id)?;
    Some(raw.map(|value| value.to_string_lossy().into_owned()).collect())
}

// Only there can a variable be something else than text.
#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_variable_of_ours_that_is_no_text_is_refused_by_name_and_others_are_let_be() {
        let odd = || OsString::from_vec(vec![0xff, b'x']);
        let of = |name: &str| readable([(name.into(), odd())].into_iter());
        assert!(of("FLEETSWEEP_STORE").unwrap_err().what.contains("FLEETSWEEP_STORE"));
        assert!(of("AZURE_CLIENT_SECRET").is_err());
        assert!(of("LS_COLORS").is_ok());
    }
}
