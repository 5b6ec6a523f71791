//! From a list, an order and the journal to the plan that the user confirms.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use crate::clock::{Clock, SystemClock, wall_clock};
use crate::domain::forecast::Outlook;
use crate::domain::preflight::{Decision, Group};
use crate::domain::quota::used;
use crate::domain::{
    BudgetKey, Campaign, CampaignFilter, CampaignName, CampaignState, Operation, Order, Outcome,
    Quota, SignInKind, Skipped, Stamp, Target, Usage,
};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::limits::{Speed, most_calls};
use crate::ops::plan::listing::Listing;
use crate::ops::preflight::judge::Preflight;
use crate::ops::waves::deal::Dealt;
use crate::report::checked::{Checked, Found};
use crate::report::human::{self, count, quota as human_quota};
use crate::report::nights::Nights;
use crate::report::order::{Ahead, InOrder};
use crate::report::plan::{Calls, Expire, Plan, Until};
use crate::store::Store;

/// What the plan tells beside order, list and forecast.
pub(in crate::ops) struct About<'a> {
    /// The campaign's name.
    pub name: &'a CampaignName,
    /// Where the store is.
    pub place: String,
    /// Nothing follows.
    pub dry_run: bool,
    /// How many devices of the campaign are open, if it is open already.
    pub continues: Option<u64>,
    /// What the pre-flight knows.
    pub preflight: &'a Preflight,
    /// Bad rows are skipped.
    pub skip_bad_rows: bool,
    /// It is a run of a series.
    pub series: bool,
    /// Its waves; the outlook that the plan is made from pauses between them.
    pub waves: &'a Dealt,
    /// It runs against the embedded emulator.
    pub emulated: bool,
    /// How a run signs in, if anything says how.
    pub sign_in: Option<SignInKind>,
    /// What expiring scans is forecast from, if any are to expire.
    pub expire: Option<Expiry>,
    /// What the user should know before.
    pub warnings: Vec<String>,
}

/// What the forecast starts from.
pub(in crate::ops) fn outlook(speed: &Speed, usage: Usage, now: Stamp) -> Outlook {
    let hours = speed.hours.clone().map(|hours| (hours, whole(wall_clock())));
    Outlook { hours, ..Outlook::new(usage, speed.rate(), now) }
}

/// A moment as exact as stamps are, so that a forecast made with both meets a window's begin.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// Which open campaigns go before this one on its budget, and which keep a stricter limit on it
/// than this run would; and that this one was cancelled, if it was.
pub(in crate::ops) fn held_by(
    cx: &Context<'_>,
    all: &[Campaign],
    this: &CampaignName,
    budget: &BudgetKey,
    speed: &Speed,
) -> Vec<String> {
    let kept = |quota: &Quota| {
        let as_strict = |ours: &Quota| ours.window == quota.window && ours.calls <= quota.calls;
        speed.quotas.iter().any(as_strict)
    };
    let others = all.iter().filter(|one| {
        let same = one.order.target.budget(budget.operation) == *budget;
        same && one.state == CampaignState::Open && one.name != *this
    });
    let others: Vec<&Campaign> = others.collect();
    let urgent = others.iter().filter(|one| one.priority > speed.priority && !one.paused);
    let before = urgent.map(|one| {
        format!(
            "the open campaign {} (priority high) goes before this one, which waits while a runner \
             is at work on it",
            one.name
        )
    });
    let holding = others.iter().filter_map(|one| {
        let stricter = one.quotas.iter().filter(|quota| !kept(quota)).map(human_quota);
        let stricter: Vec<String> = stricter.collect();
        (!stricter.is_empty()).then(|| {
            format!(
                "the open campaign {} keeps {}, which holds this one too; `{}` changes it",
                one.name,
                stricter.join(", "),
                cx.commands.of_campaign(&format!("resume {} --limit ...", one.name))
            )
        })
    });
    let called_off = all.iter().filter(|one| one.name == *this && one.called_off);
    let called_off = called_off.map(|one| {
        format!(
            "campaign {} was cancelled: nothing more of it is ordered, only found out",
            one.name
        )
    });
    called_off.chain(before).chain(holding).collect()
}

