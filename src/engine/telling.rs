//! What the loop tells those who watch: snapshots with a forecast, and notes. It decides nothing.

use super::{Engine, Shared};
use crate::clock::Clock;
use crate::defender::ScanApi;
use crate::domain::Operation;
use crate::domain::event::{Event, Note, Snapshot};
use crate::domain::forecast::{CallRate, Outlook};
use crate::domain::quota::used;
use crate::store::{Store, StoreError};

impl<S: Store, A: ScanApi> Engine<S, A> {
    pub(super) async fn progress(&mut self) -> Result<(), StoreError> {
        if self.settings.progress_every.is_zero() {
            return Ok(());
        }
        let Shared { store, campaign, counts, .. } = &*self.shared;
        let tally = store.tally(campaign.id).await?;
        let wave = self.wave_shown(&tally).await?;
        let key = campaign.order.target.budget(Operation::Scan);
        let most = self.settings.quotas.iter().map(|quota| quota.calls.get() as usize).max();
        let usage = store.usage(&key, most.unwrap_or(0)).await?;
        let now = store.clock().now();
        // Those of all runners on the budget, which the store keeps together.
        let used = used(&usage.quotas, &usage.seen_by, now);
        let left = tally.queued;
        let rate = CallRate {
            quotas: self.settings.quotas.clone(),
            pace: self.settings.pace,
            concurrency: self.settings.concurrency,
            timing: self.settings.timing,
        };
        let outlook = Outlook {
            latency: self.state.latency,
            hours: self.settings.hours.clone().map(|hours| (hours, store.clock().utc())),
            pauses: wave.as_ref().map_or_else(Vec::new, |(_, pauses)| pauses.clone()),
            ..Outlook::new(usage, rate, now)
        };
        let snapshot = Snapshot {
            finish_in: outlook.forecast(left).map(|forecast| forecast.last_answer),
            tally,
            calls: counts.calls(),
            used,
            throttled: self.state.throttled,
            in_flight: self.state.in_flight,
            hold: self.state.hold.clone(),
            wave: wave.map(|(shown, _)| shown),
        };
        self.tell(Event::Progress(Box::new(snapshot)));
        Ok(())
    }

    pub(super) fn note(&self, note: Note) {
        self.tell(Event::Note(note));
    }

    /// Events are for watchers: one who does not keep up misses some, and the campaign goes on.
    fn tell(&self, event: Event) {
        drop(self.events.try_send(event));
    }
}
