//! What a timer is to start: the command line, and what this process has around it that a timer
//! would lack. Whether a timer can start it is `ops::schedule`'s. It writes no format and never
//! reads a secret.

use std::path::{Component, Path, PathBuf};

use super::around::{self, NamedStore};
use super::when::Start;
use super::words::{self, Value, Word};
use crate::cli::args::Command;
use crate::cli::parse::{self, Parsed};
use crate::cli::settings::config::Settings;
use crate::cli::settings::sign_in::{
    self, CERTIFICATE_CREDENTIAL, SECRET_CREDENTIAL, Surroundings, name_of_profile,
};
use crate::domain::SignInKind;
use crate::domain::request::{ConnectRequest, Said};
use crate::domain::text::printable;
use crate::ops::failure::Failure;
use crate::ops::schedule::{self, TimedRun};

/// A command line for a timer.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Name of the units, the job or the task.
    pub name: String,
    /// This program's own path.
    pub program: String,
    /// Where `schedule` was run: relative paths are from here.
    pub folder: PathBuf,
    /// The command line.
    pub words: Vec<Word>,
    /// The variables of this environment that the command reads; none holds a secret.
    pub variables: Vec<(String, String)>,
    /// Its store, if one is named.
    pub store: Option<NamedStore>,
    /// The file with the passwords of the store's server, if there is one.
    pub passwords: Option<PathBuf>,
    /// What it signs in with.
    pub sign_in: SignIn,
    /// The profile that names the file of that, and not the command line.
    pub of_profile: Option<String>,
    /// Files that it reads though no word names them.
    pub reads: Vec<PathBuf>,
    /// When it starts.
    pub starts: Vec<Start>,
    /// The zone of these times, if not the system's.
    pub zone: Option<String>,
    /// The run that the command line asks for.
    pub timed: TimedRun,
    /// It is a worker, which is started once and stays.
    pub stays: bool,
}

/// What a job signs in with, as far as it is a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SignIn {
    /// Nothing: it runs against the emulator, or its identity needs no file of ours.
    NoFile,
    /// A client secret, in this file if one is named.
    Secret(Option<PathBuf>),
    /// A certificate and its key.
    Certificate(PathBuf),
    /// A federated token, which its platform hands to it.
    Workload,
}

impl Job {
    /// Checks the command line.
    ///
    /// # Errors
    /// `Failure` as the command itself would give it, or if a timer cannot start it.
    pub(super) fn new(
        name: &str,
        typed: &[String],
        starts: Vec<Start>,
        folder: &Path,
    ) -> Result<Self, Failure> {
        check_name(name)?;
        typed.iter().try_for_each(|word| check_word(word))?;
        let Parsed { cli, settings, defaults, store: _, tenants } = parse::read_other(typed)?;
        let stays = matches!(cli.command, Command::Work(_));
        let is_alone = matches!(cli.command, Command::Scan(_)) && tenants.is_empty();
        let mut timed = match cli.command {
            Command::Scan(args) => schedule::scan(&Surroundings, args.one.request()?, defaults)?,
            Command::Resume(args) => {
                schedule::resume(&Surroundings, args.one.request()?, defaults.run)?
            }
            Command::Work(args) => {
                let connect = args.connect.request()?.or(defaults.run.connect);
                schedule::work(&Surroundings, connect, args.until_idle)?
            }
            _ => return Err(not_for_a_timer(typed)),
        };
        let mut of_profiles = tenants.iter().flat_map(files_of).peekable();
        let sign_in = match of_profiles.peek() {
            // The profiles name them, and the program takes them from there.
            Some(_) => SignIn::NoFile,
            None => sign_in(&timed)?,
        };
        timed.lists.extend(of_profiles);
        timed.warnings.extend(schedule::nobody_named(&timed).filter(|_| is_alone));
        let mut words = words::read(typed);
        let mut reads = std::mem::take(&mut timed.lists);
        reads.extend(around::files_of_settings(&settings, &timed.run.connect, &tenants));
        let store = around::named_store(&words, &settings, folder)?;
        let passwords = around::password_file(store.as_ref(), folder);
        let of_profile = profile_of(&sign_in, &settings);
        let emulated = has_switch(&words, "--emulator");
        if !emulated {
            name_settings_file(&mut words, &settings);
        }
        let variables = match emulated {
            true => Vec::new(),
            false => around::variables(&settings, passwords.is_some()),
        };
        timed.warnings.extend(around::warnings(&settings).into_iter().filter(|_| !emulated));
        let starts = match (&timed.hours, starts.is_empty()) {
            (Some(hours), true) => Start::of_hours(hours),
            _ => starts,
        };
        let program = std::env::current_exe().map_err(|error| unknown_program(&error))?;
        Ok(Self {
            name: name.to_owned(),
            program: program.to_string_lossy().into_owned(),
            folder: folder.to_owned(),
            words,
            variables,
            store,
            passwords,
            sign_in,
            of_profile,
            reads,
            starts,
            zone: timed.run.speed.hours.tz.clone(),
            timed,
            stays,
        })
    }

