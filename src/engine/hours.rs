//! The hours in which orders may leave, as the wall clock says at this moment. They are asked
//! before each order and each send, since the wall clock can step; waiting goes by stamps.

use std::time::Duration;

use jiff::Timestamp;

use super::shared::Shared;
use crate::clock::Clock;
use crate::domain::event::HoldReason;
use crate::domain::{Hours, Stop};
use crate::store::Store;

/// Whether orders may leave at a moment.
pub(super) enum SendingHours {
    /// They may, for this long.
    Open(Duration),
    /// They may in this time.
    Shut(Duration),
}

impl<S: Store, A> Shared<S, A> {
    /// What the hours say at this moment of the wall clock.
    pub(super) fn sending_hours(&self) -> SendingHours {
        let at = self.store.clock().utc();
        let until = |then: Timestamp| Duration::try_from(then.duration_since(at));
        match self.hours.as_ref().map(|hours| hours.opening(at)) {
            None => SendingHours::Open(Duration::MAX),
            Some(None) => SendingHours::Shut(Duration::MAX),
            Some(Some(opening)) if opening.opens <= at => {
                SendingHours::Open(until(opening.closes).unwrap_or_default())
            }
            Some(Some(opening)) => SendingHours::Shut(until(opening.opens).unwrap_or_default()),
        }
    }

    /// How long until the window closes that is open now, or else the next one, where the run stops
    /// then. Returns `None` if none closes.
    pub(super) fn window_closes_in(&self) -> Option<Duration> {
        let at = self.store.clock().utc();
        let opening = self.hours.as_ref()?.opening(at)?;
        Duration::try_from(opening.closes.duration_since(at)).ok()
    }

    /// Whether orders may leave at this moment of the wall clock.
    pub(super) fn is_in_hours(&self) -> bool {
        matches!(self.sending_hours(), SendingHours::Open(_))
    }

    /// What is waited for first while no order may leave.
    pub(super) fn shut_by(&self) -> HoldReason {
        let at = self.store.clock().utc();
        match self.hours.as_ref().and_then(Hours::start) {
            Some(start) if start > at => HoldReason::Start(start),
            _ => HoldReason::Window,
        }
    }

    /// Why to stop, if the window has closed that was open in this run, which `entered` keeps. A
    /// run that begins before its window opens waits for it.
    pub(super) fn window_closed(&self, entered: &mut Option<Timestamp>) -> Option<Stop> {
        let at = self.store.clock().utc();
        let opening = self.hours.as_ref()?.opening(at);
        if let Some(opening) = &opening
            && opening.opens <= at
        {
            *entered = Some(opening.closes);
            return None;
        }
        // A wall clock that steps back a little stands before the same window, and waits again.
        let next = opening.map(|opening| opening.closes);
        if entered.is_some() && next != *entered { Some(Stop::Window) } else { None }
    }
}
