//! The folders where programs keep things.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, choose_base_strategy};

/// What must be set for the user's own folders to be known.
pub const VARIABLE_OF_HOME: &str = "HOME";

/// The folder that packages make for a service and its group: whoever may write here shares its
/// limits.
pub fn shared_folder() -> PathBuf {
    PathBuf::from("/var/lib/fleetsweep")
}

/// The user's own folder for what programs keep. Returns `None` if none is known.
pub fn state_folder() -> Option<PathBuf> {
    choose_base_strategy().ok()?.state_dir()
}

/// The user's own folder for settings. Returns `None` if none is known.
pub fn settings_folder() -> Option<PathBuf> {
    Some(choose_base_strategy().ok()?.config_dir())
}

/// How to work on what belongs to another user, as a part of a sentence.
pub fn as_owner_of(path: &Path) -> String {
    match fs::metadata(path) {
        Ok(there) => format!("work on it as its owner (sudo -u '#{}' fleetsweep ...)", there.uid()),
        Err(_) => "work on it as its owner".to_owned(),
    }
}
