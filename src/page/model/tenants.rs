//! All tenants of the store at once: how each one's latest campaign stands, the worst first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan, ZonedDateTime};

use crate::domain::service::id_of;
use crate::domain::text::printable;
use crate::domain::{
    Campaign, CampaignFilter, CampaignState, Doing, Exit, FailedStart, SeriesName, Tally,
};
use crate::ops::failed_starts::{FailedStarts, is_in, tenant_of};
use crate::ops::failure::Failure;
use crate::ops::happenings::followed;
use crate::ops::named_tenant::{NamedTenant, by_ids};
use crate::ops::process::looked_at;
use crate::ops::status::{Latest, StartsMeant, is_missed, latest_not_begun, windows_of};
use crate::page::query::Query;
use crate::report::human::{count, counted};
use crate::report::standing::{Standing, Tone};
use crate::store::Store;

/// Days within which a tenant has had a campaign, or is told to have had none.
const DAYS: i64 = 8;
/// Open campaigns of a tenant that are looked at, beside the latest one.
const OPEN: usize = 5;

/// The tenants.
pub(in crate::page) struct TenantsView {
    pub(in crate::page) first: String,
    pub(in crate::page) tone: Tone,
    pub(in crate::page) shown: Vec<Tile>,
    /// What was asked for.
    pub(in crate::page) text: String,
    pub(in crate::page) as_table: bool,
}

/// One of them.
pub(in crate::page) struct Tile {
    /// Its profile, or else its id or domain.
    pub(in crate::page) name: String,
    pub(in crate::page) tenant: String,
    /// The campaign by which it is judged; `None` if there was none lately.
    pub(in crate::page) campaign: Option<Campaign>,
    /// Devices of that campaign, and how many of them are done.
    pub(in crate::page) devices: u64,
    pub(in crate::page) done: u64,
    pub(in crate::page) tone: Tone,
    /// How it stands, in a word or a number.
    pub(in crate::page) word: String,
    /// The same as a sentence.
    pub(in crate::page) why: String,
}

impl TenantsView {
    /// Reads them. `named` are the tenants that the settings know.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(in crate::page) async fn read<S: Store>(
        store: &S,
        named: &[NamedTenant],
        query: &Query,
        now: ZonedDateTime,
    ) -> Result<Self, Failure> {
        let text = query.get("q").unwrap_or_default().to_owned();
        let as_table = query.get("show") == Some("table");
        let since = now.timestamp().checked_sub(SignedDuration::from_hours(24 * DAYS)).ok();
        let lately = CampaignFilter { not_over_before: since, ..CampaignFilter::default() };
        let mut of: BTreeMap<String, Vec<Campaign>> = BTreeMap::new();
        for campaign in store.select(&lately).await?.into_iter().map(looked_at) {
            of.entry(id_of(&campaign.order.target.tenant)).or_default().push(campaign);
        }
        let service = of.values().flatten().next().map(|one| &one.order.target.api_origin);
        let named = by_ids(store, named, service.map_or("", String::as_str)).await?;
        let names: BTreeMap<String, String> =
            named.into_iter().map(|one| (id_of(&one.tenant), one.name)).collect();
        let today = now.date();
        let starts = FailedStarts::since(store, today.saturating_sub(DAYS.days())).await?;
        let nights = nights(of.values().flatten(), starts.all(), today);
        let not_begun = latest_not_begun(store, StartsMeant::default()).await?;
        let mut tiles = Vec::new();
        for (tenant, campaigns) in &of {
            let tile = Tile::read(store, campaigns, names.get(tenant), &now).await?;
            let mut missed = missed(store, campaigns, &nights, &starts, &now).await?;
            if missed.is_none() {
                // One of another series than its runs are, or of a campaign.
                let own = not_begun.iter().find(|one| is_in(&one.start, tenant));
                missed = own.map(Missed::of);
            }
            tiles.push(missed.into_iter().fold(tile, |tile, missed| tile.missed(&missed)));
        }
        let refused = starts.all().iter().filter_map(tenant_of).map(id_of);
        let unseen: BTreeSet<String> = names.keys().cloned().chain(refused).collect();
        for tenant in unseen.iter().filter(|tenant| !of.contains_key(*tenant)) {
            let name = names.get(tenant).unwrap_or(tenant);
            let latest = starts.all().iter().rev().find(|one| is_in(one, tenant));
            tiles.push(Tile::without_run(tenant, name, latest));
        }
        tiles.sort_by(|one, two| (one.tone, &one.name).cmp(&(two.tone, &two.name)));
        let (first, tone) = first(&tiles);
        let small = text.to_lowercase();
        let says =
            |tile: &Tile| tile.name.to_lowercase().contains(&small) || tile.tenant.contains(&small);
        tiles.retain(says);
        Ok(Self { first, tone, shown: tiles, text, as_table })
    }
}

