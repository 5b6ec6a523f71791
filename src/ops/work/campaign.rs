//! One campaign in a worker: run as it was begun, with the credential of its tenant's settings. One
//! client and one token serve all campaigns of a tenant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use super::not_run::{not_kept, other_scale, resume, tell, waits};
use super::sum::Sum;
use super::tenants::Tenants;
use crate::clock::{Clock, local_now};
use crate::defender::HttpApi;
use crate::domain::request::RunRequest;
use crate::domain::text::printable;
use crate::domain::{Begun, Campaign, CampaignFilter, CampaignId, Exit, Stamp, Target, Timing};
use crate::engine::QuietStore;
use crate::ops::context::{Commands, Context};
use crate::ops::destination::{Destination, same_target};
use crate::ops::failure::Failure;
use crate::ops::follow::Watch;
use crate::ops::kept::{self, GoingOn};
use crate::ops::limits::Speed;
use crate::ops::not_begun::keep;
use crate::ops::run::begin::random_id;
use crate::ops::run::patience::Patience;
use crate::ops::run::reports::{OUTPUT, Reports};
use crate::ops::run::{Beside, Run};
use crate::store::Store;

/// Campaigns that begin at a time: each reads all that it was left with, signs in and says so, and
/// a store that all of them ask at once answers none.
const TURNS: usize = 32;

/// The client of a target, made by the first campaign that needs it.
type Client = Arc<OnceCell<Arc<HttpApi>>>;

/// A campaign that is open and that this very process is to run.
pub(in crate::ops) struct ToRun {
    /// The campaign.
    pub campaign: Campaign,
    /// In a series, how many of its devices the plan saw ordered, if not all.
    pub foreseen: Option<u64>,
    /// The client that planned it, if one did.
    pub api: Option<Arc<HttpApi>>,
}

/// What all campaigns of a worker share.
pub(super) struct Worker<S> {
    store: Arc<S>,
    /// What the engines of all of them ask through.
    quiet: Arc<QuietStore<S>>,
    /// The turns of those that begin.
    turns: Arc<Semaphore>,
    tenants: Tenants,
    time_scale: u32,
    clients: Mutex<BTreeMap<Target, Client>>,
    /// What the plans of these campaigns saw ordered before their time is over, if not all.
    foreseen: BTreeMap<CampaignId, u64>,
    /// Another worker may go on with what is left, where that can be done without asking anybody.
    leaves_to_others: bool,
    /// What holds for this process alone, and is not kept with the campaigns.
    alone: RunRequest,
    /// How far all of them are.
    sum: Arc<Sum>,
}

impl<S: Store> Worker<S> {
    /// # Errors
    /// `Failure` if the system has no random numbers, by which processes are told apart.
    pub(super) fn new(store: Arc<S>, tenants: Tenants, time_scale: u32) -> Result<Self, Failure> {
        let timing = Timing::default().scaled(time_scale);
        Ok(Self {
            quiet: QuietStore::new(store.clone(), random_id()?, timing),
            turns: Arc::new(Semaphore::new(TURNS)),
            store,
            tenants,
            time_scale,
            clients: Mutex::default(),
            foreseen: BTreeMap::new(),
            leaves_to_others: true,
            alone: RunRequest::default(),
            sum: Arc::default(),
        })
    }

    /// How far all of its campaigns are.
    pub(super) fn sum(&self) -> &Arc<Sum> {
        &self.sum
    }

    /// What tells this process from others.
    pub(super) fn process(&self) -> &str {
        self.quiet.process()
    }

    /// One that runs what its own process began: what it leaves is left to whoever began it.
    pub(super) fn for_itself(self, alone: RunRequest) -> Self {
        Self { leaves_to_others: false, alone, ..self }
    }

    /// Takes in what is known of a campaign that is to be run.
    pub(super) fn expect(&mut self, one: &ToRun) {
        let ToRun { campaign, foreseen, api } = one;
        if let Some(api) = api {
            let client = Arc::new(OnceCell::new_with(Some(api.clone())));
            self.clients().insert(campaign.order.target.clone(), client);
        }
        if let Some(foreseen) = foreseen {
            self.foreseen.insert(campaign.id, *foreseen);
        }
    }

