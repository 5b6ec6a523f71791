//! Which runs a timer can start again and again: what the command itself would refuse is refused
//! before anybody relies on the timer, and what a timer may do that nobody wants is told. It writes
//! no timer and starts nothing.

use std::path::PathBuf;

use super::connection::{all_given, target_of};
use super::context::Credentials;
use super::destination::Planned;
use super::failure::Failure;
use super::limits::{Speed, Towards};
use super::plan::{naming, source};
use super::plan_file::{fresh, made};
use super::preflight::judge;
use super::run::reports::PLACE_OF_NAME;
use super::waves::deal;
use crate::clock::local_now;
use crate::domain::request::{
    ConnectRequest, ResumeRequest, RunRequest, Said, ScanRequest, SpeedRequest,
};
use crate::domain::{Hours, SignInKind};

/// A run that a timer can start.
#[derive(Clone, Debug)]
pub struct TimedRun {
    /// When it may order, if not always.
    pub hours: Option<Hours>,
    /// It stops ordering by itself.
    pub ends: bool,
    /// Each run is the next of a series.
    pub series: bool,
    /// How it signs in, if anything says how; `None` against the emulator too.
    pub sign_in: Option<SignInKind>,
    /// Lists that a plan names and the request does not.
    pub lists: Vec<PathBuf>,
    /// How it is run.
    pub run: RunRequest,
    /// What people should know.
    pub warnings: Vec<String>,
}

/// A scan that a timer starts. What was not said is taken from a plan file, or else from
/// `settings`.
///
/// # Errors
/// `Failure` as `scan` itself would give it, or if no timer can start it.
pub fn scan(
    credentials: &dyn Credentials,
    typed: ScanRequest,
    settings: ScanRequest,
) -> Result<TimedRun, Failure> {
    // What a plan says of times is compared when it is run.
    check_times(&typed.run.speed)?;
    let (request, made) = made::filled(typed)?;
    let request = &request.or(settings);
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
    let timed = timed(credentials, request.run.clone())?;
    Ok(TimedRun {
        series: request.due.series.is_some(),
        warnings: warnings(request, made.is_some(), timed.ends),
        lists: if made.is_some() { request.devices.clone() } else { Vec::new() },
        ..timed
    })
}

/// A campaign that a timer goes on with. What was not said is taken from `settings`.
///
/// # Errors
/// `Failure` as `resume` itself would give it, or if no timer can start it.
pub fn resume(
    credentials: &dyn Credentials,
    request: ResumeRequest,
    settings: RunRequest,
) -> Result<TimedRun, Failure> {
    if request.approve_max.is_some() {
        return Err(Failure::usage(
            "resume --approve-max is not for a timer",
            "it goes on after a wave that failed, and a timer has not looked at why",
            "leave it out",
        ));
    }
    let run = request.run.or(settings);
    check_times(&run.speed)?;
    timed(credentials, run)
}

/// A worker, which a service manager starts once and keeps.
///
/// # Errors
/// `Failure` as `work` itself would give it, or if no service can be it.
pub fn work(
    credentials: &dyn Credentials,
    connect: ConnectRequest,
    until_idle: bool,
) -> Result<TimedRun, Failure> {
    if until_idle {
        let why = "a service is to stay, and would be started again and again";
        return Err(Failure::usage("--until-idle is not for a service", why, "leave it out"));
    }
    timed(credentials, RunRequest { connect, ..RunRequest::default() })
}

fn timed(credentials: &dyn Credentials, run: RunRequest) -> Result<TimedRun, Failure> {
    let loopback = Planned::is_loopback(&run.connect, &run.emulator)?;
    let towards = Towards { loopback, open_files: None };
    Ok(TimedRun {
        hours: Speed::of(&run.speed, towards, &local_now())?.hours,
        ends: ends(&run.speed),
        series: false,
        sign_in: sign_in(credentials, &run)?,
        lists: Vec::new(),
        run,
        warnings: Vec::new(),
    })
}

/// That a scan names no tenant or no application, so that each start of it fails. Returns `None` if
/// both are known, or a platform hands them over; where the secret is to come from is the
/// schedule's.
pub fn nobody_named(timed: &TimedRun) -> Option<String> {
    let kind = timed.sign_in.unwrap_or(SignInKind::Secret);
    let (target, _) = target_of(&timed.run.connect).ok()?;
    let is_handed_over = kind == SignInKind::Workload;
    if is_handed_over || !kind.is_bound() || timed.run.emulator.emulator {
        return None;
    }
    let Failure { what, why, .. } = all_given(&target, Some(kind)).err()?;
    Some(format!("each start of it fails with exit code 2: {what} ({why})"))
}

