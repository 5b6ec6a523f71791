//! A time in which a store is out of reach. It tests nothing.

use fleetsweep::domain::Stamp;

/// A time in which a store is out of reach.
#[derive(Clone, Copy)]
pub(crate) struct Away {
    pub(crate) from: Stamp,
    pub(crate) until: Stamp,
    /// It is read all the same, since another program only holds the lock for writing.
    pub(crate) is_read: bool,
}

impl Away {
    pub(crate) fn holds_up(&self, name: &str, now: Stamp) -> bool {
        // What an idle run asks is written only where there is something to write.
        let reads = ["peek", "expire", "engage", "end_wave", "finish"].contains(&name);
        (self.from..self.until).contains(&now) && !(self.is_read && reads)
    }
}
