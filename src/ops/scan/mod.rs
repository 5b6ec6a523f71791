//! Ordering a scan on every device of a list: plan, confirm, run, report. The list is streamed into
//! the store as a draft; confirming opens it, and a refused draft is deleted. The dry run has no
//! way to order anything: it makes no client, or where it needs the tenant one that only reads.

mod ordering;

use std::fs::File;
use std::sync::Arc;

use jiff::ZonedDateTime;

use crate::clock::{SystemClock, local_now};
use crate::domain::preflight::Rules;
use crate::domain::request::{Said, ScanRequest};
use crate::domain::{Campaign, CampaignId, CampaignName, CampaignState, Exit, Happened, Operation};
use crate::ops::campaigns::tell_apart;
use crate::ops::context::Context;
use crate::ops::destination::{Destination, Planned, same_target};
use crate::ops::failure::Failure;
use crate::ops::happenings::note;
use crate::ops::kept::{self, GoingOn};
use crate::ops::lazy_client::LazyClient;
use crate::ops::limits::Speed;
use crate::ops::plan::approve::{Approver, Beside};
use crate::ops::plan::naming::{check_comment, name_of};
use crate::ops::plan::planner::{Planner, Proposal};
use crate::ops::plan::source::{check_order, check_source, needs_tenant, rehearse};
use crate::ops::plan_file::fresh;
use crate::ops::plan_file::made::{self, Made};
use crate::ops::preflight::judge::{self, Preflight};
use crate::ops::run::reports::Reports;
use crate::ops::series::{self, Night};
use crate::ops::stores::{self, Place};
use crate::ops::waves::deal::WavesWanted;
use crate::store::Store;
use crate::store::any::OpenedStore;
use crate::store::memory::MemoryStore;

pub(super) use ordering::OpenCampaign;
use ordering::{Ordering, Ready};

type Disk = OpenedStore;

/// Orders a scan on every device of a list, or shows what would be ordered. What was not said is
/// taken from a plan file, or else from `settings`.
///
/// # Errors
/// `Failure` of its kind.
pub async fn scan(
    cx: &Context<'_>,
    request: ScanRequest,
    settings: ScanRequest,
) -> Result<Exit, Failure> {
    scan_again(cx, request, settings, None).await
}

/// As `scan`, but never elsewhere than the campaign `again` went, whose devices are ordered again.
///
/// # Errors
/// `Failure` of its kind.
pub(super) async fn scan_again(
    cx: &Context<'_>,
    request: ScanRequest,
    settings: ScanRequest,
    again: Option<&Campaign>,
) -> Result<Exit, Failure> {
    let (said, made) = made::filled(request)?;
    let settings = without_what_a_plan_says(settings, made.as_ref());
    let request = said.clone().or(settings.clone());
    let named = request.campaign.is_some();
    let approver = Beside { cx, approve_max: request.approve_max, named };
    let asked = Asked { request: &request, said: &said, settings: &settings };
    let began = local_now();
    let done = async {
        let scan = Scan::new(cx, asked, &approver).await?;
        let scan = Scan { made: made.as_ref(), again, ..scan };
        if request.dry_run { scan.rehearse().await } else { scan.run().await }
    };
    let done = done.await;
    if let (Err(failure), Some(night)) = (&done, Night::of(&request, &began)) {
        night.refused(cx, failure).await;
    }
    if !request.dry_run {
        return done;
    }
    let done = done?;
    if !said.run.output.reports.is_empty() {
        cx.say("Note: a dry run writes no report; --plan-out keeps its plan.");
    }
    Ok(done)
}

/// Plans the scan of one of several tenants, and opens its campaign once that is approved; never
/// elsewhere than the campaign `again` went. Returns `None` for a dry run. The store is the
/// caller's; in a dry run there may be none.
///
/// # Errors
/// `Failure` of its kind.
pub(super) async fn open_one<S: Store>(
    cx: &Context<'_>,
    request: &ScanRequest,
    again: Option<&Campaign>,
    approver: &dyn Approver,
    place: &Place,
    store: Option<&Arc<S>>,
) -> Result<Option<OpenCampaign>, Failure> {
    let settings = ScanRequest::default();
    let scan =
        Scan::new(cx, Asked { request, said: request, settings: &settings }, approver).await?;
    let scan = Scan { again, ..scan };
    match store {
        Some(store) if !request.dry_run => scan.open_in(place, store).await.map(Some),
        store => scan.rehearse_in(place, store.map(|store| &**store)).await.map(|()| None),
    }
}

