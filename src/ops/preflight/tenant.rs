//! Asking the tenant before the first order: its inventory, and the scans that are open there. What
//! may not be read, or cannot be, is told in the plan and stops nothing, unless the list itself
//! comes from there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Clock, wall_clock};
use crate::defender::{ActionQuery, Inventory, MachineFilter};
use crate::domain::facts::KeptFacts;
use crate::domain::preflight::Rules;
use crate::domain::request::{ListedDevice, MachineFilters};
use crate::domain::{Machine, Priority};
use crate::engine::lists::{ListEnd, Listed, Lists, Patience};
use crate::ops::destination::Planned;
use crate::ops::failure::Failure;
use crate::ops::limits::Speed;
use crate::ops::lists::{Wanted, forbidden_by_token, lists, not_read, unreadable};
use crate::ops::meanwhile::meanwhile;
use crate::ops::preflight::earlier::Question;
use crate::ops::preflight::judge::{Known, Preflight};
use crate::ops::preflight::names::NameIndex;
use crate::ops::ui::Ui;
use crate::report::human::{counted, duration};
use crate::store::Store;

/// How much longer than what is only nice to know may take what the flags ask for and can do
/// without.
const LONGER: u32 = 6;

/// What is wanted of the tenant.
pub(crate) struct Needs<'a> {
    /// The machines are the list: these.
    pub pick: Option<&'a MachineFilters>,
    /// Names are looked up; if true, one that several records share is refused.
    pub names: Option<bool>,
    /// What earlier orders are asked.
    pub before: Option<Question>,
    /// Machines with this tag are to be known.
    pub tag: Option<&'a String>,
    /// The flags ask for something that the tenant knows best, so that it is more than nice to
    /// know.
    pub asked_for: bool,
}

impl Needs<'_> {
    /// Whether nothing can be done without the inventory.
    pub(crate) fn is_needed(&self) -> bool {
        self.pick.is_some() || self.names.is_some()
    }

    /// How long what is not needed may hold the orders up.
    fn longest(asked_for: bool, speed: &Speed) -> Duration {
        let urgent = speed.priority == Priority::High;
        match (asked_for, urgent) {
            (true, false) => speed.timing.optional_reads * LONGER,
            (true, true) | (false, false) => speed.timing.optional_reads,
            (false, true) => speed.timing.urgent_reads,
        }
    }

    /// What is not needed is worth that long, and before an incident not even a pause of the limit.
    fn optional(&self, speed: &Speed, clock: &impl Clock) -> Patience {
        let patience = Patience::optional(clock.now(), Self::longest(self.asked_for, speed));
        match speed.priority {
            Priority::High if !self.asked_for => patience.in_a_hurry(),
            _ => patience,
        }
    }

    /// Why something was not read, with what would let it take longer.
    fn hindered(&self, end: &ListEnd, speed: &Speed) -> Option<String> {
        let why = not_read(end)?;
        let longer = duration(Self::longest(true, speed));
        Some(match end {
            ListEnd::Late(_) if !self.asked_for && !self.is_needed() => {
                format!("{why}; with --check it may take {longer}")
            }
            _ => why,
        })
    }
}

/// Asking the tenant.
pub(crate) struct Asking<'a, S, A> {
    /// Where it is told what is waited for.
    pub ui: &'a dyn Ui,
    /// The store whose journal the calls go into.
    pub store: &'a S,
    /// The client.
    pub api: &'a A,
    /// Which tenant.
    pub planned: &'a Planned,
    /// Limits and times.
    pub speed: &'a Speed,
    /// What is done with which group.
    pub rules: Rules,
}

