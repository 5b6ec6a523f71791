//! What the user typed for `work`. Nothing is checked here beyond its form.

use clap::Args;

use super::*;
use crate::domain::request::{ConnectRequest, Said, WorkRequest};
use crate::ops::failure::Failure;

/// `work`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  fleetsweep work --profile prod
  fleetsweep work --all-profiles
  fleetsweep work --profiles 'customer-*' --until-idle")]
pub struct WorkArgs {
    /// Several tenants.
    #[command(flatten)]
    pub several: ProfilesArgs,

    /// End when nothing is open that could be run here; else wait for campaigns until Ctrl-C
    #[arg(long)]
    pub until_idle: bool,

    /// Run campaigns with this --time-scale; towards a loopback address alone [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub time_scale: Option<u32>,

    /// Where campaigns and calls are kept, as sqlite:PATH or postgres://... [env: FLEETSWEEP_STORE]
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,

    /// Keep metrics for Prometheus in this file, whose name ends in .prom
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,

    /// Print the summary of each campaign as a JSON line on standard output
    #[arg(long)]
    pub json: bool,

    /// Where the API is and who calls it.
    #[command(flatten)]
    pub connect: ConnectArgs,
}

impl WorkArgs {
    /// What is asked for. `profiles` are the settings of each profile that is meant, if any is, and
    /// `settings` those that hold without one.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(in crate::cli) fn request(
        self,
        profiles: Vec<ConnectRequest>,
        settings: ConnectRequest,
    ) -> Result<WorkRequest, Failure> {
        let tenants = match self.several.meant(&self.connect, profiles)? {
            Some(meant) => meant.connects,
            None => vec![self.connect.request()?.or(settings)],
        };
        let Self { until_idle, metrics, time_scale, .. } = self;
        Ok(WorkRequest { tenants, until_idle, metrics, time_scale })
    }
}
