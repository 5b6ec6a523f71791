//! Making the client, for a tenant or for the embedded emulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use secrecy::SecretString;

use super::args::{ConnectArgs, EmulatorArgs, SpeedArgs};
use super::failure::Failure;
use super::settings::{self, Connection, Speed};
use crate::clock::wall_clock;
use crate::defender::clouds::DEFAULT_AUDIENCE;
use crate::defender::{
    ClientError, Credential, HttpApi, HttpSettings, Origin, SignIn, SignInSettings,
};

use crate::domain::{Quota, Target, Timing};
use crate::emulator::{self, Emulator, Scenario};

/// Where a run goes, checked and not yet connected.
pub(super) enum Destination {
    /// A tenant.
    Tenant(Box<Connection>),
    /// The embedded emulator, with what it plays.
    Emulator(Box<emulator::Config>),
}

/// Where a run would go, for a dry run: it needs no secret, and does without a tenant too.
pub(super) struct Planned {
    /// Who and where.
    pub target: Target,
    /// What the plan cannot know.
    pub warnings: Vec<String>,
    loopback: bool,
}

impl Planned {
    /// Reads flags and environment.
    ///
    /// # Errors
    /// `Failure` names the setting that is wrong.
    pub(super) fn new(connect: &ConnectArgs, emulator: &EmulatorArgs) -> Result<Self, Failure> {
        if emulator.emulator {
            let there = Destination::new(connect, emulator)?;
            return Ok(Self { target: there.target(), warnings: Vec::new(), loopback: true });
        }
        let (target, api) = settings::planned_target(connect)?;
        let unknown = target.tenant.is_empty() || target.application.is_empty();
        let warning = "tenant or application is not given, so the quota that is used already is \
                       not known";
        let warnings = if unknown { vec![warning.to_owned()] } else { Vec::new() };
        let or_none = |text: String| if text.is_empty() { "(not given)".to_owned() } else { text };
        let target = Target {
            tenant: or_none(target.tenant),
            application: or_none(target.application),
            ..target
        };
        Ok(Self { target, warnings, loopback: api.is_loopback() })
    }

    /// Limits and times towards this destination.
    ///
    /// # Errors
    /// `Failure` names what cannot be.
    pub(super) fn speed(
        &self,
        args: &SpeedArgs,
        now: &jiff::ZonedDateTime,
    ) -> Result<Speed, Failure> {
        settings::speed(args, self.loopback, now)
    }
}

impl Destination {
    /// Reads flags and environment.
    ///
    /// # Errors
    /// `Failure` names the setting that is missing or wrong.
    pub(super) fn new(connect: &ConnectArgs, emulator: &EmulatorArgs) -> Result<Self, Failure> {
        if !emulator.emulator {
            return settings::connection(connect)
                .map(|tenant| Destination::Tenant(Box::new(tenant)));
        }
        let name = emulator.scenario.as_deref().unwrap_or("calm");
        let scenario = scenario(name)?;
        let seed = emulator.seed.unwrap_or(1);
        let config = emulator::Config { scenario, seed, ..emulator::Config::default() };
        Ok(Destination::Emulator(Box::new(config)))
    }

    /// Who and where, as the campaign keeps it.
    pub(super) fn target(&self) -> Target {
        match self {
            Destination::Tenant(connection) => connection.target.clone(),
            // Not the address, which is another one in each run.
            Destination::Emulator(_) => Target {
                api_origin: "emulator".to_owned(),
                tenant: "EMULATED".to_owned(),
                application: "EMULATED".to_owned(),
                cloud: "EMULATED".to_owned(),
            },
        }
    }

    /// Whether it is the embedded emulator.
    pub(super) fn emulated(&self) -> bool {
        matches!(self, Destination::Emulator(_))
    }

    /// Whether calls stay on this machine.
    pub(super) fn loopback(&self) -> bool {
        match self {
            Destination::Tenant(connection) => connection.api.is_loopback(),
            Destination::Emulator(_) => true,
        }
    }