impl Tile {
    async fn read<S: Store>(
        store: &S,
        campaigns: &[Campaign],
        name: Option<&String>,
        now: &ZonedDateTime,
    ) -> Result<Self, Failure> {
        let open = campaigns.iter().skip(1).filter(|one| one.state == CampaignState::Open);
        let mut worst: Option<Self> = None;
        for campaign in campaigns.iter().take(1).chain(open.take(OPEN)) {
            let tally = store.tally(campaign.id).await?;
            let followed = followed(store, campaign).await?;
            let tile = Self::of(campaign, &tally, followed, now);
            if worst.as_ref().is_none_or(|worst| tile.tone < worst.tone) {
                worst = Some(tile);
            }
        }
        let mut tile = worst.unwrap_or_else(|| Self::without_run("", "", None));
        if let Some(name) = name {
            tile.name.clone_from(name);
        }
        Ok(tile)
    }

    fn of(campaign: &Campaign, tally: &Tally, followed: bool, now: &ZonedDateTime) -> Self {
        let doing = Doing::of(campaign, now.timestamp());
        let (by_limits, used, lower, go_on) = (None, &[][..], &[][..], "fleetsweep resume");
        let standing =
            Standing { campaign, doing, followed, tally, used, lower, by_limits, go_on, now };
        let first = standing.first_sentences();
        let run = campaign.last_run.as_ref();
        let code = run.and_then(|run| run.ended.as_ref()).map(|end| end.exit_code);
        let done_by = run.and_then(|run| run.done_by).filter(|at| *at > now.timestamp());
        let word = match (first.tone, doing) {
            (Tone::Stopped, _) if code == Some(Exit::SignIn.code()) => "no sign-in".to_owned(),
            (Tone::Stopped, _) if code == Some(Exit::Safety.code()) => "by a rule".to_owned(),
            (Tone::Attention, Doing::Finished | Doing::Cancelled) => count(standing.attention()),
            (Tone::Runs, _) => done_by.map_or(doing.word().to_owned(), |at| {
                at.to_zoned_datetime(now.time_zone().clone()).strftime("%H:%M").to_string()
            }),
            (Tone::Good, _) => String::new(),
            (Tone::Idle, Doing::Stopped) => String::new(),
            _ => doing.word().to_owned(),
        };
        let tenant = campaign.order.target.tenant.clone();
        let is_planned = first.tone == Tone::Idle && (doing == Doing::Stopped || followed);
        let (tone, word) = match (is_planned, standing.attention()) {
            (true, 0) => (Tone::Good, String::new()),
            (true, some) => (Tone::Attention, count(some)),
            (false, _) => (first.tone, word),
        };
        Self {
            name: tenant.clone(),
            tenant: id_of(&tenant),
            devices: tally.devices(),
            done: standing.done(),
            tone,
            word,
            why: format!("{first}"),
            campaign: Some(campaign.clone()),
        }
    }

    /// One that the settings know, or in which a start came to nothing, and of which the store
    /// knows no campaign, or none any more.
    fn without_run(tenant: &str, name: &str, latest: Option<&FailedStart>) -> Self {
        let refused = latest.map(|FailedStart { of, day, why, .. }| {
            let (day, of) = (day.strftime("%A %-d %B"), of.name());
            format!(" No run of {of} began on {day}: {}.", printable(why))
        });
        let refused = refused.unwrap_or_default();
        Self {
            name: name.to_owned(),
            tenant: tenant.to_owned(),
            campaign: None,
            devices: 0,
            done: 0,
            tone: Tone::Attention,
            word: "no run".to_owned(),
            why: format!("No campaign of it was open within {DAYS} days.{refused}"),
        }
    }

