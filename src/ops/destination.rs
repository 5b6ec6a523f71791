//! Where a run goes: to a tenant, or to the embedded emulator.

use std::net::{Ipv4Addr, SocketAddr};

use secrecy::SecretString;

use super::client::{Terms, client, refused};
use super::connection::{Connection, check_ids, target_of};
use super::context::Context;
use super::failure::Failure;
use super::limits::{Speed, Towards};
use super::stores::{self, Place};
use crate::defender::{Credential, HttpApi, Origin, ScanApi, SignInError};
use crate::domain::cloud::DEFAULT_AUDIENCE;
use crate::domain::request::{ConnectRequest, EmulatorRequest, SpeedRequest};
use crate::domain::service::is_domain;
use crate::domain::text::printable;
use crate::domain::{Campaign, Exit, Quota, SignInKind, Target, Timing};
use crate::emulator::{self, Emulator, Scenario};
use crate::store::Store;

/// What stands for a tenant or an application that nothing says.
pub const NOT_GIVEN: &str = "(not given)";

/// What stands for tenant, application and cloud of the emulator.
pub(super) const EMULATED: &str = "EMULATED";

/// When somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignsIn {
    Now,
    Later,
}

/// Where a run goes, checked and not yet connected.
pub enum Destination {
    /// A tenant.
    Tenant(Box<Tenant>),
    /// The embedded emulator, with what it plays.
    Emulator(Box<emulator::Config>),
}

/// A tenant, and the client if it had to sign in ahead.
pub struct Tenant {
    connection: Connection,
    /// The domain that the tenant was given by, once its id is known.
    domain: Option<String>,
    api: Option<HttpApi>,
}

/// Where a run would go, for a dry run: it needs no secret, and does without a tenant too.
pub struct Planned {
    /// Who and where.
    pub target: Target,
    /// How a run would sign in, if anything says how.
    pub sign_in: Option<SignInKind>,
    /// What the plan cannot know.
    pub warnings: Vec<String>,
    loopback: bool,
}

impl Planned {
    /// Whether calls would stay on this machine.
    ///
    /// # Errors
    /// `Failure` names the setting that is wrong.
    pub fn is_loopback(
        connect: &ConnectRequest,
        emulator: &EmulatorRequest,
    ) -> Result<bool, Failure> {
        let (target, api) = target_of(connect)?;
        check_ids(&target, &api)?;
        Ok(emulator.emulator || api.is_loopback())
    }

