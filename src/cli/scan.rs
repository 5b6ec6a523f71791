//! `scan`: plan, confirm, run, report. The list is streamed into the store as a draft; confirming
//! opens it, and a refused draft is deleted. The dry run has no way to send anything: it makes no
//! client.

use std::sync::Arc;

use jiff::ZonedDateTime;

use super::again::resume_command;
use super::args::{BusyArg, ScanArgs};
use super::confirm::confirm;
use super::connect::{Destination, Planned};
use super::failure::Failure;
use super::listing::{self, Listing};
use super::plans;
use super::reports::Reports;
use super::run::Run;
use super::say;
use super::settings::Speed;
use super::stores::{self, Place};
use crate::clock::local_now;
use crate::domain::{BusyPolicy, CampaignName, Mark, Operation, Order, Target};
use crate::intake::Options;
use crate::report::plan::Plan;
use crate::store::memory::MemoryStore;
use crate::store::{Campaign, CampaignId, CampaignState, Opened, Opening, Store};

/// Runs `scan` and returns the exit code.
///
/// # Errors
/// `Failure` with its exit code.
pub(super) async fn scan(args: ScanArgs) -> Result<u8, Failure> {
    let now = local_now();
    let name = name_of(&args, &now)?;
    check_comment(&args.comment, &name)?;
    if args.dry_run {
        return dry_run(&args, &name, &now).await;
    }
    let destination = Destination::new(&args.connect, &args.emulator)?;
    let speed = destination.speed(&args.speed, &now)?;
    let destination = destination.identified(speed.timing).await?;
    let reports = Reports::new(&args.output, &name)?;
    let place = Place::new(&args.output, destination.emulated())?;
    let store = Arc::new(stores::open(&place, speed.timing, &name).await?);
    let draft = store.draft().await?;
    let scan = Scan { args: &args, destination, speed, name, place, reports };
    let ready = scan.prepare(&*store, draft).await;
    let code = match ready {
        Ok(campaign) => scan.start(store.clone(), campaign).await,
        Err(failure) => {
            // What stopped the plan matters more than a draft that stays; a day later it is
            // removed.
            store.discard(draft).await.ok();
            Err(failure)
        }
    };
    stores::close(&store, code).await
}

async fn dry_run(args: &ScanArgs, name: &CampaignName, now: &ZonedDateTime) -> Result<u8, Failure> {
    let destination = Planned::new(&args.connect, &args.emulator)?;
    let speed = &destination.speed(&args.speed, now)?;
    let nowhere: Option<(&MemoryStore<crate::clock::SystemClock>, CampaignId)> = None;
    let listing = listing::read(&args.devices, options(args), nowhere).await?;
    let emulated = args.emulator.emulator;
    let place = Place::planned(&args.output, emulated)?;
    let order = order(args, destination.target.clone(), &listing);
    let budget = order.target.budget(Operation::Scan);
    let (usage, clock_now) = stores::usage_of(place.as_ref(), speed, &budget).await?;
    let outlook = plans::outlook(speed, usage, clock_now);
    let about = plans::About {
        name,
        place: place.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string),
        emulated,
        sign_in: destination.sign_in,
        dry_run: true,
        continues: None,
        skip_bad_rows: args.skip_bad_rows,
        warnings: destination.warnings,
    };
    let plan = plans::plan(&order, &listing, speed, &outlook, now, about);
    print_plan(&plan, args.output.json)?;
    refuse_bad_rows(args, &listing)?;
    Ok(0)
}

struct Scan<'a> {
    args: &'a ScanArgs,
    destination: Destination,
    speed: Speed,
    name: CampaignName,
    place: Place,
    reports: Reports,
}

