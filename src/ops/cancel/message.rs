//! The message that a cancellation came to its end, was stopped or failed: the run that it ended
//! knew only what had been ordered by then.

use crate::domain::news::News;
use crate::domain::{Campaign, Exit};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::messages::{Teller, message};
use crate::ops::run::reports::head;
use crate::report::Document;
use crate::report::cancels::CancelSummary;
use crate::report::message::Message;
use crate::store::Store;

/// Tells it by the channels that are set up, and by the command that the campaign was begun with.
pub(super) async fn tell<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaign: &Campaign,
    ended: &Result<CancelSummary, Failure>,
) {
    // Nobody waits for news of what was tried out.
    if campaign.emulated {
        return;
    }
    let begun = store.begun(campaign.id).await.ok().flatten();
    let own = begun.as_ref().filter(|begun| begun.is_of(&cx.host.user, &cx.host.name));
    let on_event = own.and_then(|begun| begun.request.run.after.on_event.as_deref());
    let mut teller = Teller::begin(cx.channels, cx.ui, on_event);
    let (say, exit, reports, next) = match ended {
        Ok(summary) => {
            (summary.line(), summary.exit, summary.reports.clone(), summary.again.clone())
        }
        Err(failure) => {
            let say = format!("Cancelling failed: {}: {}.", failure.what, failure.why);
            (say, failure.kind, Vec::new(), None)
        }
    };
    teller.tell(Message {
        attention: exit != Exit::Done,
        head: Some(head(&campaign.name, &campaign.order, campaign.emulated)),
        tenant_name: cx.commands.tenant_name(&campaign.order.target),
        tally: store.tally(campaign.id).await.ok(),
        reports,
        next,
        ..message(News::Cancelled, say, exit, &cx.host.user, &cx.host.name)
    });
    teller.end().await;
}
