//! How the campaigns of several tenants stand, as the store has it: a line for each.

use jiff::Timestamp;

use super::Tenant;
use crate::clock::Clock;

use crate::domain::{Campaign, CampaignName, CampaignState, Doing, Exit, Timing};
use crate::ops::context::Commands;
use crate::ops::failure::Failure;
use crate::ops::process::looked_at;
use crate::report::tenants::{EndedTenant, NotDone, OfTenant, TenantsEnd};
use crate::store::Store;
use crate::system::shell;

/// What became of one tenant.
pub(super) struct Standing {
    /// Its profile.
    pub profile: String,
    /// Its campaign with the exit of its run, if it ran here, or why there is none.
    pub became: Result<(Campaign, Option<Exit>), Failure>,
}

impl Standing {
    /// Nothing was done for this tenant.
    pub(super) fn failed(tenant: &Tenant, failure: Failure) -> Self {
        Self { profile: tenant.name.clone(), became: Err(failure) }
    }
}

/// The failure of a tenant, in a line.
pub(super) fn not_done(failure: &Failure) -> NotDone {
    NotDone { why: format!("{}: {}", failure.what, failure.why), exit: failure.kind }
}

/// The table of these, with the worst of their exits. `are_all` says that all profiles of the
/// settings are meant.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(super) async fn table<S: Store>(
    store: &S,
    name: &CampaignName,
    all: &[Standing],
    timing: &Timing,
    commands: &Commands,
    are_all: bool,
) -> Result<TenantsEnd, Failure> {
    let mut end = TenantsEnd {
        campaign: name.clone(),
        tenants: Vec::with_capacity(all.len()),
        reports: Vec::new(),
        not_ordered: None,
        resume: None,
        retry: None,
        exit: None,
    };
    let (mut open, mut uncovered) = (Vec::new(), Vec::new());
    for Standing { profile, became } in all {
        let (told, exit) = match became {
            Ok((campaign, exit)) => {
                let there = store.campaign(campaign.id).await?;
                let there = &looked_at(there.unwrap_or_else(|| campaign.clone()));
                let tally = store.tally(there.id).await?;
                let now = store.clock().shared_utc();
                let at_work = there
                    .last_run
                    .as_ref()
                    .is_some_and(|run| run.alive_but("", now, timing) > 0 && !there.paused);
                if tally.open() > 0 && !at_work {
                    open.push(profile.as_str());
                } else if tally.open() == 0 && tally.needs_attention() {
                    uncovered.push(profile.as_str());
                }
                let why = why(there, now, timing);
                (Ok(EndedTenant { tally, why, exit: *exit }), *exit)
            }
            Err(failure) => (Err(not_done(failure)), Some(failure.kind)),
        };
        end.exit = match (end.exit, exit) {
            (Some(worst), Some(exit)) => Some(worst.worse_of(exit)),
            (worst, exit) => worst.or(exit),
        };
        end.tenants.push(OfTenant { profile: profile.clone(), told });
    }
    if !open.is_empty() {
        let are_all = are_all && open.len() == all.len();
        end.resume = Some(of_tenants(commands, "resume", name, &open, are_all));
    } else if !uncovered.is_empty() {
        end.retry = Some(of_tenants(commands, "retry", name, &uncovered, are_all));
    }
    Ok(end)
}

/// A command about the campaigns of these profiles.
fn of_tenants(
    commands: &Commands,
    command: &str,
    name: &CampaignName,
    profiles: &[&str],
    are_all: bool,
) -> String {
    let which = if are_all {
        " --all-profiles".to_owned()
    } else {
        profiles.iter().map(|one| format!(" --profiles {}", shell::word(one))).collect()
    };
    commands.of_campaign(&format!("{command} {name}{which}"))
}

/// Why its run ended, or what holds it.
fn why(campaign: &Campaign, now: Timestamp, timing: &Timing) -> String {
    let run = campaign.last_run.as_ref();
    let at_work = run.is_some_and(|run| run.alive_but("", now, timing) > 0);
    match (campaign.state, run.and_then(|run| run.ended.as_ref())) {
        _ if Doing::of(campaign, now) == Doing::Cancelling => Doing::Cancelling.word().to_owned(),
        (CampaignState::Finished, _) => "finished".to_owned(),
        _ if campaign.wave_failed.is_some() => "a wave failed".to_owned(),
        _ if campaign.paused => "paused".to_owned(),
        _ if at_work => "running".to_owned(),
        (_, Some(end)) => end.why.clone(),
        (_, None) => "no run has told an end".to_owned(),
    }
}
