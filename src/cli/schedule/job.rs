//! What a timer is to start: the command line, checked by the program's own parser and settings,
//! and what this process has around it that a timer would lack. It writes no format and never
//! reads a secret.

use std::path::{Path, PathBuf};

use super::when::Start;
use super::words::{self, Value, Word};
use crate::cli::args::Command;
use crate::cli::parse::{self, Parsed};
use crate::cli::settings::config::{Settings, Source};
use crate::cli::settings::env::variable;
use crate::cli::settings::sign_in::{self, Surroundings};
use crate::clock::local_now;
use crate::domain::request::{RunRequest, Said, ScanRequest, SpeedRequest};
use crate::domain::text::printable;
use crate::domain::{Exit, Hours, SignInKind};
use crate::ops::context::Credentials;
use crate::ops::destination::Planned;
use crate::ops::failure::Failure;
use crate::ops::limits::{Speed, Towards};
use crate::ops::plan::{naming, source};
use crate::ops::plan_file::{fresh, made};
use crate::ops::preflight::judge;
use crate::ops::run::reports::PLACE_OF_NAME;
use crate::ops::waves::deal;

/// A command line for a timer.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Name of the units, the job or the task.
    pub name: String,
    /// This program's own path.
    pub program: String,
    /// Where `schedule` was run: relative paths are from here.
    pub folder: PathBuf,
    /// The command line.
    pub words: Vec<Word>,
    /// The variables of this environment that the command reads; none holds a secret.
    pub variables: Vec<(String, String)>,
    /// What it signs in with.
    pub sign_in: SignIn,
    /// Files that it reads though no word names them.
    pub reads: Vec<PathBuf>,
    /// When it starts.
    pub starts: Vec<Start>,
    /// The zone of these times, if not the system's.
    pub zone: Option<String>,
    /// It stops ordering by itself.
    pub ends: bool,
    /// Each run is the next of a series.
    pub series: bool,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What a job signs in with, as far as it is a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SignIn {
    /// Nothing: it runs against the emulator, or its identity needs no file of ours.
    NoFile,
    /// A client secret, in this file if one is named.
    Secret(Option<PathBuf>),
    /// A certificate and its key.
    Certificate(PathBuf),
    /// A federated token, which its platform hands to it.
    Workload,
}

/// What a command line needs beside itself, as its own command sees it.
struct Checked {
    hours: Option<Hours>,
    /// The zone that was named.
    zone: Option<String>,
    ends: bool,
    series: bool,
    sign_in: SignIn,
    /// Lists that a plan names and no word.
    lists: Vec<PathBuf>,
    warnings: Vec<String>,
}

impl Job {
    /// Checks the command line.
    ///
    /// # Errors
    /// `Failure` as the command itself would give it, or if a timer cannot start it.
    pub(super) fn new(
        name: &str,
        typed: &[String],
        starts: Vec<Start>,
        folder: &Path,
    ) -> Result<Self, Failure> {
        check_name(name)?;
        typed.iter().try_for_each(|word| check_word(word))?;
        let Parsed { cli, settings, defaults, store: _ } = parse::read_other(typed)?;
        let in_profile = |name: &str| {
            let of_name = settings.all.iter().find(|one| one.name == name);
            of_name.is_some_and(|one| matches!(one.source, Source::File(_)))
        };
        let mut checked = match cli.command {
            Command::Scan(args) => check_scan(args.request()?, defaults)?,
            Command::Resume(args) => {
                let request = args.request()?;
                if request.approve_max.is_some() {
                    return Err(not_after_a_wave());
                }
                check_resume(request.run.or(defaults.run))?
            }
            _ => return Err(not_for_a_timer(typed)),
        };
        let mut words = words::read(typed);
        let mut reads = std::mem::take(&mut checked.lists);
        let file = match &checked.sign_in {
            SignIn::Secret(Some(path)) if in_profile("client-secret-file") => Some(path.clone()),
            SignIn::Certificate(path) if in_profile("client-certificate") => Some(path.clone()),
            _ => None,
        };
        if let Some(path) = file {
            // The profile names it, and the program takes it from there.
            checked.sign_in = SignIn::NoFile;
            reads.push(path);
        }
        let emulated = has_switch(&words, "--emulator");
        if !emulated {
            name_settings_file(&mut words, &settings);
        }
        let variables = if emulated { Vec::new() } else { variables(&settings) };
        let starts = match (&checked.hours, starts.is_empty()) {
            (Some(hours), true) => Start::of_hours(hours),
            _ => starts,
        };
        let program = std::env::current_exe().map_err(|error| unknown_program(&error))?;
        Ok(Self {
            name: name.to_owned(),
            program: program.to_string_lossy().into_owned(),
            folder: folder.to_owned(),
            words,
            variables,
            sign_in: checked.sign_in,
            reads,
            starts,
            zone: checked.zone,
            ends: checked.ends,
            series: checked.series,
            warnings: checked.warnings,
        })
    }

