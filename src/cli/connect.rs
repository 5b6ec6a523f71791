//! Making the client, for a tenant or for the embedded emulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use secrecy::SecretString;

use super::args::{ConnectArgs, EmulatorArgs, SpeedArgs};
use super::auth;
use super::failure::Failure;
use super::meanwhile::meanwhile;
use super::say;
use super::settings::{self, Connection, Speed};
use super::stores::{self, Place};
use crate::clock::wall_clock;
use crate::defender::clouds::DEFAULT_AUDIENCE;
use crate::defender::{
    ClientError, Credential, HttpApi, HttpSettings, Origin, ScanApi, SignIn, SignInError,
    SignInKind, SignInSettings,
};
use crate::domain::service::is_domain;
use crate::domain::text::printable;
use crate::domain::{Quota, Target, Timing};
use crate::emulator::{self, Emulator, Scenario};

/// What stands for a tenant or an application that nothing says.
pub(super) const NOT_GIVEN: &str = "(not given)";

/// When somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignsIn {
    Now,
    Later,
}

/// What a sign-in must give before anything is sent to the API.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// How is signed in.
    pub kind: SignInKind,
    login: Origin,
    audience: String,
}

impl Terms {
    /// Gets a token if none is at hand, and tells what is waited for.
    ///
    /// # Errors
    /// `SignInError` if there is none.
    pub(super) async fn ready(&self, api: &HttpApi, timing: &Timing) -> Result<(), SignInError> {
        let words = || format!("Signing in at {} ...", self.login);
        meanwhile(timing, words, api.ready()).await
    }

    /// Whether the token at hand is for the API that it would be sent to.
    ///
    /// # Errors
    /// `Failure` says for whom it is.
    pub(super) fn check_audience(&self, api: &HttpApi) -> Result<(), Failure> {
        match api.claims().and_then(|claims| claims.other_audience(&self.audience)) {
            None => Ok(()),
            Some(wrong) => {
                let what = "nothing was sent to the API: the token is not for it";
                Err(Failure::new(7, what, wrong, OTHER_AUDIENCE))
            }
        }
    }

    /// Whether the token at hand lets anything be ordered, as far as it tells.
    ///
    /// # Errors
    /// `Failure` says which right is missing.
    pub(super) fn check_rights(&self, api: &HttpApi) -> Result<(), Failure> {
        let claims = api.claims().filter(|one| one.forbids_scan(self.kind.is_application()));
        match claims {
            None => Ok(()),
            Some(claims) => {
                let what = "nothing was ordered: this application may not order scans";
                Err(Failure::new(7, what, claims.lacks_scan(), MAY_NOT_SCAN))
            }
        }
    }
}

/// What to do about a token that does not allow ordering.
pub(super) const MAY_NOT_SCAN: &str = "add the permission WindowsDefenderATP > Machine.Scan \
                                       (application, or delegated for --auth device-code) and \
                                       grant admin consent";

/// What to do about a token for another API.
pub(super) const OTHER_AUDIENCE: &str = "choose the cloud of the tenant with --cloud; a token file \
                                         must hold a token for this API";

/// Where a run goes, checked and not yet connected.
pub(super) enum Destination {
    /// A tenant.
    Tenant(Box<Tenant>),
    /// The embedded emulator, with what it plays.
    Emulator(Box<emulator::Config>),
}

/// A tenant, and the client if it had to sign in ahead.
pub(super) struct Tenant {
    connection: Connection,
    /// The domain that the tenant was given by, once its id is known.
    domain: Option<String>,
    api: Option<HttpApi>,
}

