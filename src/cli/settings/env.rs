//! Variables of the environment, as settings know them.

use std::env;

/// A variable of the environment that is not empty.
pub(in crate::cli) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// What was typed, or else a variable of the environment that is not empty.
pub(in crate::cli) fn setting(typed: Option<&String>, name: &str) -> Option<String> {
    typed.cloned().or_else(|| variable(name))
}
