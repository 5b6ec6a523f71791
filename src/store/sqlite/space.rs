//! How large the file of a store is.

/// The size of a file, and what of it is free for what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All of it, in bytes.
    pub bytes: u64,
    /// What of it holds nothing.
    pub free: u64,
}