    /// How commands about a campaign read: they say whose it is if it could be another tenant's.
    pub(super) fn commands(&self, cx: &Context<'_>, campaign: &Campaign) -> Commands {
        let target = &campaign.order.target;
        match self.tenants.of(target) {
            Some(connect) if self.tenants.are_several() => {
                cx.commands.of_tenant(connect.profile.as_deref(), &target.tenant)
            }
            _ => cx.commands.clone(),
        }
    }

    /// What people call the tenant of a campaign.
    pub(super) fn profile(&self, campaign: &Campaign) -> Option<&str> {
        self.tenants.of(&campaign.order.target)?.profile.as_deref()
    }

    /// What durations are divided by.
    pub(super) fn time_scale(&self) -> u32 {
        self.time_scale
    }

    /// Waits until then by the store's clock.
    pub(super) async fn sleep_until(&self, at: Stamp) {
        self.store.clock().sleep_until(at).await;
    }

    /// The moment by the store's clock.
    pub(super) fn now(&self) -> Stamp {
        self.store.clock().now()
    }

    /// The time as all hosts read it that share the store.
    pub(super) fn shared_utc(&self) -> Timestamp {
        self.store.clock().shared_utc()
    }

    /// All open campaigns but these.
    ///
    /// # Errors
    /// `Failure` if the store fails.
    pub(super) async fn open_but(
        &self,
        but: BTreeSet<CampaignId>,
    ) -> Result<Vec<Campaign>, Failure> {
        Ok(self.store.select(&CampaignFilter { but, ..CampaignFilter::open() }).await?)
    }

    /// Whether it can sign in for this campaign, as far as settings tell.
    pub(super) fn knows(&self, campaign: &Campaign) -> bool {
        self.tenants.of(&campaign.order.target).is_some()
    }

    /// Runs a campaign to its end or to a stop.
    ///
    /// # Errors
    /// `Failure` of its kind. Where no run could begin that might, the store says so too.
    pub(super) async fn go_on(
        &self,
        cx: &Context<'_>,
        campaign: Campaign,
    ) -> Result<Exit, Failure> {
        // Beginning takes more room than a campaign that waits, of which there are a thousand.
        let Some((run, ruled)) = Box::pin(self.begin(cx, &campaign)).await? else {
            // It has not begun, and waits for whoever takes it.
            return Ok(Exit::Stopped);
        };
        let exit = run.run(ruled).await;
        if exit.as_ref().is_ok_and(|exit| *exit == Exit::SignIn) {
            // A credential that was replaced is read anew.
            self.clients().remove(&campaign.order.target);
        }
        exit
    }