    /// Limits and times towards this destination.
    ///
    /// # Errors
    /// `Failure` names what cannot be.
    pub(super) fn speed(
        &self,
        args: &SpeedArgs,
        now: &jiff::ZonedDateTime,
    ) -> Result<Speed, Failure> {
        settings::speed(args, self.loopback(), now)
    }

    /// Makes the client; starts the emulator if it is to be embedded. Nothing else is sent.
    ///
    /// # Errors
    /// `Failure` if the client or the emulator cannot be set up.
    pub(super) async fn connect(
        self,
        speed: &Speed,
    ) -> Result<(HttpApi, Option<Emulator>), Failure> {
        match self {
            Destination::Tenant(connection) => Ok((client(*connection, speed.timing)?, None)),
            Destination::Emulator(config) => {
                let config = emulator::Config {
                    limits: speed.quotas.iter().map(limit).collect(),
                    // The windows of the limits are divided already.
                    ..*config
                };
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let emulator = emulator::start(config, address).await.map_err(|error| {
                    let next = "check that programs may listen on 127.0.0.1";
                    Failure::new(1, "the emulator cannot start", error.to_string(), next)
                })?;
                let connection = to_emulator(&emulator)?;
                Ok((client(connection, speed.timing)?, Some(emulator)))
            }
        }
    }
}

/// A scenario by its name, or from a file.
///
/// # Errors
/// `Failure` lists the names that there are, or says what is wrong with the file.
pub(super) fn scenario(name: &str) -> Result<Scenario, Failure> {
    Scenario::open(name).map_err(|error| {
        Failure::usage(
            format!("the scenario `{name}` cannot be played"),
            error.to_string(),
            "name a built-in scenario, or a TOML file that can be read",
        )
    })
}

/// A quota as a limit of the emulator.
pub(super) fn limit(quota: &Quota) -> emulator::Limit {
    emulator::Limit { calls: quota.calls.get(), window: quota.window }
}

fn to_emulator(emulator: &Emulator) -> Result<Connection, Failure> {
    let origin = || {
        Origin::parse(&emulator.base_url()).map_err(|error| {
            let next = "report this as a defect";
            Failure::new(1, "the emulator has no address", error.to_string(), next)
        })
    };
    let id = "00000000-0000-0000-0000-00000000e701";
    Ok(Connection {
        target: Target {
            api_origin: emulator.base_url(),
            tenant: id.to_owned(),
            application: id.to_owned(),
            cloud: "EMULATED".to_owned(),
        },
        api: origin()?,
        login: origin()?,
        audience: DEFAULT_AUDIENCE.to_owned(),
        secret: SecretString::from(emulator::DEFAULT_SECRET),
        ca_file: None,
    })
}

fn client(connection: Connection, timing: Timing) -> Result<HttpApi, Failure> {
    let Connection { target, api, login, audience, secret, ca_file } = connection;
    let sign_in = SignIn::new(SignInSettings {
        login_origin: login,
        tenant: target.tenant,
        application: target.application,
        audience,
        credential: Credential::ClientSecret(secret),
        timing,
        ca_file: ca_file.clone(),
    })
    .map_err(|error| unusable(&error, ca_file.as_deref()))?;
    let settings = HttpSettings {
        api_origin: api,
        timing,
        ca_file: ca_file.clone(),
        tokens: Box::new(sign_in),
        now: Box::new(wall_clock),
    };
    HttpApi::new(settings).map_err(|error| unusable(&error, ca_file.as_deref()))
}

fn unusable(error: &ClientError, ca_file: Option<&Path>) -> Failure {
    let next = match ca_file {
        Some(_) => "check --ca-file",
        None => "install the system's certificates (the package ca-certificates)",
    };
    Failure::usage("the HTTP client cannot be set up", error.to_string(), next)
}
