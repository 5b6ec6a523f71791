//! One run of a series, and all of them: how it stands in a word, and what somebody has to do about
//! them now. The terminal and the page say it in these words. It is handed the runs and reads none.

use jiff::ZonedDateTime;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::human::{count, counted, moment, needing_attention};
use super::standing::{Tone, because};
use crate::domain::text::{cut_at_a_word, printable};
use crate::domain::{Campaign, Doing, Night, Outcome, Rest, Tally};

/// Missed days that are named.
const NAMED: usize = 5;

/// Characters of a reason that are told.
const WHY: usize = 110;

/// A run of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesRun {
    /// The day that its name tells.
    pub day: Date,
    /// Its campaign.
    pub campaign: Campaign,
    /// Where its rows stand.
    pub tally: Tally,
    /// What it does now.
    pub doing: Doing,
    /// The next run of its series ended it, and goes on with what waited in it.
    pub followed: bool,
    /// Why the run of its night ended, where somebody went on with it on a later day and that is
    /// known still.
    pub first_end: Option<String>,
}

impl SeriesRun {
    /// How its last run ended; `None` if none has.
    pub fn exit_code(&self) -> Option<u8> {
        Some(self.campaign.last_run.as_ref()?.ended.as_ref()?.exit_code)
    }

    /// How it stands.
    pub fn night(&self) -> Night {
        Night::of(self.doing, self.campaign.last_run.as_ref(), self.followed)
    }

    /// Devices on which it ordered a scan.
    pub fn ordered(&self) -> u64 {
        self.tally.ordered()
    }

    /// Devices on which a scan of somebody's was under way that does.
    pub fn covered(&self) -> u64 {
        self.tally.of(Outcome::AlreadyInProgress { covered: true })
    }

    /// Devices that were not ordered in it, and that it or the next run goes on with.
    pub fn left(&self) -> u64 {
        if self.followed { self.tally.handed_on(self.rest()) } else { self.tally.open() }
    }

    /// How that is meant.
    pub fn tone(&self) -> Tone {
        match self.night() {
            Night::Does(Doing::Running | Doing::Waiting) => Tone::Runs,
            // What the next run took over needs nobody any more.
            Night::Killed | Night::Stopped if self.followed => Tone::Attention,
            Night::Killed | Night::Rule | Night::SignIn => Tone::Stopped,
            night if night.is_over() && self.attention() > 0 => Tone::Attention,
            Night::Finished | Night::AsPlanned => Tone::Good,
            Night::Stopped | Night::Does(Doing::Paused) => Tone::Attention,
            Night::Does(_) => Tone::Idle,
        }
    }

    /// How it stands, in a few words.
    pub fn word(&self) -> String {
        let mut parts = vec![self.ending()];
        parts.extend(self.beside());
        parts.join(", ")
    }

    /// The same with why, and when it was last seen if it was killed.
    pub fn told(&self, zone: &TimeZone) -> String {
        let mut parts = vec![self.why(zone)];
        parts.extend(self.gone_on(zone));
        parts.extend(self.beside());
        parts.join(", ")
    }

    /// When its latest run began, if that has ended and began after its night was over.
    pub fn gone_on_at(&self, zone: &TimeZone) -> Option<ZonedDateTime> {
        let run = self.campaign.last_run.as_ref().filter(|run| !run.cancels)?;
        let began = run.began_at.to_zoned_datetime(zone.clone());
        let is_later = began.date() > self.day.tomorrow().unwrap_or(self.day);
        (is_later && run.ended.is_some()).then_some(began)
    }

    /// The same in words, with how the run of its night had ended.
    fn gone_on(&self, zone: &TimeZone) -> Option<String> {
        let began = moment(&self.gone_on_at(zone)?);
        Some(match &self.first_end {
            Some(why) => {
                let why = because(&shortened(why));
                let why = why.trim_start_matches(',');
                format!("in a run that began {began}; the night's own run stopped{why}")
            }
            None => format!("after a run that began {began}"),
        })
    }

    /// How much it ordered: `28 of 500 ordered`.
    pub fn amount(&self) -> String {
        match self.tally.devices() {
            0 => "nothing to order".to_owned(),
            devices => format!("{} of {} ordered", count(self.ordered()), count(devices)),
        }
    }

    /// Why it ended, as its run told it.
    fn reason(&self) -> Option<String> {
        let run = self.campaign.last_run.as_ref()?;
        let not_begun = run.not_begun.as_ref().map(|one| &one.why);
        let why = not_begun.or_else(|| run.ended.as_ref().map(|end| &end.why))?;
        Some(shortened(why))
    }

