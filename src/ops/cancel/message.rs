//! The message that a cancellation came to its end, or was stopped: the run that it ended knew only
//! what had been ordered by then.

use crate::clock::wall_clock;
use crate::domain::news::News;
use crate::domain::{Begun, Campaign, Exit, Tally};
use crate::ops::context::Context;
use crate::ops::messages::Teller;
use crate::ops::run::reports::head;
use crate::report::Document;
use crate::report::cancels::CancelSummary;
use crate::report::message::Message;

/// Tells it by the channels that are set up, and by the command that the campaign was begun with.
pub(super) async fn tell(
    cx: &Context<'_>,
    campaign: &Campaign,
    begun: Option<&Begun>,
    tally: Tally,
    summary: &CancelSummary,
) {
    // What stands in a shared store must not become a command that somebody else runs.
    let own = begun.filter(|begun| begun.by == cx.host.user && begun.host == cx.host.name);
    let on_event = own.and_then(|begun| begun.request.run.after.on_event.as_deref());
    let mut teller = Teller::begin(cx.channels, cx.ui, on_event);
    teller.tell(Message {
        news: News::Cancelled,
        attention: summary.exit != Exit::Done,
        say: summary.line(),
        at: wall_clock(),
        head: Some(head(&campaign.name, &campaign.order, campaign.emulated)),
        tally: Some(tally),
        finish_at: None,
        exit_code: Some(summary.exit.code()),
        reports: summary.reports.clone(),
        next: summary.again.clone(),
        by: cx.host.user.clone(),
        host: cx.host.name.clone(),
        run: String::new(),
    });
    teller.end().await;
}
