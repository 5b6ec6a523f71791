//! The campaigns of the store, a page at a time: those that need somebody first.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, ZonedDateTime};

use crate::domain::service::id_of;
use crate::domain::{Campaign, CampaignName, CampaignState, Doing};
use crate::ops::context::Commands;
use crate::ops::failure::Failure;
use crate::ops::named_tenant::NamedTenant;
use crate::ops::status::{Budgets, CampaignStatus, StartsMeant, open_and_latest, runs_not_begun};
use crate::page::query::Query;
use crate::report::human::{count, counted};
use crate::report::standing::{FirstSentences, Tone};
use crate::store::Store;

/// Campaigns of one page.
const A_PAGE: usize = 50;
/// Campaigns that need somebody and are named at once.
const NAMED: usize = 3;
/// How long an ended campaign that needs attention stands among the first.
const IS_NEWS: SignedDuration = SignedDuration::from_hours(48);

/// What states can be asked for, with their words.
pub(in crate::page) const STATES: [(&str, &str); 4] =
    [("", "all"), ("attention", "needs attention"), ("open", "open"), ("finished", "finished")];

/// The campaigns.
pub(in crate::page) struct CampaignsView {
    /// What they do, all in all.
    pub(in crate::page) first: String,
    pub(in crate::page) tone: Tone,
    /// The first of the open ones that need somebody.
    pub(in crate::page) needing: Vec<(Campaign, &'static str)>,
    /// The series of which the next run did not begin, a sentence each.
    pub(in crate::page) not_begun: Vec<String>,
    pub(in crate::page) shown: Vec<Item>,
    /// What was asked for.
    pub(in crate::page) text: String,
    pub(in crate::page) state: String,
    /// The page, from 0.
    pub(in crate::page) page: usize,
    /// There are more behind it.
    pub(in crate::page) more: bool,
}

/// One of them.
pub(in crate::page) struct Item {
    pub(in crate::page) status: CampaignStatus,
    pub(in crate::page) first: FirstSentences,
    /// How people are to take it at a glance.
    glance: Tone,
    pub(in crate::page) done: u64,
}

impl CampaignsView {
    /// Reads a page.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(in crate::page) async fn read<S: Store>(
        store: &S,
        commands: &Commands,
        names: &[NamedTenant],
        query: &Query,
        now: ZonedDateTime,
    ) -> Result<Self, Failure> {
        let text = query.get("q").unwrap_or_default().to_owned();
        let state = query.get("state").unwrap_or_default().to_owned();
        let page = query.get("page").and_then(|page| page.parse().ok()).unwrap_or(0);
        let plain = text.is_empty() && state.is_empty() && page == 0;
        let all = if plain { open_and_latest(store).await? } else { store.campaigns().await? };
        let not_begun = match plain {
            true => runs_not_begun(commands, store, StartsMeant::default()).await?,
            false => Vec::new(),
        };
        let mut of_name: BTreeMap<CampaignName, usize> = BTreeMap::new();
        all.iter().for_each(|one| *of_name.entry(one.name.clone()).or_default() += 1);
        let small = text.to_lowercase();
        let called = names.iter().filter(|one| one.name.to_lowercase().contains(&small));
        let called: BTreeSet<String> = called.map(|one| id_of(&one.tenant)).collect();
        let says =
            |one: &Campaign| says(one, &small) || called.contains(&id_of(&one.order.target.tenant));
        let meant = all.into_iter().filter(|one| says(one) && stands(one, &state));
        let mut budgets = Budgets::default();
        let (mut shown, mut more, mut behind) = (Vec::new(), false, page * A_PAGE);
        for campaign in meant {
            let status = CampaignStatus::read(store, campaign, &mut budgets).await?;
            let has_twins = of_name.get(&status.campaign.name).is_some_and(|some| *some > 1);
            let commands = commands.told_apart(names, &status.campaign, has_twins);
            let go_on = status.resume(&commands.going_on(&status.campaign.name));
            let standing = status.standing(None, &go_on, &now);
            let (first, done) = (standing.first_sentences(), standing.done());
            let glance = status.at_a_glance(first.tone);
            if state == "attention" && glance > Tone::Attention {
                continue;
            }
            if behind > 0 {
                behind -= 1;
                continue;
            }
            let is_open = status.campaign.state == CampaignState::Open;
            if shown.len() >= A_PAGE && !(plain && is_open) {
                more = true;
                break;
            }
            shown.push(Item { status, first, glance, done });
        }
        more |= plain && shown.len() >= A_PAGE;
        shown.sort_by_key(|item| rank(item, &now));
        let (first, tone) = first(&shown);
        let tone = if not_begun.is_empty() { tone } else { Tone::Stopped };
        let not_begun = not_begun.iter().map(|one| one.sentence()).collect();
        let needing = needing(&shown).take(NAMED);
        let needing = needing.map(|item| (item.status.campaign.clone(), item.status.does()));
        let needing = needing.collect();
        Ok(Self { first, tone, needing, not_begun, shown, text, state, page, more })
    }
}

