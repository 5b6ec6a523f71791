//! The folders where programs keep things. Nothing goes to the profile that roams: a store is one
//! machine's.

use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, choose_base_strategy};

/// What must be set for the user's own folders to be known.
pub const VARIABLE_OF_HOME: &str = "LOCALAPPDATA";

/// The folder of a service: whoever may write here shares its limits.
pub fn shared_folder() -> PathBuf {
    let data = std::env::var_os("ProgramData").filter(|data| !data.is_empty());
    data.map_or_else(|| PathBuf::from(r"C:\ProgramData"), PathBuf::from).join("fleetsweep")
}

/// The user's own folder for what programs keep. Returns `None` if none is known.
pub fn state_folder() -> Option<PathBuf> {
    let local = std::env::var_os(VARIABLE_OF_HOME).filter(|local| !local.is_empty());
    local.map(PathBuf::from).or_else(|| Some(choose_base_strategy().ok()?.cache_dir()))
}

/// The user's own folder for settings. Returns `None` if none is known.
pub fn settings_folder() -> Option<PathBuf> {
    state_folder()
}

/// How to work on what belongs to another user, as a part of a sentence.
pub fn as_owner_of(_path: &Path) -> String {
    "work on it as its owner (runas /user:NAME fleetsweep ...)".to_owned()
}