/// What expiring scans is forecast from.
pub(in crate::ops) struct Expiry {
    outlook: Outlook,
    /// Scans that were ordered before and may wait still.
    earlier: u64,
}

impl Expiry {
    /// With what a store knows, if there is one. Returns `None` if no scans are to expire.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(in crate::ops) async fn of<S: Store>(
        store: Option<&S>,
        target: &Target,
        speed: &Speed,
        campaign: Option<&Campaign>,
    ) -> Result<Option<Self>, Failure> {
        if !speed.expire_pending {
            return Ok(None);
        }
        let budget = target.budget(Operation::Cancel);
        let (usage, now) = usage(store, speed, &budget).await?;
        let outlook = outlook(speed, usage, now);
        let earlier = match (store, campaign) {
            (Some(store), Some(campaign)) => store.tally(campaign.id).await?.of(Outcome::Accepted),
            _ => 0,
        };
        Ok(Some(Self { outlook: at_any_time(outlook), earlier }))
    }

    /// What the plan says, given how many devices are ordered until then at most.
    pub(in crate::ops) fn expire(&self, fits: u64) -> Expire {
        let most = fits.saturating_add(self.earlier);
        let takes = self.outlook.forecast(most).map(|forecast| forecast.last_call);
        Expire { most, takes: takes.unwrap_or_default() }
    }
}

/// Cancelling is no order, so no window holds it.
fn at_any_time(outlook: Outlook) -> Outlook {
    Outlook { hours: None, ..outlook }
}

/// What a store says of a budget, and the moment that its stamps are compared with; nothing was
/// called yet where there is no store.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(in crate::ops) async fn usage<S: Store>(
    store: Option<&S>,
    speed: &Speed,
    budget: &BudgetKey,
) -> Result<(Usage, Stamp), Failure> {
    match store {
        Some(store) => Ok((store.usage(budget, most_calls(speed)).await?, store.clock().now())),
        None => Ok((Usage::default(), SystemClock::with_offset(0).now())),
    }
}

/// How long ago an order of the same list is told.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// Campaigns that order these very devices already, or did lately: whoever confirms the plan most
/// likely wants to go on with one, and not a second scan on each device.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(in crate::ops) async fn same_list<S: Store>(
    cx: &Context<'_>,
    store: &S,
    order: &Order,
    now: Timestamp,
) -> Result<Vec<String>, Failure> {
    let filter = CampaignFilter {
        on_budget: Some(order.target.budget(Operation::Scan)),
        not_over_before: now.checked_sub(LATELY).ok(),
        ..CampaignFilter::default()
    };
    let lately = store.select(&filter).await?.into_iter().filter(|one| {
        one.order.ids_hash == order.ids_hash && one.order.scan_type == order.scan_type
    });
    let told = lately.map(|one| {
        let name = &one.name;
        let ago = human::duration(now.duration_since(one.opened_at).unsigned_abs());
        if one.state == CampaignState::Open && !one.called_off {
            let resume = cx.commands.of_campaign(&format!("resume {name}"));
            return format!(
                "the open campaign {name}, begun {ago} ago, has these very devices; `{resume}` \
                 goes on with it, and this one would order a second scan on each"
            );
        }
        let retry = cx.commands.of_campaign(&format!("retry {name}"));
        format!(
            "these very devices were ordered {ago} ago by campaign {name}; `{retry}` orders those \
             again that it left uncovered, and this one a second scan on each"
        )
    });
    Ok(told.collect())
}

