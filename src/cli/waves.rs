//! From the options for waves to the waves of a campaign and what its plan tells of them, and going
//! on after a wave that failed: somebody has to have looked.

use std::time::Duration;

use jiff::ZonedDateTime;

use super::args::ScanArgs;
use super::canary::{Canary, Marks};
use super::confirm::{confirm, within};
use super::failure::Failure;
use super::listing::Listing;
use super::preflight::Preflight;
use super::say;
use crate::domain::forecast::Outlook;
use crate::domain::plan_file::{self, Course};
use crate::domain::quota::duration_text;
use crate::domain::text::printable;
use crate::domain::{Campaign, CampaignId, Judged, MaxFailures, Order, Rollout, ScanType, Tally};
use crate::engine::waves::shown;
use crate::report::human::{count, counted, wrapped};
use crate::report::waves::{self, Wave};
use crate::store::Store;

/// How long a canary is waited for if nothing else is asked.
const CANARY_WAIT: Duration = Duration::from_secs(30 * 60);

/// Devices of the canary that is proposed.
pub(super) const PROPOSED: u64 = 20;

/// A full scan on more devices than this is proposed a canary.
const MANY: u64 = 100;

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    canary: Option<Canary>,
    canary_wait: Duration,
    sizes: Vec<u64>,
    wave_wait: Duration,
    max_failures: Option<MaxFailures>,
}

/// The waves of a campaign, and what the plan tells of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Dealt {
    /// As the store keeps them.
    pub rollout: Rollout,
    /// The wave that it stands at.
    wave: u32,
    /// It was begun before.
    begun: bool,
    /// Devices of that wave that wait for their turn, and what is left of its wait.
    waiting: (u64, Option<Duration>),
    /// Its devices.
    devices: u64,
    canary: Option<waves::Canary>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Whether the options agree.
///
/// # Errors
/// `Failure` says which do not.
pub(super) fn check(args: &ScanArgs) -> Result<(), Failure> {
    if args.waves.canary_wait.is_none() || args.waves.has_canary() {
        return Ok(());
    }
    Err(Failure::usage(
        "there is no canary to wait for",
        "--canary-wait stands without --canary, --canary-tag or --canary-file",
        "add --canary N, or leave it out; --wave-wait belongs to --waves",
    ))
}

impl Wish {
    /// Reads the options.
    ///
    /// # Errors
    /// `Failure` if they contradict each other, or if the list of a canary is refused.
    pub(super) async fn read(args: &ScanArgs) -> Result<Self, Failure> {
        check(args)?;
        let typed = &args.waves;
        let scaled = CANARY_WAIT / args.run.speed.time_scale.max(1);
        Ok(Self {
            canary: Canary::read(typed).await?,
            canary_wait: typed.canary_wait.unwrap_or(scaled),
            sizes: typed.waves.as_ref().map(|sizes| sizes.0.clone()).unwrap_or_default(),
            wave_wait: typed.wave_wait.unwrap_or_default(),
            max_failures: args.run.rules.max_failures,
        })
    }

    /// The same with the canary that was proposed.
    pub(super) fn with_canary(&self) -> Self {
        Self { canary: Some(Canary::first(PROPOSED)), ..self.clone() }
    }

    /// The same as a plan file says it, with how the list was dealt; of a campaign that is open
    /// already that is what it was begun with.
    pub(super) fn course(&self, dealt: &Dealt) -> Course {
        let Rollout { sizes, canary, canary_wait, wave_wait, max_failures } = &dealt.rollout;
        let begun = dealt.begun && !sizes.is_empty();
        let wait = if begun && *canary { *canary_wait } else { self.canary_wait };
        let who = self.canary.as_ref().map(Canary::course);
        let after = if begun { *wave_wait } else { self.wave_wait };
        Course {
            canary: who.map(|(most, who)| plan_file::Canary {
                most,
                who,
                wait: duration_text(wait),
            }),
            waves: self.sizes.clone(),
            wave_wait: (!self.sizes.is_empty()).then(|| duration_text(after)),
            dealt: sizes.clone(),
            begins_with_canary: *canary,
            max_failures: *max_failures,
            ..Course::default()
        }
    }

