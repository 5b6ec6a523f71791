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
use crate::domain::{Campaign, Quota, SignInKind, Target, Timing};
use crate::emulator::{self, Emulator, Scenario};
use crate::store::Store;

/// What stands for a tenant or an application that nothing says.
pub const NOT_GIVEN: &str = "(not given)";

/// What stands for tenant, application and cloud of the emulator.
pub(super) const EMULATED: &str = "EMULATED";

/// Where a run goes, as far as a plan has to know it: that needs no secret, and does without a
/// tenant too.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Who and where, as the campaign keeps it.
    pub target: Target,
    /// How a run signs in, if anything says how.
    pub sign_in: Option<SignInKind>,
    /// What the plan cannot know.
    pub warnings: Vec<String>,
    /// It is the embedded emulator.
    pub emulated: bool,
    loopback: bool,
}

/// Where a run goes, checked and not yet connected.
pub struct Destination {
    /// What a plan has to know of it.
    pub planned: Planned,
    /// The domain that the tenant was given by, once its id is known.
    domain: Option<String>,
    /// The client, if it had to sign in ahead.
    api: Option<HttpApi>,
    end: End,
}

/// What is at the other end.
enum End {
    /// A tenant.
    Tenant(Box<Connection>),
    /// The embedded emulator, with what it plays.
    Emulator(Box<emulator::Config>),
}

/// A target of which tenant or application may not have been said.
pub(super) fn or_not_given(target: Target) -> Target {
    let or_none = |text: String| if text.is_empty() { NOT_GIVEN.to_owned() } else { text };
    let (tenant, application) = (or_none(target.tenant), or_none(target.application));
    Target { tenant, application, ..target }
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
            return Ok(Destination::new(cx, connect, emulator)?.planned);
        }
        let (target, api) = target_of(connect)?;
        check_ids(&target, &api)?;
        let sign_in = cx.credentials.kind(connect)?;
        let unknown = target.tenant.is_empty() || target.application.is_empty();
        let warning = "tenant or application is not given, so the quota that is used already is \
                       not known";
        let warnings = if unknown { vec![warning.to_owned()] } else { Vec::new() };
        let target = or_not_given(target);
        Ok(Self { target, sign_in, warnings, emulated: false, loopback: api.is_loopback() })
    }

    /// With the id of a tenant that is given by its domain, if the store knows it; else the plan
    /// says what it cannot know.
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
            let planned = Planned {
                target: connection.target.clone(),
                sign_in: Some(connection.credential.kind()),
                warnings: Vec::new(),
                emulated: false,
                loopback: connection.api.is_loopback(),
            };
            let end = End::Tenant(Box::new(connection));
            return Ok(Self { planned, domain: None, api: None, end });
        }
        let scenario = scenario(emulator.scenario.as_deref().unwrap_or("calm"))?;
        let seed = emulator.seed.unwrap_or(1);
        let config = emulator::Config { scenario, seed, ..emulator::Config::default() };
        let planned = Planned {
            // Not the address, which is another one in each run.
            target: Target {
                api_origin: "emulator".to_owned(),
                tenant: EMULATED.to_owned(),
                application: EMULATED.to_owned(),
                cloud: EMULATED.to_owned(),
            },
            sign_in: Some(SignInKind::Secret),
            warnings: Vec::new(),
            emulated: true,
            loopback: true,
        };
        Ok(Self { planned, domain: None, api: None, end: End::Emulator(Box::new(config)) })
    }

    /// Signs in ahead where only the token says of which tenant and application it is, or where a
    /// person takes part; nothing is sent to the API.
    ///
    /// # Errors
    /// `Failure` if the sign-in fails, or its token is another tenant's than the configured one.
    pub async fn identified(mut self, cx: &Context<'_>, timing: Timing) -> Result<Self, Failure> {
        let End::Tenant(connection) = &mut self.end else { return Ok(self) };
        let kind = connection.credential.kind();
        // A domain is another name of a tenant, and both names must share one limit.
        let domain = is_domain(&connection.target.tenant);
        if kind.is_bound() && kind != SignInKind::DeviceCode && !domain {
            return Ok(self);
        }
        let new = client(cx, (**connection).clone(), timing).await?;
        new.ready().await.map_err(|error| refused(kind, &error))?;
        let claims = new.claims().unwrap_or_default();
        let target = &mut connection.target;
        if domain {
            if claims.tenant.is_none() && !connection.api.is_loopback() {
                return Err(nameless(&target.tenant));
            }
            self.domain = Some(target.tenant.clone());
        }
        target.tenant = claims.tenant.unwrap_or_else(|| target.tenant.clone());
        target.application = claims.application.unwrap_or_else(|| target.application.clone());
        self.planned.target = target.clone();
        self.api = Some(new);
        Ok(self)
    }

    /// What its sign-in must give. Returns `None` for the embedded emulator.
    pub fn terms(&self) -> Option<Terms> {
        match &self.end {
            End::Tenant(connection) => Some(Terms::of(connection)),
            End::Emulator(_) => None,
        }
    }

    /// Keeps the id of a tenant that was given by its domain, so that a dry run, which signs in
    /// nowhere, knows what was called before.
    ///
    /// # Errors
    /// `Failure` if the store fails.
    pub async fn note_tenant<S: Store>(&self, store: &S) -> Result<(), Failure> {
        if let Some(domain) = &self.domain {
            let target = &self.planned.target;
            store.note_tenant(&target.api_origin, domain, &target.tenant).await?;
        }
        Ok(())
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
        self.planned.speed(cx, asked, now)
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
        let terms = self.terms();
        let (api, emulator) = self.client(cx, speed).await?;
        if let Some(terms) = terms {
            match terms.ready(cx.ui, &api, &speed.timing).await {
                Err(error @ SignInError::Refused(_)) => return Err(refused(terms.kind, &error)),
                Err(SignInError::Unavailable(_)) => {}
                Ok(()) => terms.check_audience(&api)?,
            }
        }
        Ok((api, emulator))
    }

    /// Makes the client, and starts the emulator if it is to be embedded. Signing in is left to the
    /// caller.
    ///
    /// # Errors
    /// `Failure` if the client or the emulator cannot be set up.
    pub async fn client(
        self,
        cx: &Context<'_>,
        speed: &Speed,
    ) -> Result<(HttpApi, Option<Emulator>), Failure> {
        let config = match self.end {
            End::Tenant(connection) => {
                let api = match self.api {
                    Some(api) => api,
                    None => client(cx, *connection, speed.timing).await?,
                };
                return Ok((api, None));
            }
            End::Emulator(config) => config,
        };
        // The windows of the limits are divided already.
        let limits = speed.quotas.iter().map(limit).collect();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = emulator::Config { limits, ..*config };
        let emulator = emulator::start(config, address).await.map_err(|error| {
            let next = "check that programs may listen on 127.0.0.1";
            Failure::failed("the emulator cannot start", error, next)
        })?;
        let connection = to_emulator(&emulator)?;
        Ok((client(cx, connection, speed.timing).await?, Some(emulator)))
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
            error,
            "name a built-in scenario, or a TOML file that can be read",
        )
    })
}

