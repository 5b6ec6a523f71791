//! How the campaigns of several tenants stand, as the store has it: a line for each.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::context::Commands;
use super::failure::Failure;
use super::happenings::followed;
use super::kept::{is_over, resume_now};
use super::process::looked_at;
use crate::clock::Clock;
use crate::domain::{
    Again, Campaign, CampaignName, CampaignState, Doing, Ending, Exit, Outcome, Rest, Tally, Timing,
};
use crate::report::human::count;
use crate::report::standing::because;
use crate::report::tenants::{EndedTenant, NotDone, OfTenant, TenantsEnd};
use crate::store::Store;
use crate::system::shell;

/// What became of one tenant.
pub(super) struct Standing {
    /// Its profile.
    pub profile: String,
    /// Its campaign with the exit of its run, if it ran here, or why there is none.
    pub became: Result<(Campaign, Option<Exit>), Failure>,
    /// It was at its end before, so that nothing was done for it.
    already: bool,
    /// Why nobody went on with it, though that was asked for.
    not_run: Option<String>,
}

impl Standing {
    /// The campaign of this tenant, with the exit of its run if it ran here.
    pub(super) fn of(profile: String, campaign: Campaign, exit: Option<Exit>) -> Self {
        Self { profile, became: Ok((campaign, exit)), already: false, not_run: None }
    }

    /// The campaign of this tenant, of which a run here came to this.
    pub(super) fn after(profile: String, campaign: Campaign, exit: Result<Exit, Failure>) -> Self {
        match exit {
            Ok(exit) => Self::of(profile, campaign, Some(exit)),
            Err(failure) => Self::not_run(profile, campaign, &failure),
        }
    }

    /// The campaign of this tenant was at its end before: it is worth what its own run said.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(super) async fn ended_before<S: Store>(
        store: &S,
        profile: String,
        campaign: Campaign,
    ) -> Result<Self, Failure> {
        let uncovered = store.tally(campaign.id).await?.uncovered() > 0;
        let exit = Some(Ending::Finished.exit(uncovered));
        Ok(Self { already: true, ..Self::of(profile, campaign, exit) })
    }

    /// The campaign of this tenant was to go on, and could not: what it came to before counts.
    pub(super) fn not_run(profile: String, campaign: Campaign, failure: &Failure) -> Self {
        let not_run = Some(format!("{}: {}", failure.what, failure.why));
        Self { not_run, ..Self::of(profile, campaign, Some(failure.kind)) }
    }

    /// What it is worth; `None` if it runs still, or waits for somebody.
    pub(super) fn exit(&self) -> Option<Exit> {
        match &self.became {
            Ok((_, exit)) => *exit,
            Err(failure) => Some(failure.kind),
        }
    }

    /// Nothing was done for this tenant.
    pub(super) fn failed(profile: String, failure: Failure) -> Self {
        Self { profile, became: Err(failure), already: false, not_run: None }
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
        of_some: false,
        not_ordered: None,
        resume: None,
        work: None,
        retry: None,
        exit: None,
    };
    let mut left = Left::default();
    for Standing { profile, became, already, not_run } in all {
        let (told, exit) = match became {
            Ok((campaign, exit)) => {
                let there = store.campaign(campaign.id).await?;
                let campaign = looked_at(there.unwrap_or_else(|| campaign.clone()));
                let tally = store.tally(campaign.id).await?;
                let followed = followed(store, &campaign).await?;
                let now = store.clock().shared_utc();
                let is_open = campaign.state == CampaignState::Open;
                let is_over = is_open && is_over(store, &campaign).await?;
                let one = Stands { campaign, tally, followed, is_over, now };
                left.note(profile, &one, timing);
                let already = if *already { " already" } else { "" };
                let why = not_run.clone();
                let why = why.unwrap_or_else(|| format!("{}{already}", one.how(timing)));
                (Ok(EndedTenant { tally: one.tally, why, exit: *exit }), *exit)
            }
            Err(failure) => (Err(not_done(failure)), Some(failure.kind)),
        };
        end.exit = match (end.exit, exit) {
            (Some(worst), Some(exit)) => Some(worst.worse_of(exit)),
            (worst, exit) => worst.or(exit),
        };
        end.tenants.push(OfTenant { profile: profile.clone(), told });
    }
    left.propose(commands, are_all, &mut end);
    Ok(end)
}

/// What is left, by profiles.
#[derive(Default)]
struct Left<'a> {
    /// Devices are open, and nobody is at work.
    open: Vec<&'a str>,
    /// The same, and a worker is to run it.
    for_workers: Vec<&'a str>,
    /// Of so many of those that are open the time until which they were to order has passed.
    over: usize,
    /// Devices are not covered that `retry` orders by itself.
    uncovered: Vec<&'a str>,
    /// Devices are not covered that it orders only where their outcome is named.
    by_name: Vec<&'a str>,
    /// These outcomes.
    outcomes: BTreeSet<&'static str>,
}

