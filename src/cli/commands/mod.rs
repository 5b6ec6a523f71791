//! One function a command: from what was typed to a request, and from its end to an exit.

mod devices;
mod emulate;
mod help;
mod init;
mod manual;

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use super::args::{Cli, Command, DoctorArgs, InitArgs};
use super::parse::{Parsed, read_other};
use super::proposals;
use super::schedule;
use super::settings::config::Settings;
use super::settings::schema::schema;
use super::settings::sign_in::Surroundings;
use super::settings::{env, paths, proxy, settings_text};
use super::terminal::face::TerminalUi;
use super::terminal::say;
use crate::defender::HttpClients;
use crate::domain::Exit;
use crate::domain::request::{ConnectRequest, Said, ScanRequest};
use crate::ops::context::{Commands, Context};
use crate::ops::doctor::{self, Setup};
use crate::ops::failure::Failure;
use crate::ops::messages::{Channels, Unwatched, not_begun};
use crate::ops::stop::Stop;
use crate::ops::tenants::{TenantsMeant, named};
use crate::ops::{
    cancel, consent, follow, pause, prune, report, resume, retry, scan, status, tenants, work,
};
use crate::page;
use crate::report::message::Sought;
use crate::system::signals;

/// Runs a command.
///
/// # Errors
/// `Failure` of its kind.
pub(super) async fn run(parsed: Parsed) -> Result<Exit, Failure> {
    let Parsed { cli, settings, defaults, store, tenants: profiles } = parsed;
    let Cli { command, config, verbose } = cli;
    let common = command.common();
    let (ui, stop) = (
        TerminalUi { json: common.json, answers: common.answers, details: verbose > 0 },
        Stop::new(Box::new(signals::listen)),
    );
    let store = paths::store_choice(common.store.or(store.as_ref()));
    let profile = env::named_profile();
    let commands = proposals::commands(&common, config.as_deref(), profile.as_deref());
    let commands = Commands { tenants: settings.tenants.clone().into(), ..commands };
    let http = HttpClients::default();
    let channels = if common.is_a_run {
        settings.channels(&http, defaults.run.connect.ca_file.as_deref())
    } else {
        Channels::default()
    };
    let cx = Context {
        ui: &ui,
        stop: &stop,
        store: &store,
        credentials: &Surroundings,
        commands: &commands,
        host: &env::host(),
        http: &http,
        channels: &channels,
    };
    let (unwatched, given) = (
        unwatched(&command, profile, &defaults.run.connect),
        Given { settings, defaults, profiles, config },
    );
    let done = dispatch(&cx, command, given).await;
    if let Some(unwatched) = unwatched {
        not_begun(&cx, &unwatched, &done).await;
    }
    done
}

/// A command that orders scans and asks nobody. Returns `None` for any other.
fn unwatched(
    command: &Command,
    of_environment: Option<String>,
    defaults: &ConnectRequest,
) -> Option<Unwatched> {
    let (series, campaign, run, several) = match command {
        Command::Scan(args) => {
            let (scan, plan) = (&args.one, &args.one.plan_file);
            if scan.dry_run || (scan.approve_max.is_none() && plan.approved.is_none()) {
                return None;
            }
            (scan.due.series.clone(), &scan.campaign, &scan.run, &args.several)
        }
        Command::Resume(args) if args.one.approve_max.is_some() => {
            (None, &args.one.campaign, &args.one.run, &args.several)
        }
        Command::Retry(args) if !args.one.dry_run && args.one.approve_max.is_some() => {
            (None, &args.one.campaign, &args.one.run, &args.several)
        }
        _ => return None,
    };
    let is_one = !several.all_profiles && several.profiles.is_empty();
    let profile = run.connect.profile.clone().or(of_environment);
    let profile = profile.or_else(|| defaults.profile.clone()).filter(|_| is_one);
    let tenant = run.connect.tenant.clone().or_else(|| defaults.tenant.clone()).filter(|_| is_one);
    let sought = Sought { series, campaign: campaign.clone(), profile, tenant };
    Some(Unwatched { sought, on_event: run.after.on_event.clone() })
}

