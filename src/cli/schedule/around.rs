//! What a command finds around it here and a timer would lack: its store, variables, and files that
//! only the settings name. What holds a secret is refused or told, and never handed on.

use std::path::{Path, PathBuf};

use super::words::Word;
use crate::cli::settings::config::{Settings, Source};
use crate::cli::settings::env::variable;
use crate::cli::settings::paths::{file_of_store, passwords};
use crate::cli::settings::proxy;
use crate::domain::request::ConnectRequest;
use crate::domain::text::printable;
use crate::ops::failure::Failure;
use crate::ops::stores::{holds_password, names_a_server};

/// The variable that names the store.
pub(super) const STORE: &str = "FLEETSWEEP_STORE";

/// The variable that names the file with passwords of servers.
pub(super) const PASSWORDS: &str = "PGPASSFILE";

/// Variables that name a file with a secret: a schedule hands the file over in a way of its own.
pub(super) const OF_SECRETS: [&str; 3] =
    ["FLEETSWEEP_CLIENT_SECRET_FILE", "AZURE_CLIENT_CERTIFICATE_PATH", PASSWORDS];

/// The store that somebody named: typed, in the environment or in the settings file.
#[derive(Clone, Debug)]
pub(super) struct NamedStore {
    /// As it was named.
    pub url: String,
    /// Its file as a process in any folder finds it; `None` for a server.
    pub file: Option<PathBuf>,
    /// Only the settings file names it.
    pub of_file: bool,
}

impl NamedStore {
    /// Its address as a process in any folder takes it.
    pub(super) fn anywhere(&self) -> String {
        self.file.as_ref().map_or_else(|| self.url.clone(), |path| of_file(path))
    }
}

/// The address of a store that is this file.
fn of_file(path: &Path) -> String {
    format!("sqlite:{}", path.to_string_lossy())
}

/// The store of a command line, if one is named; relative paths are from this folder.
///
/// # Errors
/// `Failure` if it is none, or if its address holds a password.
pub(super) fn named_store(
    words: &[Word],
    settings: &Settings,
    folder: &Path,
) -> Result<Option<NamedStore>, Failure> {
    let typed = words.iter().filter_map(Word::value).rfind(|value| value.id == "store");
    let setting = settings.all.iter().find(|one| one.name == "store");
    let (url, of_file) = match (typed, setting) {
        (Some(value), _) => (value.text.clone(), false),
        (None, Some(one)) => match one.values.first() {
            Some(url) => (url.clone(), matches!(one.source, Source::File(_))),
            None => return Ok(None),
        },
        (None, None) => return Ok(None),
    };
    if !names_a_server(&url) {
        let file = Some(folder.join(file_of_store(&url)?));
        return Ok(Some(NamedStore { url, file, of_file }));
    }
    if holds_password(&url)? {
        return Err(Failure::usage(
            "the store's address holds a password",
            "what is printed here holds the address, and others may read it",
            "take the password out of the address, and write it into the file that PGPASSFILE \
             names (or ~/.pgpass), readable by you alone",
        ));
    }
    Ok(Some(NamedStore { url, file: None, of_file }))
}

/// The file with passwords of servers, if the store is one and there is such a file.
pub(super) fn password_file(store: Option<&NamedStore>, folder: &Path) -> Option<PathBuf> {
    let path = passwords().filter(|_| store.is_some_and(|store| store.file.is_none()))?;
    let path = folder.join(path);
    if variable(PASSWORDS).is_some() || path.exists() { Some(path) } else { None }
}

/// What the command takes from this environment. No variable of a setting holds a secret, and a
/// proxy with a password is left out.
pub(super) fn variables(settings: &Settings, of_server: bool) -> Vec<(String, String)> {
    let of_settings = settings.all.iter().filter_map(|one| match one.source {
        Source::Environment(name) => Some(name),
        Source::Default | Source::Flag | Source::File(_) => None,
    });
    let names = ["FLEETSWEEP_CONFIG", "FLEETSWEEP_PROFILE"].into_iter().chain(of_settings);
    let names = names.chain([PASSWORDS].into_iter().filter(|_| of_server));
    let set = names.filter_map(|name| Some((name.to_owned(), variable(name)?)));
    let all = set.chain(proxy::variables().filter(|(_, text)| !names_a_user(text)));
    all.filter(|(_, text)| printable(text) == *text).collect()
}

/// Whether a proxy's address names a user, and perhaps a password.
fn names_a_user(address: &str) -> bool {
    address.contains('@')
}

/// What the command has here and a timer will not have.
pub(super) fn warnings(settings: &Settings) -> Vec<String> {
    let with_password = proxy::variables().filter(|(_, text)| names_a_user(text));
    let proxies = with_password.map(|(name, _)| {
        format!(
            "{name} is not handed on, since it holds a user and perhaps a password; name a proxy \
             without one, or set it where the timer's command finds it and others cannot read it"
        )
    });
    let addresses = settings.variables_of_messages().map(|name| {
        format!(
            "messages whose address is in {name} will not be sent: a secret is not handed on; \
             write the address into a file, and name that with `url-file` in the settings file"
        )
    });
    proxies.chain(addresses).collect()
}

/// Files that the settings file names and the command reads, but for those that it signs in with;
/// `tenants` are those of several profiles.
pub(super) fn files_of_settings(
    settings: &Settings,
    connect: &ConnectRequest,
    tenants: &[ConnectRequest],
) -> Vec<PathBuf> {
    let files = [("ca-file", &connect.ca_file), ("token-file", &connect.token_file)];
    let named = files.into_iter().filter(|(name, _)| settings.holds(name)).map(|(_, path)| path);
    let named = named.chain(tenants.iter().map(|one| &one.ca_file)).flatten().cloned();
    let mut all: Vec<PathBuf> =
        named.chain(settings.files_of_messages().map(Path::to_owned)).collect();
    all.sort();
    all.dedup();
    all
}
