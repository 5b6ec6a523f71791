//! `scan`: plan, confirm, run, report. The list is streamed into the store as a draft; confirming
//! opens it, and a refused draft is deleted. The dry run has no way to order anything: it makes no
//! client, or where it needs the tenant one that only reads.

mod agree;

use std::fs::File;
use std::sync::Arc;

use jiff::ZonedDateTime;

use super::again::resume_command;
use super::args::ScanArgs;
use super::connect::{Destination, Planned};
use super::due::Question;
use super::expire;
use super::failure::Failure;
use super::follow::Watch;
use super::link::Link;
use super::listing::Listing;
use super::naming::{check_comment, name_of, random};
use super::plan_file::{self, Fresh};
use super::plans;
use super::preflight::{self, Preflight};
use super::reports::Reports;
use super::resume::same_target;
use super::run::Run;
use super::series;
use super::settings::Speed;
use super::source::{check_order, check_source, needs_tenant, read, rehearse, wish};
use super::stores::{self, Place};
use super::tenant;
use super::waves;
use crate::clock::{SystemClock, local_now};
use crate::defender::SignInKind;
use crate::domain::preflight::Rules;
use crate::domain::{
    Campaign, CampaignId, CampaignName, CampaignState, Opened, Opening, Operation, Order, Rollout,
    Target,
};
use crate::store::Store;
use crate::store::memory::MemoryStore;
use agree::{print_plan, refuse_bad_rows};

/// Runs `scan` and returns the exit code.
///
/// # Errors
/// `Failure` with its exit code.
pub(super) async fn scan(args: ScanArgs) -> Result<u8, Failure> {
    let now = local_now();
    let args = plan_file::take(args)?;
    let name = name_of(&args, &now)?;
    check_comment(&args, &name)?;
    check_source(&args)?;
    let rules = preflight::rules(&args.keep, &args.skip)?;
    let waves = waves::Wish::read(&args).await?;
    if args.dry_run && !args.run.output.reports.is_empty() {
        // What the run refuses, its rehearsal refuses too.
        Reports::new(&args.run.output, &name)?;
    }
    if args.dry_run && (args.check || needs_tenant(&args)) {
        return dry_check(&args, &name, &now, rules, waves).await;
    }
    if args.dry_run {
        return dry_run(&args, &name, &now, rules, waves).await;
    }
    let destination = Destination::new(&args.run.connect, &args.run.emulator)?;
    let speed = destination.speed(&args.run.speed, &now)?;
    let destination = identified(&args, destination, &speed).await?;
    let place = Place::new(&args.run.output, destination.emulated())?;
    let name = series::free_name(&args, name, Some(&place), &now).await?;
    check_comment(&args, &name)?;
    let reports = Reports::new(&args.run.output, &name)?;
    let store = Arc::new(stores::open(&place, speed.timing, Some(&name)).await?);
    stores::note_tenant(&*store, &destination).await?;
    let draft = store.draft().await?;
    let (target, emulated) = (destination.target(), destination.emulated());
    let sign_in = destination.sign_in();
    let mut link = Link::new(destination);
    let args = &args;
    let scan = Scan { args, target, emulated, sign_in, speed, name, place, reports, rules, waves };
    let ready = scan.prepare(&store, draft, &mut link).await;
    let code = match ready {
        Ok(campaign) => scan.start(store.clone(), campaign, &mut link).await,
        Err(failure) => {
            // What stopped the plan matters more than a draft that stays; a day later it is
            // removed.
            store.discard(draft).await.ok();
            Err(failure)
        }
    };
    link.end().await;
    stores::close(&store, code).await
}

/// Where the run goes, once that is known for sure; never elsewhere than the campaign went that is
/// ordered again.
async fn identified(
    args: &ScanArgs,
    destination: Destination,
    speed: &Speed,
) -> Result<Destination, Failure> {
    let destination = destination.identified(speed.timing).await?;
    if let Some(campaign) = &args.again {
        same_target(campaign, &destination, "ordered again")?;
    }
    plan_file::same_place(args, &destination)?;
    Ok(destination)
}

