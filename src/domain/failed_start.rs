//! A start that came to nothing: no run of a series, or of a campaign, began in a tenant. It
//! belongs to no campaign, since there may be none; what kept an existing campaign from going on is
//! kept with it, in `run`.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::service::{id_of, service_of};
use super::text::storable;
use super::{CampaignName, SeriesName, Target};

/// How many days one is kept.
pub const FAILED_STARTS_KEPT: i64 = 90;

/// What a start is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StartOf {
    /// The run of a series.
    Series(SeriesName),
    /// A campaign that began in other tenants.
    Campaign(CampaignName),
}

/// A start that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedStart {
    /// What was to begin.
    pub of: StartOf,
    /// Where it would have ordered. Its tenant is the name of a domain as long as no sign-in told
    /// more.
    pub target: Target,
    /// The day by which the run would have been named. Of several starts of one day the last one is
    /// kept.
    pub day: Date,
    /// When it was tried.
    pub at: Timestamp,
    /// Why, as a part of a sentence.
    pub why: String,
    /// What that is worth as an exit code.
    pub exit_code: u8,
    /// The user whose command it was.
    pub by: String,
    /// The machine of that user.
    pub host: String,
}

impl StartOf {
    /// The kind, as a store tells it from the other.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Series(_) => "series",
            Self::Campaign(_) => "campaign",
        }
    }

    /// Its name.
    pub fn name(&self) -> String {
        match self {
            Self::Series(series) => series.to_string(),
            Self::Campaign(campaign) => campaign.to_string(),
        }
    }

    /// What has this kind and this name. Returns `None` for another kind, or for no name.
    pub fn named(kind: &str, name: &str) -> Option<Self> {
        match kind {
            "series" => name.parse().ok().map(Self::Series),
            "campaign" => name.parse().ok().map(Self::Campaign),
            _ => None,
        }
    }
}

impl FailedStart {
    /// The same as every store keeps it: under the one name that every spelling of its service and
    /// its ids have in common, and without letters that not every store can hold.
    #[must_use]
    pub fn storable(mut self) -> Self {
        self.target.api_origin = storable(service_of(&self.target.api_origin));
        self.target.tenant = storable(id_of(&self.target.tenant));
        self.target.application = storable(id_of(&self.target.application));
        self.why = storable(self.why);
        self
    }

    /// The series of which it was to begin a run. Returns `None` for a campaign of another kind.
    pub fn series(&self) -> Option<&SeriesName> {
        match &self.of {
            StartOf::Series(series) => Some(series),
            StartOf::Campaign(_) => None,
        }
    }

    /// The first day of which one is kept beside it.
    pub fn kept_since(&self) -> Date {
        self.day.checked_sub(FAILED_STARTS_KEPT.days()).unwrap_or(Date::MIN)
    }

    /// Whether this one takes the place of another: it is of the same day and the same thing.
    pub fn replaces(&self, other: &Self) -> bool {
        let key = |one: &Self| (one.target.api_origin.clone(), one.target.tenant.clone(), one.day);
        self.of == other.of && key(self) == key(other)
    }
}
