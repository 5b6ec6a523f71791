//! The command line: arguments, settings, one file a subcommand, exit codes. It picks
//! implementations and wires them; what is decided, is decided in the other modules.

mod again;
mod alive;
pub mod args;
mod auth;
mod canary;
mod cancel;
mod cancelling;
pub mod config;
mod confirm;
mod connect;
mod coverage;
mod descriptors;
mod devices;
mod doctor;
mod due;
mod emulate;
mod expire;
pub mod failure;
mod find;
mod finish;
mod follow;
mod hours;
mod link;
mod listing;
mod log;
pub mod machine_args;
mod manual;
mod meanwhile;
pub mod misuse;
mod names;
mod naming;
mod pause;
mod place;
mod plan_file;
mod plans;
mod preflight;
mod queue;
mod report;
mod reports;
mod resume;
mod retry;
mod run;
mod say;
mod scan;
mod schedule;
pub mod series;
mod settings;
mod side_list;
mod source;
mod status;
mod stopping;
mod stores;
mod tenant;
mod unasked;
mod view;
mod waves;

use args::{Cli, Command};
use config::Settings;
use failure::Failure;

use crate::clock::unreadable_zone;
use crate::domain::text::printable;

/// Runs a command and returns its exit code; a failure is printed here and nowhere else.
pub async fn run(cli: Cli, settings: Settings) -> u8 {
    log::start(cli.verbose, view::log_writer());
    unasked::take_the_harmless();
    if is_a_run(&cli.command) {
        say::never_stop();
    }
    descriptors::raise();
    let json = wants_json(&cli.command);
    if shows_times(&cli.command)
        && let Some(zone) = unreadable_zone()
    {
        let zone = printable(&zone);
        say::note(&format!("Warning: {zone} cannot be read: times are shown in UTC."));
    }
    let code = match cli.command {
        Command::Scan(mut args) => {
            args.run.connect.config = cli.config;
            scan::scan(*args).await
        }
        Command::Resume(mut args) => {
            args.run.connect.config = cli.config;
            resume::resume(*args).await
        }
        Command::Status(args) => status::status(args).await,
        Command::Report(args) => report::report(args).await,
        Command::Pause(args) => pause::pause(args).await,
        Command::Cancel(mut args) => {
            args.connect.config = cli.config;
            cancel::cancel(*args).await
        }
        Command::Follow(args) => follow::follow(*args).await,
        Command::Retry(mut args) => {
            args.run.connect.config = cli.config;
            retry::retry(*args).await
        }
        Command::Devices(args) => devices::devices(*args).await,
        Command::Doctor(args) => doctor::doctor(*args, &settings).await,
        Command::Schedule(args) => schedule::schedule(&args),
        Command::Emulate(args) => emulate::emulate(args).await,
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::pages(&args),
    };
    code.unwrap_or_else(|failure| tell(&failure, json))
}

/// Says that the system gives the program no threads or no timer, and returns the exit code.
pub fn no_runtime(error: &std::io::Error) -> u8 {
    let next = "check the limits on open files and processes (ulimit -a), then try again";
    tell(&Failure::new(1, "the program cannot start", error.to_string(), next), false)
}

fn tell(failure: &Failure, json: bool) -> u8 {
    if json {
        // What cannot be written is told below in any case.
        say::data(&failure.json()).ok();
    }
    say::note(&failure.to_string());
    failure.code
}

/// Whether a command gives orders, or waits for what was ordered.
fn is_a_run(command: &Command) -> bool {
    match command {
        Command::Scan(_)
        | Command::Resume(_)
        | Command::Retry(_)
        | Command::Cancel(_)
        | Command::Follow(_) => true,
        Command::Status(_)
        | Command::Report(_)
        | Command::Pause(_)
        | Command::Devices(_)
        | Command::Doctor(_)
        | Command::Schedule(_)
        | Command::Emulate(_)
        | Command::Completions(_)
        | Command::Man(_) => false,
    }
}

/// Whether it tells local times.
fn shows_times(command: &Command) -> bool {
    !matches!(command, Command::Emulate(_) | Command::Completions(_) | Command::Man(_))
}

fn wants_json(command: &Command) -> bool {
    match command {
        Command::Scan(args) => args.run.output.json,
        Command::Resume(args) => args.run.output.json,
        Command::Retry(args) => args.run.output.json,
        Command::Status(args) => args.json,
        Command::Report(args) => args.output.json,
        Command::Cancel(args) => args.output.json,
        Command::Follow(args) => args.output.json,
        Command::Doctor(args) => args.json,
        // The standard output of `devices` is the list, whatever the format.
        Command::Devices(_) | Command::Emulate(_) => false,
        Command::Schedule(_) | Command::Completions(_) | Command::Man(_) | Command::Pause(_) => {
            false
        }
    }
}