    /// The words after the program, each value as this function gives it; a flag whose value it
    /// leaves out is left out too.
    pub(super) fn words_with(&self, give: impl Fn(&Value) -> Option<String>) -> Vec<String> {
        let words = self.words.iter().map(|word| match word.value() {
            Some(value) => give(value).map(|text| word.with(&text)).unwrap_or_default(),
            None => word.with(""),
        });
        words.flatten().collect()
    }

    /// The words after the program, as they were typed.
    pub(super) fn words_as_typed(&self) -> Vec<String> {
        self.words_with(|value| Some(value.text.clone()))
    }

    /// What the file that it signs in with is called among the credentials of a service, if it has
    /// one.
    pub(super) fn credential(&self) -> Option<String> {
        let of = match self.sign_in {
            SignIn::Secret(_) => SECRET_CREDENTIAL,
            SignIn::Certificate(_) => CERTIFICATE_CREDENTIAL,
            SignIn::NoFile | SignIn::Workload => return None,
        };
        match &self.of_profile {
            Some(profile) => name_of_profile(profile, of),
            None => Some(of.to_owned()),
        }
    }

    /// A path of the command line as a process in any folder finds it.
    pub(super) fn absolute(&self, path: &str) -> PathBuf {
        normalized(&self.folder.join(path))
    }
}

/// The path without `.` and `..`: systemd ignores one that has any.
fn normalized(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                // Above a link is what is above the folder that it leads to.
                whole = whole.canonicalize().unwrap_or(whole);
                whole.pop();
            }
            part => whole.push(part),
        }
    }
    whole
}

/// The files that a profile signs in with.
fn files_of(profile: &ConnectRequest) -> impl Iterator<Item = PathBuf> {
    let ConnectRequest { client_secret_file, client_certificate, token_file, ca_file, .. } =
        profile;
    let files = [client_secret_file, client_certificate, token_file, ca_file];
    files.into_iter().flatten().cloned()
}

/// The file that it signs in with.
fn sign_in(timed: &TimedRun) -> Result<SignIn, Failure> {
    let connect = &timed.run.connect;
    Ok(match timed.sign_in {
        _ if timed.run.emulator.emulator => SignIn::NoFile,
        Some(SignInKind::Secret) if sign_in::kept_name(connect)?.is_some() => SignIn::NoFile,
        Some(SignInKind::Secret) | None => SignIn::Secret(sign_in::secret_file(connect)),
        Some(SignInKind::Certificate) => SignIn::Certificate(sign_in::certificate_file(connect)?),
        Some(SignInKind::Workload) => SignIn::Workload,
        Some(_) => SignIn::NoFile,
    })
}

/// The profile that names the file that is signed in with.
fn profile_of(sign_in: &SignIn, settings: &Settings) -> Option<String> {
    let setting = match sign_in {
        SignIn::Secret(Some(_)) => "client-secret-file",
        SignIn::Certificate(_) => "client-certificate",
        _ => return None,
    };
    settings.profile.clone().filter(|_| settings.holds(setting))
}

fn check_name(name: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty()
        && name.len() <= 52
        && name.chars().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
    {
        return Ok(());
    }
    Err(Failure::usage(
        format!("--name {} cannot be used", printable(name)),
        "it names files and objects: at most 52 of a-z, 0-9 and -, a letter or digit at both ends",
        "write something like fleetsweep-nightly",
    ))
}

fn check_word(word: &str) -> Result<(), Failure> {
    if printable(word) == word {
        return Ok(());
    }
    Err(Failure::usage(
        format!("`{}` cannot stand in a schedule", printable(word)),
        "it holds characters that cannot be seen, such as a line break",
        "leave them out",
    ))
}

fn not_for_a_timer(typed: &[String]) -> Failure {
    let what = typed.first().map_or("", String::as_str);
    Failure::usage(
        format!("`fleetsweep {}` is not for a timer", printable(what)),
        "a schedule starts scans: only scan, resume and work can follow --",
        "write, for example: -- scan fleet.csv --type full --comment nightly --approve-max 15000",
    )
}

fn unknown_program(error: &std::io::Error) -> Failure {
    let next = "start fleetsweep by its full path";
    Failure::failed("this program's own path is not known", error, next)
}

fn has_switch(words: &[Word], switch: &str) -> bool {
    words.iter().any(|word| matches!(word, Word::Plain(text) if text == switch))
}

/// Another user's process would look for the settings file elsewhere, so it is named.
fn name_settings_file(words: &mut Vec<Word>, settings: &Settings) {
    let named = words.iter().filter_map(Word::value).any(|value| value.id == "config");
    let (false, Some(path)) = (named, &settings.path) else { return };
    if std::env::var_os("FLEETSWEEP_CONFIG").is_some_and(|path| !path.is_empty()) {
        return;
    }
    let at =
        words.iter().position(|word| matches!(word, Word::Plain(text) if !text.starts_with('-')));
    let value = Value {
        flag: Some("--config".to_owned()),
        joined: false,
        id: "config".to_owned(),
        is_path: true,
        text: path.to_string_lossy().into_owned(),
    };
    words.insert(at.map_or(0, |at| at + 1), Word::Value(value));
}
