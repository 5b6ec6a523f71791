//! Variables of the environment, as settings know them.

use std::env;

use rustix::process::getuid;
use rustix::system::uname;

use crate::cli::terminal::descriptors;
use crate::ops::context::Host;

/// A variable of the environment that is not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The user and the machine, as the system names them, and what the process may do.
pub(crate) fn host() -> Host {
    let user = variable("SUDO_USER").or_else(|| variable("LOGNAME")).or_else(|| variable("USER"));
    Host {
        user: user.unwrap_or_else(|| format!("uid {}", getuid().as_raw())),
        name: uname().nodename().to_string_lossy().into_owned(),
        open_files: descriptors::allowed(),
    }
}

/// What was typed, or else a variable of the environment that is not empty.
pub(crate) fn setting(typed: Option<&String>, name: &str) -> Option<String> {
    typed.cloned().or_else(|| variable(name))
}
