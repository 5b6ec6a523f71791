//! Where the store is: from the flag, the environment, or the default place. It opens nothing.

use std::env;
use std::path::{Path, PathBuf};

use super::env::setting;
use crate::ops::context::{StoreChoice, StorePlace};
use crate::ops::failure::Failure;
use crate::ops::stores::{names_a_server, server};
use crate::system::{files, places};

/// The store's file in its folder.
const FILE: &str = "fleetsweep.db";

/// The store of a command: the one that was named, or the usual one.
pub(crate) fn store_choice(named: Option<&String>) -> StoreChoice {
    let (place, warning) = (store_place(named), passed_over(named));
    StoreChoice { place, named: named.is_some(), warning }
}

/// The file or the server.
///
/// # Errors
/// `Failure` if the flag names a kind of store that there is not or holds a password, or if no
/// folder can be found.
fn store_place(flag: Option<&String>) -> Result<StorePlace, Failure> {
    let of_environment = env::var("FLEETSWEEP_STORE").ok();
    match setting(flag, "FLEETSWEEP_STORE") {
        Some(url) if names_a_server(&url) => {
            let may_hold_password = of_environment.as_ref() == Some(&url);
            server(&url, may_hold_password, passwords().as_deref())
        }
        Some(url) => file_of_store(&url).map(StorePlace::File),
        None => default_path().map(StorePlace::File),
    }
}

/// The file with passwords of servers, as PostgreSQL's own programs look for it.
pub(crate) fn passwords() -> Option<PathBuf> {
    let named = env::var_os("PGPASSFILE").filter(|file| !file.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pgpass")))
}

/// The file of a store that is no server.
///
/// # Errors
/// `Failure` if this names no file.
pub(crate) fn file_of_store(url: &str) -> Result<PathBuf, Failure> {
    let path = url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
    match path.filter(|path| !path.is_empty()) {
        Some(path) => Ok(PathBuf::from(path)),
        None => Err(Failure::usage(
            format!("the store `{url}` cannot be used"),
            "it does not begin with sqlite: and a path, or with postgres://",
            "write --store sqlite:/path/to/fleetsweep.db or --store postgres://user@host/database",
        )),
    }
}

fn default_path() -> Result<PathBuf, Failure> {
    if let Some(folder) = env::var_os("STATE_DIRECTORY").filter(|folder| !folder.is_empty()) {
        return Ok(Path::new(&folder).join(FILE));
    }
    let shared = places::shared_folder();
    if files::may_write(&shared).is_ok() {
        return Ok(shared.join(FILE));
    }
    own_state().map(|folder| folder.join(FILE)).ok_or_else(|| {
        Failure::usage(
            "there is no place for the store",
            format!("{} is not set, so the state folder is unknown", places::VARIABLE_OF_HOME),
            "name a file with --store sqlite:/path/to/fleetsweep.db",
        )
    })
}

/// That there is another store by default which this user may not use, if so: who believes that
/// there is one store would believe in one limit.
fn passed_over(flag: Option<&String>) -> Option<String> {
    let named = setting(flag, "FLEETSWEEP_STORE").is_some();
    let of_service = env::var_os("STATE_DIRECTORY").is_some_and(|folder| !folder.is_empty());
    if named || of_service {
        return None;
    }
    let shared = places::shared_folder();
    if !shared.is_dir() || files::may_write(&shared).is_ok() {
        return None;
    }
    Some(told(&shared, files::may_read(&shared).is_ok()))
}

fn told(shared: &Path, reads: bool) -> String {
    let what = if reads { "written" } else { "read" };
    format!(
        "{0} is there and may not be {what} by this user: the campaigns, the limit and the \
         priority of a store there are not known here, and two stores are two limits; {1}, or name \
         one store that all share with --store",
        shared.display(),
        places::as_owner_of(shared)
    )
}

/// The user's own state folder.
fn own_state() -> Option<PathBuf> {
    places::state_folder().map(|folder| folder.join("fleetsweep"))
}

/// The folder of what belongs to this user or service alone, whoever else shares the store.
///
/// # Errors
/// `Failure` if no folder can be found.
pub(super) fn private_folder() -> Result<PathBuf, Failure> {
    let of_service = env::var_os("STATE_DIRECTORY").filter(|folder| !folder.is_empty());
    of_service.map(PathBuf::from).or_else(own_state).ok_or_else(|| {
        Failure::usage(
            "there is no place to keep the sign-in",
            format!("{} is not set, so the state folder is unknown", places::VARIABLE_OF_HOME),
            format!("set {}, or choose another kind of --auth", places::VARIABLE_OF_HOME),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_store_that_this_user_may_not_use_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let unread = told(folder.path(), false);
        assert!(unread.contains("may not be read by this user"), "{unread}");
        assert!(
            unread.contains("work on it as its owner") && unread.contains("--store"),
            "{unread}"
        );
        let unwritten = told(folder.path(), true);
        assert!(unwritten.contains("may not be written"), "{unwritten}");
    }
}
