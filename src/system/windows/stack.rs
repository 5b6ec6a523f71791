//! Room on the stack for what the program does: a program's first thread has 1 MiB here.

use std::io;
use std::panic::resume_unwind;
use std::thread::{Builder, scope};

/// As much as the first thread has on Linux.
const ROOM: usize = 8 << 20;

/// Does it, on a thread with that room.
///
/// # Errors
/// As of the system, if it gives no thread; nothing was done then.
pub fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    scope(|scope| {
        let thread = Builder::new().stack_size(ROOM).spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}
