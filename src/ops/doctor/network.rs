//! Names, connections, TLS, the proxy and the clock: whether both servers answer at all, and what
//! time it is there. It sends no token.

use std::path::Path;

use jiff::Timestamp;

use super::finding::Findings;
use crate::clock::wall_clock;
use crate::defender::{Origin, Reached, reach};
use crate::domain::{Exit, Reply, Timing};
use crate::ops::connection::Connection;
use crate::ops::failure::Failure;
use crate::report::human;

/// A clock that is wrong by more makes sign-ins fail and ends runs at the wrong time.
const SKEW_WRONG_S: i64 = 300;

/// A clock that is wrong by more is told.
const SKEW_ODD_S: i64 = 30;

/// The variable that names a proxy, and its address without the password that it may hold.
pub type Proxy = Option<(String, String)>;

/// Checks the API's and the sign-in service's address, and the clock against the API's.
pub(super) async fn check(
    connection: &Connection,
    proxy: &Proxy,
    timing: &Timing,
    findings: &mut Findings<'_>,
) -> Result<(), Failure> {
    let Connection { api, login, ca_file, .. } = connection;
    let way = Way { proxy, timing, ca_file: ca_file.as_deref() };
    let reached = way.check("API", api, findings).await?;
    if login != api {
        way.check("sign-in service", login, findings).await?;
    }
    match reached.and_then(|reached| reached.date) {
        Some(date) => clock(date, wall_clock(), findings),
        None => findings.skip("clock", "the API told no time"),
    }
}

/// The way to a server.
struct Way<'a> {
    proxy: &'a Proxy,
    timing: &'a Timing,
    ca_file: Option<&'a Path>,
}

impl Way<'_> {
    async fn check(
        &self,
        what: &str,
        origin: &Origin,
        findings: &mut Findings<'_>,
    ) -> Result<Option<Reached>, Failure> {
        let proxy = if origin.is_loopback() { None } else { self.proxy.as_ref() };
        if proxy.is_none() && !names(what, origin, findings).await? {
            return Ok(None);
        }
        let through = proxy.map(|(name, proxy)| format!(" through {proxy} ({name})"));
        let through = through.unwrap_or_default();
        match reach(origin, self.timing, self.ca_file).await {
            Ok(Ok(reached)) => {
                findings.ok("network", format!("the {what} {origin} answers{through}"))?;
                Ok(Some(reached))
            }
            Ok(Err(Reply::NeverLeft { why } | Reply::NoAnswer { why })) => {
                let what = format!("the {what} {origin} cannot be reached{through}: {why}");
                findings.fail("network", Exit::Failed, what, remedy(proxy.is_some()))?;
                Ok(None)
            }
            Ok(Err(Reply::Answer(answer))) => {
                let what = format!("the {what} {origin} answers HTTP {}{through}", answer.status);
                findings.ok("network", what)?;
                Ok(None)
            }
            Err(error) => {
                findings.fail("network", Exit::Usage, error.to_string(), "check --ca-file")?;
                Ok(None)
            }
        }
    }
}

/// Whether the name service knows the host. Through a proxy it is the proxy that asks.
async fn names(what: &str, origin: &Origin, findings: &mut Findings<'_>) -> Result<bool, Failure> {
    let (host, port) = origin.host_and_port();
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let found = tokio::net::lookup_host((bare, port)).await.map(|mut all| all.next());
    let why = match found {
        Ok(Some(_)) => return Ok(true),
        Ok(None) => "it has no address".to_owned(),
        Err(error) => error.to_string(),
    };
    let what = format!("the name of the {what}, {host}, is not known here: {why}");
    let next = "check the spelling of --cloud or --api-url, the name service (DNS) of this \
                machine, and whether a proxy is needed (HTTPS_PROXY)";
    findings.fail("network", Exit::Failed, what, next)?;
    Ok(false)
}

fn remedy(proxied: bool) -> &'static str {
    if proxied {
        "check the proxy in HTTPS_PROXY and NO_PROXY; if it opens TLS, name its certificate \
         authority with --ca-file"
    } else {
        "check firewall and routes; if a proxy is needed, set HTTPS_PROXY; if something opens TLS \
         on the way, name its certificate authority with --ca-file"
    }
}

fn clock(server: Timestamp, here: Timestamp, findings: &mut Findings<'_>) -> Result<(), Failure> {
    let skew = here.duration_since(server);
    let (size, seconds) = (human::duration(skew.unsigned_abs()), skew.as_secs());
    let side = if seconds < 0 { "behind" } else { "ahead of" };
    let what = format!("this machine's clock is {size} {side} the API's");
    let next = "set the clock (systemctl start systemd-timesyncd, or chronyc makestep)";
    match seconds.abs() {
        0..=2 => findings.ok("clock", "agrees with the API's"),
        3..=SKEW_ODD_S => findings.ok("clock", what),
        off if off < SKEW_WRONG_S => findings.warn("clock", what, next),
        _ => findings.fail("clock", Exit::Failed, what, next),
    }
}
