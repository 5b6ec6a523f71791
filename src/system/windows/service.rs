//! The service manager that started this program: none does, since the program is started by tasks.

/// What a service manager is told.
#[derive(Clone, Copy, Debug)]
pub enum State<'a> {
    /// It has begun.
    Ready,
    /// What it does now.
    Doing(&'a str),
    /// It is about to end.
    Stopping,
}

/// Nothing: nobody is there to be told.
pub fn tell(_state: State<'_>) {}
