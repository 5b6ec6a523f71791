//! One plan and one answer for several tenants: the planning of each waits at the end until all
//! have planned, or failed, and somebody has said yes to the whole.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::ops::failure::Failure;
use crate::ops::plan::approve::{Answer, Approver, CancelApprover};
use crate::report::cancels::CancelPlan;
use crate::report::plan::Plan;

/// What the plannings of all tenants share.
pub(super) struct Agreement<P> {
    /// The plans that were made, each by the place of its tenant.
    plans: Mutex<BTreeMap<usize, P>>,
    /// Told when a planning waits for the answer.
    waits: UnboundedSender<usize>,
    /// The answer.
    answer: watch::Sender<Option<bool>>,
    /// As many plan at the same time.
    places: Arc<Semaphore>,
    /// Somebody is asked.
    asks: bool,
    /// The campaigns were given a name.
    named: bool,
}

impl<P: Clone> Agreement<P> {
    /// One for plannings of which `at_once` are under way at the same time.
    pub(super) fn new(at_once: usize, asks: bool, waits: UnboundedSender<usize>) -> Self {
        Self {
            plans: Mutex::default(),
            waits,
            answer: watch::Sender::new(None),
            places: Arc::new(Semaphore::new(at_once)),
            asks,
            named: false,
        }
    }

    /// The same, for campaigns that were given a name or not.
    pub(super) fn of_named(self, named: bool) -> Self {
        Self { named, ..self }
    }

    /// Waits until this tenant may plan.
    pub(super) async fn place_of(&self, tenant: usize) -> Seat<'_, P> {
        let place = self.places.clone().acquire_owned().await.ok();
        Seat { agreement: self, tenant, place: Mutex::new(place) }
    }

    /// The plans that were made.
    pub(super) fn plans(&self) -> BTreeMap<usize, P> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells all that wait whether they go on.
    pub(super) fn answer(&self, goes: bool) {
        self.answer.send_replace(Some(goes));
    }
}

/// Where one tenant plans and waits.
pub(super) struct Seat<'a, P> {
    agreement: &'a Agreement<P>,
    tenant: usize,
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

impl<P: Clone> Seat<'_, P> {
    fn keep(&self, plan: &P) {
        let mut plans = self.agreement.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.insert(self.tenant, plan.clone());
    }

    async fn wait(&self) -> Result<(), Failure> {
        let Self { agreement, tenant, place } = self;
        // The next one plans meanwhile.
        drop(place.lock().unwrap_or_else(PoisonError::into_inner).take());
        agreement.waits.send(*tenant).ok();
        let mut answer = agreement.answer.subscribe();
        let goes = answer.wait_for(Option::is_some).await.is_ok_and(|answer| *answer == Some(true));
        if goes { Ok(()) } else { Err(not_confirmed()) }
    }
}

/// Nobody reads it: what became of the question is told once for all.
fn not_confirmed() -> Failure {
    let what = "nothing was done";
    Failure::refused(what, "the plan of all tenants is not confirmed", "run the command again")
}

#[async_trait]
impl Approver for Seat<'_, Plan> {
    fn asks(&self) -> bool {
        self.agreement.asks
    }

    fn may_repeat(&self) -> bool {
        self.agreement.asks || self.agreement.named
    }

    fn show(&self, plan: &Plan) -> Result<(), Failure> {
        self.keep(plan);
        Ok(())
    }

    async fn begins(&self, _: &Plan, _: bool) -> Result<Answer, Failure> {
        self.wait().await.map(|()| Answer::Go)
    }

    async fn goes_on(&self, _: &Plan) -> Result<(), Failure> {
        self.wait().await
    }
}

#[async_trait]
impl CancelApprover for Seat<'_, CancelPlan> {
    fn show(&self, plan: &CancelPlan) -> Result<(), Failure> {
        self.keep(plan);
        Ok(())
    }

    async fn approve(&self, _: &CancelPlan) -> Result<(), Failure> {
        self.wait().await
    }
}
