//! `--on-finish` and `--on-event`: a command of the user's after a run, with the summary on its
//! standard input, or at an event, with its message. What it does cannot change how the run ended:
//! its time is bounded, its failure is told. It gets no secret of ours, and what it writes goes to
//! standard error, since standard output is data.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Child;
use tokio::time::timeout;

use crate::domain::text::in_words;
use crate::report::human;
use crate::system::command::{Tree, shell};

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Variables that hold a secret, or say where secrets are, that somebody else's program need not
/// know.
const SECRETS: &[&str] = &[
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_PASSWORD",
    "CREDENTIALS_DIRECTORY",
    "IDENTITY_HEADER",
    "MSI_SECRET",
];

/// Runs the command until it ends, or `ended` does.
///
/// # Errors
/// Says what became of it, as a part of a sentence.
pub(super) async fn run(
    command: &str,
    summary: &str,
    ended: impl Future<Output = ()>,
) -> Result<(), String> {
    within(LIMIT, command, summary, ended).await
}

/// Runs the command for at most this long, and until something is heard.
async fn within(
    limit: Duration,
    command: &str,
    summary: &str,
    signal: impl Future<Output = ()>,
) -> Result<(), String> {
    let mut child =
        start(command).map_err(|error| format!("could not be started: {}", in_words(error)))?;
    let tree = Tree::of(&child);
    let ended = {
        let work = timeout(limit, feed_and_wait(&mut child, summary));
        tokio::select! {
            biased;
            () = signal => Err("was ended by a signal".to_owned()),
            ended = work => ended.map_err(|_| {
                format!("was ended, since it took longer than {}", human::duration(limit))
            }),
        }
    };
    match ended {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(failed(status)),
        Ok(Err(error)) => Err(format!("could not be waited for: {}", in_words(error))),
        Err(why) => {
            // What the shell started ends with it.
            tree.kill();
            child.wait().await.ok();
            Err(why)
        }
    }
}

fn start(command: &str) -> std::io::Result<Child> {
    let mut shell = shell(command)?;
    shell.stdin(Stdio::piped());
    SECRETS.iter().for_each(|name| {
        shell.env_remove(name);
    });
    shell.kill_on_drop(true).spawn()
}

async fn feed_and_wait(child: &mut Child, summary: &str) -> std::io::Result<ExitStatus> {
    let pipe = child.stdin.take();
    let feed = async {
        if let Some(mut pipe) = pipe {
            // A command that does not read it need not; what it does is its own affair.
            pipe.write_all(format!("{summary}\n").as_bytes()).await.ok();
        }
    };
    let (ended, ()) = tokio::join!(child.wait(), feed);
    ended
}

fn failed(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("failed with exit code {code}"),
        None => format!("failed: {status}"),
    }
}

// The commands are those of a POSIX shell.
#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn done(command: &str) -> Result<(), String> {
        within(LONG, command, "{}", std::future::pending()).await
    }

    #[tokio::test]
    async fn a_command_gets_the_summary_and_a_failure_is_told_by_its_exit_code() {
        assert_eq!(done("read line && test \"$line\" = {}").await, Ok(()));
        assert_eq!(done("exit 7").await, Err("failed with exit code 7".to_owned()));
        assert!(done("kill -9 $$").await.unwrap_err().contains("signal: 9"));
        assert_eq!(done("exec <&-; true").await, Ok(()));
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_is_killed_with_what_it_started() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let command = format!("sleep 300 & echo $! >{}; wait", file.path().display());
        let limit = Duration::from_millis(300);
        let ended = within(limit, &command, "{}", std::future::pending()).await;
        assert!(ended.unwrap_err().contains("took longer"));
        let id: i32 = std::fs::read_to_string(file.path()).unwrap().trim().parse().unwrap();
        // The system may take a moment, or leave a process that ended for its parent to see.
        for _ in 0..500 {
            let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            if state.is_empty() || state.contains(") Z ") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("process {id} still runs");
    }

    #[tokio::test]
    async fn a_signal_ends_the_command() {
        let heard = tokio::time::sleep(Duration::from_millis(200));
        let ended = within(LONG, "sleep 300", "{}", heard).await;
        assert_eq!(ended, Err("was ended by a signal".to_owned()));
    }
}
