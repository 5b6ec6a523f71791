//! What the token says of itself, and what the API lets it do: reading, and ordering, for which a
//! device is asked that cannot exist. Each call stands in the journal before it is sent.

use super::finding::Findings;
use crate::clock::Clock;
use crate::defender::{ActionQuery, Claims, HttpApi, Inventory, MachineFilter, ScanApi, ScanOrder};
use crate::domain::verdict::{Asked, list_verdict, verdict};
use crate::domain::{CallId, DeviceId, Exit, Mark, Operation, Reply, ScanType, Target, Verdict};
use crate::ops::client::{MAY_NOT_SCAN, OTHER_AUDIENCE};
use crate::ops::failure::Failure;
use crate::ops::limits::Speed;
use crate::store::{ReadAnswer, ReadSettlement, Store};

/// The right that ordering needs ("Run antivirus scan API" page).
const SCAN: &str = "Machine.Scan";

/// Rights that reading may need; everything beyond these and `SCAN` is more than needed.
const READING: [&str; 2] = ["Machine.Read.All", "Machine.Read"];

/// The id of no device: machine ids are SHA-1 sums, and none is known that has all bits set.
const NOBODY: [u8; 20] = [0xff; 20];

/// Checks whom the token is for, and its rights as it tells them.
pub(super) fn check_token(
    claims: Option<&Claims>,
    audience: &str,
    findings: &mut Findings<'_>,
) -> Result<(), Failure> {
    let Some(claims) = claims else {
        return findings.skip("token", "it is opaque: it tells neither tenant nor rights");
    };
    let or_nobody = |text: &Option<String>| text.clone().unwrap_or_else(|| "not told".to_owned());
    let (tenant, application) = (or_nobody(&claims.tenant), or_nobody(&claims.application));
    if let Some(wrong) = claims.other_audience(audience) {
        findings.fail("token", Exit::SignIn, wrong, OTHER_AUDIENCE)?;
    } else {
        findings.ok("token", format!("of tenant {tenant}, application {application}"))?;
    }
    let delegated = !claims.scopes.is_empty();
    let rights = if delegated { &claims.scopes } else { &claims.roles };
    if !claims.may_scan() {
        return findings.fail("rights", Exit::SignIn, claims.lacks_scan(), MAY_NOT_SCAN);
    }
    let more: Vec<&str> = rights.iter().map(String::as_str).filter(|one| is_more(one)).collect();
    if more.is_empty() {
        return findings.ok("rights", rights.join(", "));
    }
    findings.warn(
        "rights",
        format!("more than fleetsweep needs: {}", more.join(", ")),
        "take these away; Machine.Scan is enough, Machine.Read.All makes reports better",
    )
}

fn is_more(right: &str) -> bool {
    let sign_in = ["openid", "profile", "offline_access", "email"];
    right != SCAN && !READING.contains(&right) && !sign_in.contains(&right)
}

/// Asks the API what it allows.
pub(super) async fn check_calls<S: Store>(
    api: &HttpApi,
    store: &S,
    target: &Target,
    speed: &Speed,
    findings: &mut Findings<'_>,
) -> Result<(), Failure> {
    let slot = async |operation| slot(store, target, speed, operation).await;
    match slot(Operation::Read).await? {
        Err(wait) => findings.put_off("reading", &wait)?,
        Ok(call) => {
            let verdict = read_actions(api).await;
            settle(store, call, verdict.clone()).await?;
            tell_reading("the list of actions", verdict, findings)?;
        }
    }
    match slot(Operation::Read).await? {
        Err(wait) => findings.put_off("reading", &wait)?,
        Ok(call) => {
            let verdict = read_machines(api).await;
            settle(store, call, verdict.clone()).await?;
            tell_reading("the inventory", verdict, findings)?;
        }
    }
    match slot(Operation::Scan).await? {
        Err(wait) => findings.put_off("ordering", &wait),
        Ok(call) => {
            let verdict = order_nobody(api, store, speed).await;
            settle(store, call, Some(verdict.clone())).await?;
            tell_ordering(&verdict, api.claims().is_some_and(|c| !c.scopes.is_empty()), findings)
        }
    }
}

/// A slot of a budget, or why there is none now.
async fn slot<S: Store>(
    store: &S,
    target: &Target,
    speed: &Speed,
    operation: Operation,
) -> Result<Result<CallId, String>, Failure> {
    let budget = target.budget(operation);
    Ok(match store.claim_on(&budget, speed.quotas.clone()).await? {
        ReadAnswer::Call(call, claimed_at)
            if speed.timing.is_late(claimed_at, store.clock().now()) =>
        {
            let late = list_verdict(&Reply::too_late());
            settle(store, call, Some(late)).await?;
            Err("the store was too slow to send it in time; ask again".to_owned())
        }
        ReadAnswer::Call(call, _) => Ok(call),
        ReadAnswer::NotYet(no) => {
            let left = no.at.since(store.clock().now());
            let left = crate::report::human::duration(left);
            Err(format!("{}; ask again in {left}", no.hold))
        }
    })
}

async fn settle<S: Store>(
    store: &S,
    call: CallId,
    verdict: Option<Verdict>,
) -> Result<(), Failure> {
    store.settle_read(call, ReadSettlement::needed(verdict)).await?;
    Ok(())
}