    /// Its word; of one that ended as planned what ended it.
    fn ending(&self) -> String {
        match (self.night(), self.reason()) {
            (Night::AsPlanned, Some(why)) => {
                let what = why.split(';').next().unwrap_or_default();
                what.strip_prefix("its ").unwrap_or(what).to_owned()
            }
            (night, _) => night.word().to_owned(),
        }
    }

    /// The same, with the reason of its end, or the last sign of its life.
    fn why(&self, zone: &TimeZone) -> String {
        match (self.night(), self.reason()) {
            (Night::Killed, _) => {
                let seen = self.campaign.last_run.as_ref().and_then(|run| run.seen_at);
                let seen = seen.map(|at| moment(&at.to_zoned_datetime(zone.clone())));
                let seen = seen.map(|at| format!(" (last seen at work {at})"));
                format!("{}{}", Night::Killed.word(), seen.unwrap_or_default())
            }
            (Night::Rule | Night::SignIn | Night::Stopped, Some(why)) => {
                format!("stopped{}", because(&why).trim_start_matches(','))
            }
            _ => self.ending(),
        }
    }

    /// What became of the devices on which it ordered nothing, once it is at work no more.
    fn beside(&self) -> Vec<String> {
        if self.tone() == Tone::Runs {
            return Vec::new();
        }
        let some = |rows: u64, what: &str| (rows > 0).then(|| format!("{} {what}", count(rows)));
        let left = if self.followed { "handed on" } else { "left" };
        let attention = self.attention();
        let parts = [
            some(self.covered(), "covered by other scans"),
            some(self.left(), left),
            (attention > 0).then(|| needing_attention(attention)),
            some(self.tally.taken_back(self.rest()), "taken back"),
            // Where there was nothing else.
            some(self.tally.of(Outcome::Skipped), "skipped").filter(|_| self.tally.devices() == 0),
        ];
        parts.into_iter().flatten().collect()
    }

    /// Rows that somebody should look at.
    pub fn attention(&self) -> u64 {
        self.tally.attention(self.rest())
    }

    fn rest(&self) -> Rest {
        Rest::of(self.campaign.called_off, self.followed)
    }

    fn needs_a_look(&self) -> bool {
        self.tone() <= Tone::Attention
    }
}

/// How the runs of a series are, all in all.
///
/// What needs somebody now gives the tone: the latest run of each tenant, runs that are open still,
/// and days without a run since. What went wrong before that is told, and has been made up for: the
/// runs behind it ordered what it left. `runs` are the latest first, `missed` are the days on
/// which a window began and no run did, the earliest first.
pub fn first_sentences(runs: &[&SeriesRun], missed: &[Date]) -> (String, Tone) {
    let Some(first) = runs.first() else {
        return ("No run of this series within six weeks.".to_owned(), Tone::Attention);
    };
    let (latest, earlier) = latest_of_each_tenant(runs);
    let (since, before): (Vec<Date>, Vec<Date>) = missed.iter().partition(|day| **day > first.day);
    let is_open = |run: &&SeriesRun| run.needs_a_look() && !run.followed && run.left() > 0;
    let (open, earlier): (Vec<&SeriesRun>, Vec<&SeriesRun>) =
        earlier.into_iter().partition(is_open);
    let mut tone = latest.iter().chain(&open).map(|run| run.tone()).min().unwrap_or(Tone::Idle);
    let mut text = about_latest(&latest);
    if !open.is_empty() {
        let verbs =
            if open.len() == 1 { "is open still and needs" } else { "are open still and need" };
        let runs = counted(open.len() as u64, "earlier run");
        text.push_str(&format!(" {runs} {verbs} somebody."));
    }
    if !since.is_empty() {
        tone = tone.min(Tone::Attention);
        text.push_str(&format!(" Since then no run began {}.", on(&since)));
    }
    text.push_str(&history(&earlier, &before));
    (text, tone)
}

/// The latest run of each tenant, and all others.
fn latest_of_each_tenant<'a>(runs: &[&'a SeriesRun]) -> (Vec<&'a SeriesRun>, Vec<&'a SeriesRun>) {
    let tenant = |run: &SeriesRun| run.campaign.order.target.tenant.to_lowercase();
    let mut seen = std::collections::BTreeSet::new();
    runs.iter().partition(|run| seen.insert(tenant(run)))
}

