//! A real scan from its plan to its run: what is known before the first call, the question, the
//! campaign that is opened. How it runs is `run`'s.

use std::fs::File;
use std::sync::Arc;

use crate::clock::local_now;
use crate::defender::HttpApi;
use crate::domain::{
    Campaign, CampaignId, CampaignState, Exit, Opened, Opening, Operation, Order, Rollout,
};
use crate::ops::destination::Planned;
use crate::ops::failure::{Failure, Reason};
use crate::ops::follow::Watch;
use crate::ops::kept;
use crate::ops::lazy_client::LazyClient;
use crate::ops::limits::Speed;
use crate::ops::plan::approve::{Answer, Approver};
use crate::ops::plan::naming::random;
use crate::ops::plan::others::SameList;
use crate::ops::plan::planner::{Planner, Proposal, Read};
use crate::ops::plan::source::{check_order, needs_tenant, rehearse};
use crate::ops::plan_file::fresh;
use crate::ops::preflight::judge::Preflight;
use crate::ops::run::Run;
use crate::ops::run::reports::{Reports, head};
use crate::ops::series;
use crate::ops::waves::deal::{self, WavesAssigned};
use crate::ops::work::hand_over;
use crate::report::plan::Plan;
use crate::store::Store;

/// A campaign that is open, and in a series how many of its devices the plan saw ordered before its
/// time is over, if not all.
pub(super) struct Ready {
    pub(super) campaign: Campaign,
    foreseen: Option<u64>,
}

/// A campaign that is open and is run by somebody else.
pub(in crate::ops) struct OpenCampaign {
    /// The campaign.
    pub campaign: Campaign,
    /// In a series, how many of its devices the plan saw ordered, if not all.
    pub foreseen: Option<u64>,
    /// The client that planned it.
    pub api: Arc<HttpApi>,
}

/// A real scan: from its plan to its run.
pub(super) struct Ordering<'a> {
    /// What it is planned with.
    pub planner: Planner<'a>,
    /// Where its reports go.
    pub reports: Reports,
    /// Who says whether it is carried out.
    pub approver: &'a dyn Approver,
}