/// What was asked for, and who said what of it.
struct Asked<'a> {
    request: &'a ScanRequest,
    /// What of it was said, and not taken from settings.
    said: &'a ScanRequest,
    settings: &'a ScanRequest,
}

/// A plan says all of what decides what is ordered; settings would only contradict it.
fn without_what_a_plan_says(settings: ScanRequest, made: Option<&Made>) -> ScanRequest {
    let mut settings = settings;
    if made.is_some() {
        settings.busy = None;
        let speed = &mut settings.run.speed;
        (speed.limits, speed.leave, speed.pace) = (None, None, None);
    }
    settings
}

async fn wish(request: &ScanRequest) -> Result<WavesWanted, Failure> {
    let run = &request.run;
    WavesWanted::read(&request.waves, run.most_failures(), run.speed.time_scale.unwrap_or(1)).await
}

/// A scan that was asked for, before anything was looked at.
struct Scan<'a> {
    cx: &'a Context<'a>,
    request: &'a ScanRequest,
    /// What of it was said, and not taken from settings.
    said: &'a ScanRequest,
    settings: &'a ScanRequest,
    made: Option<&'a Made>,
    /// The campaign whose devices are ordered again.
    again: Option<&'a Campaign>,
    name: CampaignName,
    now: ZonedDateTime,
    rules: Rules,
    wish: WavesWanted,
    /// Who says whether it is carried out.
    approver: &'a dyn Approver,
}

impl<'a> Scan<'a> {
    /// Checks what can be checked without looking at anything.
    async fn new(
        cx: &'a Context<'a>,
        Asked { request, said, settings }: Asked<'a>,
        approver: &'a dyn Approver,
    ) -> Result<Self, Failure> {
        fresh::check_place(request)?;
        let now = local_now();
        let name = name_of(request, &now)?;
        check_comment(request, &name)?;
        check_source(request)?;
        let (rules, wish) = (judge::rules(&request.keep, &request.skip)?, wish(request).await?);
        let (made, again) = (None, None);
        Ok(Self { cx, request, said, settings, made, again, name, now, rules, wish, approver })
    }

    /// Whether the tenant is asked something in a dry run.
    fn rehearses_online(&self) -> bool {
        self.request.check || needs_tenant(self.request)
    }

    /// A dry run.
    async fn rehearse(self) -> Result<Exit, Failure> {
        if !self.request.run.output.reports.is_empty() {
            // What the run refuses, its rehearsal refuses too.
            Reports::new(&self.request.run.output, &self.name, None)?;
        }
        if self.rehearses_online() {
            self.rehearse_online().await
        } else {
            self.rehearse_offline().await
        }
    }

    /// The dry run of one of several tenants.
    async fn rehearse_in<S: Store>(self, place: &Place, store: Option<&S>) -> Result<(), Failure> {
        if !self.rehearses_online() {
            return self.offline_in(Some(place), store).await;
        }
        let (destination, speed) = self.destination().await?;
        match store {
            Some(store) => {
                self.online_in(destination, speed, Some(place), store, Some(store)).await
            }
            None => self.online_without_store(destination, speed, Some(place)).await,
        }
    }

    /// Where the run goes, once that is known for sure, and how fast.
    async fn destination(&self) -> Result<(Destination, Speed), Failure> {
        let Self { cx, request, .. } = self;
        let destination = Destination::new(cx, &request.run.connect, &request.run.emulator)?;
        let speed = destination.speed(cx, &request.run.speed, &self.now)?;
        let destination = destination.identified(cx, speed.timing).await?;
        if let Some(campaign) = self.again {
            same_target(campaign, &destination, "ordered again")?;
        }
        if let Some(made) = self.made {
            made.same_place(&destination)?;
        }
        Ok((destination, speed))
    }

