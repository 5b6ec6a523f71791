//! Running a program under strace: what is traced, what is injected, and the lines that come out.
//! It knows nothing of campaigns.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use crate::kit::child::through;

/// What is done to a program's system calls.
#[derive(Clone, Debug)]
pub(crate) struct Injection {
    /// The system call.
    pub(crate) call: String,
    /// Only calls on these files count; none for all. `OWN` is the report under its temporary name.
    pub(crate) paths: Vec<String>,
    /// What strace is told to do, such as `signal=KILL`.
    pub(crate) effect: String,
    /// At which of the calls of a thread: `3`, or `3+` for all from there on.
    pub(crate) when: String,
}

/// The temporary name of a report holds the number of its process, which nobody knows beforehand.
pub(crate) const OWN: &str = "OWN";

/// What a traced program did.
pub(crate) struct Traced {
    /// Its exit code, unless a signal ended it.
    pub(crate) code: Option<i32>,
    /// SIGKILL ended it.
    pub(crate) killed: bool,
    /// What it said on standard error.
    pub(crate) err: String,
    /// What strace wrote.
    pub(crate) trace: String,
}

/// The shell gives way to strace, and strace with -D to the program, whose process number is thus
/// the shell's own. Both keep the pipe at 3 open, so that its end says that the trace is whole.
const SCRIPT: &str = r#"
exec 3>&2 2>err.txt >out.txt
if [ "$1" = own ]; then
    shift
    set -- -P "$PWD/.r.csv.$$-0.tmp" -P "./.r.csv.$$-0.tmp" "$@"
fi
exec strace -D -f -y -o trace.txt "$@"
"#;

/// Runs a command under strace in its folder, with these calls traced.
pub(crate) fn traced(command: &Command, calls: &str, extra: &[&str]) -> Traced {
    spawn(command, &[&["-e", &format!("trace={calls}")], extra].concat(), false)
}

/// Runs a command with something done to its calls; these and the others named are traced.
pub(crate) fn injected(command: &Command, injection: &Injection, others: &str) -> Traced {
    let Injection { call, paths, effect, when } = injection;
    let trace = format!("trace={call}{others}");
    let inject = format!("inject={call}:{effect}:when={when}");
    let mut args = vec!["-e", &trace, "-e", &inject];
    for path in paths.iter().filter(|path| *path != OWN) {
        args.extend(["-P", path.as_str()]);
    }
    spawn(command, &args, paths.iter().any(|path| path == OWN))
}

fn spawn(program: &Command, args: &[&str], own: bool) -> Traced {
    let own = if own { &["own"][..] } else { &[] };
    let mut command = through("sh", &[&["-c", SCRIPT, "sh"], own, args, &["--"]].concat(), program);
    let folder = command.get_current_dir().unwrap().to_owned();
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let output = command.output().unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let (err, trace) = (read("err.txt"), read("trace.txt"));
    // However the program ended, strace wrote at least its last line.
    assert!(
        trace.contains("+++ "),
        "strace cannot trace here; install it (apt-get install strace) and allow ptrace (in a \
         container: --cap-add=SYS_PTRACE). It said: {}{err}",
        String::from_utf8_lossy(&output.stderr)
    );
    let killed = output.status.signal() == Some(9);
    Traced { code: output.status.code(), killed, err, trace }
}

/// A line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'t> {
    /// The thread.
    pub(crate) thread: u32,
    /// The system call.
    pub(crate) call: &'t str,
    /// What stands in its brackets, as far as it is on this line.
    pub(crate) args: &'t str,
    /// What it returned; nothing while it has not.
    pub(crate) result: Option<&'t str>,
    /// The line only says that a call that began before has returned.
    pub(crate) resumed: bool,
}

impl Line<'_> {
    /// The file that the call is about: that of its first argument.
    pub(crate) fn path(&self) -> &str {
        let first = self.args.split(", ").next().unwrap_or_default();
        match first.split_once('<') {
            Some((_, path)) => path.trim_end_matches('>'),
            None => first.trim_matches('"'),
        }
    }
}

/// The calls of a trace, in order.
pub(crate) fn lines(trace: &str) -> Vec<Line<'_>> {
    trace.lines().filter_map(line).collect()
}

fn line(text: &str) -> Option<Line<'_>> {
    let (thread, rest) = text.split_once(' ')?;
    let (thread, rest) = (thread.parse().ok()?, rest.trim_start());
    let (body, result) = match rest.rsplit_once(" = ") {
        Some((body, result)) => (body.trim_end(), Some(result)),
        None => (rest, None),
    };
    if let Some(resumed) = body.strip_prefix("<... ") {
        let call = resumed.split(' ').next()?;
        return Some(Line { thread, call, args: "", result, resumed: true });
    }
    let (call, args) = body.split_once('(')?;
    let args = args.trim_end_matches("<unfinished ...>").trim_end().trim_end_matches(')');
    Some(Line { thread, call, args, result, resumed: false })
}

#[test]
fn lines_of_a_trace_are_read_with_thread_call_file_and_result() {
    let trace = "7 fsync(12</a/s.db-wal>)       = 0\n\
                 8 write(3<anon_inode:[eventfd]>, \"\\1\", 8 <unfinished ...>\n\
                 8 <... write resumed>)              = -1 EIO (Input/output error) (INJECTED)\n\
                 7 +++ exited with 0 +++\n";
    let read = lines(trace);
    let short: Vec<_> = read.iter().map(|l| (l.thread, l.call, l.path(), l.resumed)).collect();
    let eventfd = "anon_inode:[eventfd]";
    let expected = [(7, "fsync", "/a/s.db-wal", false), (8, "write", eventfd, false)];
    assert_eq!(short[..2], expected);
    assert_eq!(short[2], (8, "write", "", true));
    assert!(read[2].result.unwrap().ends_with("(INJECTED)") && read[1].result.is_none());
    assert_eq!(read.len(), 3);
}