fn about_latest(latest: &[&SeriesRun]) -> String {
    let sum = |of: fn(&SeriesRun) -> u64| latest.iter().map(|run| of(run)).sum::<u64>();
    let ordered = match sum(|run| run.tally.devices()) {
        0 => "had nothing to order".to_owned(),
        devices => {
            let ordered = count(sum(SeriesRun::ordered));
            format!("ordered {ordered} of {}", counted(devices, "device"))
        }
    };
    match latest {
        [one] => {
            let day = one.day.strftime("%A %-d %B");
            format!("The latest run, of {day}, {ordered}: {}.", one.word())
        }
        several => {
            let bad = several.iter().filter(|run| run.needs_a_look()).count() as u64;
            let (tenants, verb) = (several.len() as u64, if bad == 1 { "needs" } else { "need" });
            let look = if bad == 0 { "none".to_owned() } else { count(bad) };
            format!(
                "The latest runs of {} {ordered}; {look} {verb} a look.",
                counted(tenants, "tenant")
            )
        }
    }
}

/// What went wrong within six weeks and is over.
fn history(earlier: &[&SeriesRun], missed: &[Date]) -> String {
    let bad = earlier.iter().filter(|run| run.needs_a_look()).count() as u64;
    let of = counted(earlier.len() as u64, "run");
    let what = match (bad, missed) {
        (0, []) => return String::new(),
        (0, missed) => format!("no run began {}", on(missed)),
        (bad, []) => format!("{} of {of} needed a look", count(bad)),
        (bad, missed) => format!("{} of {of} needed a look, none began {}", count(bad), on(missed)),
    };
    format!(" Earlier within six weeks: {what}.")
}

/// `on 4 Nov`, or `on 7 days, the latest 3 Nov, 4 Nov`.
fn on(days: &[Date]) -> String {
    let named = |days: &[Date]| {
        let days = days.iter().map(|day| day.strftime("%-d %b").to_string());
        days.collect::<Vec<_>>().join(", ")
    };
    match days {
        [one] => format!("on {}", named(&[*one])),
        some => {
            let latest = named(&some[some.len().saturating_sub(NAMED)..]);
            format!("on {}, the latest {latest}", counted(some.len() as u64, "day"))
        }
    }
}

/// A reason as it may stand in a line.
fn shortened(why: &str) -> String {
    let mut why = cut_at_a_word(&printable(why), WHY);
    if why.contains('(') && !why.contains(')') {
        why.push(')');
    }
    why
}

#[cfg(test)]
mod tests {
    use super::super::standing::tests::{at, campaign, run};
    use super::*;
    use crate::domain::{CampaignState, LastRun, RunEnd, State};

    /// A run of this day that the next one ended, with 16 of 24 devices ordered.
    fn as_planned(day: &str) -> SeriesRun {
        let mut tally = Tally::default();
        tally.add(State::Done(Outcome::Accepted), 16);
        tally.add(State::Done(Outcome::NotAttempted), 8);
        let mut campaign = Campaign { called_off: true, ..campaign() };
        campaign.name = format!("nightly-{day}").parse().unwrap();
        campaign.state = CampaignState::Finished;
        ended(&mut campaign, 0);
        let (day, doing) = (day.parse().unwrap(), Doing::Cancelled);
        SeriesRun { day, campaign, tally, doing, followed: true, first_end: None }
    }

    fn ended(campaign: &mut Campaign, exit_code: u8) {
        let ended = RunEnd {
            at: at("04:00:00"),
            why: "its window closed; no order was sent after it".to_owned(),
            exit_code,
            before: None,
            resume: None,
            for_workers: false,
        };
        campaign.last_run = Some(LastRun { ended: Some(ended), ..run() });
    }

    /// The latest run: its window closed, and what is left waits for the next one.
    fn latest(day: &str) -> SeriesRun {
        let mut one = as_planned(day);
        one.tally = Tally { queued: 8, ..Tally::default() };
        one.tally.add(State::Done(Outcome::Accepted), 16);
        one.campaign.called_off = false;
        one.campaign.state = CampaignState::Open;
        SeriesRun { doing: Doing::Stopped, followed: false, ..one }
    }

    fn bad(day: &str) -> SeriesRun {
        let mut one = as_planned(day);
        ended(&mut one.campaign, 4);
        one
    }

    #[test]
    fn a_night_that_somebody_went_on_with_later_keeps_how_its_own_run_ended() {
        let mut one = latest("2026-11-24");
        let began_at = "2026-11-26T09:00:00Z".parse().unwrap();
        let last = one.campaign.last_run.take().unwrap();
        one.campaign.last_run = Some(LastRun { began_at, ..last });
        let told = one.told(&TimeZone::UTC);
        assert!(told.contains("after a run that began Thu 2026-11-26 09:00"), "{told}");
        one.first_end = Some("before its next wave (3 of 10 failed)".to_owned());
        let told = one.told(&TimeZone::UTC);
        let own = "; the night's own run stopped before its next wave (3 of 10 failed)";
        assert!(told.contains(own), "{told}");
    }