    fn planner(self, planned: Planned, speed: Speed, place: Option<&'a Place>) -> Planner<'a> {
        let Self { cx, request, made, name, rules, wish, .. } = self;
        Planner { cx, request, made, planned, speed, name, place, rules, wish, going_on: None }
    }

    /// A dry run that sends nothing.
    async fn rehearse_offline(self) -> Result<Exit, Failure> {
        let place = Place::planned(self.cx.store, self.request.run.emulator.emulator)?;
        let store = stores::open_if_there(place.as_ref()).await?;
        self.offline_in(place.as_ref(), store.as_ref()).await?;
        Ok(Exit::Done)
    }

    async fn offline_in<S: Store>(
        self,
        place: Option<&Place>,
        store: Option<&S>,
    ) -> Result<(), Failure> {
        let Self { cx, request, approver, .. } = self;
        let planned = Planned::new(cx, &request.run.connect, &request.run.emulator)?;
        let planned = planned.known_to(place).await?;
        let speed = planned.speed(cx, &request.run.speed, &self.now)?;
        let planner = self.planner(planned, speed, place);
        let why = if request.no_check {
            planner.why_not_asked()
        } else {
            "a dry run stays offline unless --check is given"
        };
        let preflight = planner.offline(store, Some(why)).await?;
        rehearsed(planner, approver, store, None, preflight).await
    }

    /// A dry run that asks the tenant. Its calls go into the store's journal if there is a store;
    /// it makes none.
    async fn rehearse_online(self) -> Result<Exit, Failure> {
        let (destination, speed) = self.destination().await?;
        let place = Place::planned(self.cx.store, destination.planned.emulated)?;
        let there = place.as_ref().filter(|place| place.exists());
        let rehearsed = match there {
            Some(there) => {
                let store = stores::open(there, speed.timing, None).await?;
                let ended =
                    self.online_in(destination, speed, Some(there), &store, Some(&store)).await;
                stores::close(&store, ended).await
            }
            None => self.online_without_store(destination, speed, place.as_ref()).await,
        };
        rehearsed.map(|()| Exit::Done)
    }

    async fn online_without_store(
        self,
        destination: Destination,
        speed: Speed,
        place: Option<&Place>,
    ) -> Result<(), Failure> {
        let journal = MemoryStore::new(SystemClock::with_offset(0), speed.timing);
        self.online_in(destination, speed, place, &journal, None::<&Disk>).await
    }

    /// It reads, and has nothing to order with.
    async fn online_in<J: Store, S: Store>(
        self,
        destination: Destination,
        speed: Speed,
        place: Option<&Place>,
        journal: &J,
        store: Option<&S>,
    ) -> Result<(), Failure> {
        let Self { cx, request, approver, .. } = self;
        let planner = self.planner(destination.planned.clone(), speed, place);
        let mut client = LazyClient::new(destination);
        let kept = rehearse(request).await?;
        let warnings = client.try_sign_in(cx, &planner.speed).await?;
        let api = client.api(cx, &planner.speed).await?;
        let asked = with(planner.online(journal, &*api).await, warnings);
        let ended = match asked {
            Ok(asked) => rehearsed(planner, approver, store, kept, asked).await,
            Err(failure) => Err(failure),
        };
        client.end().await;
        ended
    }

    /// How a campaign of this name that is open already is run: as it was begun, but for what was
    /// said now.
    async fn going_on<S: Store>(
        &self,
        store: &S,
        name: &CampaignName,
        destination: &Destination,
        speed: Speed,
    ) -> Result<(Option<GoingOn>, Speed), Failure> {
        let Self { cx, said, settings, .. } = self;
        let budget = destination.planned.target.clone().budget(Operation::Scan);
        let Some(there) = store.find(name, &budget).await? else { return Ok((None, speed)) };
        let begun = store.begun(there.id).await?;
        if there.state != CampaignState::Open || begun.is_none() {
            return Ok((None, speed));
        }
        let (said, settings) = (said.run.clone(), settings.run.clone());
        let going_on = kept::going_on(cx, said, settings, begun, &there)?;
        let speed = destination.speed(cx, &going_on.run.speed, &self.now)?;
        Ok((Some(going_on), speed))
    }

    /// The real one.
    async fn run(self) -> Result<Exit, Failure> {
        let Self { cx, request, .. } = self;
        let (destination, speed) = self.destination().await?;
        let place = Place::new(cx.store, destination.planned.emulated)?;
        let (name, target) = (self.name.clone(), destination.planned.target.clone());
        let name = series::free_name(request, name, &target, Some(&place), &self.now).await?;
        check_comment(request, &name)?;
        let reports = Reports::new(&request.run.output, &name, Some(&target))?;
        let reports = reports.proposing(cx.commands);
        let named = Some((&name, cx.commands));
        let store = Arc::new(stores::open(&place, speed.timing, named).await?);
        let scan = Scan { name, ..self };
        let exit = match scan.begin(&place, &store, destination, speed, reports).await {
            Ok(Begun { order, mut client, ready }) => {
                let exit = order.start(store.clone(), ready, &mut client).await;
                client.end().await;
                exit
            }
            Err(failure) => Err(failure),
        };
        stores::close(&store, exit).await
    }

    /// Opens the campaign of one of several tenants, whose runs another one carries out.
    async fn open_in<S: Store>(
        self,
        place: &Place,
        store: &Arc<S>,
    ) -> Result<OpenCampaign, Failure> {
        let (destination, speed) = self.destination().await?;
        let target = destination.planned.target.clone();
        let reports = Reports::new(&self.request.run.output, &self.name, Some(&target))?;
        let reports = reports.proposing(self.cx.commands);
        let begun = self.begin(place, store, destination, speed, reports).await?;
        let Begun { order, mut client, ready } = begun;
        order.leave(&**store, ready, &mut client).await
    }

    /// Plans, has the plan approved and opens the campaign, or finds it open.
    async fn begin<S: Store>(
        self,
        place: &'a Place,
        store: &Arc<S>,
        destination: Destination,
        speed: Speed,
        reports: Reports,
    ) -> Result<Begun<'a>, Failure> {
        let Self { cx, request, approver, again, .. } = self;
        let name = self.name.clone();
        destination.note_tenant(&**store).await?;
        tell_apart(cx, &**store, &name, &destination.planned.target).await?;
        let (going_on, speed) = self.going_on(&**store, &name, &destination, speed).await?;
        let draft = store.draft().await?;
        let planned = destination.planned.clone();
        let wish = match &going_on {
            Some(going_on) => {
                wish(&ScanRequest { run: going_on.run.clone(), ..request.clone() }).await?
            }
            None => self.wish.clone(),
        };
        let planner = self.planner(planned, speed, Some(place));
        let planner = Planner { wish, going_on, ..planner };
        let mut client = LazyClient::new(destination);
        let order = Ordering { planner, reports, approver };
        match order.prepare(store, draft, &mut client).await {
            Ok(ready) => {
                if let Some(again) = again {
                    let campaign = ready.campaign.name.clone();
                    note(cx, &**store, again.id, Happened::OrderedAgain { campaign }).await;
                }
                Ok(Begun { order, client, ready })
            }
            Err(failure) => {
                // What stopped the plan matters more than a draft that stays; a day later it is
                // removed.
                store.discard(draft).await.ok();
                client.end().await;
                Err(failure)
            }
        }
    }
}

