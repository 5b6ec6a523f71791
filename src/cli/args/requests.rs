//! From what was typed to requests. What was not typed is not said.

use super::*;
use crate::domain::request::{
    AfterRequest, ConnectRequest, DevicesRequest, DoctorRequest, FollowRequest, OutputRequest,
    PauseRequest, ReportRequest, RetryRequest, RunRequest, ScanRequest, SpeedRequest,
    StatusRequest,
};
use crate::ops::failure::Failure;
use crate::ops::run::reports::{OUTPUT, PLACE_OF_NAME};

impl WhoseArgs {
    /// What is asked for.
    pub(crate) fn request(self) -> ConnectRequest {
        let Self { tenant, client_id, all_profiles: _, profiles: _ } = self;
        ConnectRequest { tenant, client_id, ..ConnectRequest::default() }
    }
}

impl PauseArgs {
    /// What is asked for.
    pub(crate) fn request(self) -> PauseRequest {
        PauseRequest { campaign: self.campaign, whose: self.whose.request() }
    }
}

impl OutputArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if two things would go to standard output.
    pub(crate) fn request(self) -> Result<OutputRequest, Failure> {
        let Self { store: _, reports, force, json, metrics } = self;
        if json && reports.iter().any(|path| path.as_os_str() == OUTPUT) {
            return Err(Failure::usage(
                "--report - and --json both write to standard output",
                "nobody could tell the one from the other",
                "name a file with --report, or leave --json out",
            ));
        }
        Ok(OutputRequest { reports, force, metrics })
    }
}

impl RetryArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(crate) fn request(self) -> Result<RetryRequest, Failure> {
        let scan = ScanRequest {
            scan_type: self.scan_type,
            comment: self.comment,
            ticket: self.ticket,
            campaign: self.name,
            dry_run: self.dry_run,
            approve_max: self.approve_max,
            detach: self.detach,
            waves: self.waves.request()?,
            run: self.run.request()?,
            ..ScanRequest::default()
        };
        Ok(RetryRequest { campaign: self.campaign, outcomes: self.outcomes, scan })
    }
}

impl FollowArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(crate) fn request(self) -> Result<FollowRequest, Failure> {
        Ok(FollowRequest {
            campaign: self.campaign,
            after: AfterRequest {
                follow: true,
                follow_for: self.follow_for,
                follow_every: Some(self.every),
                ..AfterRequest::default()
            },
            output: self.output.request()?,
            connect: self.connect.request()?,
        })
    }
}

impl DevicesArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(crate) fn request(self) -> Result<DevicesRequest, Failure> {
        Ok(DevicesRequest {
            machines: self.machines.request()?,
            connect: self.connect.request()?,
            emulator: self.emulator.request()?,
        })
    }
}

impl DoctorArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(crate) fn request(self) -> Result<DoctorRequest, Failure> {
        Ok(DoctorRequest { speed: self.speed.request()?, connect: self.connect.request()? })
    }
}

impl StatusArgs {
    /// What is asked for.
    pub(crate) fn request(self) -> StatusRequest {
        let Self { campaign, whose, all, coverage, series, watch, nights, store: _, json } = self;
        // Programs count on all of them.
        let (whose, all) = (whose.request(), all || json);
        StatusRequest { campaign, whose, all, coverage, series, watch, nights }
    }
}

impl ReportArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// As those of the others.
    pub(crate) fn request(self) -> Result<ReportRequest, Failure> {
        let Self { campaign, whose, open, mut output } = self;
        if open && output.reports.is_empty() {
            output.reports.push(format!("fleetsweep-{PLACE_OF_NAME}.html").into());
        }
        Ok(ReportRequest { campaign, whose: whose.request(), output: output.request()?, open })
    }
}

/// What a settings file and the environment can say.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
pub(crate) struct SettingsArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    #[arg(long = "limit", value_name = "CALLS/TIME")]
    limits: Vec<OrNone<Quota>>,
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    leave: Option<u8>,
    #[arg(long, value_parser = words(pace, PACES), hide_possible_values = true)]
    pace: Option<PaceKind>,
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: Option<u16>,
    #[arg(long, value_name = "TIME")]
    max_wait: Option<Length>,
    #[arg(long, value_parser = words(busy, BUSY), hide_possible_values = true)]
    busy: Option<BusyPolicy>,
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
}

impl SettingsArgs {
    /// What is asked for where nothing else says it.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(crate) fn request(self) -> Result<ScanRequest, Failure> {
        Ok(ScanRequest {
            busy: self.busy,
            run: RunRequest {
                speed: SpeedRequest {
                    limits: all(self.limits)?,
                    leave: self.leave,
                    pace: self.pace,
                    concurrency: self.concurrency,
                    max_wait: self.max_wait,
                    ..SpeedRequest::default()
                },
                connect: self.connect.request()?,
                ..RunRequest::default()
            },
            ..ScanRequest::default()
        })
    }
}
