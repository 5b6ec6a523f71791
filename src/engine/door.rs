//! The hours in which orders may leave, as the wall clock says at this moment. They are asked
//! before each order and each send, since the wall clock can step; waiting goes by stamps.

use std::time::Duration;

use jiff::Timestamp;

use super::{Engine, Shared};
use crate::clock::Clock;
use crate::defender::ScanApi;
use crate::domain::event::HoldReason;
use crate::domain::{Hours, Stop};
use crate::store::Store;

/// Whether orders may leave, and for how long that stays so.
pub(super) enum Door {
    Open(Duration),
    Shut(Duration),
}

impl<S: Store, A> Shared<S, A> {
    /// What the hours say at this moment of the wall clock.
    pub(super) fn door(&self) -> Door {
        let at = self.store.clock().utc();
        let until = |then: Timestamp| Duration::try_from(then.duration_since(at));
        match self.hours.as_ref().map(|hours| hours.opening(at)) {
            None => Door::Open(Duration::MAX),
            Some(None) => Door::Shut(Duration::MAX),
            Some(Some(opening)) if opening.opens <= at => {
                Door::Open(until(opening.closes).unwrap_or_default())
            }
            Some(Some(opening)) => Door::Shut(until(opening.opens).unwrap_or_default()),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.door(), Door::Open(_))
    }

    /// What a shut door waits for first.
    pub(super) fn shut_by(&self) -> HoldReason {
        let at = self.store.clock().utc();
        let start = self.hours.as_ref().and_then(Hours::start);
        start.filter(|start| *start > at).map_or(HoldReason::Window, HoldReason::Start)
    }
}

impl<S: Store, A: ScanApi> Engine<S, A> {
    /// A run that begins before its window opens waits for it, and ends when it closes.
    pub(super) fn heed_hours(&mut self) {
        let Some(hours) = &self.shared.hours else { return };
        let at = self.shared.store.clock().utc();
        let opening = hours.opening(at);
        if let Some(opening) = opening.filter(|opening| opening.opens <= at) {
            self.state.entered = Some(opening.closes);
        } else if self.state.entered.is_some() {
            // A wall clock that steps back a little stands before the same window, and waits again.
            if opening.map(|opening| opening.closes) != self.state.entered {
                self.halt(Stop::Window);
            }
        }
    }
}
