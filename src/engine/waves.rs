//! Waves: noticing that one is over, waiting, judging it, and opening the next one. The moment at
//! which a wave was over and what was found of it are in the store, so that neither a crash nor a
//! second runner shortens the wait or opens a wave that failed. Which devices a wave holds is the
//! store's, what is too much is `domain::rollout`'s.

use std::sync::Arc;

use tokio::task::AbortHandle;

use super::follow::{FollowedActions, all_of};
use super::look_up::ask;
use super::pages::{PAGES, ReadEnd};
use super::pump::Flow;
use super::shared::Shared;
use crate::clock::Clock;
use crate::defender::ScanApi;
use crate::domain::event::{Note, Snapshot, WaveShown};
use crate::domain::rollout::Pause;
use crate::domain::rollout::{Figures, WaveFailure};
use crate::domain::{Campaign, Judged, MaxFailures, Refusal, Stamp, State, Stop, Tally};
use crate::store::{Result, Store, StoreError};

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

/// A wave that is over and that is to be judged now.
pub(super) struct WaveOver {
    pub(super) wave: u32,
    /// It was waited for since its last answer.
    pub(super) was_waited_for: bool,
}

impl Wave {
    /// Whether nothing is ordered now, since the next wave has not begun.
    pub(super) fn waits(&self, now: Stamp) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Looks whether the present wave is over, if that is worth a question; waits, or says that it
    /// is to be judged. The wait goes on also while no order may leave.
    pub(super) async fn check<S: Store, A>(
        &mut self,
        shared: &Shared<S, A>,
        flow: &mut Flow<Snapshot>,
    ) -> Result<Option<WaveOver>> {
        let (now, rollout) = (flow.now, &shared.campaign.rollout);
        let due = self.look || self.until.is_some_and(|until| until <= now);
        let judges = self.judging.is_some() || now < self.not_before;
        if rollout.last() == 0 || !due || judges {
            return Ok(None);
        }
        self.look = false;
        self.until = None;
        let stand = shared.store.end_wave(shared.campaign.id).await?;
        if let Some(failure) = stand.failed {
            flow.halt(Stop::Wave(failure.to_string()));
            return Ok(None);
        }
        let Some(over) = stand.over else { return Ok(None) };
        let wait = rollout.wait_after(stand.wave);
        let until = over.plus(wait);
        if now < until {
            if self.told.replace(stand.wave) != Some(stand.wave) {
                flow.note(Note::WaveOver(rollout.name(stand.wave), until.since(now)));
            }
            self.until = Some(until);
            return Ok(None);
        }
        Ok(Some(WaveOver { wave: stand.wave, was_waited_for: !wait.is_zero() }))
    }

    /// Another wave has begun, by this runner or by another one.
    pub(super) fn moved(&mut self) {
        *self = Wave { told: self.told, look: true, ..Wave::default() };
    }

    /// What cannot be looked at now is looked at later, and not for ever: opening a wave blindly
    /// would order what the wait was for.
    pub(super) fn unread(&mut self, why: String, flow: &mut Flow<Snapshot>) {
        let (now, timing) = (flow.now, flow.rate.timing);
        let since = *self.unread_since.get_or_insert(now);
        if now.since(since) >= timing.max_wait {
            return flow.halt(Stop::ListUnreadable(why));
        }
        if since == now {
            flow.note(Note::ListFailed(why));
        }
        self.look = true;
        self.not_before = now.plus(timing.look_up_after[1]);
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

/// How the present wave of a campaign stands, and where the campaign pauses from now on; `None` if
/// no wave follows.
///
/// # Errors
/// `StoreError` if the store fails.
pub async fn shown<S: Store>(
    store: &S,
    campaign: &Campaign,
    tally: &Tally,
) -> Result<Option<(WaveShown, Vec<Pause>)>> {
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
pub(super) async fn judge<S: Store, A: ScanApi>(
    shared: Arc<Shared<S, A>>,
    wave: u32,
    looks: bool,
) -> Result<JudgeEnd> {
    let Shared { store, campaign, .. } = &*shared;
    let mut forbidden = None;
    if looks {
        match look_at_scans(&shared).await? {
            ReadEnd::Whole => {}
            ReadEnd::Forbidden(refusal) => forbidden = Some(refusal),
            end => return Ok(JudgeEnd::Unread(end.why())),
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
        let first = store.judge_wave(campaign.id, wave, noted).await?;
        return Ok(if first { JudgeEnd::Failed(failure) } else { JudgeEnd::Moved });
    }
    let figures = figures.told_as_passed(&format!("of {name}"));
    let first = store.open_wave(campaign.id, wave).await?;
    Ok(if first { JudgeEnd::Passed { figures, forbidden } } else { JudgeEnd::Moved })
}

/// One look at the list of actions, for all that the campaign ordered.
async fn look_at_scans<S: Store, A: ScanApi>(shared: &Shared<S, A>) -> Result<ReadEnd> {
    let Shared { store, campaign, .. } = shared;
    // What the campaign learnt about its server since the run began says how far back to ask.
    let there = store.campaign(campaign.id).await?;
    let campaign = there.as_ref().unwrap_or(campaign);
    let mut ordered = FollowedActions::read(&**store, campaign).await?;
    if !ordered.is_any_open() {
        return Ok(ReadEnd::Whole);
    }
    let read = ask(shared, &all_of(campaign), PAGES, |action| ordered.take(action)).await?;
    if let ReadEnd::Whole = read.end {
        ordered.write(&**store, campaign).await?;
    }
    Ok(read.end)
}
