//! From what was typed to requests. What was not typed is not said.

use super::*;
use crate::domain::request::{
    AfterRequest, CancelRequest, ConnectRequest, DevicesRequest, DoctorRequest, DueRequest,
    EmulatorRequest, FollowRequest, HoursRequest, MachineFilters, OrderRequest, OutputRequest,
    PauseRequest, PlanFileRequest, ReportRequest, ResumeRequest, RetryRequest, RunRequest,
    ScanRequest, SpeedRequest, StatusRequest, WaveRequest,
};
use crate::ops::failure::Failure;

/// Several values, which may be taken away by the word `none`. Returns `None` if none was typed.
fn all<T>(typed: Vec<OrNone<T>>) -> Option<Vec<T>> {
    if typed.is_empty() {
        return None;
    }
    let values = typed.into_iter().map(|one| match one {
        OrNone::None => None,
        OrNone::Is(value) => Some(value),
    });
    Some(values.collect::<Option<Vec<T>>>().unwrap_or_default())
}

impl ConnectArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(in crate::cli) fn request(self) -> Result<ConnectRequest, Failure> {
        Ok(ConnectRequest {
            profile: self.profile,
            tenant: self.tenant,
            client_id: self.client_id,
            auth: self.auth.as_deref().map(sign_in_kind).transpose()?,
            client_secret_file: self.client_secret_file,
            client_certificate: self.client_certificate,
            token_file: self.token_file,
            cloud: self.cloud.as_deref().map(cloud).transpose()?,
            api_url: self.api_url,
            login_url: self.login_url,
            ca_file: self.ca_file,
        })
    }
}

/// The kind of sign-in of a word.
///
/// # Errors
/// `Failure` if there is none.
pub(in crate::cli) fn sign_in_kind(word: &str) -> Result<SignInKind, Failure> {
    SignInKind::named(word).ok_or_else(|| {
        let known: Vec<&str> = SignInKind::ALL.into_iter().map(SignInKind::name).collect();
        Failure::usage(
            format!("there is no kind of sign-in `{word}`"),
            "--auth or FLEETSWEEP_AUTH names it",
            format!("use one of {}", known.join(", ")),
        )
    })
}

fn cloud(name: &str) -> Result<Cloud, Failure> {
    Cloud::named(name).ok_or_else(|| {
        let known: Vec<&str> = Cloud::all().map(Cloud::name).collect();
        Failure::usage(
            format!("there is no cloud `{name}`"),
            "--cloud or FLEETSWEEP_CLOUD names it",
            format!("use one of {}", known.join(", ")),
        )
    })
}

impl WhoseArgs {
    /// What is asked for.
    pub(in crate::cli) fn request(self) -> ConnectRequest {
        let Self { tenant, client_id } = self;
        ConnectRequest { tenant, client_id, ..ConnectRequest::default() }
    }
}

impl PauseArgs {
    /// What is asked for.
    pub(in crate::cli) fn request(self) -> PauseRequest {
        PauseRequest { campaign: self.campaign, whose: self.whose.request() }
    }
}

impl EmulatorArgs {
    /// What is asked for.
    pub(in crate::cli) fn request(self) -> EmulatorRequest {
        let Self { emulator, scenario, seed } = self;
        EmulatorRequest { emulator, scenario, seed }
    }
}

impl SpeedArgs {
    /// What is asked for.
    pub(in crate::cli) fn request(self) -> SpeedRequest {
        let HoursArgs { windows, tz, last_order, start_at, expire_pending } = self.hours;
        SpeedRequest {
            limits: all(self.limits),
            leave: self.leave,
            pace: self.pace,
            concurrency: self.concurrency,
            time_scale: self.time_scale,
            until: self.until,
            max_duration: self.max_duration,
            max_wait: self.max_wait,
            hours: HoursRequest { windows: all(windows), tz, last_order, start_at, expire_pending },
            priority: self.priority.priority,
        }
    }
}

impl OutputArgs {
    /// What is asked for.
    pub(in crate::cli) fn request(self) -> OutputRequest {
        OutputRequest { reports: self.reports, force: self.force }
    }
}

impl RunArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(in crate::cli) fn request(self) -> Result<RunRequest, Failure> {
        let AfterArgs { on_finish, follow, follow_for, follow_every } = self.after;
        Ok(RunRequest {
            speed: self.speed.request(),
            max_failures: self.rules.max_failures,
            output: self.output.request(),
            after: AfterRequest { on_finish, follow, follow_for, follow_every },
            connect: self.connect.request()?,
            emulator: self.emulator.request(),
        })
    }
}

impl MachineArgs {
    /// What is asked for.
    pub(in crate::cli) fn request(self) -> MachineFilters {
        let Self { health, onboarding, os, tags, groups, seen_within, not_seen_for, .. } = self;
        let Self { device_value, dns_names, filter, .. } = self;
        MachineFilters {
            health,
            onboarding,
            os,
            tags,
            groups,
            seen_within,
            not_seen_for,
            device_value,
            dns_names,
            filter,
        }
    }
}

