//! How this machine and its user are called.

/// The machine, as it calls itself.
pub fn name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "this computer".to_owned())
}

/// The user, where no variable of the environment of Unix names one.
pub fn user() -> String {
    std::env::var("USERNAME").unwrap_or_else(|_| "unknown".to_owned())
}
