//! What a campaign does now, in a word. Why no order of it leaves is told by `report::standing`.

use jiff::Timestamp;

use super::exit::Exit;
use super::record::{Campaign, CampaignState};
use super::run::LastRun;
use super::timing::Timing;

/// What a campaign does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doing {
    /// Every row has its outcome.
    Finished,
    /// Somebody takes back what it ordered, and has not ended yet.
    Cancelling,
    /// Somebody called it off.
    Cancelled,
    /// Somebody paused it.
    Paused,
    /// A run is at work on it.
    Running,
    /// It has a runner, which waits for its window, another campaign, the network, ...
    Waiting,
    /// It was handed over to the workers, or one of them left it to the others.
    ForWorker,
    /// Its last run ended with work left.
    Stopped,
    /// Its last run ended without a word.
    Killed,
    /// No run of it has begun.
    NotBegun,
}

/// What a run came to that is at work no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameTo {
    /// All of it, or as much as was planned.
    AsPlanned,
    /// The same, and some rows need attention.
    Attention,
    /// A rule stopped it.
    Rule,
    /// The sign-in failed, or the permission is missing.
    SignIn,
    /// Something else stopped it.
    Stopped,
    /// It ended without a word.
    Killed,
}

impl CameTo {
    /// What the latest run of a campaign came to.
    pub fn of(run: &LastRun) -> Self {
        // That none could begin after it is what it came to.
        let not_begun = run.not_begun.as_ref().map(|one| one.exit_code);
        not_begun.map_or_else(|| Self::of_its_end(run), Self::of_code)
    }

    /// The same of that run alone, whether or not another one could begin after it: what stopped it
    /// is not cleared up by that.
    pub fn of_its_end(run: &LastRun) -> Self {
        run.ended.as_ref().map_or(Self::Killed, |end| Self::of_code(end.exit_code))
    }

    fn of_code(code: u8) -> Self {
        let known = [
            (Exit::Done, Self::AsPlanned),
            (Exit::Attention, Self::Attention),
            (Exit::Safety, Self::Rule),
            (Exit::SignIn, Self::SignIn),
        ];
        let found = known.into_iter().find(|(exit, _)| exit.code() == code);
        found.map_or(Self::Stopped, |(_, came_to)| came_to)
    }
}

impl Doing {
    /// All there are.
    pub const ALL: [Doing; 10] = [
        Doing::Finished,
        Doing::Cancelling,
        Doing::Cancelled,
        Doing::Paused,
        Doing::Running,
        Doing::Waiting,
        Doing::ForWorker,
        Doing::Stopped,
        Doing::Killed,
        Doing::NotBegun,
    ];

    /// What it does at this moment.
    pub fn of(campaign: &Campaign, now: Timestamp) -> Self {
        let run = campaign.last_run.as_ref();
        let timing = &Timing::default();
        let is_over = campaign.called_off || campaign.state == CampaignState::Finished;
        match run {
            Some(run) if is_over && run.cancelling(now, timing).is_some() => Doing::Cancelling,
            _ if campaign.called_off => Doing::Cancelled,
            _ if campaign.state == CampaignState::Finished => Doing::Finished,
            _ if campaign.paused => Doing::Paused,
            None => Doing::NotBegun,
            Some(run) if run.is_alive(now, timing) => match run.waits {
                Some(_) => Doing::Waiting,
                None => Doing::Running,
            },
            Some(run) if run.needs_mending() => Doing::Stopped,
            Some(run) if run.is_for_workers() => Doing::ForWorker,
            Some(run) if run.ended.is_some() => Doing::Stopped,
            Some(_) => Doing::Killed,
        }
    }

    /// Whether nothing of it is to come, and nobody takes anything back.
    pub fn is_over(self) -> bool {
        matches!(self, Doing::Finished | Doing::Cancelled)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Doing::Finished => "finished",
            Doing::Cancelling => "cancelling",
            Doing::Cancelled => "cancelled",
            Doing::Paused => "paused",
            Doing::Running => "running",
            Doing::Waiting => "waiting",
            Doing::ForWorker => "handed over",
            Doing::Stopped => "stopped",
            Doing::Killed => "killed",
            Doing::NotBegun => "not begun",
        }
    }
}
