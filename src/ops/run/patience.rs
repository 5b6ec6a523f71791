//! The few words that a run writes into its store before and after its engine: a store that is out
//! of reach is waited for there too. While the engine runs, it waits itself.

use std::future::Future;

use super::Run;
use crate::clock::{Clock, local_now};
use crate::domain::event::Note;
use crate::ops::stop::Stopping;
use crate::report::progress::text;
use crate::store::{AsksAgain, Result, Store, StoreError};

impl<S: Store, A> Run<'_, S, A> {
    /// Asks the store. One that is out of reach is waited for, as long as the run waits for a lost
    /// network, and until a signal comes.
    pub(super) async fn patiently<F>(
        &self,
        stopping: &mut Stopping<'_>,
        mut verb: impl FnMut() -> F,
    ) -> Result<()>
    where
        F: Future<Output = Result<()>>,
    {
        let _asks_again = AsksAgain::new(self.store.clone());
        match verb().await {
            Err(error @ StoreError::OutOfReach { .. }) => {
                let answer = stopping.unless_stopped(self.until_answered(verb)).await;
                answer.unwrap_or(Err(error))
            }
            answer => answer,
        }
    }

    async fn until_answered<F>(&self, mut verb: impl FnMut() -> F) -> Result<()>
    where
        F: Future<Output = Result<()>>,
    {
        let (clock, timing) = (self.store.clock(), &self.speed.timing);
        let (began, mut told) = (clock.now(), false);
        let say = |note| self.cx.ui.say(&text::note(&note, &local_now()));
        loop {
            match verb().await {
                Err(StoreError::OutOfReach { cause, .. })
                    if clock.now().since(began) < timing.max_wait =>
                {
                    if !std::mem::replace(&mut told, true) {
                        say(Note::StoreAway(cause.to_owned()));
                    }
                    clock.sleep_until(clock.now().plus(timing.poll)).await;
                }
                answer => {
                    if told && answer.is_ok() {
                        say(Note::StoreBack);
                    }
                    return answer;
                }
            }
        }
    }
}
