//! Ordering again what a campaign left uncovered, as a campaign of its own. It only makes the list
//! and the order; planning, confirming and running are those of `scan`.

mod since;

use std::collections::{BTreeMap, BTreeSet};

use super::campaigns::{Meant, any_campaign};
use super::connection::target_of;
use super::context::Context;
use super::destination::Planned;
use super::failure::Failure;
use super::happenings::{followed, ordered_again};
use super::kept;
use super::process::looked_at;
use super::scan::scan_again;
use super::stores::{self, Place};
use crate::clock::Clock;
use crate::domain::happening::HAPPENINGS_KEPT;
use crate::domain::refusals::is_for_good;
use crate::domain::request::{ListedDevice, RetryRequest, RunRequest, Said, ScanRequest};
use crate::domain::{
    Begun, Campaign, CampaignName, CampaignState, DeviceId, Doing, Exit, Operation, Outcome, Rest,
    State,
};
use crate::report::advice::short;
use crate::report::human;
use crate::store::{Store, StoreError};
use since::{Counted, Since, ordered_since, stem};

/// Campaigns that may follow one another under one name.
const MOST: u32 = 10_000;

/// Orders again what a campaign left uncovered.
///
/// # Errors
/// `Failure` of its kind.
pub async fn retry(
    cx: &Context<'_>,
    request: RetryRequest,
    settings: ScanRequest,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let store = stores::open_to_read(&place).await?;
    let whose = request.scan.run.connect.clone().or(settings.run.connect.clone());
    let meant = Meant { name: request.campaign.as_ref(), whose, reads: false };
    let campaign = any_campaign(cx, &store, &meant).await?;
    let name = next_name(&store, &campaign.name, &[&campaign]).await?;
    let mut settings = settings;
    let again = Again { name: &name, request: &request, campaign: &campaign };
    let mut scan = again.scan(cx, &store, &mut settings).await?.map_err(|nothing| {
        let status = cx.commands.of_store(&format!("status {}", campaign.name));
        nothing.failure(campaign.name.as_str(), &status)
    })?;
    let happened = store.happenings(campaign.id, 0, HAPPENINGS_KEPT).await?;
    if let Some(before) = ordered_again(happened.iter().map(|one| &one.happening)) {
        cx.say(&format!(
            "Note: {before} was begun to order some of {} again; see `{}`, too.",
            campaign.name,
            cx.commands.of_store(&format!("status {before}"))
        ));
    }
    keep_time(&mut scan, store.begun(campaign.id).await?.as_ref())?;
    store.close().await?;
    scan_again(cx, scan, settings, Some(&campaign)).await
}

/// The time of a server on this machine goes as fast as when the campaign was begun, and its limits
/// are the same.
fn keep_time(scan: &mut ScanRequest, begun: Option<&Begun>) -> Result<(), Failure> {
    let RunRequest { speed, connect, emulator, .. } = &mut scan.run;
    let Some(Begun { request: before, .. }) = begun else { return Ok(()) };
    let then = &before.run;
    let same = then.connect.api_url == connect.api_url && !then.emulator.emulator;
    if same && !emulator.emulator && Planned::is_loopback(connect, emulator)? {
        speed.time_scale = speed.time_scale.or(then.speed.time_scale);
        speed.limits = speed.limits.take().or_else(|| then.speed.limits.clone());
    }
    Ok(())
}

/// What is ordered again of one campaign.
pub(super) struct Again<'a> {
    /// The name of the campaign that orders it again.
    pub name: &'a CampaignName,
    /// What was asked for.
    pub request: &'a RetryRequest,
    /// The campaign that left it uncovered.
    pub campaign: &'a Campaign,
}