    #[test]
    fn a_night_keeps_how_it_ended_when_the_next_one_took_it_over() {
        let mut killed = as_planned("2026-11-24");
        killed.campaign.last_run = Some(run());
        assert_eq!(
            (killed.tone(), killed.word()),
            (Tone::Attention, "killed, 8 handed on".to_owned())
        );
        let word = |exit_code| {
            let mut one = as_planned("2026-11-24");
            ended(&mut one.campaign, exit_code);
            one.word()
        };
        assert_eq!(word(0), "window closed, 8 handed on");
        assert_eq!(word(4), "stopped by a rule, 8 handed on");
        assert_eq!(word(5), "stopped, 8 handed on");
    }

    fn told(runs: &[SeriesRun], missed: &[&str]) -> (String, Tone) {
        let missed: Vec<Date> = missed.iter().map(|day| day.parse().unwrap()).collect();
        first_sentences(&runs.iter().collect::<Vec<_>>(), &missed)
    }

    #[test]
    fn what_waited_in_a_run_that_the_next_one_ended_needs_nobody() {
        let one = as_planned("2026-11-24");
        assert_eq!((one.tone(), one.word().as_str()), (Tone::Good, "window closed, 8 handed on"));
        let alone = SeriesRun { followed: false, ..one.clone() };
        let word = "cancelled, 8 taken back";
        assert_eq!((alone.tone(), alone.word().as_str()), (Tone::Idle, word));
        let mut refused = one;
        refused.tally.add(State::Done(Outcome::Rejected), 1);
        let word = "window closed, 8 handed on, 1 row needs attention";
        assert_eq!((refused.tone(), refused.word().as_str()), (Tone::Attention, word));
        let (stopped, word) = (bad("2026-11-24"), "stopped by a rule, 8 handed on");
        assert_eq!((stopped.tone(), stopped.word().as_str()), (Tone::Stopped, word));
    }

    #[test]
    fn a_bad_night_long_ago_is_told_and_asks_nobody_for_anything() {
        let runs = [latest("2026-11-24"), as_planned("2026-11-23"), bad("2026-10-20")];
        let (text, tone) = told(&runs, &["2026-10-21"]);
        assert_eq!(tone, Tone::Good, "{text}");
        assert_eq!(
            text,
            "The latest run, of Tuesday 24 November, ordered 16 of 24 devices: window closed, 8 \
             left. Earlier within six weeks: 1 of 2 runs needed a look, none began on 21 Oct."
        );
    }

    #[test]
    fn the_latest_night_one_that_did_not_begin_and_one_that_is_open_still_need_somebody() {
        let (text, tone) = told(&[bad("2026-11-24"), as_planned("2026-11-23")], &[]);
        assert_eq!(tone, Tone::Stopped);
        assert!(
            text.ends_with("ordered 16 of 24 devices: stopped by a rule, 8 handed on."),
            "{text}"
        );
        let (text, tone) = told(&[latest("2026-11-23")], &["2026-11-24", "2026-11-25"]);
        assert_eq!(tone, Tone::Attention);
        assert!(
            text.ends_with("Since then no run began on 2 days, the latest 24 Nov, 25 Nov."),
            "{text}"
        );
        let mut paused = latest("2026-11-23");
        paused.doing = Doing::Paused;
        let (text, tone) = told(&[latest("2026-11-24"), paused], &[]);
        assert_eq!(tone, Tone::Attention);
        assert!(
            text.ends_with("8 left. 1 earlier run is open still and needs somebody."),
            "{text}"
        );
        assert_eq!(told(&[], &[]).1, Tone::Attention);
    }

    #[test]
    fn the_latest_run_of_each_tenant_counts() {
        let mut other = bad("2026-11-23");
        other.campaign.order.target.tenant = "other".to_owned();
        let runs = [latest("2026-11-24"), other.clone(), bad("2026-11-23")];
        let (text, tone) = told(&runs, &[]);
        assert_eq!(tone, Tone::Stopped);
        let all = "The latest runs of 2 tenants ordered 32 of 48 devices; 1 needs a look. \
                   Earlier within six weeks: 1 of 1 run needed a look.";
        assert_eq!(text, all);
    }
}