/// A dry run that asks the tenant: it reads, and has nothing to order with. Its calls go into the
/// store's journal if there is a store; it makes none.
async fn dry_check(
    args: &ScanArgs,
    name: &CampaignName,
    now: &ZonedDateTime,
    rules: Rules,
    waves: waves::Wish,
) -> Result<u8, Failure> {
    let destination = Destination::new(&args.run.connect, &args.run.emulator)?;
    let speed = destination.speed(&args.run.speed, now)?;
    let destination = identified(args, destination, &speed).await?;
    let (planned, emulated) = (destination.planned(), destination.emulated());
    let target = &planned.target;
    let place = Place::planned(&args.run.output, emulated)?;
    let mut link = Link::new(destination);
    let kept = rehearse(args).await?;
    let warnings = link.try_sign_in(&speed).await?;
    let api = link.api(&speed).await?;
    let wish = wish(args, target, emulated);
    let asked = match place.as_ref().filter(|place| place.exists()) {
        Some(place) => {
            let store = stores::open(place, speed.timing, None).await?;
            let asked = tenant::ask(&store, &*api, target, &speed, rules, &wish).await;
            stores::close(&store, asked).await
        }
        None => {
            let store = MemoryStore::new(SystemClock::with_offset(0), speed.timing);
            tenant::ask(&store, &*api, target, &speed, rules, &wish).await
        }
    };
    link.end().await;
    let mut asked = asked?;
    asked.warnings.extend(warnings);
    dry_plan(args, kept, name, &speed, planned, (asked, waves)).await
}

async fn dry_run(
    args: &ScanArgs,
    name: &CampaignName,
    now: &ZonedDateTime,
    rules: Rules,
    waves: waves::Wish,
) -> Result<u8, Failure> {
    let planned = Planned::new(&args.run.connect, &args.run.emulator)?;
    let place = Place::planned(&args.run.output, args.run.emulator.emulator)?;
    let planned = planned.known_to(place.as_ref()).await?;
    let speed = planned.speed(&args.run.speed, now)?;
    let why = match args.no_check {
        true => plan_file::why_not(args),
        false => "a dry run stays offline unless --check is given",
    };
    let mut preflight = Preflight::offline(rules, now.timestamp(), Some(why));
    let emulated = args.run.emulator.emulator;
    if let Some(before) = Question::of(args, &planned.target, emulated) {
        match Place::planned(&args.run.output, emulated)?.filter(Place::exists) {
            Some(place) => {
                let store = stores::open_to_read(&place).await?;
                before.offline(&store, Some(why), &mut preflight).await?;
            }
            None => before.without_store(why, &mut preflight),
        }
    }
    dry_plan(args, None, name, &speed, planned, (preflight, waves)).await
}

async fn dry_plan(
    args: &ScanArgs,
    kept: Option<File>,
    name: &CampaignName,
    speed: &Speed,
    planned: Planned,
    (mut preflight, waves): (Preflight, waves::Wish),
) -> Result<u8, Failure> {
    preflight.marks = waves.marks();
    preflight.tenant = planned.target.tenant.parse().ok();
    let preflight = Arc::new(preflight);
    let nowhere: Option<(&MemoryStore<SystemClock>, CampaignId)> = None;
    let listing = read(args, kept, &preflight, nowhere).await?;
    check_order(args, &listing)?;
    let dealt = waves.deal(&listing, &preflight)?;
    let emulated = args.run.emulator.emulator;
    let place = Place::planned(&args.run.output, emulated)?;
    let name = &series::free_name(args, name.clone(), place.as_ref(), &local_now()).await?;
    let order = order(args, planned.target, &listing)?;
    let budget = order.target.budget(Operation::Scan);
    let (usage, clock_now, there) = stores::usage_of(place.as_ref(), speed, &budget).await?;
    let outlook = dealt.outlook(plans::outlook(speed, usage, clock_now));
    let expire = expire::Planned::of_place(place.as_ref(), &order.target, speed).await?;
    let about = plans::About {
        name,
        place: place.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string),
        emulated,
        sign_in: planned.sign_in,
        dry_run: true,
        continues: None,
        preflight: &preflight,
        skip_bad_rows: args.skip_bad_rows,
        series: args.due.series.is_some(),
        expire,
        waves: &dealt,
        warnings: {
            let other = place.as_ref().and_then(Place::warning).into_iter().collect();
            [planned.warnings, other, plans::held_by(&there, name, &budget, speed)].concat()
        },
    };
    // Reading the list, and the inventory before it, can have taken a while.
    let plan = plans::plan(&order, &listing, speed, &outlook, &local_now(), about);
    print_plan(&plan, args.run.output.json)?;
    refuse_bad_rows(args, &listing)?;
    let waves = (&waves, &dealt);
    let fresh = Fresh { plan: &plan, order: &order, listing: &listing, speed, waves };
    plan_file::settle(args, &fresh, None)?;
    Ok(0)
}

