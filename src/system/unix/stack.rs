//! Room on the stack for what the program does.

use std::io;

/// Does it, on this thread: the system's limit (8 MiB as a rule) is enough.
///
/// # Errors
/// None.
pub fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    Ok(work())
}
