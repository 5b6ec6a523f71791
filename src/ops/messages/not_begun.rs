//! The one message that no run can tell itself: that none began.

use super::teller::Teller;
use crate::clock::wall_clock;
use crate::domain::news::News;
use crate::domain::{CampaignName, Exit};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::report::message::{Message, Sought};

/// A command that orders scans and asks nobody, so that nobody may sit before it.
pub struct Unwatched {
    /// What it is about.
    pub sought: Sought,
    /// The command that is run at each event.
    pub on_event: Option<String>,
}

/// Tells how such a command ended in which no run began, so that who waits for a sign of the night
/// gets one; nothing if a run began.
pub async fn not_begun(cx: &Context<'_>, command: &Unwatched, done: &Result<Exit, Failure>) {
    let channels = cx.channels;
    if channels.has_begun() {
        return;
    }
    let mut teller = Teller::begin(channels, cx.ui, command.on_event.as_deref());
    if teller.is_silent() {
        return;
    }
    channels.take_held().into_iter().for_each(|message| teller.tell(message));
    let (sought, whose) = (command.sought.clone(), command.sought.whose());
    let exit = done.as_ref().map_or_else(|failure| failure.kind, |exit| *exit);
    let (news, say) = match done {
        Err(failure) => {
            (News::NotBegun, format!("No run{whose} began: {}: {}.", failure.what, failure.why))
        }
        Ok(Exit::Done | Exit::Attention) => {
            (News::Finished, format!("No run{whose} was needed: there was nothing to order."))
        }
        Ok(exit) => (News::NotBegun, format!("No run{whose} began: {}.", exit.meaning())),
    };
    let (by, host) = (&cx.host.user, &cx.host.name);
    teller.tell(Message { sought, ..message(news, say, exit, by, host) });
    teller.end().await;
}

/// A tenant of several in which no run began.
pub(in crate::ops) struct NotBegunThere {
    /// Its profile.
    pub(in crate::ops) profile: String,
    /// Its id or domain, if that is known.
    pub(in crate::ops) tenant: Option<String>,
    /// Why.
    pub(in crate::ops) failure: Failure,
}

/// Tells that no run began of these of several tenants, where others did:
/// after them, so that a check which they end well does not stay content.
pub(in crate::ops) async fn not_begun_of(
    cx: &Context<'_>,
    campaign: &CampaignName,
    failures: &[NotBegunThere],
    on_event: Option<&str>,
) {
    if failures.is_empty() {
        return;
    }
    let mut teller = Teller::begin(cx.channels, cx.ui, on_event);
    if teller.is_silent() {
        return;
    }
    for NotBegunThere { profile, tenant, failure: Failure { what, why, kind, .. } } in failures {
        let sought = Sought {
            series: None,
            campaign: Some(campaign.clone()),
            profile: Some(profile.clone()),
            tenant: tenant.clone(),
        };
        let say = format!("No run{} began: {what}: {why}.", sought.whose());
        let (by, host) = (&cx.host.user, &cx.host.name);
        teller.tell(Message { sought, ..message(News::NotBegun, say, *kind, by, host) });
    }
    teller.end().await;
}

/// A message that is of no run.
pub(in crate::ops) fn message(
    news: News,
    say: String,
    exit: Exit,
    by: &str,
    host: &str,
) -> Message {
    Message {
        news,
        attention: news == News::NotBegun,
        say,
        at: wall_clock(),
        head: None,
        sought: Sought::default(),
        tenant_name: None,
        tally: None,
        finish_at: None,
        exit_code: Some(exit.code()),
        reports: Vec::new(),
        next: None,
        by: by.to_owned(),
        host: host.to_owned(),
        run: String::new(),
    }
}