/// The plan.
pub(in crate::ops) fn plan(
    order: &Order,
    listing: &Listing,
    speed: &Speed,
    outlook: &Outlook,
    now: &ZonedDateTime,
    about: About<'_>,
) -> Plan {
    let devices = listing.devices();
    let open = about.continues.unwrap_or(devices);
    // Windows were looked at a little later, and no call may seem to leave before one opens.
    let then = outlook.hours.as_ref().map(|(_, at)| at.to_zoned_datetime(now.time_zone().clone()));
    let now = then.as_ref().unwrap_or(now);
    let until = speed
        .stops_in(now.timestamp())
        .map(|left| (later(now, left), outlook.fits(open, left)))
        .map(|(at, fits)| Until { at, fits, series: about.series });
    let queue = in_order(listing, outlook, now, &about);
    let nights = nights(outlook, speed, open, now, about.series);
    let fits = until.iter().map(|until| until.fits).chain(nights.iter().map(|one| one.fits)).min();
    let expire = about.expire.as_ref().map(|expire| expire.expire(fits.unwrap_or(open).min(open)));
    Plan {
        campaign: about.name.clone(),
        target: order.target.clone(),
        scan_type: order.scan_type,
        comment: order.comment.clone(),
        ticket: order.ticket.clone(),
        emulated: about.emulated,
        auth: about.sign_in.map(|kind| (kind.name().to_owned(), kind.to_string())),
        store: about.place,
        dry_run: about.dry_run,
        continues: about.continues.is_some(),
        open,
        rows: listing.rows,
        devices,
        duplicates: listing.duplicates,
        bad_rows: listing.bad,
        skipped: listing.skipped,
        checked: match outlook.hours {
            Some(_) => without_savings(checked(listing, outlook, about.preflight)),
            None => checked(listing, outlook, about.preflight),
        },
        first_bad: listing.first_bad.clone(),
        skip_bad_rows: about.skip_bad_rows,
        used: used(&outlook.quotas, &outlook.seen_by, outlook.now),
        named: outlook.budget.named.lowering(&speed.quotas, outlook.now),
        pace: speed.pace,
        calls: calls(outlook, open, now),
        start_at: start_at(speed, now),
        nights,
        priority: speed.priority,
        order: queue,
        until,
        expire,
        waves: about.waves.plan(outlook, open, now),
        warnings: about
            .warnings
            .into_iter()
            .chain(about.waves.warnings.iter().cloned())
            .chain(about.preflight.warnings.iter().cloned())
            .chain(strange(listing, about.preflight))
            .chain(listing.told.warnings(about.preflight.tenant, about.emulated))
            .chain(listing.queue.warning(&listing.placed))
            .chain(nothing(listing, about.continues.is_some(), about.series))
            .collect(),
    }
}

/// When so many calls leave.
fn calls(outlook: &Outlook, open: u64, now: &ZonedDateTime) -> Option<Calls> {
    outlook.forecast(open).map(|forecast| Calls {
        starts_at: later(now, forecast.first_call),
        last_call_at: later(now, forecast.last_call),
        duration: forecast.last_call,
    })
}

/// A list that the tenant hardly knows is most likely another tenant's.
fn strange(listing: &Listing, preflight: &Preflight) -> Option<String> {
    let (machines, _) = preflight.inventory().filter(|_| preflight.is_whole())?;
    let found = listing.counts.groups().find(|(group, _)| *group == Group::NotListed);
    let (_, strangers) = found.filter(|(_, some)| some * 5 > listing.devices())?;
    (strangers >= 20).then(|| {
        format!(
            "{} of {} devices are not among the {} of this tenant: is this the right tenant, and a \
             fresh list?",
            count(strangers),
            count(listing.devices()),
            count(machines)
        )
    })
}

/// Between two windows lie days: what some devices fewer save of them means nothing.
fn without_savings(checked: Checked) -> Checked {
    let groups = checked.groups.into_iter().map(|found| Found { saves: None, ..found }).collect();
    Checked { groups, without: None, ..checked }
}

