//! `doctor`: everything that a campaign stands on, checked in the order in which it would fail. It
//! orders nothing: the one scan call that it sends is for a device that cannot exist.

mod finding;
pub mod network;
mod rights;

use super::client::client;
use super::connection::Connection;
use super::context::Context;
use super::failure::Failure;
use super::limits::{Speed, Towards, most_calls};
use super::stores::{self, Place};
use crate::clock::{Clock, local_now};
use crate::defender::{Claims, HttpApi, ScanApi, SignInError};
use crate::domain::quota::used;
use crate::domain::request::{ConnectRequest, DoctorRequest};
use crate::domain::{CampaignFilter, Exit, Operation, Target};
use crate::report::human;
use crate::store::Store;
use crate::store::any::{AnyStore, OpenedStore};
use crate::store::postgres::{Durability, DurabilityLevel};
use finding::Findings;

type Journal = OpenedStore;

/// What the face knows beside the request.
pub struct Setup {
    /// Where the settings were read, as a part of a sentence.
    pub settings: String,
    /// The proxy that is used.
    pub proxy: network::Proxy,
}

/// Checks everything that a campaign stands on.
///
/// # Errors
/// `Failure` if the findings cannot be told.
pub async fn doctor(
    cx: &Context<'_>,
    request: DoctorRequest,
    found: &Setup,
) -> Result<Exit, Failure> {
    let mut findings = Findings::new(cx);
    let connection = check_settings(cx, &request.connect, found, &mut findings)?;
    let loopback = connection.as_ref().is_some_and(|one| one.api.is_loopback());
    let towards = Towards { loopback, open_files: cx.host.open_files };
    let speed = match Speed::of(&request.speed, towards, &local_now()) {
        Ok(speed) => speed,
        Err(failure) => {
            findings.failure("limits", &failure)?;
            return findings.end();
        }
    };
    let store = check_store(cx, &speed, &mut findings).await?;
    let checked = match connection {
        Some(connection) => {
            let tenant = Tenant { cx, connection, speed: &speed, proxy: &found.proxy };
            tenant.check(store.as_ref(), &mut findings).await
        }
        None => skip_tenant(&mut findings),
    };
    if let Some(store) = store {
        stores::close(&store, checked).await?;
    } else {
        checked?;
    }
    findings.end()
}

fn check_settings(
    cx: &Context<'_>,
    asked: &ConnectRequest,
    found: &Setup,
    findings: &mut Findings<'_>,
) -> Result<Option<Connection>, Failure> {
    let connection = match Connection::of(asked, cx.credentials) {
        Ok(connection) => connection,
        Err(failure) => {
            findings.failure("settings", &failure)?;
            return Ok(None);
        }
    };
    let target = &connection.target;
    let Target { tenant, application, .. } = target;
    let or_token = |id: &str| if id.is_empty() { "from the token".to_owned() } else { id.into() };
    let from = &found.settings;
    let what = format!(
        "tenant {}, application {}, {}, sign-in by {}{from}",
        or_token(tenant),
        or_token(application),
        target.place(),
        connection.credential.kind(),
    );
    findings.ok("settings", what)?;
    Ok(Some(connection))
}

async fn check_store(
    cx: &Context<'_>,
    speed: &Speed,
    findings: &mut Findings<'_>,
) -> Result<Option<Journal>, Failure> {
    let place = match Place::durable(cx.store) {
        Ok(place) => place,
        Err(failure) => {
            findings.failure("store", &failure)?;
            return Ok(None);
        }
    };
    let new = if place.exists() { "" } else { ", made now" };
    match stores::open(&place, speed.timing, None).await {
        Ok(store) => {
            let open = store.select(&CampaignFilter::open()).await?;
            let open = human::counted(open.len() as u64, "open campaign");
            findings.ok("store", format!("{place} can be written{new}; {open}"))?;
            if let AnyStore::Postgres(server) = store.kind() {
                check_durability(&server.durability().await?, findings)?;
            }
            if let Some(warning) = place.warning() {
                let next = "let everybody who calls with this application use one store";
                findings.warn("store", warning, next)?;
            }
            Ok(Some(store))
        }
        Err(failure) => {
            findings.failure("store", &failure)?;
            Ok(None)
        }
    }
}