/// What holds beside what was typed.
struct Given {
    settings: Settings,
    defaults: ScanRequest,
    profiles: Vec<ConnectRequest>,
    config: Option<PathBuf>,
}

async fn dispatch(cx: &Context<'_>, command: Command, given: Given) -> Result<Exit, Failure> {
    let Given { settings, defaults, profiles, config } = given;
    match command {
        Command::Scan(args) => match args.several.meant(&args.one.run.connect, profiles)? {
            Some(meant) => tenants::scan::scan(cx, args.one.request()?, defaults, meant).await,
            None => scan::scan(cx, args.one.request()?, defaults).await,
        },
        Command::Resume(args) => match args.several.meant(&args.one.run.connect, profiles)? {
            Some(meant) => named::resume(cx, args.one.request()?, defaults.run, meant).await,
            None => resume::resume(cx, args.one.request()?, defaults.run).await,
        },
        Command::Retry(args) => match args.several.meant(&args.one.run.connect, profiles)? {
            Some(meant) => tenants::retry::retry(cx, args.one.request()?, defaults, meant).await,
            None => retry::retry(cx, args.one.request()?, defaults).await,
        },
        Command::Work(args) => work::work(cx, args.request(profiles, defaults.run.connect)?).await,
        Command::Cancel(args) => match args.several.meant(&args.one.connect, profiles)? {
            Some(meant) => {
                tenants::cancel::cancel(cx, args.one.request()?, defaults.run, meant).await
            }
            None => cancel::cancel(cx, args.one.request()?, defaults.run).await,
        },
        Command::Follow(args) => follow::follow(cx, args.request()?, defaults.run.connect).await,
        Command::Status(args) => match args.whose.meant(profiles) {
            Some(meant) => named::status(cx, args.request(), meant).await,
            None => status::status(cx, args.request(), defaults.run.connect).await,
        },
        Command::Serve(args) => page::serve(cx, args.request(settings.tenants.clone())).await,
        Command::Report(args) => match args.whose.meant(profiles) {
            Some(meant) => named::report(cx, args.request()?, meant).await,
            None => report::report(cx, args.request()?, defaults.run.connect).await,
        },
        Command::Pause(args) => match args.whose.meant(profiles) {
            Some(meant) => named::pause(cx, args.request(), meant).await,
            None => pause::pause(cx, args.request(), defaults.run.connect).await,
        },
        Command::Prune(args) => prune::prune(cx, args.older_than.0, args.dry_run).await,
        Command::Devices(args) => devices::devices(cx, *args, defaults).await,
        Command::Doctor(args) => match args.several.meant(&args.connect, profiles)? {
            Some(meant) => check_all(cx, *args, defaults, meant).await,
            None => check(cx, *args, defaults, &settings).await,
        },
        Command::ConsentUrl(args) => match args.several.meant(&args.connect, profiles)? {
            Some(meant) => consent::consent(cx, &meant.connects),
            None => consent::consent(cx, &[args.connect.request()?.or(defaults.run.connect)]),
        },
        Command::Schedule(args) => schedule::schedule(&args),
        Command::Emulate(args) => emulate::emulate(args).await,
        Command::Init(args) if args.schema => print_schema(),
        Command::Init(args) => set_up(cx, args, config.as_deref()).await,
        Command::Help(args) => help::help(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::pages(&args),
    }
}

/// Prints the schema of the settings file.
fn print_schema() -> Result<Exit, Failure> {
    let program = Cli::command();
    let scan = program.find_subcommand("scan").unwrap_or(&program);
    let schema = schema(scan);
    say::data(&format!("{schema:#}")).map(|()| Exit::Done)
}

/// Writes settings, then checks them as the command that it tells would.
async fn set_up(cx: &Context<'_>, args: InitArgs, config: Option<&Path>) -> Result<Exit, Failure> {
    let check = init::init(cx, args, config).await?;
    Box::pin(run(read_other(&check)?)).await
}

async fn check_all(
    cx: &Context<'_>,
    args: DoctorArgs,
    defaults: ScanRequest,
    meant: TenantsMeant,
) -> Result<Exit, Failure> {
    let mut request = args.request()?;
    request.speed = request.speed.or(defaults.run.speed);
    tenants::doctor::doctor(cx, request, meant).await
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
