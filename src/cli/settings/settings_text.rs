//! `doctor --settings`: every setting, its value and where that comes from. Secrets are named and
//! never shown.

use std::env;
use std::io::{self, IsTerminal};

use super::config::{Setting, Settings, Source, usual_place};
use super::proxy::without_user;
use crate::cli::terminal::say;
use crate::domain::Exit;
use crate::domain::text::printable;
use crate::ops::failure::Failure;
use crate::report::human::wrapped;
use crate::report::jsonl;

/// Variables whose value is a secret, or holds one.
const SECRETS: [&str; 2] = ["AZURE_CLIENT_SECRET", "IDENTITY_HEADER"];

/// Variables that other parts of the program, or its libraries, go by.
const OTHERS: [&str; 10] = [
    "AZURE_FEDERATED_TOKEN_FILE",
    "IDENTITY_ENDPOINT",
    "IMDS_ENDPOINT",
    "CREDENTIALS_DIRECTORY",
    "STATE_DIRECTORY",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "NO_PROXY",
    "NO_COLOR",
];

/// Prints them.
///
/// # Errors
/// `Failure` if standard output cannot be written.
pub(crate) fn show(json: bool, settings: &Settings) -> Result<Exit, Failure> {
    let file = match &settings.path {
        Some(path) => path.display().to_string(),
        None => match usual_place() {
            Some(path) => format!("none ({} is not there)", path.display()),
            None => "none".to_owned(),
        },
    };
    let mut lines = vec![Line::new("settings file", file, "")];
    if let Some(profile) = &settings.profile {
        lines.push(Line::new("profile", profile.clone(), ""));
    }
    lines.extend(settings.all.iter().map(of_setting));
    for name in OTHERS {
        if let Ok(value) = env::var(name) {
            lines.push(Line::new(name, without_user(&value), "the environment"));
        }
    }
    for name in SECRETS {
        if env::var_os(name).is_some() {
            lines.push(Line::new(name, "(set, not shown)".to_owned(), "the environment"));
        }
    }
    lines.iter().try_for_each(|line| line.tell(json))?;
    Ok(Exit::Done)
}

struct Line {
    name: String,
    value: String,
    from: String,
}

impl Line {
    fn new(name: &str, value: String, from: &str) -> Self {
        Self { name: name.to_owned(), value, from: from.to_owned() }
    }

    fn tell(&self, json: bool) -> Result<(), Failure> {
        let Self { name, value, from } = self;
        if json {
            return say::data(&jsonl::line(&serde_json::json!({
                "v": 1, "type": "setting", "name": name, "value": value, "from": from,
            })));
        }
        let from = if from.is_empty() { String::new() } else { format!("  ({from})") };
        let line = format!("{name:<22}{}{from}", printable(value));
        say::data(&if io::stdout().is_terminal() { wrapped(&line, 22) } else { line })
    }
}

fn of_setting(setting: &Setting) -> Line {
    let from = match &setting.source {
        Source::Default => "default".to_owned(),
        Source::File(None) => "the settings file".to_owned(),
        Source::File(Some(profile)) => format!("profile {profile}"),
        Source::Environment(name) => (*name).to_owned(),
        Source::Flag => "a flag".to_owned(),
    };
    let value = match setting.values.as_slice() {
        [] => default_of(setting.name).to_owned(),
        values => without_user(&values.join(", ")),
    };
    Line { name: setting.name.to_owned(), value, from }
}

/// What holds where nobody says anything.
fn default_of(name: &str) -> &'static str {
    match name {
        "cloud" => "commercial",
        "limit" => "100/1m, 1500/1h",
        "leave" => "0%",
        "pace" => "fast",
        "concurrency" => "16",
        "max-wait" => "1h",
        "busy" => "report",
        "store" => "/var/lib/fleetsweep if it is writable, else your state folder",
        "auth" => "found from the environment",
        "api-url" | "login-url" => "those of the cloud",
        _ => "-",
    }
}