    /// The words after the program, each value as this function gives it; a flag whose value it
    /// leaves out is left out too.
    pub(super) fn words_with(&self, give: impl Fn(&Value) -> Option<String>) -> Vec<String> {
        let words = self.words.iter().map(|word| match word.value() {
            Some(value) => give(value).map(|text| word.with(&text)).unwrap_or_default(),
            None => word.with(""),
        });
        words.flatten().collect()
    }

    /// The words after the program, as they were typed.
    pub(super) fn words_as_typed(&self) -> Vec<String> {
        self.words_with(|value| Some(value.text.clone()))
    }

    /// A path of the command line as a process in any folder finds it.
    pub(super) fn absolute(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}

fn check_scan(typed: ScanRequest, defaults: ScanRequest) -> Result<Checked, Failure> {
    // What a plan says of times is compared when it is run.
    check_times(&typed.run.speed)?;
    let (request, made) = made::filled(typed)?;
    let request = &request.or(defaults);
    fresh::check_place(request)?;
    if request.approve_max.is_none() && request.plan_file.approved.is_none() {
        return Err(Failure::usage(
            "the command line has no --approve-max",
            "nobody is there to confirm a plan when a timer starts it",
            "add --approve-max N, the most devices that it may order without asking; or --plan and \
             --approve-plan",
        ));
    }
    if request.plan_file.write_to.is_some() {
        let why = "a plan is made once, and a timer starts again and again";
        return Err(Failure::usage("--plan-out is not for a timer", why, "leave it out"));
    }
    if request.dry_run {
        let why = "a dry run orders nothing, so there is nothing to schedule";
        return Err(Failure::usage("--dry-run is not for a timer", why, "leave it out"));
    }
    if request.devices.iter().any(|path| path.as_os_str() == "-") {
        let why = "a timer gives the command no standard input";
        let next = "name a file that is written before the timer starts";
        return Err(Failure::usage("- is not for a timer", why, next));
    }
    let named = |path: &PathBuf| path.to_string_lossy().contains(PLACE_OF_NAME);
    let each_its_own = request.run.output.force || request.run.output.reports.iter().all(named);
    if !each_its_own && request.campaign.is_none() {
        return Err(Failure::usage(
            "--report needs --force in a timer",
            "each run is another campaign, and the second would find the first one's report",
            "write {campaign} in it, such as --report /var/log/{campaign}.csv; leave --report out: \
             each run writes fleetsweep-CAMPAIGN.csv; or add --force",
        ));
    }
    let name = naming::name_of(request, &local_now())?;
    naming::check_comment(request, &name)?;
    source::check_source(request)?;
    judge::rules(&request.keep, &request.skip)?;
    deal::check(&request.waves)?;
    let hours = planned_hours(&request.run)?;
    let ends = ends(&request.run.speed);
    let warnings = warnings(request, made.is_some(), ends);
    let series = request.due.series.is_some();
    let sign_in = sign_in(&request.run)?;
    let zone = request.run.speed.hours.tz.clone();
    let lists = if made.is_some() { request.devices.clone() } else { Vec::new() };
    Ok(Checked { hours, zone, ends, series, sign_in, lists, warnings })
}

/// What a timer may do that nobody wants, though nothing forbids it.
fn warnings(request: &ScanRequest, planned: bool, ends: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    if !ends {
        let then = match request.due.series.is_some() {
            true => "keeps that one from ordering anything (exit 5)",
            false => "shares the limit with it, and asks the same devices",
        };
        warnings.push(format!(
            "the command has no end: a run that is still going when the next one starts {then}; \
             add --window, --until or --max-duration"
        ));
    }
    let gone = |path: &&PathBuf| !path.exists();
    if let Some(path) = request.devices.iter().find(gone) {
        warnings.push(format!(
            "the list {} is not on this machine now; the timer needs it when and where it starts",
            path.display()
        ));
    }
    if planned {
        warnings.push(
            "a plan is one campaign: once that is finished, each further run ends with exit code 6 \
             and orders nothing; take the timer away then"
                .to_owned(),
        );
    } else if request.campaign.is_some() {
        warnings.push(
            "with --campaign every run goes on with the same campaign, and once that is finished \
             each run ends with exit code 6; leave it out for a new campaign each time"
                .to_owned(),
        );
    }
    warnings
}

fn not_after_a_wave() -> Failure {
    Failure::usage(
        "resume --approve-max is not for a timer",
        "it goes on after a wave that failed, and a timer has not looked at why",
        "leave it out",
    )
}

/// When a run may order.
fn planned_hours(run: &RunRequest) -> Result<Option<Hours>, Failure> {
    let loopback = Planned::is_loopback(&run.connect, &run.emulator)?;
    let towards = Towards { loopback, open_files: None };
    Ok(Speed::of(&run.speed, towards, &local_now())?.hours)
}

fn check_resume(run: RunRequest) -> Result<Checked, Failure> {
    check_times(&run.speed)?;
    let hours = planned_hours(&run)?;
    let ends = ends(&run.speed);
    let sign_in = sign_in(&run)?;
    let zone = run.speed.hours.tz.clone();
    Ok(Checked {
        hours,
        zone,
        ends,
        series: false,
        sign_in,
        lists: Vec::new(),
        warnings: Vec::new(),
    })
}

fn ends(speed: &SpeedRequest) -> bool {
    speed.until.is_some()
        || speed.max_duration.is_some()
        || speed.hours.windows.as_ref().is_some_and(|all| !all.is_empty())
}

fn sign_in(run: &RunRequest) -> Result<SignIn, Failure> {
    if run.emulator.emulator {
        return Ok(SignIn::NoFile);
    }
    let connect = &run.connect;
    let kind = Surroundings.kind(connect)?;
    Ok(match kind {
        Some(SignInKind::Secret) | None => SignIn::Secret(sign_in::secret_file(connect)),
        Some(SignInKind::Certificate) => SignIn::Certificate(sign_in::certificate_file(connect)?),
        Some(SignInKind::Workload) => SignIn::Workload,
        Some(SignInKind::DeviceCode) => {
            return Err(Failure::usage(
                "a device code is not for a timer",
                "nobody is there to type it in",
                "use an application with a certificate, a secret or a managed identity; see --auth",
            ));
        }
        Some(_) => SignIn::NoFile,
    })
}

/// A moment comes once; a time of day comes every day. When a timer starts is its own affair.
fn check_times(speed: &SpeedRequest) -> Result<(), Failure> {
    if speed.hours.start_at.is_some() {
        let why = "the timer itself starts the command at its time";
        let next = "leave it out, and write the time before the --, such as --at 22:00";
        return Err(Failure::usage("--start-at is not for a timer", why, next));
    }
    let until = speed.until.as_ref().and_then(|until| until.as_ref());
    let Some(text) = until.filter(|text| text.parse::<jiff::Timestamp>().is_ok()) else {
        return Ok(());
    };
    let why = "that moment comes once, and a timer starts again and again";
    let next = "write a time of day such as 06:00";
    Err(Failure::usage(format!("--until {text} is not for a timer"), why, next))
}

fn check_name(name: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty()
        && name.len() <= 52
        && name.chars().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
    {
        return Ok(());
    }
    Err(Failure::usage(
        format!("--name {} cannot be used", printable(name)),
        "it names files and objects: at most 52 of a-z, 0-9 and -, a letter or digit at both ends",
        "write something like fleetsweep-nightly",
    ))
}

fn check_word(word: &str) -> Result<(), Failure> {
    if printable(word) == word {
        return Ok(());
    }
    Err(Failure::usage(
        format!("`{}` cannot stand in a schedule", printable(word)),
        "it holds characters that cannot be seen, such as a line break",
        "leave them out",
    ))
}

fn not_for_a_timer(typed: &[String]) -> Failure {
    let what = typed.first().map_or("", String::as_str);
    Failure::usage(
        format!("`fleetsweep {}` is not for a timer", printable(what)),
        "a schedule starts scans: only scan and resume can follow --",
        "write, for example: -- scan fleet.csv --type full --comment nightly --approve-max 15000",
    )
}

fn unknown_program(error: &std::io::Error) -> Failure {
    let next = "start fleetsweep by its full path";
    Failure::new(Exit::Failed, "this program's own path is not known", error.to_string(), next)
}

fn has_switch(words: &[Word], switch: &str) -> bool {
    words.iter().any(|word| matches!(word, Word::Plain(text) if text == switch))
}

/// Another user's process would look for the settings file elsewhere, so it is named.
fn name_settings_file(words: &mut Vec<Word>, settings: &Settings) {
    let named = words.iter().filter_map(Word::value).any(|value| value.id == "config");
    let Some(path) = settings.path.as_ref().filter(|_| !named) else { return };
    if std::env::var_os("FLEETSWEEP_CONFIG").is_some_and(|path| !path.is_empty()) {
        return;
    }
    let at =
        words.iter().position(|word| matches!(word, Word::Plain(text) if !text.starts_with('-')));
    let value = Value {
        flag: Some("--config".to_owned()),
        joined: false,
        id: "config".to_owned(),
        is_path: true,
        text: path.to_string_lossy().into_owned(),
    };
    words.insert(at.map_or(0, |at| at + 1), Word::Value(value));
}

/// What the command takes from this environment. No variable of a setting holds a secret.
fn variables(settings: &Settings) -> Vec<(String, String)> {
    let of_settings = settings.all.iter().filter_map(|one| match one.source {
        Source::Environment(name) => Some(name),
        Source::Default | Source::Flag | Source::File(_) => None,
    });
    let names = ["FLEETSWEEP_CONFIG", "FLEETSWEEP_PROFILE"].into_iter().chain(of_settings);
    let set = names.filter_map(|name| Some((name.to_owned(), variable(name)?)));
    set.filter(|(_, text)| printable(text) == *text).collect()
}
