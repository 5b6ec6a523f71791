//! How many files and connections the process may have open: raised as far as the system lets it.
//! Whether that is enough for a run is `ops::limits`'s to say.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes all that the system allows; shells begin with less (1,024 on most).
pub fn raise() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If it is refused, what there was stays, and a run judges by that.
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).ok();
}

/// How many there may be. Returns `None` if the system sets no limit.
pub fn allowed() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}
