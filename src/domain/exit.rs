//! How a command ends: the exit codes of the program and what they mean, once. What one run makes
//! of a code is told by its summary.

/// How a command ended, by its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything that was asked for is done.
    Done = 0,
    /// The program, its store, its files or its network failed.
    Failed = 1,
    /// Wrong usage or bad input; nothing was ordered.
    Usage = 2,
    /// It ran to its end, and some devices need attention.
    Attention = 3,
    /// A safety rule stopped it.
    Safety = 4,
    /// It stopped with work left.
    Stopped = 5,
    /// Nobody confirmed it, or it is not what was planned.
    Refused = 6,
    /// Nobody can sign in, or a permission is missing.
    SignIn = 7,
    /// A second signal ended it at once: as a shell tells of a program that SIGINT ended.
    LeftAtOnce = 130,
}

impl Exit {
    /// All of them, in the order of their codes.
    pub const ALL: [Exit; 9] = [
        Exit::Done,
        Exit::Failed,
        Exit::Usage,
        Exit::Attention,
        Exit::Safety,
        Exit::Stopped,
        Exit::Refused,
        Exit::SignIn,
        Exit::LeftAtOnce,
    ];

    /// All of them, the worst first: where a command could end in several of these ways, it ends in
    /// the first.
    pub const WORST_FIRST: [Exit; 9] = [
        Exit::LeftAtOnce,
        Exit::Failed,
        Exit::Usage,
        Exit::Refused,
        Exit::SignIn,
        Exit::Safety,
        Exit::Stopped,
        Exit::Attention,
        Exit::Done,
    ];

    /// The worse of two, for a command about several campaigns.
    #[must_use]
    pub fn worse_of(self, other: Self) -> Self {
        Self::WORST_FIRST.into_iter().find(|one| [self, other].contains(one)).unwrap_or(self)
    }

    /// The exit code of the program.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, as a sentence without its full stop.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "every device is accepted or covered",
            Exit::Failed => "an internal or I/O error, or the API was never reached",
            Exit::Usage => "wrong usage or bad input",
            Exit::Attention => {
                "finished, but not every device is accepted or covered, or a scan failed"
            }
            Exit::Safety => "stopped by a safety rule",
            Exit::Stopped => "stopped with work left",
            Exit::Refused => {
                "not confirmed, not what was planned, or another campaign has that name or these \
                 devices"
            }
            Exit::SignIn => "sign-in or permission",
            Exit::LeftAtOnce => "left at once by a second Ctrl-C",
        }
    }

    /// What it means in more words, for help and manual.
    pub fn help(self) -> &'static str {
        match self {
            Exit::Done => {
                "every device accepted or covered (a scan of that type or a wider one is running \
                 there); in a series also: stopped as planned"
            }
            Exit::Failed => "internal or I/O error, or the API was never reached",
            Exit::Usage => {
                "wrong usage or bad input; nothing was ordered (with several tenants: in that one)"
            }
            Exit::Attention => {
                "finished, but some devices were rejected, not found, failed, unknown, cancelled, \
                 or busy with a scan that does not cover them, or their scan is known to have \
                 failed, timed out or been cancelled there; or nothing was ordered of a list that \
                 names devices"
            }
            Exit::Safety => "stopped by a safety rule; `fleetsweep resume` goes on",
            Exit::Stopped => {
                "stopped with work left (time, window, signal, network), and resume goes on; or \
                 the run before it in a series is still at work"
            }
            Exit::Refused | Exit::SignIn | Exit::LeftAtOnce => self.meaning(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_has_a_code_of_its_own() {
        let codes: Vec<u8> = Exit::ALL.into_iter().map(Exit::code).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 130]);
    }

    #[test]
    fn of_two_exits_the_one_that_the_table_of_the_readme_names_first_is_the_worse() {
        let readme = include_str!("../../README.md");
        let (_, table) = readme.split_once("Exit codes, the first that applies:").unwrap();
        let rows = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        let rows = rows.take_while(|line| line.starts_with("| "));
        let code = |row: &str| row[2..].split(" |").next().unwrap().parse::<u8>().unwrap();
        let codes: Vec<u8> = rows.map(code).collect();
        let order: Vec<u8> = Exit::WORST_FIRST.into_iter().map(Exit::code).collect();
        assert_eq!(codes, order);
        assert_eq!(Exit::SignIn.worse_of(Exit::Usage), Exit::Usage);
        assert_eq!(Exit::Stopped.worse_of(Exit::SignIn), Exit::SignIn);
        assert_eq!(Exit::Attention.worse_of(Exit::Done), Exit::Attention);
    }
}
