//! From the options for waves to the waves of a campaign and what its plan tells of them, and going
//! on after a wave that failed: somebody has to have looked.

use std::time::Duration;

use jiff::ZonedDateTime;

use crate::domain::forecast::Outlook;
use crate::domain::request::{Wait, WaveRequest};
use crate::domain::text::printable;
use crate::domain::{Campaign, CampaignId, Judged, MaxFailures, Order, Rollout, ScanType, Tally};
use crate::engine::waves::shown;
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::plan::approve::{PROPOSED, confirm, within};
use crate::ops::plan::listing::Listing;
use crate::ops::preflight::judge::Marks;
use crate::ops::preflight::judge::Preflight;
use crate::ops::waves::canary::Canary;
use crate::report::human::{count, counted};
use crate::report::waves::{self, Wave};
use crate::store::Store;

/// How long a canary is waited for if nothing else is asked.
const CANARY_WAIT: Duration = Duration::from_secs(30 * 60);

/// A full scan on more devices than this is proposed a canary.
const MANY: u64 = 100;

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct WavesWanted {
    asked: WaveRequest,
    canary: Option<Canary>,
    canary_wait: Duration,
    max_failures: Option<MaxFailures>,
}

/// The waves of a campaign, and what the plan tells of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct WavesAssigned {
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
pub fn check(asked: &WaveRequest) -> Result<(), Failure> {
    if asked.canary_wait.is_none() || asked.has_canary() {
        return Ok(());
    }
    Err(Failure::usage(
        "there is no canary to wait for",
        "--canary-wait stands without --canary, --canary-tag or --canary-file",
        "add --canary N, or leave it out; --wave-wait belongs to --waves",
    ))
}

impl WavesWanted {
    /// Reads what was asked for.
    ///
    /// # Errors
    /// `Failure` if it contradicts itself, or if the list of a canary is refused.
    pub(crate) async fn read(
        asked: &WaveRequest,
        max_failures: Option<MaxFailures>,
        time_scale: u32,
    ) -> Result<Self, Failure> {
        check(asked)?;
        let scaled = CANARY_WAIT / time_scale.max(1);
        let mut asked = asked.clone();
        let canary = Canary::read(&mut asked).await?;
        let canary_wait = asked.canary_wait.map_or(scaled, |wait| wait.0);
        Ok(Self { asked, canary, canary_wait, max_failures })
    }

    /// As it is, but with the canary that was proposed.
    pub(crate) fn with_canary(&self) -> Self {
        let asked = WaveRequest { canary: Some(PROPOSED), ..self.asked.clone() };
        Self { asked, canary: Some(Canary::first(PROPOSED)), ..self.clone() }
    }

    /// What was asked for with every default said; of a campaign that is open already that is what
    /// it was begun with.
    pub(crate) fn request(&self, dealt: &WavesAssigned) -> WaveRequest {
        let Rollout { sizes, canary, canary_wait, wave_wait, max_failures: _ } = &dealt.rollout;
        let begun = dealt.begun && !sizes.is_empty();
        let mut said = self.asked.clone();
        let wait = if begun && *canary { *canary_wait } else { self.canary_wait };
        said.canary_wait = if said.has_canary() { Some(Wait(wait)) } else { None };
        let after = if begun { *wave_wait } else { self.wave_wait() };
        said.wave_wait = if said.waves.is_empty() { None } else { Some(Wait(after)) };
        (said.canary_random, said.canary_seed) =
            (false, self.canary.as_ref().and_then(Canary::seed));
        said
    }

    /// The hash of the ids of `--canary-file`, if the canary is such a list.
    pub(crate) fn listed_hash(&self) -> Option<String> {
        self.canary.as_ref().and_then(Canary::listed_hash)
    }

    /// Whether the rows' order has no say in who the canary is.
    pub(crate) fn is_chosen(&self) -> bool {
        let Some(canary) = &self.canary else { return false };
        self.asked.canary.is_none() || canary.seed().is_some()
    }

    fn wave_wait(&self) -> Duration {
        self.asked.wave_wait.map_or(Duration::ZERO, |wait| wait.0)
    }

    /// Whether a canary is proposed to who confirms this on a terminal.
    pub(crate) fn proposes(&self, order: &Order, devices: u64, emulated: bool) -> bool {
        let none = self.canary.is_none() && self.asked.waves.is_empty();
        order.scan_type == ScanType::Full && devices > MANY && none && !emulated
    }

    /// The devices to set apart while the list is read.
    pub(crate) fn marks(&self) -> Marks {
        self.canary.as_ref().map(Canary::marks).unwrap_or_default()
    }

    /// The waves of a new campaign of these devices.
    ///
    /// # Errors
    /// `Failure` if there is no canary.
    pub(crate) fn deal(
        &self,
        listing: &Listing,
        preflight: &Preflight,
    ) -> Result<WavesAssigned, Failure> {
        let devices = listing.devices();
        let canary = self.canary.as_ref().map(|canary| canary.found(listing, preflight));
        let canary = canary.transpose()?;
        let mut sizes: Vec<u64> = canary.iter().map(|canary| canary.devices).collect();
        sizes.extend(&self.asked.waves);
        let wanted = sizes.len();
        // The last wave takes what remains, and no wave is empty.
        let mut before = 0_u64;
        sizes.retain(|size| {
            before = before.saturating_add(*size);
            before < devices
        });
        let mut warnings = Vec::new();
        if sizes.len() < wanted && devices > 0 {
            let some = counted(devices, "device");
            warnings.push(match sizes.len() as u64 {
                0 => format!("the list has only {some}: nothing is left to hold back"),
                more => format!("the list has only {some}: enough for {} waves", more + 1),
            });
        }
        let max_failures = self.max_failures;
        let rollout = if sizes.is_empty() {
            Rollout { max_failures, ..Rollout::default() }
        } else {
            Rollout {
                canary: canary.is_some(),
                canary_wait: self.canary_wait,
                wave_wait: self.wave_wait(),
                max_failures,
                sizes,
            }
        };
        let (first, _) = rollout.sizes_at(0, devices);
        Ok(WavesAssigned {
            wave: 0,
            begun: false,
            waiting: (first, None),
            devices,
            canary: if rollout.canary { canary } else { None },
            warnings,
            rollout,
        })
    }