impl<'a, S: Store, A: Inventory> Asking<'a, S, A> {
    /// Asks it.
    ///
    /// # Errors
    /// `Failure` if the store fails, or if the inventory is needed and cannot be read.
    pub(crate) async fn ask(&self, wish: &Needs<'_>) -> Result<Preflight, Failure> {
        let Self { ui, store, api, planned, speed, rules } = self;
        let (now, clock) = (wall_clock(), store.clock());
        let patience = if wish.is_needed() {
            Patience::needed(speed.timing.max_wait)
        } else {
            wish.optional(speed, clock)
        };
        let mut lists = lists(*store, *api, &planned.target, speed, patience);
        let mut preflight = Preflight::offline(*rules, now, None);
        let mut known = Known::default();
        known.names = wish.names.map(NameIndex::new);
        known.tag = wish.tag.cloned();
        let listed = self.machines(&lists, wish, &mut known, now).await?;
        let Some(why) = wish.hindered(&listed.end, speed) else {
            preflight.calls += listed.calls;
            (preflight.known, preflight.whole) = (Some(known), true);
            if wish.is_needed() {
                // What follows is not.
                lists.patience = wish.optional(speed, clock);
            }
            self.open_scans(&lists, wish, &mut preflight).await?;
            if let Some(before) = &wish.before {
                let read = before.online(&lists, &mut preflight);
                let words = || "Reading what scans were ordered in the tenant ...".to_owned();
                meanwhile(*ui, &speed.timing, words, read).await?;
            }
            return Ok(preflight);
        };
        if wish.is_needed() {
            return Err(unreadable(Wanted::Reading, &listed.end, why));
        }
        let mut offline = Preflight::offline(*rules, now, Some(&why));
        if known.is_some() {
            // A record that was read is true, however many were not.
            offline.not_checked = vec![format!(
                "the rest of the tenant's inventory, and the scans that are under way there: {why}"
            )];
            offline.known = Some(known);
        }
        offline.calls = listed.calls;
        if let Some(before) = &wish.before {
            // The same right reads both lists.
            before.offline(*store, Some(&why), &mut offline).await?;
        }
        Ok(offline)
    }

    async fn machines(
        &self,
        lists: &Lists<'_, S, A>,
        wish: &Needs<'_>,
        known: &mut Known,
        now: Timestamp,
    ) -> Result<Listed, Failure> {
        let filter = match wish.pick {
            Some(pick) => pick.filter(now)?,
            None => MachineFilter::default(),
        };
        if let Some(end) = forbidden_by_token(self.api).await {
            return Ok(Listed { end, calls: 0 });
        }
        let so_far = AtomicU64::new(0);
        let take = |machine: Machine| {
            so_far.fetch_add(1, Ordering::Relaxed);
            if known.has(machine.id) || wish.pick.is_some_and(|pick| !pick.takes(&machine, now)) {
                return;
            }
            known.add(&machine, now);
            if wish.pick.is_some() {
                let Machine { id, name, .. } = machine;
                known.picked.push(ListedDevice { id, name, facts: KeptFacts::default() });
            }
        };
        let words = || {
            let so_far = counted(so_far.load(Ordering::Relaxed), "device");
            format!("Reading the tenant's inventory ({so_far} so far) ...")
        };
        Ok(meanwhile(self.ui, &lists.timing, words, lists.machines(&filter, take)).await?)
    }

    /// Devices whose scan is pending or running, by one list for all of them.
    async fn open_scans(
        &self,
        lists: &Lists<'_, S, A>,
        wish: &Needs<'_>,
        preflight: &mut Preflight,
    ) -> Result<(), Failure> {
        let mut busy = Vec::new();
        let read = lists.scans(&ActionQuery::Open, |action| busy.extend(action.device));
        let words = || "Reading the scans that are under way in the tenant ...".to_owned();
        let listed = meanwhile(self.ui, &self.speed.timing, words, read).await?;
        preflight.calls += listed.calls;
        match wish.hindered(&listed.end, self.speed) {
            None => preflight.busy.extend(busy),
            Some(why) => {
                let line = format!("the scans that are under way in the tenant: {why}");
                preflight.not_checked.push(line);
            }
        }
        Ok(())
    }
}