    /// Reads what was asked for.
    ///
    /// # Errors
    /// `Failure` names the setting that is wrong.
    pub fn new(
        cx: &Context<'_>,
        connect: &ConnectRequest,
        emulator: &EmulatorRequest,
    ) -> Result<Self, Failure> {
        if emulator.emulator {
            return Ok(Destination::new(cx, connect, emulator)?.planned());
        }
        let (target, api) = target_of(connect)?;
        check_ids(&target, &api)?;
        let sign_in = cx.credentials.kind(connect)?;
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
    pub async fn known_to(mut self, place: Option<&Place>) -> Result<Self, Failure> {
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
    pub fn speed(
        &self,
        cx: &Context<'_>,
        asked: &SpeedRequest,
        now: &jiff::ZonedDateTime,
    ) -> Result<Speed, Failure> {
        let towards = Towards { loopback: self.loopback, open_files: cx.host.open_files };
        Speed::of(asked, towards, now)
    }
}

impl Destination {
    /// Reads what was asked for.
    ///
    /// # Errors
    /// `Failure` names the setting that is missing or wrong.
    pub fn new(
        cx: &Context<'_>,
        connect: &ConnectRequest,
        emulator: &EmulatorRequest,
    ) -> Result<Self, Failure> {
        if !emulator.emulator {
            let connection = Connection::of(connect, cx.credentials)?;
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
    pub async fn identified(self, cx: &Context<'_>, timing: Timing) -> Result<Self, Failure> {
        let Destination::Tenant(mut tenant) = self else { return Ok(self) };
        let connection = &mut tenant.connection;
        let kind = connection.credential.kind();
        // A domain is another name of a tenant, and both names must share one limit.
        let domain = is_domain(&connection.target.tenant);
        if kind.is_bound() && kind != SignInKind::DeviceCode && !domain {
            return Ok(Destination::Tenant(tenant));
        }
        let api = client(cx.ui, connection.clone(), timing).await?;
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
    pub fn planned(&self) -> Planned {
        Planned {
            target: self.target(),
            sign_in: Some(self.sign_in()),
            warnings: Vec::new(),
            loopback: self.loopback(),
        }
    }

    /// How a run signs in.
    pub fn sign_in(&self) -> SignInKind {
        match self {
            Destination::Tenant(tenant) => tenant.connection.credential.kind(),
            Destination::Emulator(_) => SignInKind::Secret,
        }
    }

    /// What its sign-in must give; nothing for the embedded emulator.
    pub fn terms(&self) -> Option<Terms> {
        match self {
            Destination::Tenant(tenant) => Some(Terms::of(&tenant.connection)),
            Destination::Emulator(_) => None,
        }
    }

    /// Who and where, as the campaign keeps it.
    pub fn target(&self) -> Target {
        match self {
            Destination::Tenant(tenant) => tenant.connection.target.clone(),
            // Not the address, which is another one in each run.
            Destination::Emulator(_) => Target {
                api_origin: "emulator".to_owned(),
                tenant: EMULATED.to_owned(),
                application: EMULATED.to_owned(),
                cloud: EMULATED.to_owned(),
            },
        }
    }

    /// The domain that the tenant was given by, and the target with its id, if that is known.
    fn domain(&self) -> Option<(&str, &Target)> {
        match self {
            Destination::Tenant(tenant) => {
                Some((tenant.domain.as_deref()?, &tenant.connection.target))
            }
            Destination::Emulator(_) => None,
        }
    }

    /// Keeps the id of a tenant that was given by its domain, so that a dry run, which signs in
    /// nowhere, knows what was called before.
    ///
    /// # Errors
    /// `Failure` if the store fails.
    pub async fn note_tenant<S: Store>(&self, store: &S) -> Result<(), Failure> {
        if let Some((domain, target)) = self.domain() {
            store.note_tenant(&target.api_origin, domain, &target.tenant).await?;
        }
        Ok(())
    }

    /// Whether it is the embedded emulator.
    pub fn emulated(&self) -> bool {
        matches!(self, Destination::Emulator(_))
    }

    /// Whether calls stay on this machine.
    pub fn loopback(&self) -> bool {
        match self {
            Destination::Tenant(tenant) => tenant.connection.api.is_loopback(),
            Destination::Emulator(_) => true,
        }
    }

    /// Limits and times towards this destination.
    ///
    /// # Errors
    /// `Failure` names what cannot be.
    pub fn speed(
        &self,
        cx: &Context<'_>,
        asked: &SpeedRequest,
        now: &jiff::ZonedDateTime,
    ) -> Result<Speed, Failure> {
        self.planned().speed(cx, asked, now)
    }

    /// Makes the client and signs in, so that a sign-in that cannot work is known before anything
    /// else is done; starts the emulator if it is to be embedded. A sign-in service that fails in
    /// passing is left to who needs the token. Nothing is sent to the API.
    ///
    /// # Errors
    /// `Failure` if the client or the emulator cannot be set up, if the sign-in is refused, or if
    /// its token is for another API.
    pub async fn connect(
        self,
        cx: &Context<'_>,
        speed: &Speed,
    ) -> Result<(HttpApi, Option<Emulator>), Failure> {
        self.set_up(cx, speed, SignsIn::Now).await
    }

    /// The same, with the sign-in left to the caller.
    ///
    /// # Errors
    /// `Failure` if the client or the emulator cannot be set up.
    pub async fn client(
        self,
        cx: &Context<'_>,
        speed: &Speed,
    ) -> Result<(HttpApi, Option<Emulator>), Failure> {
        self.set_up(cx, speed, SignsIn::Later).await
    }

    async fn set_up(
        self,
        cx: &Context<'_>,
        speed: &Speed,
        when: SignsIn,
    ) -> Result<(HttpApi, Option<Emulator>), Failure> {
        match self {
            Destination::Tenant(tenant) => {
                let Tenant { connection, domain: _, api } = *tenant;
                let terms = Terms::of(&connection);
                let api = match api {
                    Some(api) => api,
                    None => client(cx.ui, connection, speed.timing).await?,
                };
                // Whoever signs in on terms of their own does not wait for it twice.
                if let SignsIn::Later = when {
                    return Ok((api, None));
                }
                match terms.ready(cx.ui, &api, &speed.timing).await {
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
                    Failure::new(Exit::Failed, "the emulator cannot start", error.to_string(), next)
                })?;
                let connection = to_emulator(&emulator)?;
                Ok((client(cx.ui, connection, speed.timing).await?, Some(emulator)))
            }
        }
    }
}

/// A scenario by its name, or from a file.
///
/// # Errors
/// `Failure` lists the names that there are, or says what is wrong with the file.
pub fn scenario(name: &str) -> Result<Scenario, Failure> {
    Scenario::open(name).map_err(|error| {
        Failure::usage(
            format!("the scenario `{name}` cannot be played"),
            error.to_string(),
            "name a built-in scenario, or a TOML file that can be read",
        )
    })
}

/// A quota as a limit of the emulator.
pub fn limit(quota: &Quota) -> emulator::Limit {
    emulator::Limit { calls: quota.calls.get(), window: quota.window }
}

fn to_emulator(emulator: &Emulator) -> Result<Connection, Failure> {
    let origin = || {
        Origin::parse(&emulator.base_url()).map_err(|error| {
            let next = "report this as a defect";
            Failure::new(Exit::Failed, "the emulator has no address", error.to_string(), next)
        })
    };
    let id = "00000000-0000-0000-0000-00000000e701";
    Ok(Connection {
        target: Target {
            api_origin: emulator.base_url(),
            tenant: id.to_owned(),
            application: id.to_owned(),
            cloud: EMULATED.to_owned(),
        },
        api: origin()?,
        login: origin()?,
        audience: DEFAULT_AUDIENCE.to_owned(),
        credential: Credential::ClientSecret(SecretString::from(emulator::DEFAULT_SECRET)),
        ca_file: None,
    })
}

/// Calls are counted under the tenant's id, and two names of one tenant would have a limit each.
fn nameless(domain: &str) -> Failure {
    Failure::new(
        Exit::SignIn,
        format!("the id of the tenant {} is not known", printable(domain)),
        "the token does not tell it, and calls are counted under it",
        "give the Directory (tenant) ID in the place of the domain's name",
    )
}

/// One tenant's campaign must never go to another one.
pub(super) fn same_target(
    campaign: &Campaign,
    destination: &Destination,
    what: &str,
) -> Result<(), Failure> {
    let mut now = campaign.order.clone();
    now.target = destination.target();
    let differs = campaign.differences(&now, destination.emulated());
    if differs.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Refused,
        format!("campaign {} is not {what}", campaign.name),
        format!("these settings are another tenant's or application's: {}", differs.join("; ")),
        "use the settings that it was started with",
    ))
}
