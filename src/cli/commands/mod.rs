//! One function a command: from what was typed to a request, and from its end to an exit.

mod devices;
mod emulate;
mod manual;

use super::args::{Cli, Command, DoctorArgs};
use super::parse::Parsed;
use super::proposals;
use super::schedule;
use super::settings::config::Settings;
use super::settings::sign_in::Surroundings;
use super::settings::{env, paths, proxy, shown};
use super::terminal::face::Terminal;
use super::terminal::signals;
use crate::domain::Exit;
use crate::domain::request::{Said, ScanRequest};
use crate::ops::context::{Commands, Context, Host, StoreChoice};
use crate::ops::doctor::{self, Found};
use crate::ops::failure::Failure;
use crate::ops::stop::Stop;
use crate::ops::{cancel, follow, pause, prune, report, resume, retry, scan, status};

/// What has to be known of a command before it runs.
pub(super) struct Kind {
    /// It gives orders, or waits for what was ordered.
    pub is_a_run: bool,
    /// It tells local times.
    pub shows_times: bool,
    /// Programs read its standard output.
    pub json: bool,
}

/// What has to be known of a command before it runs.
pub(super) fn kind(command: &Command) -> Kind {
    let (is_a_run, shows_times, json) = match command {
        Command::Scan(args) => (true, true, args.run.output.json),
        Command::Resume(args) => (true, true, args.run.output.json),
        Command::Retry(args) => (true, true, args.run.output.json),
        Command::Cancel(args) => (true, true, args.output.json),
        Command::Follow(args) => (true, true, args.output.json),
        Command::Status(args) => (false, true, args.json),
        Command::Prune(args) => (false, false, args.json),
        Command::Report(args) => (false, true, args.output.json),
        Command::Doctor(args) => (false, true, args.json),
        // The standard output of `devices` is the list, whatever the format.
        Command::Devices(_) | Command::Pause(_) | Command::Schedule(_) => (false, true, false),
        Command::Emulate(_) | Command::Completions(_) | Command::Man(_) => (false, false, false),
    };
    Kind { is_a_run, shows_times, json }
}

/// Runs a command.
///
/// # Errors
/// `Failure` of its kind.
pub(super) async fn run(parsed: Parsed, json: bool) -> Result<Exit, Failure> {
    let Parsed { cli: Cli { command, config, verbose: _ }, settings, defaults, store } = parsed;
    let commands = proposals::commands(&command, config.as_ref());
    let with = |named: Option<String>| Around::new(named.or(store.clone()), json, &commands);
    match command {
        Command::Scan(args) => {
            let around = with(args.run.output.store.clone());
            scan::scan(&around.context(), args.request()?, defaults).await
        }
        Command::Resume(args) => {
            let around = with(args.run.output.store.clone());
            resume::resume(&around.context(), args.request()?, defaults.run).await
        }
        Command::Retry(args) => {
            let around = with(args.run.output.store.clone());
            retry::retry(&around.context(), args.request()?, defaults).await
        }
        Command::Cancel(args) => {
            let around = with(args.output.store.clone());
            cancel::cancel(&around.context(), args.request()?, defaults.run).await
        }
        Command::Follow(args) => {
            let around = with(args.output.store.clone()).answering();
            follow::follow(&around.context(), args.request()?, defaults.run.connect).await
        }
        Command::Status(args) => {
            let around = with(args.store.clone()).answering();
            status::status(&around.context(), args.request(), defaults.run.connect).await
        }
        Command::Report(args) => {
            let around = with(args.output.store.clone()).answering();
            report::report(&around.context(), args.request(), defaults.run.connect).await
        }
        Command::Pause(args) => {
            let around = with(args.store.clone());
            pause::pause(&around.context(), args.request(), defaults.run.connect).await
        }
        Command::Prune(args) => {
            let around = with(args.store).answering();
            prune::prune(&around.context(), args.older_than.0, args.dry_run).await
        }
        Command::Devices(args) => {
            let around = with(args.store.clone());
            devices::devices(&around.context(), *args, defaults).await
        }
        Command::Doctor(args) => {
            let around = with(args.store.clone()).answering();
            check(&around.context(), *args, defaults, &settings).await
        }
        Command::Schedule(args) => schedule::schedule(&args),
        Command::Emulate(args) => emulate::emulate(args).await,
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::pages(&args),
    }
}

async fn check(
    cx: &Context<'_>,
    args: DoctorArgs,
    defaults: ScanRequest,
    settings: &Settings,
) -> Result<Exit, Failure> {
    if args.settings {
        return shown::show(args.json, settings);
    }
    let from = match (&settings.profile, &settings.path) {
        (Some(profile), Some(path)) => format!(", profile {profile} of {}", path.display()),
        (None, Some(path)) => format!(", {}", path.display()),
        _ => String::new(),
    };
    let found = Found { settings: from, proxy: proxy::proxy() };
    let mut request = args.request()?;
    request.connect = request.connect.or(defaults.run.connect);
    request.speed = request.speed.or(defaults.run.speed);
    doctor::doctor(cx, request, &found).await
}

/// What surrounds an operation that is started here.
struct Around<'a> {
    ui: Terminal,
    stop: Stop,
    store: StoreChoice,
    commands: &'a Commands,
    host: Host,
}

impl<'a> Around<'a> {
    fn new(store: Option<String>, json: bool, commands: &'a Commands) -> Self {
        Self {
            ui: Terminal { json, answers: false },
            stop: Stop::new(Box::new(signals::listen)),
            store: paths::store_choice(store.as_ref()),
            commands,
            host: env::host(),
        }
    }

    /// What is shown is what was asked for.
    fn answering(mut self) -> Self {
        self.ui.answers = true;
        self
    }

    fn context(&self) -> Context<'_> {
        let Self { ui, stop, store, commands, host } = self;
        Context { ui, stop, store, credentials: &Surroundings, commands, host }
    }
}
