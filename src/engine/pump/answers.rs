//! What answers, and silence, do to the flow of calls: a network that is waited for, pauses, a
//! token that is refused, refusals that are told, and answers of no use. What an answer means for
//! the item that was called for is the work's. Nothing here waits or sends.

use super::call::Answer;
use super::flow::{Flow, Useless};
use super::throttle::ThrottledCall;
use crate::defender::SignInError;
use crate::domain::event::{HoldReason, Note};
use crate::domain::refusals::{About, Answers, Refused};
use crate::domain::{Stop, Verdict};

/// Answers in a row that are of no use before they can stop a run, whatever time has passed: a
/// lost call or two after a long time out of reach say little.
const USELESS_MOST: u32 = 5;

/// Kinds of refusal that are told; more of them say nothing new.
const KINDS_MAX: usize = 20;

impl<P> Flow<P> {
    /// Takes in what became of a call, as far as it concerns all others.
    pub(super) fn answered(&mut self, answer: &Answer) {
        if let Verdict::NeverLeft { why } = &answer.verdict {
            if self.network.is_blamed(answer.late) {
                self.out_of_reach(why.clone(), answer.late);
            }
            return;
        }
        let reached = self.network.left(answer.claimed_at);
        if self.network.is_up() {
            self.hold = None;
            self.held_until = None;
            self.next_call = self.now;
        }
        if reached {
            self.note(Note::Reached);
        }
        self.latency = (self.latency * 15 + answer.took) / 16;
        self.pause(answer);
        self.check_token(answer);
    }

    /// Mirrors the budget's pause in the gate, and tells people about it once.
    fn pause(&mut self, answer: &Answer) {
        if let Some(gate) = &mut self.gate {
            gate.hold(answer.budget.not_before);
        }
        let heard =
            ThrottledCall::of(self.operation, answer.claimed_at, &answer.verdict, answer.budget);
        if let Some(heard) = heard {
            self.throttled += 1;
            let news = self.throttles.news(&heard, &self.rate, self.now);
            news.into_iter().for_each(|note| self.note(note));
        }
    }

    fn check_token(&mut self, answer: &Answer) {
        match (&answer.verdict, self.token_refused) {
            (Verdict::Unauthorized(refusal), Some(since)) if answer.claimed_at > since => {
                let said = refusal.message.as_deref().unwrap_or("no reason given");
                self.halt(Stop::SignIn(format!(
                    "the API refuses the token (401: {said}), also after a fresh sign-in"
                )));
            }
            (Verdict::Unauthorized(_), None) => self.token_refused = Some(self.now),
            (Verdict::Unauthorized(_), Some(_)) | (Verdict::Doubtful { .. }, _) => {}
            _ => self.token_refused = None,
        }
    }

    pub(super) fn sign_in_failed(&mut self, error: &SignInError) {
        match error {
            SignInError::Refused(why) => self.halt(Stop::SignIn(why.clone())),
            SignInError::Unavailable(why) => self.out_of_reach(why.clone(), false),
        }
    }

    /// Nothing left: the run waits, and stops in the end.
    fn out_of_reach(&mut self, why: String, late: bool) {
        let (now, timing) = (self.now, self.rate.timing);
        let lost = self.network.lose(now, self.in_flight, &timing);
        self.holds(HoldReason::Network, None);
        self.next_call = now.plus(lost.wait);
        if self.network.is_not_there(lost, late, now, &timing) {
            self.halt(Stop::NeverReached(why));
        } else if lost.lasts(now) >= timing.max_wait {
            self.halt(Stop::Unreachable(why));
        } else if lost.is_news {
            self.note(Note::Waiting(why));
        }
    }

    /// Tells a refusal in the server's words: the first of its kind, and once a minute while
    /// nothing else comes; `again` if the device is asked once more later. What is of no use,
    /// `check_use` tells.
    pub(crate) fn tell_refusal(&mut self, refused: &Refused, answers: &Answers, again: bool) {
        let now = self.now;
        let repeated = answers.in_a_row() > 1 && refused.about != About::Device;
        let is_news = match self.refusals_told.get(&refused.kind) {
            None => self.refusals_told.len() < KINDS_MAX,
            Some(told) => repeated && now.since(*told) >= self.rate.timing.first_contact,
        };
        if refused.about != About::Page && is_news {
            self.refusals_told.insert(refused.kind.clone(), now);
            self.note(Note::Refused { words: refused.words.clone(), again });
        }
    }

    /// A server that answers with nothing but faults is waited for as long as one that cannot be
    /// reached: its breaker alone would go through the list item by item, for days. A page that
    /// stands in the place of every answer is no fault that passes, and is waited for as long as an
    /// API that was never reached; why to stop is returned then.
    pub(crate) fn check_use(&mut self, answer: &Answer, answers: &Answers) -> Option<Stop> {
        let Verdict::Doubtful { why, status } = &answer.verdict else {
            self.useless = None;
            return None;
        };
        let (now, timing) = (self.now, self.rate.timing);
        let first = Useless { since: now, answers: 0, told: None };
        let useless = self.useless.get_or_insert(first);
        useless.answers += 1;
        let (waited, enough) = (now.since(useless.since), useless.answers >= USELESS_MOST);
        // One lost answer is nothing to tell; a whole one that makes no sense is.
        let is_news = match useless.told {
            None => status.is_some() || enough,
            Some(told) => now.since(told) >= timing.first_contact,
        };
        if is_news {
            useless.told = Some(now);
            self.note(Note::Useless(self.operation, why.clone()));
        }
        // Answers that did not come are no pages: what may pass is waited for.
        let only_pages = answers.are_only_pages() && answers.in_a_row() >= u64::from(USELESS_MOST);
        if enough && only_pages && waited >= timing.first_contact {
            return answers.stop();
        }
        if enough && waited >= timing.max_wait {
            let minutes = waited.as_secs() / 60;
            let why = format!("no answer was of use for {minutes} minutes; the last: {why}");
            self.halt(Stop::Unreachable(why));
        }
        None
    }
}