    /// Whether a canary is proposed to who confirms this on a terminal.
    pub(super) fn proposes(&self, order: &Order, devices: u64, emulated: bool) -> bool {
        let none = self.canary.is_none() && self.sizes.is_empty();
        order.scan_type == ScanType::Full && devices > MANY && none && !emulated
    }

    /// The devices to set apart while the list is read.
    pub(super) fn marks(&self) -> Marks {
        self.canary.as_ref().map(Canary::marks).unwrap_or_default()
    }

    /// The waves of a new campaign of these devices.
    ///
    /// # Errors
    /// `Failure` if there is no canary.
    pub(super) fn deal(&self, listing: &Listing, preflight: &Preflight) -> Result<Dealt, Failure> {
        let devices = listing.devices();
        let canary = self.canary.as_ref().map(|canary| canary.found(listing, preflight));
        let canary = canary.transpose()?;
        let mut sizes: Vec<u64> = canary.iter().map(|canary| canary.devices).collect();
        sizes.extend(&self.sizes);
        let wanted = sizes.len();
        // The last wave takes what remains, and there is none of nobody.
        let mut before = 0_u64;
        sizes.retain(|size| {
            before = before.saturating_add(*size);
            before < devices
        });
        let warnings = (sizes.len() < wanted && devices > 0).then(|| {
            let some = counted(devices, "device");
            match sizes.len() as u64 {
                0 => format!("the list has only {some}: nothing is left to hold back"),
                more => format!("the list has only {some}: enough for {} waves", more + 1),
            }
        });
        let rollout = Rollout {
            canary: canary.is_some() && !sizes.is_empty(),
            canary_wait: self.canary_wait,
            wave_wait: self.wave_wait,
            max_failures: self.max_failures,
            sizes,
        };
        let rollout = match rollout.sizes.is_empty() {
            true => Rollout { max_failures: self.max_failures, ..Rollout::default() },
            false => rollout,
        };
        let (first, _) = rollout.sizes_at(0, devices);
        Ok(Dealt {
            wave: 0,
            begun: false,
            waiting: (first, None),
            devices,
            canary: canary.filter(|_| rollout.canary),
            warnings: warnings.into_iter().collect(),
            rollout,
        })
    }

    /// Deals the draft of a campaign into its waves.
    ///
    /// # Errors
    /// `Failure` if the store fails.
    pub(super) async fn lay<S: Store>(
        &self,
        store: &S,
        draft: CampaignId,
        dealt: &Dealt,
        listing: &Listing,
    ) -> Result<(), Failure> {
        let sizes = &dealt.rollout.sizes;
        match &self.canary {
            _ if sizes.is_empty() => Ok(()),
            Some(canary) => canary.lay(store, draft, sizes, listing).await,
            None => Ok(store.lay_waves(draft, sizes).await?),
        }
    }
}

impl Dealt {
    /// The waves of a campaign that is open already.
    ///
    /// # Errors
    /// `Failure` if the store fails.
    pub(super) async fn of<S: Store>(
        store: &S,
        campaign: &Campaign,
        wish: &Wish,
    ) -> Result<Self, Failure> {
        let tally = store.tally(campaign.id).await?;
        let rollout = ruled(campaign.rollout.clone(), wish.max_failures);
        let pauses = shown(store, campaign, &tally).await?.map(|(_, pauses)| pauses);
        let first = pauses.and_then(|pauses| pauses.first().copied());
        let waiting = first.map_or((0, None), |pause| (pause.after, Some(pause.wait)));
        let asked = wish.canary.is_some() || !wish.sizes.is_empty();
        let warning = "it is open already: its waves are those that it was begun with";
        Ok(Self {
            wave: campaign.wave,
            begun: true,
            waiting,
            devices: tally.devices(),
            canary: None,
            warnings: asked.then(|| warning.to_owned()).into_iter().collect(),
            rollout,
        })
    }

    /// The same outlook with the pauses between the waves.
    pub(super) fn outlook(&self, outlook: Outlook) -> Outlook {
        let (waiting, left) = self.waiting;
        Outlook { pauses: self.rollout.pauses(self.wave, waiting, left), ..outlook }
    }

