//! The few words that a run exchanges with its store before and after its engine: a store that is
//! out of reach is waited for there too. While the engine runs, it waits itself.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::{Clock, local_now};
use crate::domain::Timing;
use crate::domain::event::Note;
use crate::engine::{PatientStore, StopLevel};
use crate::ops::stop::Stopping;
use crate::ops::ui::{Say, Ui};
use crate::report::progress::text;
use crate::store::{AsksAgain, Result, Store, StoreError};

/// How a store that is out of reach is waited for, and to whom that is said.
pub(in crate::ops) struct Patience<'a, S> {
    pub ui: &'a dyn Ui,
    pub store: &'a Arc<S>,
    pub timing: &'a Timing,
}

impl<S: Store> Patience<'_, S> {
    /// Asks the store. One that is out of reach is waited for, as long as a run waits for a lost
    /// network, and until a signal comes.
    pub(in crate::ops) async fn ask<T, F>(
        &self,
        stopping: &mut Stopping<'_>,
        mut verb: impl FnMut() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
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

    /// The store for work that is left when somebody says so, as the writing of a report: each of
    /// its questions is waited for.
    pub(in crate::ops) fn store(&self) -> Arc<PatientStore<S>> {
        let say = self.ui.sayer();
        let tell = move |note| told(&say, &note);
        let (_, never) = watch::channel(StopLevel::Run);
        Arc::new(PatientStore::new(self.store.clone(), *self.timing, never, tell))
    }

    async fn until_answered<T, F>(&self, mut verb: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let (clock, timing) = (self.store.clock(), self.timing);
        let (began, mut is_told) = (clock.now(), false);
        let say = self.ui.sayer();
        loop {
            match verb().await {
                Err(StoreError::OutOfReach { cause, .. })
                    if clock.now().since(began) < timing.max_wait =>
                {
                    if !std::mem::replace(&mut is_told, true) {
                        told(&say, &Note::StoreAway(cause.to_owned()));
                    }
                    clock.sleep_until(clock.now().plus(timing.poll)).await;
                }
                answer => {
                    if is_told && answer.is_ok() {
                        told(&say, &Note::StoreBack);
                    }
                    return answer;
                }
            }
        }
    }
}

fn told(say: &Say, note: &Note) {
    say(&text::note(note, &local_now()));
}
