//! `schedule`: prints what starts a command line again and again: a service and a timer of systemd,
//! a line of a crontab, a CronJob, a task of Windows. It installs nothing, starts nothing and holds
//! no secret.

mod around;
mod cron;
mod file;
mod job;
mod kubernetes;
mod quote;
mod systemd;
mod when;
mod windows;
mod words;

use std::fs;
use std::io::Write;
use std::path::Path;

use super::args::ScheduleArgs;
use super::terminal::say;
use crate::domain::Exit;
use crate::domain::text::printable;
use crate::ops::failure::Failure;
use crate::report::human::wrapped;
use file::ScheduleFile;
use job::Job;
use when::Start;

/// Prints or writes the schedule, and returns the exit code.
///
/// # Errors
/// `Failure` if the command line cannot be started by a timer, or a file cannot be written.
pub(super) fn schedule(args: &ScheduleArgs) -> Result<Exit, Failure> {
    let starts: Result<Vec<Start>, Failure> =
        args.starts.iter().map(|text| Start::parse(text)).collect();
    let folder = std::env::current_dir().map_err(|error| {
        let next = "go to a folder that exists";
        Failure::failed("the current folder is not known", error, next)
    })?;
    let job = Job::new(&args.name, &args.command, starts?, &folder)?;
    if job.stays {
        refuse_timer(args, &job)?;
    } else if job.starts.is_empty() {
        return Err(Failure::usage(
            "no time is given",
            "a timer needs to know when to start",
            "add --at 22:00 before the --, or --window \"Mon-Fri 22:00-06:00\" after it",
        ));
    }
    let (files, more) = if args.systemd {
        (systemd::files(&job), Vec::new())
    } else if args.cron {
        (cron::files(&job), cron::warnings(&job))
    } else if args.kubernetes {
        (kubernetes::files(&job), kubernetes::warnings(&job))
    } else {
        (windows::files(&job)?, windows::warnings(&job))
    };
    match &args.folder {
        Some(folder) => write(folder, &files)?,
        None => {
            let texts: Vec<&str> = files.iter().map(|file| file.text.trim_end()).collect();
            say::data(&texts.join("\n\n"))?;
        }
    }
    for warning in job.timed.warnings.iter().chain(&more) {
        say::note(&wrapped(&format!("Warning: {}", printable(warning)), 2));
    }
    Ok(Exit::Done)
}

/// A worker is a service that is started once: nothing starts it again and again.
fn refuse_timer(args: &ScheduleArgs, job: &Job) -> Result<(), Failure> {
    if !args.systemd {
        return Err(Failure::usage(
            "a worker is no timer",
            "`work` stays until it is stopped, and only --systemd prints a service for it",
            "use --systemd, or start `fleetsweep work` as the services of this system are started",
        ));
    }
    if job.starts.is_empty() {
        return Ok(());
    }
    let why = "it is started with the machine, and stays";
    Err(Failure::usage("--at is not for a worker", why, "leave it out"))
}

/// Writes new files; one that is there may have been changed by somebody, and stays.
fn write(folder: &Path, files: &[ScheduleFile]) -> Result<(), Failure> {
    for ScheduleFile { name, text } in files {
        let path = folder.join(name);
        let made = fs::File::options().write(true).create_new(true).open(&path);
        made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
            let next = "name another folder, or another --name; a file that is there is kept";
            let what = format!("{} cannot be written", path.display());
            Failure::failed(what, error, next)
        })?;
        say::note(&format!("Written: {}", path.display()));
    }
    Ok(())
}
