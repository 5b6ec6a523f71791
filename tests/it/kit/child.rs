//! How tests start other programs: in an environment that is the same on every machine, whatever
//! surrounds the test run. Nothing else here starts a process; `tidy` sees to it.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// What a child keeps of the environment: the folder for temporary files, and a clock that was set
/// for the whole test run (`faketime`), lest the program's differ from the test's.
const KEPT: &[&str] = &["LD_PRELOAD", "NO_FAKE_STAT", "TMPDIR"];
const KEPT_PREFIX: &str = "FAKETIME";

/// A program with nothing of the caller's environment that it could go by.
pub(crate) fn child(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env_clear().env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
    let kept = |name: &OsStr| {
        name.to_str().is_some_and(|name| KEPT.contains(&name) || name.starts_with(KEPT_PREFIX))
    };
    command.envs(std::env::vars_os().filter(|(name, _)| kept(name)));
    command
}

/// A program of the machine, which is looked for where the caller's shell would.
pub(crate) fn tool(name: impl AsRef<OsStr>) -> Command {
    let mut command = child(name);
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// The same command by way of a program of the machine that starts it: these arguments come first.
pub(crate) fn through(name: &str, args: &[&str], command: &Command) -> Command {
    let mut outer = around(name, command);
    outer.args(args).arg(command.get_program()).args(command.get_args());
    outer
}

/// A program of the machine in the folder and the environment of a command.
pub(crate) fn around(name: &str, command: &Command) -> Command {
    let mut outer = tool(name);
    outer.current_dir(command.get_current_dir().expect("it runs in a folder of its own"));
    outer.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer
}

/// This test run's own program, with one test alone, in a process of its own.
pub(crate) fn again(test: &str) -> Command {
    let mut command = tool(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]);
    command
}

/// A command as one line for a shell.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''")));
    quoted.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_child_sees_nothing_of_what_surrounds_the_test_run() {
    let own = ["TZ", "LC_ALL", "PATH"];
    let output = tool("env").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = told.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    assert!(own.iter().all(|name| names.contains(name)), "{told}");
    let known =
        |name: &&str| own.contains(name) || KEPT.contains(name) || name.starts_with(KEPT_PREFIX);
    assert!(names.iter().all(known), "{told}");
}