    /// It, of a tenant in which no run of a series began in its latest night.
    fn missed(self, Missed { of, day, is_another, why }: &Missed) -> Self {
        let (day, refused) = (day.strftime("%A %-d %B"), why.as_deref().map(printable));
        let refused = refused.map(|why| format!(": {why}")).unwrap_or_default();
        let what = match is_another {
            true => format!("Another run of {of} did not begin on {day}"),
            false => format!("No run of {of} began on {day}"),
        };
        let why = format!("{what}{refused}. Its latest campaign: {}", self.why);
        // What stopped or runs says more in a word.
        if let Tone::Stopped | Tone::Runs = self.tone {
            return Self { why, ..self };
        }
        Self { tone: Tone::Attention, word: "no run".to_owned(), why, ..self }
    }

    /// Devices that are done, in percent.
    pub(in crate::page) fn percent(&self) -> u64 {
        (self.done * 100).checked_div(self.devices).unwrap_or(0)
    }
}

/// A series, and a night that it began in some tenant.
type Night = (SeriesName, Date);

/// A run that did not begin in a tenant.
struct Missed {
    /// The name of its series, or of its campaign.
    of: String,
    /// The day.
    day: Date,
    /// Another run of the series began on it, before it.
    is_another: bool,
    /// What kept it from beginning, if that is known.
    why: Option<String>,
}

impl Missed {
    fn of(Latest { start, is_another, .. }: &Latest) -> Self {
        let FailedStart { of, day, why, .. } = start;
        Self { of: of.name(), day: *day, is_another: *is_another, why: Some(why.clone()) }
    }
}

/// The nights of each series, up to today, the latest first: those of these campaigns, and those
/// that began in no tenant though one was to begin.
fn nights<'a>(
    campaigns: impl Iterator<Item = &'a Campaign>,
    starts: &[FailedStart],
    today: Date,
) -> Vec<Night> {
    let begun = campaigns.filter_map(|one| {
        let series = SeriesName::of(&one.name)?;
        let day = series.day_of(&one.name)?;
        Some((Reverse(day), series))
    });
    let refused = starts.iter().filter_map(|one| Some((Reverse(one.day), one.series()?.clone())));
    let all: BTreeSet<_> = begun.chain(refused).filter(|(day, _)| day.0 <= today).collect();
    all.into_iter().map(|(day, series)| (series, day.0)).collect()
}

/// The latest night that a tenant missed of a series of which it has runs, since its last one.
/// Returns `None` if it missed none.
async fn missed<S: Store>(
    store: &S,
    campaigns: &[Campaign],
    nights: &[Night],
    starts: &FailedStarts,
    now: &ZonedDateTime,
) -> Result<Option<Missed>, Failure> {
    for night in nights {
        let day = |one: &Campaign| night.0.day_of(&one.name);
        let last = campaigns.iter().max_by_key(|one| (day(one), one.opened_at));
        let Some(last) = last else { continue };
        let Some(last_day) = day(last).filter(|day| *day < night.1) else { continue };
        let windows = windows_of(store, last).await?;
        let mut refused = starts.of_series(&night.0, &last.order.target.tenant);
        let why = refused.find(|one| one.day == night.1).map(|one| one.why.clone());
        if why.is_some() || is_missed(night.1, (last_day, last.opened_at), &windows, now) {
            let (of, day, is_another) = (night.0.to_string(), night.1, false);
            return Ok(Some(Missed { of, day, is_another, why }));
        }
    }
    Ok(None)
}

/// How they stand, all in all: `200 tenants: 3 stopped, 11 need attention, 38 run, ...`.
fn first(tiles: &[Tile]) -> (String, Tone) {
    if tiles.is_empty() {
        return (format!("No tenant had a campaign within {DAYS} days."), Tone::Idle);
    }
    let many = |tones: &[Tone]| tiles.iter().filter(|tile| tones.contains(&tile.tone)).count();
    let mut parts = Vec::new();
    for (number, one, several) in [
        (many(&[Tone::Stopped]), "stopped", "stopped"),
        (many(&[Tone::Attention]), "needs attention", "need attention"),
        (many(&[Tone::Runs]), "runs or waits", "run or wait"),
        (many(&[Tone::Idle, Tone::Good]), "as planned", "as planned"),
    ] {
        if number > 0 {
            let words = if number == 1 { one } else { several };
            parts.push(format!("{} {words}", count(number as u64)));
        }
    }
    let all = counted(tiles.len() as u64, "tenant");
    let tone = tiles.iter().map(|tile| tile.tone).min().unwrap_or(Tone::Idle);
    (format!("{all}: {}.", parts.join(", ")), tone)
}
