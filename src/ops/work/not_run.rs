//! Why a campaign is not run here, though it is open, in sentences for who reads them. That it is
//! kept for who asks elsewhere is `ops::not_begun`'s.

use crate::domain::news::News;
use crate::domain::{Campaign, Exit};
use crate::ops::context::Context;
use crate::ops::failure::{Failure, Reason};
use crate::ops::messages::{Teller, message};
use crate::ops::run::reports::head;
use crate::report::message::Message;

/// The command that goes on with a campaign.
pub(super) fn resume(cx: &Context<'_>, campaign: &Campaign) -> String {
    cx.commands.of_campaign(&format!("resume {}", campaign.name))
}

/// An older version began it.
pub(super) fn not_kept(cx: &Context<'_>, campaign: &Campaign) -> Failure {
    Failure::new(
        Exit::Stopped,
        "a worker does not run it",
        "an older version began it, and kept no windows and no rules of it",
        format!("go on with it by hand: {}", resume(cx, campaign)),
    )
}

/// What its time is divided by is not what the worker's is.
pub(super) fn other_scale(cx: &Context<'_>, campaign: &Campaign, its: u32) -> Failure {
    Failure::new(
        Exit::Stopped,
        "this worker does not run it",
        format!("its time is divided by {its} (--time-scale), this worker's is not"),
        format!("start a worker with that --time-scale, or {}", resume(cx, campaign)),
    )
}

/// This failure to sign in, of a campaign of which devices may have been ordered before.
pub(super) fn waits(
    cx: &Context<'_>,
    campaign: &Campaign,
    for_workers: bool,
    failure: Failure,
) -> Failure {
    if failure.reason != Reason::NoSignIn {
        return failure;
    }
    let resume = resume(cx, campaign);
    let next = if for_workers {
        format!("what is open of it waits; fix that, and a worker goes on, or run `{resume}`")
    } else {
        format!("what is open of it waits; fix that, then run `{resume}`")
    };
    Failure { next, ..failure }
}

/// Tells those who are told of the campaign's runs that none could begin, where that is news.
pub(super) async fn tell(
    cx: &Context<'_>,
    campaign: &Campaign,
    failure: &Failure,
    on_event: Option<&str>,
) {
    let mut teller = Teller::begin(cx.channels, cx.ui, on_event);
    if teller.is_silent() {
        return;
    }
    let Failure { what, why, kind, .. } = failure;
    let say = format!("No run of {} began: {what}: {why}.", campaign.name);
    teller.tell(Message {
        head: Some(head(&campaign.name, &campaign.order, campaign.emulated)),
        tenant_name: cx.commands.tenant_name(&campaign.order.target),
        next: Some(resume(cx, campaign)),
        ..message(News::NotBegun, say, *kind, &cx.host.user, &cx.host.name)
    });
    teller.end().await;
}
