//! How many files and connections the process may have open: the system sets no limit that a run
//! could reach.

/// Nothing: there is no limit to raise.
pub fn raise() {}

/// `None`: the system sets no limit.
pub fn allowed() -> Option<u64> {
    None
}