impl<'a> Left<'a> {
    fn note(&mut self, profile: &'a str, one: &Stands, timing: &Timing) {
        let Stands { campaign, tally, followed, is_over, now } = one;
        // Also where each device was ordered, and what some of them came to is not looked up yet.
        if campaign.state == CampaignState::Open {
            if Doing::of(campaign, *now) == Doing::ForWorker {
                self.for_workers.push(profile);
            } else if campaign.paused || !one.is_at_work(timing) {
                self.open.push(profile);
                self.over += usize::from(*is_over);
            }
            return;
        }
        match tally.again(Rest::of(campaign.called_off, *followed)) {
            Again::Nothing => {}
            Again::ByItself => self.uncovered.push(profile),
            Again::Named(outcomes) => {
                self.by_name.push(profile);
                self.outcomes.extend(outcomes.iter().map(|one| one.distinct_name()));
            }
        }
    }

    /// The commands that go on with it.
    fn propose(&self, commands: &Commands, are_all: bool, end: &mut TenantsEnd) {
        let (name, tenants) = (&end.campaign, end.tenants.len());
        let of = |words: &str, profiles: &[&str], are_all: bool| {
            let command = || of_tenants(commands, words, profiles, are_all);
            (!profiles.is_empty()).then(command)
        };
        let all_open = |some: usize| are_all && some == tenants;
        let resume = of(&format!("resume {name}"), &self.open, all_open(self.open.len()));
        // An end that holds still is lifted by nobody who does not say so.
        let are_over = self.over > 0 && self.over == self.open.len();
        let resume = resume.map(|resume| resume_now(&resume, are_over));
        let work = of("work", &self.for_workers, all_open(self.for_workers.len()));
        if resume.is_some() || work.is_some() {
            (end.resume, end.work) = (resume, work);
            return;
        }
        let again = format!("retry {name}");
        let outcomes = self.outcomes.iter().map(|one| format!(" --outcome {one}"));
        let named = format!("{again}{}", outcomes.collect::<String>());
        let retry = of(&again, &self.uncovered, are_all);
        end.retry = retry.or_else(|| of(&named, &self.by_name, are_all));
    }
}

/// A command about the campaigns of these profiles.
fn of_tenants(commands: &Commands, words: &str, profiles: &[&str], are_all: bool) -> String {
    let which = if are_all {
        " --all-profiles".to_owned()
    } else {
        profiles.iter().map(|one| format!(" --profiles {}", shell::word(one))).collect()
    };
    commands.of_campaign(&format!("{words}{which}"))
}

/// A tenant's campaign, as the store has it.
struct Stands {
    campaign: Campaign,
    tally: Tally,
    /// The next run of its series has what waited in it.
    followed: bool,
    /// It is open, and the time until which it was to order has passed.
    is_over: bool,
    now: Timestamp,
}

impl Stands {
    fn is_at_work(&self, timing: &Timing) -> bool {
        let run = self.campaign.last_run.as_ref();
        run.is_some_and(|run| run.alive_but("", self.now, timing) > 0)
    }

    /// Why its run ended, or what holds it.
    fn how(&self, timing: &Timing) -> String {
        let campaign = &self.campaign;
        let run = campaign.last_run.as_ref();
        let doing = Doing::of(campaign, self.now);
        let of = |taken_back| self.tally.of(Outcome::Cancelled { taken_back });
        let cancelled = of(true) + of(false);
        let not_begun = run.and_then(|run| run.not_begun.as_ref()).map(|one| one.why.clone());
        match (campaign.state, run.and_then(|run| run.ended.as_ref())) {
            _ if self.followed => "ended: the next run of its series goes on".to_owned(),
            _ if matches!(doing, Doing::Cancelling | Doing::Cancelled) => doing.word().to_owned(),
            (CampaignState::Finished, _) if cancelled > 0 => {
                format!("finished, {} cancelled", count(cancelled))
            }
            (CampaignState::Finished, _) => doing.word().to_owned(),
            _ if campaign.wave_failed.is_some() => "a wave failed".to_owned(),
            _ if campaign.paused => "paused".to_owned(),
            _ if self.is_at_work(timing) => "running".to_owned(),
            _ if not_begun.is_some() => not_begun.unwrap_or_default(),
            _ if doing == Doing::ForWorker => "waits for a worker".to_owned(),
            (_, Some(end)) if end.exit_code == Exit::Done.code() => end.why.clone(),
            (_, Some(end)) => format!("stopped{}", because(&end.why)),
            (_, None) => doing.word().to_owned(),
        }
    }
}
