//! The one message that no run can tell itself: that none began.

use super::channels::Channels;
use super::teller::Teller;
use crate::clock::wall_clock;
use crate::domain::news::News;
use crate::domain::{CampaignName, Exit};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::ui::Ui;
use crate::report::message::Message;

/// Tells how a command ended in which no run began, so that who waits for a sign of the night gets
/// one; nothing if a run began. `whose` says what the command was about, as in ` of series x`; `by`
/// is the user and `host` the machine.
pub async fn not_begun(
    channels: &Channels,
    ui: &dyn Ui,
    done: &Result<Exit, Failure>,
    whose: &str,
    by: &str,
    host: &str,
) {
    let mut teller = Teller::begin(channels, ui, None);
    if channels.has_begun() || teller.is_silent() {
        return;
    }
    channels.take_held().into_iter().for_each(|message| teller.tell(message));
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
    teller.tell(message(news, say, exit, by, host));
    teller.end().await;
}

/// Tells that no run began of these of several tenants, each with its profile, where others did:
/// after them, so that a check which they end well does not stay content.
pub(in crate::ops) async fn not_begun_of(
    cx: &Context<'_>,
    campaign: &CampaignName,
    failures: &[(String, Failure)],
) {
    let mut teller = Teller::begin(cx.channels, cx.ui, None);
    if teller.is_silent() {
        return;
    }
    for (profile, Failure { what, why, kind, .. }) in failures {
        let whose = format!("campaign {campaign}, profile {profile}");
        let say = format!("No run of {whose} began: {what}: {why}.");
        let (by, host) = (&cx.host.user, &cx.host.name);
        teller.tell(message(News::NotBegun, say, *kind, by, host));
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