/// A list of which nothing is ordered, which nobody asked for.
fn nothing(listing: &Listing, continues: bool, series: bool) -> Option<String> {
    if continues || listing.devices() > 0 || listing.skipped == 0 {
        return None;
    }
    let mut skipped = Skipped::default();
    listing.counts.groups().for_each(|(group, rows)| skipped.add_rows(Some(group), rows));
    let text = "nothing of this list is ordered: every device of it is skipped, as told above \
                (exit code 3)";
    (!skipped.may_leave_nothing(series)).then(|| text.to_owned())
}

/// What the pre-flight found, with what each group saves.
fn checked(listing: &Listing, outlook: &Outlook, preflight: &Preflight) -> Checked {
    let devices = listing.devices();
    let takes = |devices: u64| outlook.forecast(devices).map(|forecast| forecast.last_call);
    let takes = |devices: u64| takes(devices).unwrap_or_default();
    let groups = listing.counts.groups().map(|(group, some)| {
        let decision = preflight.on(group);
        let ours = matches!(decision, Decision::Skip(_)) && group != Group::OtherTenant;
        let saves = ours.then(|| takes(devices + some).saturating_sub(takes(devices)));
        Found { group, devices: some, decision, saves }
    });
    let groups = groups.collect();
    let (systems, device_groups) = listing.counts.most();
    Checked {
        groups,
        without: (!listing.left_out.is_empty()).then(|| takes(listing.ids.len() as u64)),
        systems,
        device_groups,
        not_understood: listing.counts.not_understood(),
        inventory: preflight.inventory(),
        not_checked: preflight.not_checked.clone(),
    }
}

/// What the windows mean for this many devices.
fn nights(
    outlook: &Outlook,
    speed: &Speed,
    open: u64,
    now: &ZonedDateTime,
    series: bool,
) -> Option<Nights> {
    let (hours, at) = outlook.hours.as_ref().filter(|(hours, _)| !hours.windows().is_empty())?;
    let opening = hours.opening(*at)?;
    let zoned = |at: Timestamp| at.to_zoned_datetime(hours.zone().clone());
    let fits = outlook.fits_window(open)?;
    let until = speed.stops_in(now.timestamp()).map(|left| outlook.fits(open, left));
    Some(Nights {
        hours: hours.to_string(),
        opens: (opening.opens > *at).then(|| zoned(opening.opens)),
        closes: (opening.closes < Timestamp::MAX).then(|| zoned(opening.closes)),
        fits: until.map_or(fits, |until| until.min(fits)),
        windows: outlook.forecast(open).map_or(0, |forecast| forecast.windows),
        series,
    })
}

/// The moment that the run waits for, if it is still to come.
fn start_at(speed: &Speed, now: &ZonedDateTime) -> Option<ZonedDateTime> {
    let hours = speed.hours.as_ref()?;
    let start = hours.start().filter(|start| *start > now.timestamp())?;
    Some(start.to_zoned_datetime(hours.zone().clone()))
}

/// In what order the devices are asked: those that go first are the first orders of all.
fn in_order(
    listing: &Listing,
    outlook: &Outlook,
    now: &ZonedDateTime,
    about: &About<'_>,
) -> InOrder {
    let mut calls = 0;
    let first = listing.queue.first(&listing.placed).map(|(file, devices, left_out)| {
        calls += devices;
        let forecast = (devices > 0).then(|| outlook.forecast(calls)).flatten();
        let last_call_at = forecast.map(|forecast| later(now, forecast.last_call));
        Ahead { file: file.to_owned(), devices, left_out, last_call_at }
    });
    let first = first.collect();
    InOrder {
        by: listing.queue.by(),
        waited: about.preflight.before.is_some(),
        unknown: listing.placed.unknown,
        first,
        fixed: about.continues.is_some(),
    }
}

fn later(now: &ZonedDateTime, by: Duration) -> ZonedDateTime {
    now.checked_add(by).unwrap_or_else(|_| now.clone())
}
