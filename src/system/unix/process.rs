//! Whether a process of this machine lives. It only reads `/proc`, and where that tells nothing,
//! nothing is known.

use std::fs;
use std::io::ErrorKind;
use std::sync::LazyLock;

use super::boot;
use crate::domain::{ProcessPlace, Seen};

/// This start of the machine, and the numbering of its processes: one and the same as long as this
/// process lives.
static MACHINE: LazyLock<Option<String>> = LazyLock::new(|| {
    let numbers = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot::identity().ok()?, numbers.display()))
});

/// This process, as another one can find it. Returns `None` where the system does not tell.
pub fn own() -> Option<ProcessPlace> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let pid = stat.split(' ').next()?.parse().ok()?;
    Some(ProcessPlace { machine: MACHINE.clone()?, pid, started: started(&stat)? })
}

/// Whether a process lives, as far as that can be seen from here.
pub fn seen(place: &ProcessPlace) -> Seen {
    if MACHINE.as_ref() != Some(&place.machine) {
        return Seen::Unknown;
    }
    match fs::read_to_string(format!("/proc/{}/stat", place.pid)) {
        // One that ended and that nobody has asked about yet is still listed.
        Ok(stat) if is_dead(&stat) || started(&stat) != Some(place.started) => Seen::Gone,
        Ok(_) => Seen::Lives,
        Err(error) if error.kind() == ErrorKind::NotFound && all_are_shown() => Seen::Gone,
        Err(_) => Seen::Unknown,
    }
}

/// Whether the processes of others are listed too: where they are hidden, the first one is.
fn all_are_shown() -> bool {
    matches!(fs::exists("/proc/1/stat"), Ok(true))
}

/// The fields after the name of the program, which may hold anything (proc_pid_stat(5)).
fn fields(stat: &str) -> Option<std::str::SplitWhitespace<'_>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

fn is_dead(stat: &str) -> bool {
    fields(stat).and_then(|mut all| all.next()).is_some_and(|state| matches!(state, "Z" | "X"))
}

/// When it was started, in ticks since the machine was: field 22, and the state is field 3.
fn started(stat: &str) -> Option<u64> {
    fields(stat)?.nth(22 - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_another_of_its_number_or_one_that_is_not_there_is_gone() {
        let own = own().unwrap();
        assert_eq!(seen(&own), Seen::Lives);
        let other = ProcessPlace { started: own.started + 1, ..own.clone() };
        assert_eq!(seen(&other), Seen::Gone);
        let none = ProcessPlace { pid: i32::MAX.unsigned_abs(), ..own.clone() };
        assert_eq!(seen(&none), Seen::Gone);
        let elsewhere = ProcessPlace { machine: "another".to_owned(), ..none };
        assert_eq!(seen(&elsewhere), Seen::Unknown, "of another machine nothing is known");
    }

    #[test]
    fn the_name_of_a_program_cannot_pass_for_its_state() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        let stat = format!("7 (a) Z (b) {rest}");
        assert_eq!((is_dead(&stat), started(&stat)), (false, Some(4_711)));
        assert!(is_dead("7 (x) Z 1 2"));
    }
}