impl Again<'_> {
    /// The order of what the campaign left uncovered, or that it left nothing. What settings say of
    /// the connection goes into it.
    ///
    /// # Errors
    /// `Failure` if the campaign is not at its end or another tenant's.
    pub(super) async fn scan<S: Store>(
        &self,
        cx: &Context<'_>,
        store: &S,
        settings: &mut ScanRequest,
    ) -> Result<Result<ScanRequest, Nothing>, Failure> {
        let Self { name, request, campaign } = *self;
        refuse_unfinished(cx, store, campaign).await?;
        if campaign.emulated && !request.scan.run.emulator.emulator {
            return Err(Failure::refused(
                format!("campaign {} ran against the emulator", campaign.name),
                "what it left uncovered there is no reason to order anything of a tenant",
                "add --emulator to order it again there; for real devices run `fleetsweep scan`",
            ));
        }
        let mut scan = request.scan.clone();
        if !scan.run.emulator.emulator {
            let begun = store.begun(campaign.id).await?;
            let (typed, set) = (scan.run.connect, std::mem::take(&mut settings.run.connect));
            scan.run.connect = kept::own_connection(cx, typed, set, begun.as_ref())?;
        }
        same_tenant(&scan, campaign)?;
        let handed_on = followed(store, campaign).await?;
        let wanted = Wanted { handed_on, ..Wanted::of(request, campaign)? };
        let asked = scan.scan_type.unwrap_or(campaign.order.scan_type);
        let since = ordered_since(store, campaign, asked).await?;
        let Uncovered { devices: ids, of, left, others } =
            uncovered(store, campaign, &wanted, &since).await?;
        if ids.is_empty() {
            let outcomes = listed(&wanted.outcomes);
            return Ok(Err(Nothing { outcomes, left, others }));
        }
        let of = of.iter().map(|(name, rows)| format!("{} {name}", human::count(*rows)));
        let of = of.collect::<Vec<_>>().join("; ");
        cx.say(&format!("To be ordered again from {}: {of}.", campaign.name));
        if let Some(left) = left.words() {
            cx.say(&format!("Skipped: {left}."));
        }
        let as_before = ScanRequest {
            ids,
            campaign: Some(name.clone()),
            scan_type: Some(campaign.order.scan_type),
            comment: Some(campaign.order.comment.clone()),
            ticket: campaign.order.ticket.clone(),
            ..ScanRequest::default()
        };
        Ok(Ok(scan.or(as_before)))
    }
}

/// Nothing is to be ordered again.
pub(super) struct Nothing {
    /// The outcomes that were looked for, in words.
    outcomes: String,
    left: Left,
    /// Devices that ended in another way, by the outcome that orders them again.
    others: BTreeMap<&'static str, u64>,
}

impl Nothing {
    /// The same of this and another campaign.
    pub(super) fn and(self, other: Self) -> Self {
        let mut others = self.others;
        other.others.into_iter().for_each(|(name, rows)| *others.entry(name).or_default() += rows);
        Self { left: self.left.and(other.left), others, ..self }
    }

    /// Why nothing of these is ordered again, and what orders what was left alone.
    pub(super) fn failure(self, whose: &str, status: &str) -> Failure {
        Failure::usage(
            "there is nothing to order again",
            match self.left.words() {
                None => format!("no device of {whose} ended as {}", self.outcomes),
                Some(left) => format!("of {whose}: {left}"),
            },
            match self.others_text() {
                Some(others) => format!("see `{status}`; {others}"),
                None => format!("see `{status}`"),
            },
        )
    }

    fn others_text(&self) -> Option<String> {
        let told: Vec<String> = self
            .others
            .iter()
            .map(|(name, rows)| {
                format!("{} with --outcome {name}", human::counted(*rows, "device"))
            })
            .collect();
        (!told.is_empty()).then(|| format!("`retry` orders {}", human::listed(&told, "or")))
    }
}

async fn refuse_unfinished<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaign: &Campaign,
) -> Result<(), Failure> {
    if campaign.state == CampaignState::Open {
        let resume = kept::going_on_now(cx, store, campaign).await?;
        let why = match store.tally(campaign.id).await?.open() {
            0 => "it is not looked up yet what was in the way of some of its devices".to_owned(),
            some if campaign.called_off => {
                let some = human::counted(some, "device");
                format!("it is not known yet what became of {some} of it")
            }
            1 => "1 device of it is open: it may order that still".to_owned(),
            some => {
                format!("{} devices of it are open: it may order them still", human::count(some))
            }
        };
        return Err(Failure::refused(
            format!("campaign {} is not finished", campaign.name),
            why,
            format!("run `{resume}` first"),
        ));
    }
    let now = store.clock().shared_utc();
    if Doing::of(&looked_at(campaign.clone()), now) == Doing::Cancelling {
        return Err(Failure::refused(
            format!("campaign {} is being cancelled", campaign.name),
            "which of its devices are left is known when that has ended",
            format!("watch `{}`", cx.commands.of_store(&format!("status {}", campaign.name))),
        ));
    }
    Ok(())
}