/// A quota as a limit of the emulator.
pub fn limit(quota: &Quota) -> emulator::Limit {
    emulator::Limit { calls: quota.calls.get(), window: quota.window }
}

fn to_emulator(emulator: &Emulator) -> Result<Connection, Failure> {
    let origin = Origin::parse(&emulator.base_url());
    let origin = origin.map_err(|error| Failure::defect("the emulator has no address", error))?;
    let id = "00000000-0000-0000-0000-00000000e701";
    Ok(Connection {
        target: Target {
            api_origin: emulator.base_url(),
            tenant: id.to_owned(),
            application: id.to_owned(),
            cloud: EMULATED.to_owned(),
        },
        api: origin.clone(),
        login: origin,
        audience: DEFAULT_AUDIENCE.to_owned(),
        credential: Credential::ClientSecret(SecretString::from(emulator::DEFAULT_SECRET)),
        ca_file: None,
    })
}

/// Calls are counted under the tenant's id, and two names of one tenant would have a limit each.
fn nameless(domain: &str) -> Failure {
    Failure::sign_in(
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
    now.target = destination.planned.target.clone();
    let differs = campaign.differences(&now, destination.planned.emulated);
    if differs.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(
        format!("campaign {} is not {what}", campaign.name),
        format!("these settings are another tenant's or application's: {}", differs.join("; ")),
        "use the settings that it was started with",
    ))
}
