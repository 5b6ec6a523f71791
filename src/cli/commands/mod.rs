//! One function a command: from what was typed to a request, and from its end to an exit.

mod devices;
mod emulate;
mod help;
mod manual;

use super::args::{Cli, Command, DoctorArgs};
use super::parse::Parsed;
use super::proposals;
use super::schedule;
use super::settings::config::Settings;
use super::settings::sign_in::Surroundings;
use super::settings::{env, paths, proxy, settings_text};
use super::terminal::face::TerminalUi;
use super::terminal::signals;
use crate::domain::Exit;
use crate::domain::request::{Said, ScanRequest};
use crate::ops::context::Context;
use crate::ops::doctor::{self, Setup};
use crate::ops::failure::Failure;
use crate::ops::stop::Stop;
use crate::ops::{cancel, follow, pause, prune, report, resume, retry, scan, status, work};
use crate::page;

/// Runs a command.
///
/// # Errors
/// `Failure` of its kind.
pub(super) async fn run(parsed: Parsed) -> Result<Exit, Failure> {
    let Parsed { cli: Cli { command, config, verbose }, settings, defaults, store, tenants } =
        parsed;
    let common = command.common();
    let (ui, stop) = (
        TerminalUi { json: common.json, answers: common.answers, details: verbose > 0 },
        Stop::new(Box::new(signals::listen)),
    );
    let store = paths::store_choice(common.store.or(store.as_ref()));
    let commands = proposals::commands(&common, config.as_deref());
    let cx = Context {
        ui: &ui,
        stop: &stop,
        store: &store,
        credentials: &Surroundings,
        commands: &commands,
        host: &env::host(),
    };
    match command {
        Command::Scan(args) => scan::scan(&cx, args.request()?, defaults).await,
        Command::Resume(args) => resume::resume(&cx, args.request()?, defaults.run).await,
        Command::Retry(args) => retry::retry(&cx, args.request()?, defaults).await,
        Command::Work(args) => work::work(&cx, args.request(tenants, defaults.run.connect)?).await,
        Command::Cancel(args) => cancel::cancel(&cx, args.request()?, defaults.run).await,
        Command::Follow(args) => follow::follow(&cx, args.request()?, defaults.run.connect).await,
        Command::Status(args) => status::status(&cx, args.request(), defaults.run.connect).await,
        Command::Serve(args) => page::serve(&cx, args.request()).await,
        Command::Report(args) => report::report(&cx, args.request()?, defaults.run.connect).await,
        Command::Pause(args) => pause::pause(&cx, args.request(), defaults.run.connect).await,
        Command::Prune(args) => prune::prune(&cx, args.older_than.0, args.dry_run).await,
        Command::Devices(args) => devices::devices(&cx, *args, defaults).await,
        Command::Doctor(args) => check(&cx, *args, defaults, &settings).await,
        Command::Schedule(args) => schedule::schedule(&args),
        Command::Emulate(args) => emulate::emulate(args).await,
        Command::Help(args) => help::help(&args),
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
        return settings_text::show(args.json, settings);
    }
    let from = match (&settings.profile, &settings.path) {
        (Some(profile), Some(path)) => format!(", profile {profile} of {}", path.display()),
        (None, Some(path)) => format!(", {}", path.display()),
        _ => String::new(),
    };
    let found = Setup { settings: from, proxy: proxy::proxy() };
    let mut request = args.request()?;
    request.connect = request.connect.or(defaults.run.connect);
    request.speed = request.speed.or(defaults.run.speed);
    doctor::doctor(cx, request, &found).await
}