impl WaveArgs {
    /// What is asked for.
    pub(in crate::cli) fn request(self) -> WaveRequest {
        WaveRequest {
            canary: self.canary,
            canary_tag: self.canary_tag,
            canary_file: self.canary_file,
            canary_random: self.canary_random,
            canary_seed: self.canary_seed,
            canary_wait: self.canary_wait,
            waves: self.waves.map(|sizes| sizes.0).unwrap_or_default(),
            wave_wait: self.wave_wait,
        }
    }
}

impl ScanArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(in crate::cli) fn request(self) -> Result<ScanRequest, Failure> {
        let ChangeArgs { ticket, plan_out, plan, approve_plan } = self.change;
        let DueArgs { due, series } = self.due;
        let OrderArgs { first, by } = self.order;
        Ok(ScanRequest {
            devices: self.devices,
            ids: Vec::new(),
            from_tenant: self.from_tenant,
            machines: self.machines.request(),
            column: self.column,
            names: self.names,
            strict_names: self.strict_names,
            skip_bad_rows: self.skip_bad_rows,
            max_rows: self.max_rows,
            scan_type: self.scan_type,
            comment: self.comment,
            ticket,
            campaign: self.campaign,
            dry_run: self.dry_run,
            approve_max: self.approve_max,
            keep: self.keep,
            skip: self.skip,
            check: self.check,
            no_check: self.no_check,
            busy: self.busy,
            plan_file: PlanFileRequest {
                write_to: plan_out,
                read_from: plan,
                approved: approve_plan,
            },
            waves: self.waves.request(),
            due: DueRequest { due, series },
            order: OrderRequest { first, by },
            run: self.run.request()?,
        })
    }
}

impl ResumeArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(in crate::cli) fn request(self) -> Result<ResumeRequest, Failure> {
        let Self { campaign, approve_max, run } = self;
        Ok(ResumeRequest { campaign, approve_max, run: run.request()? })
    }
}

impl RetryArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(in crate::cli) fn request(self) -> Result<RetryRequest, Failure> {
        let scan = ScanRequest {
            scan_type: self.scan_type,
            comment: self.comment,
            ticket: self.ticket,
            campaign: self.name,
            dry_run: self.dry_run,
            approve_max: self.approve_max,
            waves: self.waves.request(),
            run: self.run.request()?,
            ..ScanRequest::default()
        };
        Ok(RetryRequest { campaign: self.campaign, outcomes: self.outcomes, scan })
    }
}

impl CancelArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(in crate::cli) fn request(self) -> Result<CancelRequest, Failure> {
        let speed = self.speed;
        Ok(CancelRequest {
            campaign: self.campaign,
            queue_only: self.queue_only,
            keep_queue: self.keep_queue,
            pending_only: self.pending_only,
            dry_run: self.dry_run,
            approve_max: self.approve_max,
            speed: SpeedRequest {
                limits: all(speed.limits),
                leave: speed.leave,
                concurrency: speed.concurrency,
                time_scale: speed.time_scale,
                max_wait: speed.max_wait,
                ..SpeedRequest::default()
            },
            output: self.output.request(),
            connect: self.connect.request()?,
        })
    }
}

impl FollowArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(in crate::cli) fn request(self) -> Result<FollowRequest, Failure> {
        Ok(FollowRequest {
            campaign: self.campaign,
            after: AfterRequest {
                follow: true,
                follow_for: self.follow_for,
                follow_every: Some(self.every),
                ..AfterRequest::default()
            },
            output: self.output.request(),
            connect: self.connect.request()?,
        })
    }
}

impl DevicesArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(in crate::cli) fn request(self) -> Result<DevicesRequest, Failure> {
        Ok(DevicesRequest {
            machines: self.machines.request(),
            connect: self.connect.request()?,
            emulator: self.emulator.request(),
        })
    }
}

impl DoctorArgs {
    /// What is asked for.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(in crate::cli) fn request(self) -> Result<DoctorRequest, Failure> {
        Ok(DoctorRequest { speed: self.speed.request(), connect: self.connect.request()? })
    }
}

impl StatusArgs {
    /// What is asked for.
    pub(in crate::cli) fn request(self) -> StatusRequest {
        let Self { campaign, whose, coverage, series, .. } = self;
        StatusRequest { campaign, whose: whose.request(), coverage, series }
    }
}

impl ReportArgs {
    /// What is asked for.
    pub(in crate::cli) fn request(self) -> ReportRequest {
        let Self { campaign, whose, output } = self;
        ReportRequest { campaign, whose: whose.request(), output: output.request() }
    }
}

/// What a settings file and the environment can say.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
pub(in crate::cli) struct SettingsArgs {
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
    pub(in crate::cli) store: Option<String>,
}

impl SettingsArgs {
    /// What is asked for where nothing else says it.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(in crate::cli) fn request(self) -> Result<ScanRequest, Failure> {
        Ok(ScanRequest {
            busy: self.busy,
            run: RunRequest {
                speed: SpeedRequest {
                    limits: all(self.limits),
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