struct Scan<'a> {
    args: &'a ScanArgs,
    target: Target,
    emulated: bool,
    sign_in: SignInKind,
    speed: Speed,
    name: CampaignName,
    place: Place,
    reports: Reports,
    rules: Rules,
    waves: waves::Wish,
}

impl Scan<'_> {
    /// Reads, plans and confirms; the campaign that is open after it, and in a series how many of
    /// its devices the plan saw ordered before its time is over, if not all.
    async fn prepare<S: Store>(
        &self,
        shared: &Arc<S>,
        draft: CampaignId,
        link: &mut Link,
    ) -> Result<(Campaign, Option<u64>), Failure> {
        let store = &**shared;
        series::open_ones(store, self.args.due.series.as_ref(), &self.speed).await?;
        let (mut preflight, kept) = self.check(store, link).await?;
        preflight.marks = self.waves.marks();
        preflight.tenant = self.target.tenant.parse().ok();
        let preflight = Arc::new(preflight);
        let listing = read(self.args, kept, &preflight, Some((store, draft))).await?;
        listing.told.check(&self.target, self.emulated)?;
        let order = order(self.args, self.target.clone(), &listing)?;
        let there = self.find_same(store, &order).await?;
        if there.is_none() {
            check_order(self.args, &listing)?;
        }
        let agreed = self.agree(store, draft, &order, &listing, there.as_ref(), &preflight);
        let (dealt, plan) = agreed.await?;
        // Another run of the series can have begun since.
        let last = series::open_ones(store, self.args.due.series.as_ref(), &self.speed).await?;
        if !last.is_empty() {
            series::end(shared, link.api(&self.speed).await?, last, &self.speed).await?;
        }
        let foreseen = plan.fits().filter(|fits| *fits < plan.open);
        let foreseen = foreseen.filter(|_| self.args.due.series.is_some());
        Ok((self.open(store, draft, order, dealt.rollout).await?, foreseen))
    }

    /// What is known before the first call: of the tenant if it may be asked, else of the list.
    /// With standard input as it was kept, if the list was read for that.
    async fn check<S: Store>(
        &self,
        store: &S,
        link: &mut Link,
    ) -> Result<(Preflight, Option<File>), Failure> {
        let args = self.args;
        let wish = wish(args, &self.target, self.emulated);
        if !needs_tenant(args) && !args.check {
            let why = if args.no_check {
                Some(plan_file::why_not(args))
            } else if self.emulated {
                Some("the emulator makes up a fleet of its own (see --check)")
            } else {
                None
            };
            // The rows of a campaign that is there were judged when it was opened.
            let there = store.find(&self.name).await?.is_some();
            if why.is_some() || there {
                let now = local_now().timestamp();
                let mut preflight = Preflight::offline(self.rules, now, why);
                if let Some(before) = wish.before.as_ref().filter(|_| !there) {
                    before.offline(store, why, &mut preflight).await?;
                }
                // A list that is refused is told before anybody waits for a sign-in.
                let kept = if link.signs_in() { rehearse(args).await? } else { None };
                preflight.warnings.extend(link.sign_in(&self.speed, self.asks()).await?);
                return Ok((preflight, kept));
            }
        }
        let kept = rehearse(args).await?;
        if let Some(why) = link.sign_in(&self.speed, self.asks()).await?
            && !needs_tenant(args)
        {
            let now = local_now().timestamp();
            let mut preflight = Preflight::offline(self.rules, now, Some("nobody can sign in now"));
            if let Some(before) = &wish.before {
                before.offline(store, Some("nobody can sign in now"), &mut preflight).await?;
            }
            preflight.warnings.push(why);
            return Ok((preflight, kept));
        }
        let api = link.api(&self.speed).await?;
        let asked = tenant::ask(store, &*api, &self.target, &self.speed, self.rules, &wish);
        Ok((asked.await?, kept))
    }

    /// Whether somebody is asked to confirm the plan.
    fn asks(&self) -> bool {
        self.args.approve_max.is_none() && self.args.change.made.is_none()
    }

    /// The same campaign, if it is open already; another one of that name is refused before
    /// anybody is asked anything.
    async fn find_same<S: Store>(
        &self,
        store: &S,
        order: &Order,
    ) -> Result<Option<Campaign>, Failure> {
        let Some(there) = store.find(&self.name).await? else { return Ok(None) };
        let differs = there.differences(order, self.emulated);
        if self.args.due.series.is_some() {
            return Err(series::at_work(&self.name));
        }
        if differs.is_empty() && there.state == CampaignState::Open {
            return Ok(Some(there));
        }
        Err(taken(&self.name, &differs))
    }

    async fn open<S: Store>(
        &self,
        store: &S,
        draft: CampaignId,
        order: Order,
        rollout: Rollout,
    ) -> Result<Campaign, Failure> {
        let opening = Opening {
            name: self.name.clone(),
            order,
            mark_bits: random()?,
            busy: self.args.busy_policy(),
            emulated: self.emulated,
            quotas: self.speed.quotas.clone(),
            priority: self.speed.priority,
            rollout,
        };
        match store.open(draft, opening).await? {
            Opened::Continues(_) if self.args.due.series.is_some() => {
                return Err(series::at_work(&self.name));
            }
            Opened::New(_) | Opened::Continues(_) => {}
            Opened::Taken(differs) => return Err(taken(&self.name, &differs)),
        }
        store.find(&self.name).await?.ok_or_else(|| {
            let next = "report this as a defect";
            Failure::new(1, "the campaign vanished", "the store does not find it again", next)
        })
    }

    async fn start<S: Store>(
        self,
        store: Arc<S>,
        (campaign, foreseen): (Campaign, Option<u64>),
        link: &mut Link,
    ) -> Result<u8, Failure> {
        let speed = self.speed.going_on_with(&campaign);
        let api = link.api(&speed).await?;
        let typed = &self.args.run;
        let follow = Watch::after(&typed.after, &speed);
        let run = Run {
            store,
            api,
            speed,
            reports: self.reports,
            resume: resume_command(&campaign.name, typed),
            foreseen,
            series: self.args.due.series.is_some(),
            json: typed.output.json,
            on_finish: typed.after.on_finish.clone(),
            follow,
        };
        run.run(waves::with_rules(campaign, typed.rules.max_failures)).await
    }
}

fn order(args: &ScanArgs, target: Target, listing: &Listing) -> Result<Order, Failure> {
    Ok(Order {
        target,
        scan_type: args.scan_type()?,
        comment: args.comment().trim().to_owned(),
        ticket: args.change.ticket.clone(),
        ids_hash: listing.hash(),
    })
}

fn taken(name: &CampaignName, differs: &[String]) -> Failure {
    let what = format!("nothing was ordered: there is a campaign {name} already");
    if differs.is_empty() {
        let next = format!(
            "see `fleetsweep report {name}`; for another round give another name with --campaign, \
             or none"
        );
        return Failure::new(6, what, "it is this one, and it is finished", next);
    }
    let why = format!("it is another one; what differs: {}", differs.join("; "));
    Failure::new(6, what, why, "give another name with --campaign, or none")
}
