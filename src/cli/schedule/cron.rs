//! Lines of a crontab. A job of cron runs as the user whose crontab it is, with almost no
//! environment, in that user's home; so the line goes to the folder that relative paths are from.

use super::file::ScheduleFile;
use super::job::{Job, SignIn};
use super::quote::cron_word;

/// Longer commands are refused by some crons.
const LONGEST: usize = 998;

/// The crontab's lines.
pub(super) fn files(job: &Job) -> Vec<ScheduleFile> {
    let command = command(job);
    let mut lines = vec![
        "# Add these lines by `crontab -e`. cron mails what the command says; to keep it in a file"
            .to_owned(),
        "# instead, add >>fleetsweep.log 2>&1 at the end of the line.".to_owned(),
    ];
    if let Some(zone) = &job.zone {
        lines.push(format!(
            "# Times are in {zone}; a cron that does not know CRON_TZ, as Debian's,"
        ));
        lines.push("# takes them in the system's zone.".to_owned());
        lines.push(format!("CRON_TZ={zone}"));
    }
    lines.extend(job.starts.iter().map(|start| format!("{} {command}", start.cron())));
    vec![ScheduleFile { name: format!("{}.crontab", job.name), text: lines.join("\n") + "\n" }]
}

/// What a user of cron should know about this job.
pub(super) fn warnings(job: &Job) -> Vec<String> {
    let mut warnings = Vec::new();
    if job.sign_in == SignIn::Secret(None) {
        warnings.push(
            "cron gives the command no AZURE_CLIENT_SECRET; name a file that only you can read \
             with --client-secret-file"
                .to_owned(),
        );
    }
    if command(job).len() > LONGEST {
        warnings.push(format!(
            "the command is longer than {LONGEST} characters, which some crons refuse; settings \
             that never change can stand in a settings file (--profile)"
        ));
    }
    warnings
}

fn command(job: &Job) -> String {
    let folder = job.folder.to_string_lossy();
    let variables = job.variables.iter().map(|(name, text)| format!("{name}={}", cron_word(text)));
    let words = job.words_as_typed();
    let words = std::iter::once(&job.program).chain(&words).map(|word| cron_word(word));
    let all: Vec<String> = variables.chain(words).collect();
    format!("cd {} && {}", cron_word(&folder), all.join(" "))
}