/// What a timer may do that is hardly meant, though nothing forbids it.
fn warnings(request: &ScanRequest, planned: bool, ends: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    if request.run.emulator.emulator {
        let told = "it runs against the emulator and scans no device of a tenant; to scan those, \
                    leave --emulator out";
        warnings.push(told.to_owned());
    }
    if !ends {
        let then = if request.due.series.is_some() {
            "keeps that one from ordering anything (exit 5)"
        } else {
            "is refused (exit 6), since both have the same devices"
        };
        warnings.push(format!(
            "the command has no end: a run that is still going when the next one starts {then}; \
             add --window, --until or --max-duration"
        ));
    }
    if request.due.series.is_none() && request.campaign.is_none() && !planned {
        warnings.push(
            "without --series a night that is not finished keeps the next one from beginning (exit \
             6), and no night goes on with what the last one left; add --series NAME and --due TIME"
                .to_owned(),
        );
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

fn ends(speed: &SpeedRequest) -> bool {
    speed.until.is_some()
        || speed.max_duration.is_some()
        || speed.hours.windows.as_ref().is_some_and(|all| !all.is_empty())
}

/// The emulator needs no sign-in, and at a device code nobody would be there.
fn sign_in(credentials: &dyn Credentials, run: &RunRequest) -> Result<Option<SignInKind>, Failure> {
    if run.emulator.emulator {
        return Ok(None);
    }
    let kind = credentials.kind(&run.connect)?;
    if kind == Some(SignInKind::DeviceCode) {
        return Err(Failure::usage(
            "a device code is not for a timer",
            "nobody is there to type it in",
            "use an application with a certificate, a secret or a managed identity; see --auth",
        ));
    }
    Ok(kind)
}

/// A moment comes once; a time of day comes every day. When a timer starts is its own affair.
fn check_times(speed: &SpeedRequest) -> Result<(), Failure> {
    if speed.hours.start().is_some() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defender::Credential;
    use crate::domain::request::ConnectRequest;
    use crate::domain::{ScanType, Target};

    struct SignsInBy(SignInKind);

    impl Credentials for SignsInBy {
        fn kind(&self, _: &ConnectRequest) -> Result<Option<SignInKind>, Failure> {
            Ok(Some(self.0))
        }

        fn credential(
            &self,
            _: SignInKind,
            _: &ConnectRequest,
            _: &Target,
        ) -> Result<Credential, Failure> {
            unreachable!("nobody signs in for a timer")
        }
    }

    fn nightly() -> ScanRequest {
        let mut request = ScanRequest {
            devices: vec!["no-such-list.csv".into()],
            scan_type: Some(ScanType::Full),
            comment: Some("nightly".to_owned()),
            approve_max: Some(10),
            ..ScanRequest::default()
        };
        let hours = &mut request.run.speed.hours;
        hours.windows = Some(vec!["22:00-06:00".parse().unwrap()]);
        hours.tz = Some("UTC".to_owned());
        request
    }

    fn asked(request: ScanRequest, kind: SignInKind) -> Result<TimedRun, Failure> {
        scan(&SignsInBy(kind), request, ScanRequest::default())
    }

    #[test]
    fn a_timer_can_start_what_nobody_confirms_signs_in_for_or_repeats() {
        type Change = fn(&mut ScanRequest);
        let timed = asked(nightly(), SignInKind::Certificate).unwrap();
        assert!(timed.ends && !timed.series && timed.hours.is_some(), "{timed:?}");
        assert_eq!(timed.sign_in, Some(SignInKind::Certificate));
        assert_eq!(timed.warnings.len(), 2, "{:?}", timed.warnings);
        assert!(timed.warnings[0].contains("add --series NAME"), "{:?}", timed.warnings);
        let refusals: [(Change, &str); 6] = [
            (|request| request.approve_max = None, "--approve-max"),
            (|request| request.dry_run = true, "--dry-run"),
            (|request| request.devices = vec!["-".into()], "- is not for a timer"),
            (|request| request.plan_file.write_to = Some("plan.json".into()), "--plan-out"),
            (
                |request| request.run.speed.hours.start_at = Some("22:00".parse().unwrap()),
                "--start-at",
            ),
            (|request| request.run.output.reports = vec!["r.csv".into()], "--report"),
        ];
        for (change, what) in refusals {
            let mut request = nightly();
            change(&mut request);
            let refused = asked(request, SignInKind::Certificate).unwrap_err();
            assert!(refused.what.contains(what), "{refused}");
        }
        let code = asked(nightly(), SignInKind::DeviceCode).unwrap_err();
        assert!(code.what.contains("device code"), "{code}");
    }

    #[test]
    fn a_timer_does_not_go_on_after_a_wave_that_failed_and_warns_of_a_run_without_an_end() {
        let resumed = |approve_max| {
            let request = ResumeRequest { approve_max, ..ResumeRequest::default() };
            resume(&SignsInBy(SignInKind::Secret), request, RunRequest::default())
        };
        assert!(resumed(Some(5)).unwrap_err().what.contains("--approve-max"));
        assert!(!resumed(None).unwrap().ends);
        let mut endless = nightly();
        endless.run.speed.hours.windows = None;
        endless.run.speed.hours.tz = None;
        let timed = asked(endless, SignInKind::Secret).unwrap();
        assert!(timed.warnings.iter().any(|warning| warning.contains("no end")), "{timed:?}");
    }
}
