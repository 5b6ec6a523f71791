//! Waves: noticing that one is over, waiting, judging it, and opening the next one. The moment at
//! which a wave was over and what was found of it are in the store, so that neither a crash nor a
//! second runner shortens the wait or opens a wave that failed. Which devices a wave holds is the
//! store's, what is too much is `domain::rollout`'s.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use tokio::task::AbortHandle;

use super::door::Door;
use super::follow::{Ordered, all_of};
use super::look_up::{Read, read_all, without_end};
use super::{Engine, Finished, Shared};
use crate::clock::Clock;
use crate::defender::ScanApi;
use crate::domain::event::{Note, WaveShown};
use crate::domain::forecast::Pause;
use crate::domain::rollout::{Figures, WaveFailure};
use crate::domain::{Campaign, Judged, Life, MaxFailures, Refusal, Stamp, State, Stop, Tally};
use crate::store::{Store, StoreError};

/// What the loop knows of the present wave.
#[derive(Debug, Default)]
pub(super) struct Wave {
    /// It is to be looked whether the wave is over.
    pub(super) look: bool,
    /// Until when it is waited for, before the wave that is over is judged.
    pub(super) until: Option<Stamp>,
    /// It is being judged.
    pub(super) judging: Option<AbortHandle>,
    /// The wave that people were told about.
    told: Option<u32>,
    /// Not judged again before this moment, since the list of actions could not be read.
    not_before: Stamp,
    /// Since when that is so.
    unread_since: Option<Stamp>,
}

impl Wave {
    /// Whether nothing is ordered now, since the next wave has not begun.
    pub(super) fn waits(&self, now: Stamp) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

/// How judging a wave ended.
pub(super) enum JudgeEnd {
    /// It did well, and the next one has begun; why its scans may not be looked at, if so.
    Passed { figures: String, forbidden: Option<Refusal> },
    /// It failed.
    Failed(WaveFailure),
    /// Another runner was faster.
    Moved,
    /// How its scans stand could not be read now.
    Unread(String),
}

impl<S, A> Shared<S, A> {
    /// Counts a result, and lets nothing more be claimed if there are too many failures among them.
    /// It is done where the result is written, so that only calls in flight go beyond that.
    pub(super) fn note_result(&self, before: Life, after: Life) {
        if self.campaign.rollout.max_failures.is_none() {
            return;
        }
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.count(before, after);
        if results.verdict(self.campaign.rollout.max_failures).is_some() {
            self.counts.halted.store(true, Ordering::SeqCst);
        }
    }

    /// Why to stop, if too many results of this run are failures.
    pub(super) fn too_many_failures(&self) -> Option<Stop> {
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.verdict(self.campaign.rollout.max_failures)
    }
}

impl<S: Store, A: ScanApi> Engine<S, A> {
    /// Looks whether the present wave is over, if that is worth a question; waits, or has it
    /// judged. The wait goes on also while no order may leave.
    pub(super) async fn heed_wave(&mut self) -> Result<(), StoreError> {
        let last = self.shared.campaign.rollout.last();
        let now = self.now();
        // A limit that holds the next order must not hide that there is none in this wave.
        let held = self.state.next_order > now || matches!(self.shared.door(), Door::Shut(_));
        let rests = self.state.idle.is_some() || held;
        let busy = self.state.in_flight > 0 || self.look_up.is_some();
        let due = self.wave.look || self.wave.until.is_some_and(|until| until <= now);
        let judges = self.wave.judging.is_some() || now < self.wave.not_before;
        if last == 0 || !due || !rests || busy || judges || self.state.stop.is_some() {
            return Ok(());
        }
        self.wave.look = false;
        self.wave.until = None;
        let stand = self.shared.store.end_wave(self.shared.campaign.id).await?;
        if let Some(failure) = stand.failed {
            self.halt(Stop::Wave(failure.to_string()));
            return Ok(());
        }
        let Some(over) = stand.over else { return Ok(()) };
        let wait = self.shared.campaign.rollout.wait_after(stand.wave);
        let until = over.plus(wait);
        if now < until {
            if self.wave.told.replace(stand.wave) != Some(stand.wave) {
                let name = self.shared.campaign.rollout.name(stand.wave);
                self.note(Note::WaveOver(name, until.since(now)));
            }
            self.wave.until = Some(until);
            return Ok(());
        }
        let (shared, wave) = (self.shared.clone(), stand.wave);
        // A scan that was ordered just now has nothing to tell.
        let look = !wait.is_zero() && !self.state.list_forbidden;
        let judge = judge(shared, wave, look);
        let judging = self.tasks.spawn(async move { Finished::Judged(judge.await) });
        self.wave.judging = Some(judging);
        Ok(())
    }

    pub(super) fn judged(&mut self, end: JudgeEnd) {
        let now = self.now();
        match end {
            JudgeEnd::Failed(failure) => return self.halt(Stop::Wave(failure.to_string())),
            JudgeEnd::Unread(why) => return self.unread(why, now),
            JudgeEnd::Moved => {}
            JudgeEnd::Passed { figures, forbidden } => {
                self.list_forbidden(forbidden);
                self.note(Note::WavePassed(figures));
            }
        }
        self.wave = Wave { told: self.wave.told, look: true, ..Wave::default() };
        self.state.idle = None;
    }

