//! One campaign: where it stands, its pictures, what became of its devices, what happened, and the
//! commands that somebody may want to copy.

use jiff::ZonedDateTime;

use super::foresight::{Pictures, done_by_limits};
use crate::domain::{Campaign, CampaignState, Doing, Rest};
use crate::ops::context::Commands;
use crate::ops::failure::Failure;
use crate::ops::named_tenant::NamedTenant;
use crate::ops::status::{Budgets, CampaignStatus};
use crate::report::happenings;
use crate::report::human::clock_exact;
use crate::report::picture::minutes::{Span, spans};
use crate::report::standing::FirstSentences;
use crate::store::Store;

/// What happened that is shown; the latest.
const HAPPENED: usize = 30;

/// One campaign.
pub(in crate::page) struct CampaignView {
    pub(in crate::page) status: CampaignStatus,
    pub(in crate::page) first: FirstSentences,
    pub(in crate::page) percent: u64,
    pub(in crate::page) attention: u64,
    pub(in crate::page) taken_back: u64,
    /// Answers with 429.
    pub(in crate::page) throttled: u64,
    pub(in crate::page) pictures: Pictures,
    /// The picture of calls as a table.
    pub(in crate::page) spans: Vec<Span>,
    /// The latest first.
    pub(in crate::page) happened: Vec<Happened>,
    /// Happenings that are not shown.
    pub(in crate::page) earlier: usize,
    pub(in crate::page) commands: Vec<Proposed>,
    pub(in crate::page) now: ZonedDateTime,
}

/// Something that happened.
pub(in crate::page) struct Happened {
    pub(in crate::page) at: String,
    pub(in crate::page) what: String,
    pub(in crate::page) by: String,
}

/// A command to copy, and what it does.
pub(in crate::page) struct Proposed {
    pub(in crate::page) line: String,
    pub(in crate::page) what: &'static str,
}

impl CampaignView {
    /// Reads it.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(in crate::page) async fn read<S: Store>(
        store: &S,
        commands: &Commands,
        names: &[NamedTenant],
        campaign: Campaign,
        now: ZonedDateTime,
    ) -> Result<Self, Failure> {
        let has_twins = store.named(&campaign.name).await?.len() > 1;
        let commands = &commands.told_apart(names, &campaign, has_twins);
        let status = CampaignStatus::read(store, campaign, &mut Budgets::default()).await?;
        let status = status.with_story(store).await?;
        let go_on = status.resume(&commands.going_on(&status.campaign.name));
        let standing = status.standing(done_by_limits(&status), &go_on, &now);
        let (first, percent) = (standing.first_sentences(), standing.percent());
        let (attention, taken_back) = (standing.attention(), standing.taken_back());
        let zone = now.time_zone();
        let minutes = status.minutes.as_deref().unwrap_or_default();
        let all = status.happenings.as_deref().unwrap_or_default();
        let happened = all.iter().rev().take(HAPPENED).map(|one| Happened {
            at: clock_exact(&one.at.to_zoned_datetime(zone.clone()), &now),
            what: happenings::words(&one.what, &now),
            by: if one.host.is_empty() {
                String::new()
            } else {
                format!("{} on {}", one.by, one.host)
            },
        });
        Ok(Self {
            first,
            percent,
            attention,
            taken_back,
            throttled: minutes.iter().map(|minute| minute.throttled).sum(),
            pictures: Pictures::of(&status, now.timestamp(), zone),
            spans: spans(minutes, zone),
            happened: happened.collect(),
            earlier: all.len().saturating_sub(HAPPENED),
            commands: proposed(commands, &status),
            status,
            now,
        })
    }
}

fn proposed(commands: &Commands, status: &CampaignStatus) -> Vec<Proposed> {
    let CampaignStatus { campaign, tally, doing, .. } = status;
    let name = &campaign.name;
    let mut all = Vec::new();
    let mut propose = |line: String, what| all.push(Proposed { line, what });
    if campaign.may_order() {
        match doing {
            Doing::Running | Doing::Waiting => {
                let pause = commands.of_store(&format!("pause {name}"));
                propose(pause, "order nothing for now; resume goes on");
            }
            _ => propose(status.resume(&commands.going_on(name)), "go on with it"),
        }
        let cancel = commands.of_campaign(&format!("cancel {name}"));
        propose(cancel, "order nothing more, and cancel the scans that were ordered");
    }
    let rest = Rest::of(campaign.called_off, status.followed);
    let again = tally.again(rest).command(name);
    if let Some(again) = again.filter(|_| campaign.state == CampaignState::Finished) {
        propose(commands.of_campaign(&format!("{again} --dry-run")), "what would be ordered again");
    }
    if tally.ordered() > 0 {
        let follow = commands.of_campaign(&format!("follow {name}"));
        propose(follow, "ask how far the ordered scans are");
    }
    if campaign.pruned_at.is_none() {
        let report = commands.of_store(&format!("report {name} --report {name}.csv"));
        propose(report, "every row as a file");
    }
    propose(commands.of_store(&format!("status {name}")), "the same as text");
    all
}