/// Where a run would go, for a dry run: it needs no secret, and does without a tenant too.
pub(super) struct Planned {
    /// Who and where.
    pub target: Target,
    /// How a run would sign in, if anything says how.
    pub sign_in: Option<SignInKind>,
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
            return Ok(Destination::new(connect, emulator)?.planned());
        }
        let (target, api) = settings::planned_target(connect)?;
        settings::check_ids(&target, &api)?;
        let sign_in = auth::kind(connect)?;
        let unknown = target.tenant.is_empty() || target.application.is_empty();
        let warning = "tenant or application is not given, so the quota that is used already is \
                       not known";
        let warnings = if unknown { vec![warning.to_owned()] } else { Vec::new() };
        let or_none = |text: String| if text.is_empty() { NOT_GIVEN.to_owned() } else { text };
        let target = Target {
            tenant: or_none(target.tenant),
            application: or_none(target.application),
            ..target
        };
        Ok(Self { target, sign_in, warnings, loopback: api.is_loopback() })
    }

    /// The same with the id of a tenant that is given by its domain, if the store knows it; else
    /// the plan says what it cannot know.
    ///
    /// # Errors
    /// `Failure` if the store is there and cannot be read.
    pub(super) async fn known_to(mut self, place: Option<&Place>) -> Result<Self, Failure> {
        self.target = stores::with_tenant_id(place, self.target).await?;
        if is_domain(&self.target.tenant) && place.is_some_and(Place::exists) {
            self.warnings.push(
                "the tenant is given by its domain, whose id this store does not know before a \
                 sign-in, so the quota that is used already is not known; the tenant's id tells it"
                    .to_owned(),
            );
        }
        Ok(self)
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
            let connection = settings::connection(connect)?;
            return Ok(Destination::Tenant(Box::new(Tenant {
                connection,
                domain: None,
                api: None,
            })));
        }
        let name = emulator.scenario.as_deref().unwrap_or("calm");
        let scenario = scenario(name)?;
        let seed = emulator.seed.unwrap_or(1);
        let config = emulator::Config { scenario, seed, ..emulator::Config::default() };
        Ok(Destination::Emulator(Box::new(config)))
    }

    /// Signs in ahead where only the token says of which tenant and application it is, or where a
    /// person takes part; nothing is sent to the API.
    ///
    /// # Errors
    /// `Failure` if the sign-in fails, or its token is another tenant's than the configured one.
    pub(super) async fn identified(self, timing: Timing) -> Result<Self, Failure> {
        let Destination::Tenant(mut tenant) = self else { return Ok(self) };
        let connection = &mut tenant.connection;
        let kind = connection.credential.kind();
        // A domain is another name of a tenant, and both names must share one limit.
        let domain = is_domain(&connection.target.tenant);
        if kind.is_bound() && kind != SignInKind::DeviceCode && !domain {
            return Ok(Destination::Tenant(tenant));
        }
        let api = client(connection.clone(), timing).await?;
        api.ready().await.map_err(|error| refused(kind, &error))?;
        let claims = api.claims().unwrap_or_default();
        let target = &mut connection.target;
        if domain {
            if claims.tenant.is_none() && !connection.api.is_loopback() {
                return Err(nameless(&target.tenant));
            }
            tenant.domain = Some(target.tenant.clone());
        }
        target.tenant = claims.tenant.unwrap_or_else(|| target.tenant.clone());
        target.application = claims.application.unwrap_or_else(|| target.application.clone());
        tenant.api = Some(api);
        Ok(Destination::Tenant(tenant))
    }

    /// The same for a dry run.
    pub(super) fn planned(&self) -> Planned {
        Planned {
            target: self.target(),
            sign_in: Some(self.sign_in()),
            warnings: Vec::new(),
            loopback: self.loopback(),
        }
    }

    /// How a run signs in.
    pub(super) fn sign_in(&self) -> SignInKind {
        match self {
            Destination::Tenant(tenant) => tenant.connection.credential.kind(),
            Destination::Emulator(_) => SignInKind::Secret,
        }
    }

    /// What its sign-in must give; nothing for the embedded emulator.
    pub(super) fn terms(&self) -> Option<Terms> {
        match self {
            Destination::Tenant(tenant) => Some(terms(&tenant.connection)),
            Destination::Emulator(_) => None,
        }
    }

    /// Who and where, as the campaign keeps it.
    pub(super) fn target(&self) -> Target {
        match self {
            Destination::Tenant(tenant) => tenant.connection.target.clone(),
            // Not the address, which is another one in each run.
            Destination::Emulator(_) => Target {
                api_origin: "emulator".to_owned(),
                tenant: "EMULATED".to_owned(),
                application: "EMULATED".to_owned(),
                cloud: "EMULATED".to_owned(),
            },
        }
    }

    /// The domain that the tenant was given by, and the target with its id, if that is known.
    pub(super) fn domain(&self) -> Option<(&str, &Target)> {
        match self {
            Destination::Tenant(tenant) => {
                Some((tenant.domain.as_deref()?, &tenant.connection.target))
            }
            Destination::Emulator(_) => None,
        }
    }

    /// Whether it is the embedded emulator.
    pub(super) fn emulated(&self) -> bool {
        matches!(self, Destination::Emulator(_))
    }

    /// Whether calls stay on this machine.
    pub(super) fn loopback(&self) -> bool {
        match self {
            Destination::Tenant(tenant) => tenant.connection.api.is_loopback(),
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

    /// Makes the client and signs in, so that a sign-in that cannot work is known before anything
    /// else is done; starts the emulator if it is to be embedded. A sign-in service that fails in
    /// passing is left to who needs the token. Nothing is sent to the API.
    ///
    /// # Errors
    /// `Failure` if the client or the emulator cannot be set up, if the sign-in is refused, or if
    /// its token is for another API.
    pub(super) async fn connect(
        self,
        speed: &Speed,
    ) -> Result<(HttpApi, Option<Emulator>), Failure> {
        self.set_up(speed, SignsIn::Now).await
    }

    /// The same, with the sign-in left to the caller.
    ///
    /// # Errors
    /// `Failure` if the client or the emulator cannot be set up.
    pub(super) async fn client(
        self,
        speed: &Speed,
    ) -> Result<(HttpApi, Option<Emulator>), Failure> {
        self.set_up(speed, SignsIn::Later).await
    }

    async fn set_up(
        self,
        speed: &Speed,
        when: SignsIn,
    ) -> Result<(HttpApi, Option<Emulator>), Failure> {
        match self {
            Destination::Tenant(tenant) => {
                let Tenant { connection, domain: _, api } = *tenant;
                let terms = terms(&connection);
                let api = match api {
                    Some(api) => api,
                    None => client(connection, speed.timing).await?,
                };
                // Whoever signs in on terms of their own does not wait for it twice.
                if let SignsIn::Later = when {
                    return Ok((api, None));
                }
                match terms.ready(&api, &speed.timing).await {
                    Err(error @ SignInError::Refused(_)) => {
                        return Err(refused(terms.kind, &error));
                    }
                    Err(SignInError::Unavailable(_)) => {}
                    Ok(()) => terms.check_audience(&api)?,
                }
                Ok((api, None))
            }
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
                Ok((client(connection, speed.timing).await?, Some(emulator)))
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
        credential: Credential::ClientSecret(SecretString::from(emulator::DEFAULT_SECRET)),
        ca_file: None,
    })
}

/// Makes the client and its way to sign in; a person may have to take part.
///
/// # Errors
/// `Failure` if it cannot be set up, or if nobody signs in.
pub(super) async fn client(connection: Connection, timing: Timing) -> Result<HttpApi, Failure> {
    let Connection { target, api, login, audience, credential, ca_file } = connection;
    let kind = credential.kind();
    let sign_in = SignIn::new(SignInSettings {
        login_origin: login,
        tenant: target.tenant,
        application: target.application,
        audience,
        credential,
        timing,
        ca_file: ca_file.clone(),
    })
    .map_err(|error| unusable(&error, ca_file.as_deref()))?;
    let show = |sentence: &str| say::note(sentence);
    sign_in.with_person(&show).await.map_err(|error| refused(kind, &error))?;
    let settings = HttpSettings {
        api_origin: api,
        timing,
        ca_file: ca_file.clone(),
        tokens: Box::new(sign_in),
        now: Box::new(wall_clock),
    };
    HttpApi::new(settings).map_err(|error| unusable(&error, ca_file.as_deref()))
}

fn terms(connection: &Connection) -> Terms {
    let Connection { login, audience, credential, .. } = connection;
    Terms { kind: credential.kind(), login: login.clone(), audience: audience.clone() }
}

/// Calls are counted under the tenant's id, and two names of one tenant would have a limit each.
fn nameless(domain: &str) -> Failure {
    Failure::new(
        7,
        format!("the id of the tenant {} is not known", printable(domain)),
        "the token does not tell it, and calls are counted under it",
        "give the Directory (tenant) ID in the place of the domain's name",
    )
}

/// The failure of a sign-in that did not work.
pub(super) fn refused(kind: SignInKind, error: &SignInError) -> Failure {
    let code = match error {
        SignInError::Refused(_) => 7,
        SignInError::Unavailable(_) => 1,
    };
    let next = "nothing was ordered; mend that, then run the same command again";
    Failure::new(code, format!("cannot sign in ({kind})"), error.to_string(), next)
}

fn unusable(error: &ClientError, ca_file: Option<&Path>) -> Failure {
    let next = match ca_file {
        Some(_) => "check --ca-file",
        None => "install the system's certificates (the package ca-certificates)",
    };
    Failure::usage("the HTTP client cannot be set up", error.to_string(), next)
}
