//! From what would be ordered, and what the store says of the limits, to the plan that is shown.

use std::time::Duration;

use jiff::{Timestamp, ZonedDateTime};

use super::forecast::{Expiry, outlook, usage};
use super::listing::Listing;
use super::others::{self, SameList};
use super::planner::{Proposal, Read};
use crate::clock::local_now;
use crate::domain::forecast::Outlook;
use crate::domain::preflight::{Decision, Group};
use crate::domain::quota::used;
use crate::domain::{Operation, Skipped};
use crate::ops::campaigns::beside;
use crate::ops::failure::Failure;
use crate::ops::limits::Speed;
use crate::ops::preflight::judge::Preflight;
use crate::ops::series;
use crate::ops::stores::Place;
use crate::report::checked::{Checked, Found};
use crate::report::human::count;
use crate::report::nights::Nights;
use crate::report::order::{Ahead, InOrder};
use crate::report::plan::{Calls, Plan, Until};
use crate::store::Store;

impl Proposal<'_> {
    /// The plan, by what the store says of the limits, if there is one.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(crate) async fn plan<S: Store>(&self, store: Option<&S>) -> Result<Plan, Failure> {
        let Self { planner, read, there, dealt, .. } = self;
        let order = &read.order;
        let speed = match there {
            Some(there) if planner.going_on.is_none() => planner.speed.clone().going_on_with(there),
            _ => planner.speed.clone(),
        };
        let budget = order.target.budget(Operation::Scan);
        let (continues, others) = match store {
            Some(store) => {
                let open = match there {
                    Some(there) => Some(store.tally(there.id).await?.open()),
                    None => None,
                };
                (open, beside(store, &budget, &planner.name).await?)
            }
            None => (None, Vec::new()),
        };
        let going_on = planner.going_on.as_ref();
        let changes = going_on.map(|there| there.changes(&planner.speed)).unwrap_or_default();
        let changed = changes.into_iter().map(|change| format!("changed from now on: {change}"));
        let mut warnings = planner.planned.warnings.clone();
        warnings.extend(planner.place.and_then(Place::warning));
        warnings.extend(changed);
        if let (Some(store), None) = (store, there) {
            let (due, now) = (&planner.request.due, local_now().timestamp());
            let same = SameList::find(store, order, due, now).await?;
            warnings.extend(same.map(|same| same.warning(planner.cx.commands, &planner.name)));
            let (cx, request) = (planner.cx, planner.request);
            warnings.extend(series::warnings(cx, store, request, &order.target).await?);
        }
        warnings.extend(others::held_by(planner.cx, &others, &planner.name, &budget, &speed));
        let (usage, now) = usage(store, &speed, &budget).await?;
        let usage = others::once_begun(usage, &others, &planner.name, &budget, now);
        let forecast = Forecast {
            proposal: self,
            outlook: dealt.outlook(outlook(&speed, usage, now)),
            open: continues.unwrap_or(read.listing.devices()),
            continues: continues.is_some(),
            expire: Expiry::of(store, &order.target, &speed, *there).await?,
            // Reading the list, and the inventory before it, can have taken a while.
            now: local_now(),
            speed,
        };
        Ok(forecast.plan(warnings))
    }
}

/// What a plan is made from.
struct Forecast<'a> {
    proposal: &'a Proposal<'a>,
    speed: Speed,
    /// Its pauses are those between the waves.
    outlook: Outlook,
    /// Devices that are still to be asked.
    open: u64,
    /// The campaign is open already.
    continues: bool,
    expire: Option<Expiry>,
    now: ZonedDateTime,
}