/// Whether a campaign has this text in small letters in its name, tenant, ticket or comment.
fn says(campaign: &Campaign, small: &str) -> bool {
    let order = &campaign.order;
    let ticket = order.ticket.as_ref().map_or("", |ticket| ticket.as_str());
    let all = [campaign.name.as_str(), &order.target.tenant, ticket, &order.comment];
    small.is_empty() || all.iter().any(|text| text.to_lowercase().contains(small))
}

fn stands(campaign: &Campaign, state: &str) -> bool {
    match state {
        "open" => campaign.state == CampaignState::Open,
        "finished" => campaign.state == CampaignState::Finished,
        _ => true,
    }
}

/// What needs somebody comes first, then what goes on, then the others in their order.
fn rank(item: &Item, now: &ZonedDateTime) -> Tone {
    let ended = item.status.campaign.finished_at;
    let is_old = ended.is_some_and(|at| now.timestamp().duration_since(at) > IS_NEWS);
    if is_old { Tone::Good } else { item.glance.min(Tone::Idle) }
}

fn open(shown: &[Item]) -> impl Iterator<Item = &Item> {
    shown.iter().filter(|item| item.status.campaign.state == CampaignState::Open)
}

/// Those that need somebody: open ones, and those that somebody began to take back and left so.
fn needing(shown: &[Item]) -> impl Iterator<Item = &Item> {
    let is_open = |item: &Item| item.status.campaign.state == CampaignState::Open;
    shown.iter().filter(move |item| match item.first.tone {
        Tone::Stopped => true,
        tone => is_open(item) && tone <= Tone::Attention,
    })
}

/// What the campaigns do, all in all: `1 campaign runs, 1 waits, 2 need somebody.`
fn first(shown: &[Item]) -> (String, Tone) {
    let open: Vec<&Item> = open(shown).collect();
    let doing = |doing: &[Doing]| {
        open.iter().filter(|item| doing.contains(&item.status.doing)).count() as u64
    };
    let needing = needing(shown).count() as u64;
    let mut parts = Vec::new();
    for (number, one, several) in [
        (doing(&[Doing::Running]), "runs", "run"),
        (doing(&[Doing::Waiting, Doing::ForWorker]), "waits", "wait"),
        (needing, "needs somebody", "need somebody"),
    ] {
        if number > 0 {
            let words = if number == 1 { one } else { several };
            let what = if parts.is_empty() { counted(number, "campaign") } else { count(number) };
            parts.push(format!("{what} {words}"));
        }
    }
    let tone = open
        .iter()
        .copied()
        .chain(self::needing(shown))
        .map(|item| item.first.tone)
        .min()
        .unwrap_or(Tone::Idle);
    if parts.is_empty() {
        let text = if open.is_empty() { "No campaign is open." } else { "Nothing runs now." };
        return (text.to_owned(), tone);
    }
    (format!("{}.", parts.join(", ")), tone)
}
