//! How an operation fails: one sentence what, one why, one what to do next, and of which kind it
//! is. What a kind means for a process is `domain::exit`'s.

use std::fmt;

use crate::domain::text::{printable, without_number};
use crate::domain::{CampaignName, Exit, Tally};
use crate::report::{human, jsonl};
use crate::store::StoreError;

/// A failure that the user reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Of which kind it is.
    pub kind: Exit,
    /// What happened.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do next.
    pub next: String,
    /// What of it another operation goes by.
    pub reason: Reason,
}

/// What of a failure another operation goes by. All else only people read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    /// Nothing.
    #[default]
    Other,
    /// The campaign that was asked for is there, and finished.
    Finished,
    /// Nobody can sign in.
    NoSignIn,
    /// The store failed.
    Store,
}

impl Failure {
    /// A failure with its three sentences.
    pub fn new(
        kind: Exit,
        what: impl Into<String>,
        why: impl ToString,
        next: impl Into<String>,
    ) -> Self {
        let (what, why, next) = (what.into(), without_number(why.to_string()), next.into());
        Self { kind, what, why, next, reason: Reason::Other }
    }

    /// This failure, with what another operation goes by.
    #[must_use]
    pub fn because(self, reason: Reason) -> Self {
        Self { reason, ..self }
    }

    /// Wrong usage or bad input.
    pub fn usage(what: impl Into<String>, why: impl ToString, next: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what, why, next)
    }

    /// Something failed that this program needs.
    pub fn failed(what: impl Into<String>, why: impl ToString, next: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what, why, next)
    }

    /// What was asked for must not be done.
    pub fn refused(what: impl Into<String>, why: impl ToString, next: impl Into<String>) -> Self {
        Self::new(Exit::Refused, what, why, next)
    }

    /// Nobody signs in, or the application lacks a right.
    pub fn sign_in(what: impl Into<String>, why: impl ToString, next: impl Into<String>) -> Self {
        Self::new(Exit::SignIn, what, why, next)
    }

    /// Something that cannot be, or that only a defect of this program or its system explains.
    pub fn defect(what: &str, why: impl ToString) -> Self {
        Self::failed(what, why, "report this as a defect")
    }

    /// The store failed while a campaign may be under way.
    pub fn store(error: &StoreError) -> Self {
        let next = "fix the cause, then run the same command again; nothing was sent that the \
                    store does not hold";
        match error {
            StoreError::Refused(_) | StoreError::Older(_) => Self::failed(
                "the store cannot be used",
                error,
                "fix that, or name another store with --store sqlite:PATH",
            ),
            StoreError::Gone { name, .. } => Self::pruned(name, error.to_string()),
            error => Self::failed("the store failed", error, next),
        }
        .because(Reason::Store)
    }

    /// The rows of this campaign are gone.
    pub fn pruned(name: &CampaignName, why: String) -> Self {
        Self::refused(
            format!("the rows of campaign {name} are not kept any more"),
            why,
            format!("a report that was written before has them; see `fleetsweep status {name}`"),
        )
    }

    /// This failure to write a report, with the command that writes it.
    #[must_use]
    pub fn of_report(self, name: &CampaignName) -> Self {
        let next = format!(
            "the store holds everything: fix the cause, then run `fleetsweep report {name}`, with \
             --report FILE for another place"
        );
        Self { next, ..self }
    }

    /// This failure of the store, with how far the campaign is, if that can be read, and with the
    /// command that goes on.
    #[must_use]
    pub fn of_campaign(
        self,
        name: &CampaignName,
        tally: Option<&Tally>,
        resume: Option<&str>,
    ) -> Self {
        let how_far = tally.map_or_else(
            || "how far it was cannot be read".to_owned(),
            |tally| {
                let (done, all) = (human::count(tally.devices_done()), tally.devices());
                format!("{done} of {} devices are done", human::count(all))
            },
        );
        Self {
            what: format!("{}; campaign {name}: {how_far}", self.what),
            next: match resume {
                Some(command) => format!("fix the cause, then run `{command}`"),
                None => "fix the cause, then run the same command again".to_owned(),
            },
            ..self
        }
    }

    /// The failure as a JSON object of one line.
    pub fn json(&self) -> String {
        jsonl::line(&serde_json::json!({
            "v": 1,
            "type": "error",
            "what": self.what,
            "why": self.why,
            "next": self.next,
            "exit_code": self.kind.code(),
        }))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::store(&error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &str| text.lines().map(printable).collect::<Vec<_>>().join("\n       ");
        writeln!(f, "error: {}", line(&self.what))?;
        writeln!(f, "  why: {}", line(&self.why))?;
        write!(f, " next: {}", line(&self.next))
    }
}

impl std::error::Error for Failure {}