/// What is said of the tenant must be the campaign's, before anybody signs in; what only the token
/// says, `scan` compares.
fn same_tenant(request: &ScanRequest, campaign: &Campaign) -> Result<(), Failure> {
    if campaign.emulated || request.run.emulator.emulator {
        return Ok(());
    }
    let (now, _) = target_of(&request.run.connect)?;
    let then = &campaign.order.target;
    let differs = |now: &str, then: &str| !now.is_empty() && !now.contains('.') && now != then;
    if differs(&now.tenant, &then.tenant) || differs(&now.application, &then.application) {
        return Err(Failure::refused(
            format!("campaign {} is not ordered again", campaign.name),
            format!("it was of tenant {}, application {}", then.tenant, then.application),
            "use the settings that it was started with",
        ));
    }
    Ok(())
}

/// Which devices are ordered again.
struct Wanted {
    outcomes: Vec<Outcome>,
    /// Nobody named them: what somebody took back is left alone.
    by_default: bool,
    /// Its devices that were never ordered were taken back.
    called_off: bool,
    /// The next run of its series has them instead: to order them here too would order them twice.
    handed_on: bool,
}

/// How many devices are left alone.
#[derive(Default)]
struct Left {
    taken_back: u64,
    handed_on: u64,
    /// Their operating system takes no such order.
    unsupported: u64,
    /// Some of those that were taken back were never ordered.
    not_attempted: bool,
    /// Campaigns that were begun to order these again have ordered them, or have yet to.
    since: Counted,
}

impl Left {
    fn and(self, other: Self) -> Self {
        Self {
            taken_back: self.taken_back + other.taken_back,
            handed_on: self.handed_on + other.handed_on,
            unsupported: self.unsupported + other.unsupported,
            not_attempted: self.not_attempted || other.not_attempted,
            since: self.since.and(other.since),
        }
    }