/// A campaign that is open, with what it was planned with.
struct Begun<'a> {
    order: Ordering<'a>,
    client: LazyClient,
    ready: Ready,
}

fn with(asked: Result<Preflight, Failure>, warnings: Vec<String>) -> Result<Preflight, Failure> {
    let mut asked = asked?;
    asked.warnings.extend(warnings);
    Ok(asked)
}

/// The end of a dry run: the plan is shown, and written if that is wanted.
async fn rehearsed<S: Store>(
    planner: Planner<'_>,
    approver: &dyn Approver,
    store: Option<&S>,
    kept: Option<File>,
    preflight: Preflight,
) -> Result<(), Failure> {
    let nowhere: Option<(&S, CampaignId)> = None;
    let read = planner.read(kept, preflight, nowhere).await?;
    check_order(planner.request, &read.listing)?;
    let dealt = planner.wish.deal(&read.listing, &read.preflight)?;
    let name = planner.name.clone();
    let (target, place) = (&planner.planned.target, planner.place);
    let name = series::free_name(planner.request, name, target, place, &local_now()).await?;
    let planner = Planner { name, ..planner };
    let (planner, read, dealt) = (&planner, &read, &dealt);
    let proposal = Proposal { planner, read, there: None, wish: &planner.wish, dealt };
    let plan = proposal.plan(store).await?;
    approver.show(&plan)?;
    planner.refuse_bad_rows(&read.listing)?;
    fresh::settle(&proposal, &plan, None)?;
    if planner.request.from_tenant && read.listing.rows == 0 {
        // As the run itself would end.
        return Err(Failure::new(
            Exit::Attention,
            "nothing would be ordered: no device of the tenant fits",
            "its inventory has none that --tag and the other options pick",
            "check how these are written; `fleetsweep devices` lists what the tenant has",
        ));
    }
    Ok(())
}
