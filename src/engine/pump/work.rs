//! What the loop needs of that which it makes calls for: what is due, what an answer means, and
//! when all of it is over.

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::call::{Caller, Done, Unclaimed};
use super::flow::Flow;
use crate::domain::Stamp;
use crate::engine::stop::StopLevel;
use crate::store::Result;

/// The flow of the calls of some work.
pub(crate) type FlowOf<W> = Flow<<W as Work>::Progress>;

/// What the calls of some work are made for.
pub(crate) type ItemOf<W> = <<W as Work>::Caller as Caller>::Item;

/// What calls are made for. The loop owns it; only the loop changes it.
pub(crate) trait Work: Sized + Send + Sync {
    /// Who makes the calls.
    type Caller: Caller;
    /// What a snapshot holds.
    type Progress: Send;
    /// What other tasks come back with, such as looks into a list.
    type Aside: Send + 'static;

    /// Who makes the calls.
    fn caller(&self) -> &Arc<Self::Caller>;

    /// Stops the flow if there is a reason of its own to.
    fn check_stop(&mut self, _flow: &mut FlowOf<Self>, _level: StopLevel) {}

    /// The flow is stopped: ends what is not worth finishing.
    fn stopped(&mut self) {}

    /// What there is to do every few seconds.
    fn tick(&mut self, _flow: &mut FlowOf<Self>) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Whether there is something to call for now; what holds it otherwise, it tells the flow.
    fn is_due(&mut self, flow: &mut FlowOf<Self>) -> impl Future<Output = Result<bool>> + Send;

    /// The item to call for next.
    fn take(&mut self, flow: &FlowOf<Self>) -> Option<ItemOf<Self>>;

    /// An item got no slot.
    fn unclaimed(&mut self, item: ItemOf<Self>, why: Unclaimed, flow: &mut FlowOf<Self>);

    /// Judges what the settled call means for its item, and for all others beyond what the flow
    /// knows.
    fn judge(&mut self, done: Done<Self::Caller>, flow: &mut FlowOf<Self>);

    /// The other tasks.
    fn asides(&mut self) -> &mut JoinSet<Result<Self::Aside>>;

    /// Takes in what another task came back with.
    fn aside_ended(
        &mut self,
        aside: Self::Aside,
        flow: &mut FlowOf<Self>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// From when on there may be something to call for; `None` if nothing tells.
    fn due_at(&self, now: Stamp) -> Option<Stamp>;

    /// When it has to be looked at whatever the calls do; `None` if never.
    fn wake_by(&self, _flow: &FlowOf<Self>) -> Option<Stamp> {
        None
    }

    /// Whether all of it is over, now that no call is in flight.
    fn is_over(&mut self, flow: &mut FlowOf<Self>) -> impl Future<Output = Result<bool>> + Send;

    /// What must be written before it is left at once.
    fn leave(&mut self, _flow: &FlowOf<Self>) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Where it stands.
    fn progress(&self, flow: &FlowOf<Self>) -> impl Future<Output = Result<Self::Progress>> + Send;
}
