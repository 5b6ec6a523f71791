//! How one run of a series stands, or a campaign that the next one took over: the word that the
//! terminal, the page and programs have in common. How it looks is `report`'s.

use super::doing::{CameTo, Doing};
use super::run::LastRun;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Night {
    /// Every row of it has its outcome.
    Finished,
    /// It stopped when and as its plan foresaw, with work left or not.
    AsPlanned,
    /// A rule stopped it.
    Rule,
    /// The sign-in failed, or the permission is missing.
    SignIn,
    /// Something else stopped it.
    Stopped,
    /// It ended without a word.
    Killed,
    /// It does this, and has not come to an end of its own.
    Does(Doing),
}

impl Night {
    /// That of a campaign by what it does, how its latest run went, and whether the next run of its
    /// series took over what waited in it: then it keeps how it ended.
    pub fn of(doing: Doing, run: Option<&LastRun>, followed: bool) -> Self {
        match (doing, run.map(CameTo::of)) {
            (Doing::Running | Doing::Waiting, _) => Self::Does(doing),
            (Doing::Killed, _) => Self::Killed,
            (_, Some(CameTo::Rule)) => Self::Rule,
            (_, Some(CameTo::SignIn)) => Self::SignIn,
            (_, Some(CameTo::Killed)) if followed => Self::Killed,
            (_, Some(CameTo::Stopped)) if followed => Self::Stopped,
            (Doing::Finished, _) => Self::Finished,
            (Doing::Cancelled, _) if followed => Self::AsPlanned,
            (Doing::Stopped, Some(CameTo::AsPlanned | CameTo::Attention)) => Self::AsPlanned,
            (Doing::Stopped, _) => Self::Stopped,
            (doing, _) => Self::Does(doing),
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Finished => Doing::Finished.word(),
            Self::AsPlanned => "as planned",
            Self::Rule => "stopped by a rule",
            Self::SignIn => "sign-in failed",
            Self::Stopped => Doing::Stopped.word(),
            Self::Killed => Doing::Killed.word(),
            Self::Does(doing) => doing.word(),
        }
    }

    /// Whether what it left uncovered needs somebody: it came to its end.
    pub fn is_over(self) -> bool {
        match self {
            Self::Finished | Self::AsPlanned => true,
            Self::Does(doing) => doing.is_over(),
            Self::Rule | Self::SignIn | Self::Stopped | Self::Killed => false,
        }
    }
}