    /// How many devices are left alone, and how to order them. Returns `None` if there are none.
    fn words(&self) -> Option<String> {
        let devices = |some, one: &str, many: &str| match some {
            0 => None,
            1 => Some(format!("1 device {one}")),
            some => Some(format!("{} devices {many}", human::count(some))),
        };
        let too = if self.not_attempted { " --outcome not_attempted" } else { "" };
        let taken_back = devices(self.taken_back, "was taken back", "were taken back")
            .map(|some| format!("{some}; --outcome cancelled{too} orders such devices again"));
        let handed_on = devices(self.handed_on, "was", "were")
            .map(|some| format!("{some} handed on to the next run of the series, which has them"));
        let it = if self.unsupported == 1 { "it" } else { "them" };
        let unsupported = devices(self.unsupported, "was", "were").map(|some| {
            format!(
                "{some} rejected as OsPlatformNotSupported, as any further order of {it} would be; \
                 --outcome rejected orders {it} all the same"
            )
        });
        let since = self.since.words().into_iter();
        let all = since.chain(taken_back).chain(handed_on).chain(unsupported);
        let all: Vec<String> = all.collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

impl Wanted {
    /// Those that ended in a way that was named, or in any way that can be ordered again.
    fn of(request: &RetryRequest, campaign: &Campaign) -> Result<Self, Failure> {
        let (called_off, handed_on) = (campaign.called_off, false);
        if request.outcomes.is_empty() {
            let outcomes = Outcome::RETRIED.to_vec();
            return Ok(Self { outcomes, by_default: true, called_off, handed_on });
        }
        let mut outcomes = Vec::new();
        for name in &request.outcomes {
            let named = Outcome::distinct_named(name);
            if named.is_empty() {
                let is_meant = |one: &Outcome| one.name() == name.replace('-', "_");
                let (why, instead) = not_again(Outcome::ALL.into_iter().find(is_meant));
                return Err(Failure::usage(
                    format!("`{name}` is no outcome that can be ordered again"),
                    why,
                    format!("use one of {}{instead}", listed(&Outcome::RETRIED)),
                ));
            }
            outcomes.extend(named);
        }
        Ok(Self { outcomes, by_default: false, called_off, handed_on })
    }

    /// Whether somebody took it back, and nobody named such devices.
    fn is_taken_back(&self, outcome: Outcome) -> bool {
        self.by_default && Rest::of(self.called_off, false).is_taken_back(outcome)
    }
}

/// Why rows with this outcome are not ordered again, and what to do instead; none is no outcome.
fn not_again(outcome: Option<Outcome>) -> (&'static str, &'static str) {
    match outcome {
        None => ("there is no such outcome", ""),
        Some(Outcome::BadRow) => {
            ("these rows hold no device", "; mend them in the list, and order that")
        }
        Some(Outcome::Duplicate) => {
            ("the device of each of these rows has an outcome in an earlier row", "")
        }
        Some(Outcome::Skipped) => (
            "the plan skipped these rows, for the reasons that the report tells",
            "; `fleetsweep scan LIST --keep GROUP` orders such devices",
        ),
        Some(_) => (
            "a scan of these devices was ordered, and each of them scans when it can",
            "; --outcome scan_failed orders those again whose scan failed on the device; to have \
             others scanned once more, order a list of them with `fleetsweep scan`",
        ),
    }
}

fn listed(outcomes: &[Outcome]) -> String {
    let names: BTreeSet<&str> = outcomes.iter().map(|one| one.distinct_name()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// The devices of a campaign that are ordered again.
struct Uncovered {
    devices: Vec<ListedDevice>,
    /// How many of them ended in which way, in words.
    of: BTreeMap<&'static str, u64>,
    /// Others that ended so.
    left: Left,
    /// Others that no later campaign has, by the word that orders them again.
    others: BTreeMap<&'static str, u64>,
}

/// The devices of a campaign that ended so, and how many others are left alone.
async fn uncovered<S: Store>(
    store: &S,
    campaign: &Campaign,
    wanted: &Wanted,
    since: &BTreeMap<DeviceId, Since>,
) -> Result<Uncovered, Failure> {
    let (mut devices, mut of) = (Vec::new(), BTreeMap::<_, u64>::new());
    let (mut left, mut others) = (Left::default(), BTreeMap::<_, u64>::new());
    let rows = store.each_row(campaign.id, |row| {
        if let (State::Done(outcome), Some(id)) = (row.life.state, row.device) {
            let (is_wanted, since) = (wanted.outcomes.contains(&outcome), since.get(&id));
            if let (true, Some(since)) = (is_wanted, since) {
                left.since.add(since);
            } else if since.is_some() {
                // The other campaign's.
            } else if !is_wanted {
                if Outcome::RETRIED.contains(&outcome) {
                    *others.entry(outcome.distinct_name()).or_default() += 1;
                }
            } else if wanted.handed_on && Rest::HandedOn.is_handed_on(outcome) {
                left.handed_on += 1;
            } else if wanted.is_taken_back(outcome) {
                left.taken_back += 1;
                left.not_attempted |= outcome == Outcome::NotAttempted;
            } else if wanted.by_default && is_for_good(row.detail.error_code.as_deref()) {
                left.unsupported += 1;
            } else {
                let how = match outcome {
                    Outcome::ScanFailed => "whose scan failed",
                    other => short(other),
                };
                *of.entry(how).or_default() += 1;
                devices.push(ListedDevice { id, name: row.name, facts: row.detail.facts });
            }
        }
        Ok::<(), StoreError>(())
    });
    rows.await?;
    Ok(Uncovered { devices, of, left, others })
}

/// The name of these campaigns, with what round it is in all their tenants.
pub(super) async fn next_name<S: Store>(
    store: &S,
    first: &CampaignName,
    campaigns: &[&Campaign],
) -> Result<CampaignName, Failure> {
    let text = first.as_str();
    let stem = stem(text);
    for round in 1..MOST {
        let round = format!("-retry{round}");
        let room = CampaignName::MAX - round.len();
        let name = format!("{}{round}", &stem[..stem.len().min(room)]);
        let Ok(name) = name.parse() else { break };
        let taken = store.named(&name).await?;
        let budget = |one: &Campaign| one.order.target.budget(Operation::Scan);
        let is_own = |other: &Campaign| campaigns.iter().any(|one| budget(one) == budget(other));
        if !taken.iter().any(is_own) {
            return Ok(name);
        }
    }
    Err(Failure::usage(
        "no name is left for another round",
        format!("{text} was ordered again too often"),
        "export a fresh list, and order it with `fleetsweep scan`",
    ))
}
