//! The time since the machine was started, and what names that start.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::time::{ClockId, clock_gettime};

use crate::domain::text::in_words;

/// Microseconds since the machine was started, suspend included. No step of the wall clock moves
/// it, and all processes of the machine read the same.
pub fn time_us() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

/// What names this start of the machine, to all of its processes that read one `time_us`.
///
/// # Errors
/// Why it is not known, and what to do, as a part of a sentence.
pub fn identity() -> Result<String, String> {
    let file = "/proc/sys/kernel/random/boot_id";
    let id = fs::read_to_string(file).map_err(|error| {
        format!(
            "{file} cannot be read ({}), so the store's clock is not safe; run on Linux with /proc \
             mounted",
            in_words(error)
        )
    })?;
    Ok(id.trim().to_owned() + &own_time(fs::read_link("/proc/self/ns/time").ok()))
}

/// What tells apart a process in a time namespace of its own: the kernel adds an offset to its
/// CLOCK_BOOTTIME, so its stamps are not those of the rest of the machine (time_namespaces(7)).
fn own_time(namespace: Option<PathBuf>) -> String {
    // The first one, by its number in the kernel (PROC_TIME_INIT_INO in linux/proc_ns.h).
    const OF_THE_MACHINE: &str = "time:[4026531834]";
    match namespace {
        Some(own) if own != Path::new(OF_THE_MACHINE) => format!(" in {}", own.display()),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_namespace_of_its_own_is_another_start_and_the_machines_is_not() {
        assert_eq!(own_time(None), "");
        assert_eq!(own_time(Some("time:[4026531834]".into())), "");
        assert_eq!(own_time(Some("time:[4026532177]".into())), " in time:[4026532177]");
    }
}