impl Ordering<'_> {
    /// Reads, plans and confirms.
    pub(super) async fn prepare<S: Store>(
        &self,
        shared: &Arc<S>,
        draft: CampaignId,
        client: &mut LazyClient,
    ) -> Result<Ready, Failure> {
        let store = &**shared;
        let Planner { cx, request, speed, planned, .. } = &self.planner;
        series::open_ones(cx, store, request, &planned.target, speed).await?;
        let (preflight, kept) = self.check(store, client).await?;
        let read = self.planner.read(kept, preflight, Some((store, draft))).await?;
        let Planned { target, emulated, .. } = planned;
        read.listing.notes.check(target, *emulated)?;
        let there = self.find_same(store, &read.order).await?;
        if there.is_none() {
            check_order(request, &read.listing)?;
        }
        let (dealt, plan) = self.agree(store, draft, &read, there.as_ref()).await?;
        // Another run of the series can have begun since.
        let last = series::open_ones(cx, store, request, &planned.target, speed).await?;
        if !last.is_empty() {
            series::end(cx, shared, client.api(cx, speed).await?, last, speed).await?;
        }
        let fits = plan.fits().filter(|fits| *fits < plan.open && request.due.series.is_some());
        let campaign = self.open(store, draft, read.order, dealt.rollout).await?;
        Ok(Ready { campaign, foreseen: fits })
    }

    /// What is known before the first call: of the tenant if it may be asked, else of the list.
    /// With standard input as it was kept, if the list was read for that.
    async fn check<S: Store>(
        &self,
        store: &S,
        client: &mut LazyClient,
    ) -> Result<(Preflight, Option<File>), Failure> {
        let planner = &self.planner;
        let Planner { cx, request, speed, planned, .. } = planner;
        if !needs_tenant(request) && !request.check {
            let why = if request.no_check {
                Some(planner.why_not_asked())
            } else if planned.emulated {
                Some("the emulator makes up a fleet of its own (see --check)")
            } else {
                None
            };
            // The rows of a campaign that is there were judged when it was opened.
            let there = self.find(store).await?.is_some();
            if why.is_some() || there {
                let mut preflight = if there {
                    Preflight::offline(planner.rules, local_now().timestamp(), why)
                } else {
                    planner.offline(Some(store), why).await?
                };
                // A list that is refused is told before anybody waits for a sign-in.
                let kept = if client.signs_in() { rehearse(request).await? } else { None };
                preflight.warnings.extend(client.sign_in(cx, speed, self.asks()).await?);
                return Ok((preflight, kept));
            }
        }
        let kept = rehearse(request).await?;
        if let Some(why) = client.sign_in(cx, speed, self.asks()).await?
            && !needs_tenant(request)
        {
            let mut preflight =
                planner.offline(Some(store), Some("nobody can sign in now")).await?;
            preflight.warnings.push(why);
            return Ok((preflight, kept));
        }
        let api = client.api(cx, speed).await?;
        Ok((planner.online(store, &*api).await?, kept))
    }

    /// Whether somebody is asked to confirm the plan.
    fn asks(&self) -> bool {
        self.approver.asks() && self.planner.made.is_none()
    }

    /// Plans and has it confirmed; a new campaign's draft is dealt into its waves.
    async fn agree<S: Store>(
        &self,
        store: &S,
        draft: CampaignId,
        read: &Read,
        there: Option<&Campaign>,
    ) -> Result<(WavesAssigned, Plan), Failure> {
        let (planner, approver) = (&self.planner, self.approver);
        let Planner { cx, request, .. } = planner;
        let mut wish = planner.wish.clone();
        loop {
            let dealt = match there {
                Some(there) => WavesAssigned::of(store, there, &wish).await?,
                None => wish.deal(&read.listing, &read.preflight)?,
            };
            let proposal = Proposal { planner, read, there, wish: &wish, dealt: &dealt };
            let plan = proposal.plan(Some(store)).await?;
            approver.show(&plan)?;
            if let Err(failure) = planner.refuse_bad_rows(&read.listing) {
                // The report of a campaign that is open already tells what was ordered in it.
                if there.is_none() {
                    self.report_refused(store, draft, &read.order).await?;
                }
                return Err(failure);
            }
            let filed = planner.made.is_some() || request.plan_file.write_to.is_some();
            let held = fresh::held(filed, store, there).await?;
            let approved = fresh::settle(&proposal, &plan, held.as_ref())?;
            if let Some(there) = there {
                deal::refuse_failed(cx, there)?;
                approver.goes_on(&plan).await?;
                return Ok((dealt, plan));
            }
            if approved {
                self.refuse_begun_since(store, &read.order).await?;
            } else {
                let same = self.same_list(store, &read.order).await?;
                // What a file of a plan says is not changed by an answer.
                let devices = read.listing.devices();
                let proposed =
                    !filed && wish.proposes(&read.order, devices, planner.planned.emulated);
                let answer = approver.begins(&plan, proposed).await;
                match answer.map_err(|failure| self.unconfirmed(failure, same))? {
                    Answer::Go => {}
                    Answer::Canary => {
                        wish = wish.with_canary();
                        continue;
                    }
                }
            }
            wish.lay(store, draft, &dealt, &read.listing).await?;
            return Ok((dealt, plan));
        }
    }

    /// The fresh campaign of these very devices, if there is one and it may be repeated. The
    /// emulator makes up its fleet anew for each run, so there any may be.
    ///
    /// # Errors
    /// `Failure` with exit code 6 if nobody looks at the plan, and nobody said that the campaign is
    /// to be a new one.
    async fn same_list<S: Store>(
        &self,
        store: &S,
        order: &Order,
    ) -> Result<Option<SameList>, Failure> {
        let Planner { cx, request, planned, .. } = &self.planner;
        if planned.emulated {
            return Ok(None);
        }
        let now = local_now().timestamp();
        let same = SameList::find(store, order, &request.due, now).await?;
        let Some(same) = same.filter(SameList::is_fresh) else { return Ok(None) };
        if self.approver.may_repeat() { Ok(Some(same)) } else { Err(same.refusal(cx.commands)) }
    }

    /// Refuses an approved plan whose devices another campaign has since: who approved it could not
    /// know of that one.
    ///
    /// # Errors
    /// `Failure` with exit code 6 if there is such a campaign.
    async fn refuse_begun_since<S: Store>(&self, store: &S, order: &Order) -> Result<(), Failure> {
        let Planner { cx, request, planned, made, .. } = &self.planner;
        let Some(made) = made.filter(|_| !planned.emulated) else { return Ok(()) };
        let same = SameList::find(store, order, &request.due, local_now().timestamp()).await?;
        match same.filter(|same| same.is_fresh() && same.is_begun_after(made.made_at())) {
            Some(same) => Err(same.refusal_of_plan(cx.commands)),
            None => Ok(()),
        }
    }

    /// A plan that nobody confirmed; where another campaign has its devices, what is to be done is
    /// most likely something else than to confirm it.
    fn unconfirmed(&self, failure: Failure, same: Option<SameList>) -> Failure {
        match (self.planner.made, same) {
            (Some(made), _) => made.unconfirmed(failure),
            // Who named it has said that it is to be another one.
            (None, Some(same)) if self.planner.request.campaign.is_none() => {
                Failure { next: same.next(self.planner.cx.commands), ..failure }
            }
            (None, Some(_)) => failure,
            (None, None) => failure,
        }
    }

    async fn report_refused<S: Store>(
        &self,
        store: &S,
        draft: CampaignId,
        order: &Order,
    ) -> Result<(), Failure> {
        let Planner { name, planned, .. } = &self.planner;
        let head = head(name, order, planned.emulated);
        self.reports.write_refused(store, draft, head).await
    }

    /// The campaign of this name in this tenant, if there is one.
    async fn find<S: Store>(&self, store: &S) -> Result<Option<Campaign>, Failure> {
        let Planner { name, planned, .. } = &self.planner;
        Ok(store.find(name, &planned.target.budget(Operation::Scan)).await?)
    }

    /// This campaign, if it is open already; another one of that name is refused before anybody
    /// is asked anything.
    async fn find_same<S: Store>(
        &self,
        store: &S,
        order: &Order,
    ) -> Result<Option<Campaign>, Failure> {
        let Planner { name, planned, request, .. } = &self.planner;
        let Some(there) = self.find(store).await? else { return Ok(None) };
        let differs = there.differences(order, planned.emulated);
        if request.due.series.is_some() {
            return Err(series::at_work(self.planner.cx, name));
        }
        if differs.is_empty() && there.state == CampaignState::Open {
            return Ok(Some(there));
        }
        Err(self.taken(&differs))
    }

    async fn open<S: Store>(
        &self,
        store: &S,
        draft: CampaignId,
        order: Order,
        rollout: Rollout,
    ) -> Result<Campaign, Failure> {
        let Planner { cx, name, planned, request, speed, .. } = &self.planner;
        let opening = Opening {
            name: name.clone(),
            order,
            mark_bits: random()?,
            busy: request.busy.unwrap_or_default(),
            emulated: planned.emulated,
            quotas: speed.quotas.clone(),
            priority: speed.priority,
            rollout,
            begun: kept::begun(cx, request, speed),
        };
        match store.open(draft, opening).await? {
            Opened::Continues(_) if request.due.series.is_some() => {
                return Err(series::at_work(cx, name));
            }
            Opened::New(_) | Opened::Continues(_) => {}
            Opened::Taken(differs) => return Err(self.taken(&differs)),
        }
        let opened = self.find(store).await?;
        opened.ok_or_else(|| {
            Failure::defect("the campaign vanished", "the store does not find it again")
        })
    }

    /// What the campaign keeps is as it was said now.
    async fn keep<S: Store>(&self, store: &S, campaign: &Campaign) -> Result<Speed, Failure> {
        let Planner { cx, speed, .. } = &self.planner;
        let Some(going_on) = &self.planner.going_on else {
            return Ok(speed.clone().going_on_with(campaign));
        };
        going_on.keep(cx, store, campaign.id, speed).await?;
        Ok(speed.clone())
    }

    /// Leaves the campaign to whoever runs those of several tenants.
    pub(super) async fn leave<S: Store>(
        &self,
        store: &S,
        ready: Ready,
        client: &mut LazyClient,
    ) -> Result<OpenCampaign, Failure> {
        let Ready { campaign, foreseen } = ready;
        let speed = self.keep(store, &campaign).await?;
        let api = client.api(self.planner.cx, &speed).await?;
        Ok(OpenCampaign { campaign, foreseen, api })
    }

    pub(super) async fn start<S: Store>(
        &self,
        store: Arc<S>,
        ready: Ready,
        client: &mut LazyClient,
    ) -> Result<Exit, Failure> {
        let Planner { cx, request, .. } = &self.planner;
        let Ready { campaign, foreseen } = ready;
        let going_on = self.planner.going_on.as_ref();
        let speed = self.keep(&*store, &campaign).await?;
        if request.detach {
            return hand_over(cx, &*store, &campaign).await;
        }
        let asked = going_on.map_or(&request.run, |going_on| &going_on.run);
        let api = client.api(cx, &speed).await?;
        let run = Run {
            cx,
            store,
            api,
            follow: Watch::after(&asked.after, &speed),
            speed,
            reports: self.reports.clone(),
            resume: self.resume(&campaign),
            foreseen,
            series: request.due.series.is_some(),
            on_finish: asked.after.on_finish.clone(),
            on_event: asked.after.on_event.clone(),
            worker: false,
            beside: None,
        };
        run.run(deal::with_rules(campaign, asked.most_failures())).await
    }

    /// The command that goes on with the campaign. Returns `None` if its store goes with this
    /// process.
    fn resume(&self, campaign: &Campaign) -> Option<String> {
        let Planner { cx, planned, .. } = &self.planner;
        if planned.emulated && !cx.store.named {
            return None;
        }
        Some(cx.commands.going_on(&campaign.name))
    }

    fn taken(&self, differs: &[String]) -> Failure {
        let Planner { cx, name, made, .. } = &self.planner;
        let what = format!("nothing was ordered: there is a campaign {name} already");
        // A plan names its campaign, and is run under no other name.
        let another = match made {
            Some(_) => "make a new plan with --plan-out and another --campaign, or none",
            None => "give another name with --campaign, or none",
        };
        if differs.is_empty() {
            let report = cx.commands.of_store(&format!("report {name}"));
            let next = format!("see `{report}`; for another round {another}");
            let why = "it is this one, and it is finished";
            return Failure::refused(what, why, next).because(Reason::Finished);
        }
        let why = format!("it is another one; what differs: {}", differs.join("; "));
        Failure::refused(what, why, another)
    }
}