    /// What the plan tells, of a forecast that was made with the pauses.
    pub(super) fn plan(&self, outlook: &Outlook, open: u64, now: &ZonedDateTime) -> waves::Waves {
        let max_failures = self.rollout.max_failures;
        if self.wave >= self.rollout.last() {
            return waves::Waves { max_failures, ..waves::Waves::default() };
        }
        let later = |by: Duration| now.checked_add(by).ok();
        let first = outlook.forecast(open).map(|forecast| forecast.first_call);
        let first = first.filter(|_| !self.begun);
        let begins = outlook.begins(open).into_iter().map(Some);
        let begins = std::iter::once(first).chain(begins);
        let waves = (self.wave..=self.rollout.last()).zip(begins).map(|(wave, begins)| Wave {
            name: self.rollout.name(wave),
            devices: self.rollout.sizes_at(wave, self.devices).0,
            begins: begins.and_then(later),
            wait: (wave < self.rollout.last()).then(|| self.rollout.wait_after(wave)),
        });
        waves::Waves { waves: waves.collect(), canary: self.canary.clone(), max_failures }
    }
}

/// The same with the rule about failures that was asked for now, if one was.
fn ruled(rollout: Rollout, now: Option<MaxFailures>) -> Rollout {
    Rollout { max_failures: now.or(rollout.max_failures), ..rollout }
}

/// The campaign as this run is to treat it: the rule about failures that was asked for now holds,
/// else the one that it was begun with.
pub(super) fn with_rules(campaign: Campaign, now: Option<MaxFailures>) -> Campaign {
    Campaign { rollout: ruled(campaign.rollout, now), ..campaign }
}

/// Refuses to go on with a campaign of which a wave failed: a timer that gives the same command
/// again has not looked.
///
/// # Errors
/// `Failure` with exit code 6 if one has.
pub(super) fn refuse_failed(campaign: &Campaign) -> Result<(), Failure> {
    let Some(failure) = &campaign.wave_failed else { return Ok(()) };
    let name = &campaign.name;
    Err(Failure::new(
        6,
        format!("campaign {name} is not gone on with: a wave of it failed"),
        failure.to_string(),
        format!(
            "see `fleetsweep report {name}` for what failed; to order the others all the same, run \
             `fleetsweep resume {name}`, which asks once more"
        ),
    ))
}

/// Asks whether to go on with a campaign of which a wave failed, and lets the next wave begin.
///
/// # Errors
/// `Failure` with exit code 6 if nobody says so.
pub(super) async fn allow<S: Store>(
    store: &S,
    campaign: &Campaign,
    approve_max: Option<u64>,
) -> Result<(), Failure> {
    let tally = store.tally(campaign.id).await?;
    within(tally.open(), approve_max)?;
    let there = store.find(&campaign.name).await?;
    let Some(failure) = there.as_ref().and_then(|there| there.wave_failed.as_ref()) else {
        return Ok(());
    };
    let left = tally.open();
    say::note(&wrapped(
        &format!(
            "Before it goes on: {}. {} left; see `fleetsweep report {}` for what failed.",
            printable(&failure.to_string()),
            are_left(left),
            campaign.name
        ),
        2,
    ));
    let headline = headline(campaign, &tally);
    confirm(&headline, left, approve_max, false).await.map_err(|refused| {
        let what = format!("nothing more was ordered: a wave of {} failed", campaign.name);
        let next = format!(
            "look at the report; to order the others all the same, run it on a terminal, or add \
             --approve-max {left}"
        );
        Failure { what, next, ..refused }
    })?;
    let wave = there.as_ref().map_or(campaign.wave, |there| there.wave);
    store.judge_wave(campaign.id, wave, Judged::Allowed).await?;
    Ok(())
}

fn are_left(devices: u64) -> String {
    let are = if devices == 1 { "is" } else { "are" };
    format!("{} {are}", counted(devices, "device"))
}

/// One line that names what is about to be ordered, and where.
fn headline(campaign: &Campaign, tally: &Tally) -> String {
    let emulated = if campaign.emulated { "EMULATED: " } else { "" };
    let Order { target, scan_type, .. } = &campaign.order;
    format!(
        "{emulated}{} scan on the other {} of {}, tenant {}, {} cloud",
        scan_type.api_name().to_uppercase(),
        count(tally.open()),
        counted(tally.devices(), "device"),
        printable(&target.tenant),
        printable(&target.cloud),
    )
}
