//! What a forecast starts from: the limits, the pace and the hours of a run, and what the journal
//! says of its budget.

use jiff::Timestamp;

use crate::clock::{Clock, SystemClock, wall_clock};
use crate::domain::forecast::Outlook;
use crate::domain::{BudgetKey, Campaign, Operation, Stamp, Target, Usage};
use crate::ops::failure::Failure;
use crate::ops::limits::{Speed, most_calls};
use crate::report::plan::Expire;
use crate::store::Store;

/// What the forecast starts from.
pub(crate) fn outlook(speed: &Speed, usage: Usage, now: Stamp) -> Outlook {
    let hours = speed.hours.clone().map(|hours| (hours, whole(wall_clock())));
    Outlook { hours, ..Outlook::new(usage, speed.rate(), now) }
}

/// A moment as exact as stamps are, so that a forecast made with both meets a window's begin.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// What expiring scans is forecast from.
pub(crate) struct Expiry {
    outlook: Outlook,
    /// Scans that were ordered before and may wait still.
    earlier: u64,
}

impl Expiry {
    /// With what a store knows, if there is one. Returns `None` if no scans are to expire.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(crate) async fn of<S: Store>(
        store: Option<&S>,
        target: &Target,
        speed: &Speed,
        campaign: Option<&Campaign>,
    ) -> Result<Option<Self>, Failure> {
        if !speed.expire_pending {
            return Ok(None);
        }
        let budget = target.budget(Operation::Cancel);
        let (usage, now) = usage(store, speed, &budget).await?;
        let outlook = outlook(speed, usage, now);
        let earlier = match (store, campaign) {
            (Some(store), Some(campaign)) => store.tally(campaign.id).await?.ordered(),
            _ => 0,
        };
        Ok(Some(Self { outlook: at_any_time(outlook), earlier }))
    }

    /// What the plan says, given how many devices are ordered until then at most.
    pub(crate) fn expire(&self, fits: u64) -> Expire {
        let most = fits.saturating_add(self.earlier);
        let takes = self.outlook.forecast(most).map(|forecast| forecast.last_call);
        Expire { most, takes: takes.unwrap_or_default() }
    }
}

/// Cancelling is no order, so no window holds it.
fn at_any_time(outlook: Outlook) -> Outlook {
    Outlook { hours: None, ..outlook }
}

/// What a store says of a budget, and the moment that its stamps are compared with; nothing was
/// called yet where there is no store.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(crate) async fn usage<S: Store>(
    store: Option<&S>,
    speed: &Speed,
    budget: &BudgetKey,
) -> Result<(Usage, Stamp), Failure> {
    match store {
        Some(store) => Ok((store.usage(budget, most_calls(speed)).await?, store.clock().now())),
        None => Ok((Usage::default(), SystemClock::with_offset(0).now())),
    }
}