impl Forecast<'_> {
    fn plan(mut self, mut warnings: Vec<String>) -> Plan {
        // Windows were looked at a little later, and no call may seem to leave before one opens.
        if let Some((_, at)) = &self.outlook.hours {
            self.now = at.to_zoned_datetime(self.now.time_zone().clone());
        }
        let Self { proposal, speed, outlook, open, continues, .. } = &self;
        let Proposal { planner, read, dealt, .. } = proposal;
        let (request, planned) = (planner.request, &planner.planned);
        let Read { listing, preflight, order } = read;
        let series = request.due.series.is_some();
        let until = speed.stops_in(self.now.timestamp());
        let until = until.map(|left| Until {
            at: self.later(left),
            fits: outlook.fits(*open, left),
            series,
        });
        let nights = self.nights();
        let fits = until.iter().map(|until| until.fits).chain(nights.iter().map(|one| one.fits));
        let fits = fits.min().unwrap_or(*open).min(*open);
        warnings.extend(dealt.warnings.iter().chain(&preflight.warnings).cloned());
        warnings.extend(strange(listing, preflight));
        warnings.extend(listing.notes.warnings(preflight.own.tenant, planned.emulated));
        warnings.extend(listing.sequence.warning(&listing.placed));
        warnings.extend(self.nothing());
        let checked = checked(listing, outlook, preflight);
        Plan {
            campaign: planner.name.clone(),
            target: order.target.clone(),
            scan_type: order.scan_type,
            comment: order.comment.clone(),
            ticket: order.ticket.clone(),
            emulated: planned.emulated,
            auth: planned.sign_in,
            store_is_new: planner.place.is_some_and(Place::is_new),
            store: planner.place.map_or_else(|| "none".to_owned(), ToString::to_string),
            dry_run: request.dry_run,
            continues: *continues,
            open: *open,
            rows: listing.rows,
            devices: listing.devices(),
            duplicates: listing.duplicates,
            bad_rows: listing.bad,
            skipped: listing.skipped,
            checked: if outlook.hours.is_some() { without_savings(checked) } else { checked },
            first_bad: listing.first_bad.clone(),
            bad_kinds: listing.bad_kinds.iter().map(|rows| rows.kind.clone()).collect(),
            skip_bad_rows: request.skip_bad_rows,
            used: used(&outlook.quotas, &outlook.seen_by, outlook.now),
            named: outlook.budget.named.lowering(&speed.quotas, outlook.now),
            pace: speed.pace,
            calls: outlook.forecast(*open).map(|forecast| Calls {
                starts_at: self.later(forecast.first_call),
                last_call_at: self.later(forecast.last_call),
                duration: forecast.last_call,
            }),
            start_at: start_at(speed, &self.now),
            nights,
            priority: speed.priority,
            order: self.in_order(),
            until,
            expire: self.expire.as_ref().map(|expire| expire.expire(fits)),
            waves: dealt.plan(outlook, *open, &self.now),
            warnings,
        }
    }

    /// That nothing of a list is ordered, if nobody asked for that.
    fn nothing(&self) -> Option<String> {
        let listing = &self.proposal.read.listing;
        if self.continues || listing.devices() > 0 || listing.skipped == 0 {
            return None;
        }
        let mut skipped = Skipped::default();
        for (group, rows) in &listing.counts.groups {
            skipped.add_rows(Some(*group), *rows);
        }
        if skipped.may_leave_nothing(self.proposal.planner.request.due.series.is_some()) {
            return None;
        }
        let text = "nothing of this list is ordered: every device of it is skipped, as told above \
                    (exit code 3)";
        Some(text.to_owned())
    }

    /// What the windows mean for this many devices.
    fn nights(&self) -> Option<Nights> {
        let Self { outlook, open, .. } = self;
        let (hours, at) = outlook.hours.as_ref()?;
        if hours.windows().is_empty() {
            return None;
        }
        let opening = hours.opening(*at)?;
        let zoned = |at: Timestamp| at.to_zoned_datetime(hours.zone().clone());
        let fits = outlook.fits_window(*open)?;
        let until = self.speed.stops_in(self.now.timestamp());
        let until = until.map(|left| outlook.fits(*open, left));
        let closes = opening.closes < Timestamp::MAX;
        Some(Nights {
            hours: hours.to_string(),
            opens: if opening.opens > *at { Some(zoned(opening.opens)) } else { None },
            closes: if closes { Some(zoned(opening.closes)) } else { None },
            fits: until.map_or(fits, |until| until.min(fits)),
            windows: outlook.forecast(*open).map_or(0, |forecast| forecast.windows),
            series: self.proposal.planner.request.due.series.is_some(),
        })
    }

    /// In what order the devices are asked: those that go first are the first orders of all.
    fn in_order(&self) -> InOrder {
        let Read { listing, preflight, .. } = self.proposal.read;
        let mut calls = 0;
        let first = listing.sequence.first(&listing.placed).map(|(file, devices, left_out)| {
            calls += devices;
            let forecast = if devices > 0 { self.outlook.forecast(calls) } else { None };
            let last_call_at = forecast.map(|forecast| self.later(forecast.last_call));
            Ahead { file: file.to_owned(), devices, left_out, last_call_at }
        });
        InOrder {
            by: listing.sequence.by,
            waited: preflight.before.is_some(),
            unknown: listing.placed.unknown,
            first: first.collect(),
            fixed: self.continues,
        }
    }

    fn later(&self, by: Duration) -> ZonedDateTime {
        self.now.checked_add(by).unwrap_or_else(|_| self.now.clone())
    }
}

/// A list that the tenant hardly knows is most likely another tenant's.
fn strange(listing: &Listing, preflight: &Preflight) -> Option<String> {
    let (machines, _) = preflight.inventory()?;
    let strangers = listing.counts.groups.get(&Group::NotListed).copied().unwrap_or(0);
    if !preflight.whole || strangers < 20 || strangers * 5 <= listing.devices() {
        return None;
    }
    Some(format!(
        "{} of {} devices are not among the {} of this tenant: is this the right tenant, and a \
         fresh list?",
        count(strangers),
        count(listing.devices()),
        count(machines)
    ))
}

/// Between two windows lie days: what some devices fewer save of them means nothing.
fn without_savings(checked: Checked) -> Checked {
    let groups = checked.groups.into_iter().map(|found| Found { saves: None, ..found }).collect();
    Checked { groups, without: None, ..checked }
}

/// What the pre-flight found, with what each group saves.
fn checked(listing: &Listing, outlook: &Outlook, preflight: &Preflight) -> Checked {
    let devices = listing.devices();
    let takes = |devices: u64| outlook.forecast(devices).map(|forecast| forecast.last_call);
    let takes = |devices: u64| takes(devices).unwrap_or_default();
    let groups = listing.counts.groups.iter().map(|(group, some)| {
        let decision = preflight.rules.on(*group);
        let saves = match decision {
            Decision::Skip(_) if *group != Group::OtherTenant => {
                Some(takes(devices + some).saturating_sub(takes(devices)))
            }
            _ => None,
        };
        Found { group: *group, devices: *some, decision, saves }
    });
    let groups = groups.collect();
    let (systems, device_groups) = listing.counts.most();
    Checked {
        groups,
        without: if listing.left_out.is_empty() {
            None
        } else {
            Some(takes(listing.ids.len() as u64))
        },
        systems,
        device_groups,
        not_understood: listing.counts.not_understood(),
        inventory: preflight.inventory(),
        not_checked: preflight.not_checked.clone(),
    }
}

/// The moment that the run waits for, if it is still to come.
fn start_at(speed: &Speed, now: &ZonedDateTime) -> Option<ZonedDateTime> {
    let hours = speed.hours.as_ref()?;
    let start = hours.start().filter(|start| *start > now.timestamp())?;
    Some(start.to_zoned_datetime(hours.zone().clone()))
}