/// What the list of actions answers. Returns `None` for a page.
async fn read_actions(api: &HttpApi) -> Option<Verdict> {
    let query = ActionQuery::OfDevices(vec![DeviceId::from_bytes(NOBODY)]);
    api.actions(&query, None).await.err().map(|reply| list_verdict(&reply))
}

async fn read_machines(api: &HttpApi) -> Option<Verdict> {
    let mut filter = MachineFilter::default();
    filter.is_any("id", &[DeviceId::from_bytes(NOBODY).to_string()]);
    match api.machines(&filter, None).await {
        Ok(_) => None,
        // "If there are no recent machines, you see 404 Not Found" (List machines API page).
        Err(Reply::Answer(answer)) if answer.status == 404 => None,
        Err(reply) => Some(list_verdict(&reply)),
    }
}

async fn order_nobody<S: Store>(api: &HttpApi, store: &S, speed: &Speed) -> Verdict {
    let device = DeviceId::from_bytes(NOBODY);
    let comment = "fleetsweep doctor: may this application order scans? No device has this id.";
    let scan_type = ScanType::Quick;
    let start = store.clock().now();
    let reply = api.scan(&ScanOrder { device, scan_type, comment: comment.to_owned() }).await;
    let took = store.clock().now().since(start);
    let name = "doctor".parse().expect("a plain word is a name");
    let mark = Mark::new(&name, 0);
    let asked = Asked { device, scan_type, mark: &mark, comment, took };
    verdict(&reply, &asked, &speed.timing)
}

fn tell_reading(
    what: &str,
    verdict: Option<Verdict>,
    findings: &mut Findings<'_>,
) -> Result<(), Failure> {
    match verdict {
        None => findings.ok("reading", format!("{what} can be read")),
        Some(Verdict::Forbidden(refusal)) => findings.warn(
            "reading",
            format!("{what} may not be read: {}", refusal.words()),
            "grant Machine.Read.All with admin consent: then lost answers can be looked up and \
             devices checked before the first order; without it they are called unknown",
        ),
        Some(other) => findings.warn(
            "reading",
            format!("{what} could not be read now: {}", said(&other)),
            "fix what the answer names, or run `fleetsweep doctor` again later; orders need it \
             only for lost answers",
        ),
    }
}

fn tell_ordering(
    verdict: &Verdict,
    delegated: bool,
    findings: &mut Findings<'_>,
) -> Result<(), Failure> {
    match verdict {
        // The API names its reason; what stands before it, or is left of it, does not.
        Verdict::NotFound(refusal) if refusal.code.is_none() => findings.fail(
            "ordering",
            Exit::Failed,
            format!("not known: {}", refusal.words()),
            "check --api-url and the proxy: the address may be wrong, or the API is not there any \
             more",
        ),
        Verdict::NotFound(_) if delegated => findings.warn(
            "ordering",
            "allowed in principle: the API knows no device of the id that cannot exist",
            "this does not prove the user's role for each device: one outside the user's device \
             groups is rejected",
        ),
        Verdict::NotFound(_) => {
            findings.ok("ordering", "allowed: the API looked for a device that cannot exist")
        }
        Verdict::Forbidden(refusal) => findings.fail(
            "ordering",
            Exit::SignIn,
            format!("not allowed (403): {}", refusal.reason()),
            "grant Machine.Scan with admin consent; for a user, the role `Active remediation \
             actions`; check that --cloud is the tenant's",
        ),
        Verdict::Unauthorized(refusal) => findings.fail(
            "ordering",
            Exit::SignIn,
            format!("the API does not take the token (401): {}", refusal.reason()),
            "check --cloud and --api-url: the token must be for this API",
        ),
        Verdict::Accepted { .. } | Verdict::Busy { .. } => findings.fail(
            "ordering",
            Exit::Safety,
            "the API took an order for a device that cannot exist",
            "order nothing: what answers is not the API; check --api-url and the proxy",
        ),
        Verdict::Rejected(refusal) => findings.warn(
            "ordering",
            format!("refused: {}", refusal.words()),
            "fix what the API names, if it is about all devices: it does not miss a permission; \
             a device that it refuses this way is rejected, the others are ordered",
        ),
        Verdict::Doubtful { status: Some(status), .. } if *status < 500 => findings.fail(
            "ordering",
            Exit::Failed,
            format!("not known: {}", said(verdict)),
            "check HTTPS_PROXY, NO_PROXY and --api-url: what answers does not speak as the API \
             does",
        ),
        Verdict::Throttled { .. } => findings.warn(
            "ordering",
            format!("not known: {}", said(verdict)),
            "run `fleetsweep doctor` again later; a campaign waits for as long as it is told",
        ),
        // A campaign would begin and come to nothing while that lasts.
        other @ (Verdict::Doubtful { .. } | Verdict::NeverLeft { .. }) => findings.fail(
            "ordering",
            Exit::Failed,
            format!("not known: {}", said(other)),
            "run `fleetsweep doctor` again later: nothing proves that a scan can be ordered now",
        ),
    }
}

fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Rejected(refusal)
        | Verdict::NotFound(refusal)
        | Verdict::Forbidden(refusal)
        | Verdict::Unauthorized(refusal)
        | Verdict::Busy { refusal, .. }
        | Verdict::Throttled { refusal, .. } => refusal.words(),
        Verdict::Doubtful { why, .. } | Verdict::NeverLeft { why } => why.clone(),
        Verdict::Accepted { status, .. } => format!("HTTP {status}"),
    }
}