    /// What cannot be looked at now is looked at later, and not for ever: opening a wave blindly
    /// would order what the wait was for.
    fn unread(&mut self, why: String, now: Stamp) {
        let timing = self.settings.timing;
        let since = *self.wave.unread_since.get_or_insert(now);
        if now.since(since) >= timing.max_wait {
            return self.halt(Stop::ListUnreadable(why));
        }
        if since == now {
            self.note(Note::ListFailed(why));
        }
        self.wave.look = true;
        self.wave.not_before = now.plus(timing.look_up_after[1]);
    }

    /// How the present wave stands, for people, and where the campaign pauses from now on; nothing
    /// if no wave follows.
    pub(super) async fn wave_shown(
        &self,
        tally: &Tally,
    ) -> Result<Option<(WaveShown, Vec<Pause>)>, StoreError> {
        let Shared { store, campaign, .. } = &*self.shared;
        if campaign.rollout.last() == 0 {
            return Ok(None);
        }
        let Some(there) = store.find(&campaign.name).await? else { return Ok(None) };
        shown(&**store, &there, tally).await
    }
}

/// How the present wave of a campaign stands, and where the campaign pauses from now on; nothing if
/// no wave follows.
///
/// # Errors
/// `StoreError` if the store fails.
pub async fn shown<S: Store>(
    store: &S,
    campaign: &Campaign,
    tally: &Tally,
) -> Result<Option<(WaveShown, Vec<Pause>)>, StoreError> {
    let Campaign { rollout, wave, wave_over, .. } = campaign;
    if *wave >= rollout.last() {
        return Ok(None);
    }
    let open = store.wave_open(campaign.id).await?;
    let (devices, then) = rollout.sizes_at(*wave, tally.devices());
    let until = wave_over.map(|over| over.plus(rollout.wait_after(*wave)));
    let wait = until.map(|until| until.since(store.clock().now()));
    let waiting = open.saturating_sub(tally.claimed + tally.doubtful);
    let name = rollout.name(*wave);
    let done = devices.saturating_sub(open);
    let pauses = rollout.pauses(*wave, waiting, wait);
    Ok(Some((WaveShown { name, devices, done, wait, then }, pauses)))
}

/// Looks once how the scans of a wave stand, judges it, and opens the next one or notes that it
/// failed. The first runner's judgement counts.
async fn judge<S: Store, A: ScanApi>(
    shared: Arc<Shared<S, A>>,
    wave: u32,
    looks: bool,
) -> Result<JudgeEnd, StoreError> {
    let Shared { store, campaign, .. } = &*shared;
    let mut forbidden = None;
    if looks {
        match look_at_scans(&shared).await? {
            Read::Whole(_) => {}
            Read::Forbidden(refusal) => forbidden = Some(refusal),
            Read::TooLong => return Ok(JudgeEnd::Unread(without_end())),
            Read::Failed(why) => return Ok(JudgeEnd::Unread(why)),
        }
    }
    let mut figures = Figures::default();
    let count = store.each_row(campaign.id, |row| {
        if let State::Done(outcome) = row.life.state
            && row.wave == wave
            && row.life.attempt > 0
        {
            figures.add(outcome, row.detail.action_status.as_deref());
        }
        Ok::<(), StoreError>(())
    });
    count.await?;
    let name = campaign.rollout.name(wave);
    let most = campaign.rollout.max_failures.unwrap_or(MaxFailures::OF_A_WAVE);
    if most.is_reached(figures.failed(), figures.devices) {
        let failure = WaveFailure { name, figures, most };
        let noted = Judged::Failed(failure.clone());
        return Ok(match store.judge_wave(campaign.id, wave, noted).await? {
            true => JudgeEnd::Failed(failure),
            false => JudgeEnd::Moved,
        });
    }
    let figures = figures.told(&format!("of {name}"));
    Ok(match store.open_wave(campaign.id, wave).await? {
        true => JudgeEnd::Passed { figures, forbidden },
        false => JudgeEnd::Moved,
    })
}

/// One look at the list of actions, for all that the campaign ordered.
async fn look_at_scans<S: Store, A: ScanApi>(shared: &Shared<S, A>) -> Result<Read, StoreError> {
    let Shared { store, campaign, .. } = shared;
    // What the campaign learnt about its server since the run began says how far back to ask.
    let there = store.find(&campaign.name).await?;
    let campaign = there.as_ref().unwrap_or(campaign);
    let mut ordered = Ordered::read(&**store, campaign).await?;
    if !ordered.is_any_open() {
        return Ok(Read::Whole(None));
    }
    let read = read_all(shared, &all_of(campaign), |action| ordered.take(action)).await?;
    if let Read::Whole(_) = read {
        ordered.write(&**store, campaign).await?;
    }
    Ok(read)
}