/// What becomes of the store if its server is lost, by the level that it is set to.
fn check_durability(found: &Durability, findings: &mut Findings<'_>) -> Result<(), Failure> {
    let Durability { version, level, fsync, checksums } = found;
    let pages = if *checksums { "with" } else { "without" };
    let server = format!("PostgreSQL {version}, {pages} checksums of pages");
    if !*fsync {
        let what = format!("{server}: fsync is off, so a crash of the server loses calls");
        return findings.warn("server", what, "set fsync = on");
    }
    let told = match level {
        DurabilityLevel::OneServer => {
            "one server: what it holds is lost with its disk, and nothing fails over"
        }
        DurabilityLevel::Synchronous { declared: true, .. } => {
            "a synchronous standby: a failover loses nothing, and ordering goes on at once"
        }
        DurabilityLevel::Synchronous { declared: false, .. } => {
            "a synchronous standby; add durability=synchronous to the store's address if that is \
             always so (Patroni: synchronous_mode_strict), else ordering waits for an hour after a \
             failover"
        }
        DurabilityLevel::Asynchronous => {
            "an asynchronous standby: a failover may forget calls, so ordering waits for an hour \
             after one"
        }
    };
    findings.ok("server", format!("{server}; {told}"))
}

/// A tenant that is checked.
struct Tenant<'a> {
    cx: &'a Context<'a>,
    connection: Connection,
    speed: &'a Speed,
    proxy: &'a network::Proxy,
}

impl Tenant<'_> {
    async fn check(
        self,
        store: Option<&Journal>,
        findings: &mut Findings<'_>,
    ) -> Result<(), Failure> {
        let Self { cx: _, connection, speed, proxy } = &self;
        network::check(connection, proxy, &speed.timing, findings).await?;
        let (target, audience) = (connection.target.clone(), connection.audience.clone());
        let Some(api) = self.sign_in(findings).await? else {
            return skip_rights(findings, "there is no token");
        };
        let claims = api.claims();
        rights::check_token(claims.as_ref(), &audience, findings)?;
        let target = named_by(claims.unwrap_or_default(), target);
        let Some(store) = store else {
            let why = "there is no store, and each call must stand in it before it is sent";
            findings.skip("reading", why)?;
            return findings.skip("ordering", why);
        };
        rights::check_calls(&api, store, &target, speed, findings).await?;
        check_quota(store, &target, speed, findings).await
    }

    async fn sign_in(&self, findings: &mut Findings<'_>) -> Result<Option<HttpApi>, Failure> {
        let Self { cx, connection, speed, .. } = self;
        let kind = connection.credential.kind();
        let api = match client(cx, connection.clone(), speed.timing).await {
            Ok(api) => api,
            Err(failure) => {
                findings.failure("sign-in", &failure)?;
                return Ok(None);
            }
        };
        match api.ready().await {
            Ok(()) => {
                findings.ok("sign-in", format!("by {kind}"))?;
                return Ok(Some(api));
            }
            Err(SignInError::Refused(why)) => {
                let source = connection.credential.source();
                let from = source.map(|from| format!("; the sign-in used what is in {from}"));
                let next = format!(
                    "fix that in Entra ID or in the settings (`{}`){}",
                    cx.commands.of_campaign("doctor --settings"),
                    from.unwrap_or_default()
                );
                findings.fail("sign-in", Exit::SignIn, format!("refused: {why}"), &next)?;
            }
            Err(SignInError::Unavailable(why)) => findings.fail(
                "sign-in",
                Exit::Failed,
                why,
                "check the network towards the sign-in service, the proxy and --ca-file",
            )?,
        }
        Ok(None)
    }
}

/// The budget is that of the token's tenant and application.
fn named_by(claims: Claims, target: Target) -> Target {
    Target {
        tenant: claims.tenant.unwrap_or(target.tenant),
        application: claims.application.unwrap_or(target.application),
        ..target
    }
}

async fn check_quota(
    store: &Journal,
    target: &Target,
    speed: &Speed,
    findings: &mut Findings<'_>,
) -> Result<(), Failure> {
    let budget = target.budget(Operation::Scan);
    let usage = store.usage(&budget, most_calls(speed)).await?;
    let now = store.clock().now();
    let named = usage.state.named.lowering(&speed.quotas, now);
    let limits = [&speed.quotas[..], &named].concat();
    let used = used(&limits, &usage.seen_by, now);
    findings.ok("limits", format!("used through this store: {}", human::used_of(&used, &named)))
}

fn skip_tenant(findings: &mut Findings<'_>) -> Result<(), Failure> {
    let why = "the settings come first";
    findings.skip("network", why)?;
    findings.skip("sign-in", why)?;
    skip_rights(findings, why)
}

fn skip_rights(findings: &mut Findings<'_>, why: &str) -> Result<(), Failure> {
    ["token", "reading", "ordering"].into_iter().try_for_each(|check| findings.skip(check, why))
}