impl Scan<'_> {
    /// Reads, plans and confirms; the campaign that is open after it.
    async fn prepare<S: Store>(&self, store: &S, draft: CampaignId) -> Result<Campaign, Failure> {
        let options = options(self.args);
        let listing = listing::read(&self.args.devices, options, Some((store, draft))).await?;
        let order = order(self.args, self.destination.target(), &listing);
        let there = self.find_same(store, &order).await?;
        let plan = self.plan(store, &order, &listing, there.as_ref()).await?;
        print_plan(&plan, self.args.output.json)?;
        if let Err(failure) = refuse_bad_rows(self.args, &listing) {
            // The report of a campaign that is open already tells what was ordered in it.
            if there.is_none() {
                let emulated = self.destination.emulated();
                let (name, reports) = (&self.name, &self.reports);
                reports.write_refused(store, draft, name, &order, emulated).await?;
            }
            return Err(failure);
        }
        if there.is_none() {
            let devices = listing.ids.len() as u64;
            confirm(&plan.headline(), devices, self.args.approve_max).await?;
        }
        self.open(store, draft, order).await
    }

    async fn plan<S: Store>(
        &self,
        store: &S,
        order: &Order,
        listing: &Listing,
        there: Option<&Campaign>,
    ) -> Result<Plan, Failure> {
        let (speed, continues) = match there {
            Some(there) => {
                let open = store.tally(there.id).await?.open();
                (self.speed.clone().going_on_with(there), Some(open))
            }
            None => (self.speed.clone(), None),
        };
        let budget = order.target.budget(Operation::Scan);
        let usage = store.usage(&budget, plans::most_calls(&speed)).await?;
        let outlook = plans::outlook(&speed, usage, crate::clock::Clock::now(store.clock()));
        let about = plans::About {
            name: &self.name,
            place: self.place.to_string(),
            emulated: self.destination.emulated(),
            sign_in: Some(self.destination.sign_in()),
            dry_run: false,
            continues,
            skip_bad_rows: self.args.skip_bad_rows,
            warnings: Vec::new(),
        };
        // Reading the list can have taken a while.
        Ok(plans::plan(order, listing, &speed, &outlook, &local_now(), about))
    }

    /// The same campaign, if it is open already; another one of that name is refused before
    /// anybody is asked anything.
    async fn find_same<S: Store>(
        &self,
        store: &S,
        order: &Order,
    ) -> Result<Option<Campaign>, Failure> {
        let Some(there) = store.find(&self.name).await? else { return Ok(None) };
        let mut differs = there.order.differences(order);
        if there.emulated != self.destination.emulated() {
            differs.push("the emulator".to_owned());
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
    ) -> Result<Campaign, Failure> {
        let busy = match self.args.busy {
            BusyArg::Report => BusyPolicy::Report,
            BusyArg::Retry => BusyPolicy::Retry,
        };
        let opening = Opening {
            name: self.name.clone(),
            order,
            mark_bits: random()?,
            busy,
            emulated: self.destination.emulated(),
            quotas: self.speed.quotas.clone(),
        };
        match store.open(draft, opening).await? {
            Opened::New(_) | Opened::Continues(_) => {}
            Opened::Taken(differs) => return Err(taken(&self.name, &differs)),
        }
        store.find(&self.name).await?.ok_or_else(|| {
            let next = "report this as a defect";
            Failure::new(1, "the campaign vanished", "the store does not find it again", next)
        })
    }

    async fn start<S: Store>(self, store: Arc<S>, campaign: Campaign) -> Result<u8, Failure> {
        let speed = self.speed.going_on_with(&campaign);
        let (api, emulator) = self.destination.connect(&speed).await?;
        let ScanArgs { output, after, speed: typed, connect, emulator: emulated, .. } = self.args;
        let run = Run {
            store,
            api: Arc::new(api),
            speed,
            reports: self.reports,
            resume: resume_command(&campaign.name, (output, after), typed, connect, emulated),
            json: output.json,
            on_finish: after.on_finish.clone(),
        };
        let code = run.run(campaign).await;
        if let Some(emulator) = emulator {
            emulator.shutdown().await;
        }
        code
    }
}

fn options(args: &ScanArgs) -> Options {
    Options { column: args.column.clone(), max_rows: args.max_rows }
}

fn order(args: &ScanArgs, target: Target, listing: &Listing) -> Order {
    Order {
        target,
        scan_type: args.scan_type,
        comment: args.comment.trim().to_owned(),
        ids_hash: listing.hash(),
    }
}

fn print_plan(plan: &Plan, json: bool) -> Result<(), Failure> {
    say::note(&plan.text());
    if json { say::data(&plan.json()) } else { Ok(()) }
}

fn refuse_bad_rows(args: &ScanArgs, listing: &Listing) -> Result<(), Failure> {
    if listing.bad == 0 || args.skip_bad_rows {
        return Ok(());
    }
    let rows = if listing.bad == 1 { "1 row holds" } else { "rows hold" };
    let rows = if listing.bad == 1 { rows.to_owned() } else { format!("{} {rows}", listing.bad) };
    Err(Failure::usage(
        "the plan is stopped; nothing was ordered",
        format!("{rows} no Defender machine id; the first are shown above"),
        "mend the list, or add --skip-bad-rows to leave them out",
    ))
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

/// The name of the campaign: the one that was typed, or a new one.
///
/// # Errors
/// `Failure` if the system gives no random numbers.
pub(super) fn name_of(args: &ScanArgs, now: &ZonedDateTime) -> Result<CampaignName, Failure> {
    match &args.campaign {
        Some(name) => Ok(name.clone()),
        None => default_name(args, now),
    }
}

fn default_name(args: &ScanArgs, now: &ZonedDateTime) -> Result<CampaignName, Failure> {
    let letters = b"abcdefghijkmnpqrstuvwxyz";
    let mut bits = random()?;
    let suffix: String = (0..6)
        .map(|_| {
            let letter = letters[usize::try_from(bits % letters.len() as u64).unwrap_or(0)];
            bits /= letters.len() as u64;
            char::from(letter)
        })
        .collect();
    let date = now.timestamp().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let name = format!("{}-{date}-{suffix}", args.scan_type);
    name.parse().map_err(|error| {
        Failure::new(1, "no name could be made", format!("{error}"), "give one with --campaign")
    })
}

fn random() -> Result<u64, Failure> {
    getrandom::u64().map_err(|error| {
        let next = "check that the system gives random numbers";
        Failure::new(1, "no random number could be had", error.to_string(), next)
    })
}

/// Refuses a comment that the API would not take.
///
/// # Errors
/// `Failure` says what is wrong with it.
pub(super) fn check_comment(comment: &str, name: &CampaignName) -> Result<(), Failure> {
    let next = "say why the scan is run, such as --comment \"Incident 4711\"";
    let text = comment.trim();
    if text.is_empty() {
        return Err(Failure::usage("the comment is empty", "the API requires one", next));
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        let why = format!("it holds the control character {}", c.escape_unicode());
        return Err(Failure::usage("the comment cannot be used", why, next));
    }
    let length = Mark::new(name, 0).comment(text).chars().count();
    let most = crate::domain::campaign::COMMENT_MAX;
    if length > most {
        let why = format!("with its mark it has {length} characters, and {most} are allowed");
        return Err(Failure::usage("the comment is too long", why, "shorten it"));
    }
    Ok(())
}