    /// Deals the draft of a campaign into its waves.
    ///
    /// # Errors
    /// `Failure` if the store fails.
    pub(crate) async fn lay<S: Store>(
        &self,
        store: &S,
        draft: CampaignId,
        dealt: &WavesAssigned,
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

impl WavesAssigned {
    /// The waves of a campaign that is open already.
    ///
    /// # Errors
    /// `Failure` if the store fails.
    pub(crate) async fn of<S: Store>(
        store: &S,
        campaign: &Campaign,
        wish: &WavesWanted,
    ) -> Result<Self, Failure> {
        let tally = store.tally(campaign.id).await?;
        let rollout = ruled(campaign.rollout.clone(), wish.max_failures);
        let pauses = shown(store, campaign, &tally).await?.map(|(_, pauses)| pauses);
        let first = pauses.and_then(|pauses| pauses.first().copied());
        let waiting = first.map_or((0, None), |pause| (pause.after, Some(pause.wait)));
        let asked = wish.canary.is_some() || !wish.asked.waves.is_empty();
        let warning = "it is open already: its waves are those that it was begun with".to_owned();
        Ok(Self {
            wave: campaign.wave,
            begun: true,
            waiting,
            devices: tally.devices(),
            canary: None,
            warnings: if asked { vec![warning] } else { Vec::new() },
            rollout,
        })
    }

    /// The outlook with the pauses between the waves.
    pub(crate) fn outlook(&self, outlook: Outlook) -> Outlook {
        let (waiting, left) = self.waiting;
        Outlook { pauses: self.rollout.pauses(self.wave, waiting, left), ..outlook }
    }

    /// What the plan tells, of a forecast that was made with the pauses.
    pub(crate) fn plan(&self, outlook: &Outlook, open: u64, now: &ZonedDateTime) -> waves::Waves {
        let max_failures = self.rollout.max_failures;
        if self.wave >= self.rollout.last() {
            return waves::Waves { max_failures, ..waves::Waves::default() };
        }
        let later = |by: Duration| now.checked_add(by).ok();
        let first = if self.begun { None } else { outlook.forecast(open) };
        let first = first.map(|forecast| forecast.first_call);
        let begins = outlook.begins(open).into_iter().map(Some);
        let begins = std::iter::once(first).chain(begins);
        let waves = (self.wave..=self.rollout.last()).zip(begins).map(|(wave, begins)| Wave {
            name: self.rollout.name(wave),
            devices: self.rollout.sizes_at(wave, self.devices).0,
            begins: begins.and_then(later),
            wait: if wave < self.rollout.last() {
                Some(self.rollout.wait_after(wave))
            } else {
                None
            },
        });
        waves::Waves { waves: waves.collect(), canary: self.canary.clone(), max_failures }
    }
}

/// The rollout with the rule about failures that was asked for now, if one was.
fn ruled(rollout: Rollout, now: Option<MaxFailures>) -> Rollout {
    Rollout { max_failures: now.or(rollout.max_failures), ..rollout }
}

/// The campaign as this run is to treat it: the rule about failures that was asked for now holds,
/// else the one that it was begun with.
pub(crate) fn with_rules(campaign: Campaign, now: Option<MaxFailures>) -> Campaign {
    Campaign { rollout: ruled(campaign.rollout, now), ..campaign }
}

/// Refuses to go on with a campaign of which a wave failed: a timer that gives the same command
/// again has not looked.
///
/// # Errors
/// `Failure` with exit code 6 if one has.
pub(crate) fn refuse_failed(cx: &Context<'_>, campaign: &Campaign) -> Result<(), Failure> {
    let Some(failure) = &campaign.wave_failed else { return Ok(()) };
    let name = &campaign.name;
    Err(Failure::refused(
        format!("campaign {name} is not gone on with: a wave of it failed"),
        failure.to_string(),
        format!(
            "see `{}` for what failed; to order the others all the same, run `{}`, which asks once \
             more",
            cx.commands.of_store(&format!("report {name}")),
            cx.commands.going_on(name),
        ),
    ))
}

/// Asks whether to go on with a campaign of which a wave failed, and lets the next wave begin.
///
/// # Errors
/// `Failure` with exit code 6 if nobody says so.
pub(crate) async fn allow<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaign: &Campaign,
    approve_max: Option<u64>,
) -> Result<(), Failure> {
    let tally = store.tally(campaign.id).await?;
    within(tally.open(), approve_max)?;
    let there = store.campaign(campaign.id).await?;
    let Some(failure) = there.as_ref().and_then(|there| there.wave_failed.as_ref()) else {
        return Ok(());
    };
    let left = tally.open();
    cx.say(&format!(
        "Before it goes on: {}. {} left; see `{}` for what failed.",
        printable(&failure.to_string()),
        are_left(left),
        cx.commands.of_store(&format!("report {}", campaign.name)),
    ));
    let headline = headline(campaign, &tally);
    confirm(cx, &headline, left, approve_max, false).await.map_err(|refused| {
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
        "{emulated}{} scan on the other {} of {}, tenant {}, {}",
        scan_type.api_name().to_uppercase(),
        count(tally.open()),
        counted(tally.devices(), "device"),
        printable(&target.tenant),
        target.place(),
    )
}
