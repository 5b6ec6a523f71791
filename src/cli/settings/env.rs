//! Variables of the environment, as settings know them.

use std::env;

use crate::ops::context::Host;
use crate::system::{host as machine, open_files};

/// A variable of the environment that is not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The profile that the environment names.
pub(crate) fn named_profile() -> Option<String> {
    variable("FLEETSWEEP_PROFILE")
}

/// The user and the machine, as the system names them, and what the process may do.
pub(crate) fn host() -> Host {
    let user = variable("SUDO_USER").or_else(|| variable("LOGNAME")).or_else(|| variable("USER"));
    Host {
        user: user.unwrap_or_else(machine::user),
        name: machine::name(),
        open_files: open_files::allowed(),
    }
}

/// What was typed, or else a variable of the environment that is not empty.
pub(crate) fn setting(typed: Option<&String>, name: &str) -> Option<String> {
    typed.cloned().or_else(|| variable(name))
}
