//! How long a line may be and how much may stand in a list that is no row. What breaks these limits
//! is no list of devices, and the message that refuses it names them. Limits of a single reader are
//! its own.

/// The longest line that is taken, in bytes of UTF-8.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// At most this many blank and comment lines are passed over in one source.
pub(super) const MAX_SKIPPED: u64 = 1_000_000;