    /// What runs a campaign, once it is its turn. Returns `None` if it was stopped before.
    async fn begin<'c>(
        &self,
        cx: &'c Context<'_>,
        campaign: &Campaign,
    ) -> Result<Option<(Run<'c, S, HttpApi>, Campaign)>, Failure> {
        let mut stopping = cx.stop.listen()?;
        let turn = self.turns.clone().acquire_owned();
        let Some(Ok(turn)) = stopping.unless_stopped(turn).await else { return Ok(None) };
        let timing = Timing::default().scaled(self.time_scale);
        let patience = Patience { ui: cx.ui, store: &self.store, timing: &timing };
        let begun = patience.ask(&mut stopping, || self.store.begun(campaign.id)).await?;
        let tally = patience.ask(&mut stopping, || self.store.tally(campaign.id)).await?;
        self.sum.note(campaign.id, &tally);
        let Some(begun) = begun else {
            return Err(not_kept(cx, campaign));
        };
        let on_event = hook(cx, begun.request.run.after.on_event.as_ref(), "--on-event", &begun);
        let ready = self.ready(cx, campaign, begun, on_event.clone(), turn).await;
        if let Err(failure) = &ready
            && failure.kind != Exit::Stopped
        {
            let told = async {
                if keep(cx, &*self.store, campaign, failure).await {
                    tell(cx, campaign, failure, on_event.as_deref()).await;
                }
            };
            stopping.unless_stopped(told).await;
        }
        ready.map(Some)
    }

    /// What runs a campaign, signed in, with the campaign as that is to treat it.
    async fn ready<'c>(
        &self,
        cx: &'c Context<'_>,
        campaign: &Campaign,
        begun: Begun,
        on_event: Option<String>,
        turn: OwnedSemaphorePermit,
    ) -> Result<(Run<'c, S, HttpApi>, Campaign), Failure> {
        let tenant = self.tenants.of(&campaign.order.target);
        let connect = tenant.cloned().unwrap_or_default();
        let settings = RunRequest { connect, ..RunRequest::default() };
        let kept = Some(begun.clone());
        let going_on = kept::going_on(cx, self.alone.clone(), settings, kept, campaign)?;
        let asked = &going_on.run;
        let destination = Destination::new(cx, &asked.connect, &asked.emulator)?;
        let speed = destination.speed(cx, &asked.speed, &local_now())?;
        if speed.time_scale != self.time_scale {
            return Err(other_scale(cx, campaign, speed.time_scale));
        }
        let api = self.client(cx, destination, campaign, &speed).await;
        let api = api.map_err(|failure| waits(cx, campaign, self.leaves_to_others, failure))?;
        let run = Run {
            cx,
            store: self.store.clone(),
            api,
            follow: Watch::after(&asked.after, &speed),
            speed,
            reports: self.reports(cx, &going_on, &begun, campaign),
            resume: Some(resume(cx, campaign)),
            foreseen: self.foreseen.get(&campaign.id).copied(),
            series: begun.request.due.series.is_some(),
            on_finish: hook(cx, asked.after.on_finish.as_ref(), "--on-finish", &begun),
            on_event,
            worker: self.leaves_to_others,
            beside: Some(Beside { store: self.quiet.clone(), turn: Mutex::new(Some(turn)) }),
        };
        Ok((run, going_on.ruled(campaign.clone())))
    }

    /// The client of a campaign's target. It signs in once for all campaigns of the target.
    async fn client(
        &self,
        cx: &Context<'_>,
        destination: Destination,
        campaign: &Campaign,
        speed: &Speed,
    ) -> Result<Arc<HttpApi>, Failure> {
        let client = self.clients().entry(campaign.order.target.clone()).or_default().clone();
        let made = client.get_or_try_init(|| async {
            let destination = destination.identified(cx, speed.timing).await?;
            same_target(campaign, &destination, "run")?;
            // No campaign is emulated that is run here, so nothing is embedded.
            let (api, _) = destination.connect(cx, speed).await?;
            Ok(Arc::new(api))
        });
        made.await.cloned()
    }

    /// The reports that were asked for, where they were asked for: another host's paths are not
    /// this one's, and a worker leaves no file where nobody looks for it.
    fn reports(
        &self,
        cx: &Context<'_>,
        going_on: &GoingOn,
        begun: &Begun,
        campaign: &Campaign,
    ) -> Reports {
        let mut asked = going_on.run.output.clone();
        // What a worker says belongs to all its campaigns.
        asked.reports.retain(|path| path.as_os_str() != OUTPUT);
        if asked.reports.is_empty() || begun.host != cx.host.name {
            return Reports::none();
        }
        let reports = Reports::of(&asked, campaign).unwrap_or_else(|failure| {
            cx.ui.say(&format!("Warning: no report is written: {}", failure.why));
            Reports::none()
        });
        reports.proposing(cx.commands)
    }

    fn clients(&self) -> MutexGuard<'_, BTreeMap<Target, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command beside the run, if this very user asked for it on this host.
fn hook(cx: &Context<'_>, command: Option<&String>, option: &str, begun: &Begun) -> Option<String> {
    let command = command?.clone();
    if begun.is_of(&cx.host.user, &cx.host.name) {
        return Some(command);
    }
    cx.ui.say(&format!(
        "Warning: the command of {option} is not run: {} on {} asked for it, and a worker runs \
         commands of its own user and host alone.",
        printable(&begun.by),
        printable(&begun.host)
    ));
    None
}
