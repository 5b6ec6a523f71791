//! How this machine and its user are called.

use rustix::process::getuid;
use rustix::system::uname;

/// The machine, as it calls itself.
pub fn name() -> String {
    uname().nodename().to_string_lossy().into_owned()
}

/// The user, where no variable of the environment names one.
pub fn user() -> String {
    format!("uid {}", getuid().as_raw())
}
