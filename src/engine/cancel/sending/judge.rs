//! What an answer, or none, does to the rest: counts, pauses that are told, a network that is
//! waited for, and what stops all of it. Nothing here waits or sends.

use std::time::Duration;

use super::unclear::{Unclear, Why};
use super::{Item, Sending};
use crate::defender::CancelApi;
use crate::domain::event::{HoldReason, Note};
use crate::domain::refusals::{About, Refused};
use crate::domain::{Stamp, Stop, Verdict};
use crate::engine::throttle::Heard;
use crate::store::Store;

/// Answers in a row that are of no use before they can stop it, whatever time has passed.
const USELESS_MOST: u32 = 5;

/// Kinds of refusal that are told apart; others of a status are counted together.
const KINDS_MAX: usize = 50;

impl<S: Store, A: CancelApi> Sending<S, A> {
    pub(super) fn judge(
        &mut self,
        item: Item,
        claimed_at: Stamp,
        verdict: Verdict,
        refused: Option<&Refused>,
    ) {
        self.count(&verdict, refused);
        if !matches!(verdict, Verdict::Doubtful { .. }) {
            self.state.useless = None;
        }
        if !matches!(verdict, Verdict::Unauthorized(_)) {
            self.state.token_refused = None;
        }
        match verdict {
            Verdict::Accepted { .. } => self.report.cancelled += 1,
            Verdict::Throttled { .. } => self.waiting.push_front(item),
            Verdict::Unauthorized(refusal) => {
                self.waiting.push_front(item);
                self.unauthorized(claimed_at, refusal.message);
            }
            Verdict::Doubtful { why, .. } => {
                self.useless(&why);
                self.unclear(item, Why::Doubt);
            }
            Verdict::Forbidden(refusal)
            | Verdict::Rejected(refusal)
            | Verdict::NotFound(refusal) => self.unclear(item, Why::Refused(refusal)),
            Verdict::Busy { refusal, .. } => self.unclear(item, Why::Refused(refusal)),
            Verdict::NeverLeft { .. } => {}
        }
    }

    fn unclear(&mut self, item: Item, why: Why) {
        let asks = item.asks + 1;
        let doubted = item.doubted || why == Why::Doubt;
        self.unclear.push(Unclear { item: Item { asks, doubted, ..item }, why });
    }

    /// Counts what answers have in common, and stops where they are all the same refusal.
    fn count(&mut self, verdict: &Verdict, refused: Option<&Refused>) {
        if self.state.stop.is_some() {
            return;
        }
        match refused {
            // That an action is over already, or is not known, is about that action.
            Some(refused) if matches!(refused.kind.0, 400 | 404 | 409) => {
                self.state.answers.fine();
            }
            Some(refused) => {
                let before = self.state.answers.in_a_row();
                self.state.answers.refused(refused);
                if before == 0 && refused.about != About::Page {
                    self.note(Note::Refused(refused.words.clone()));
                }
            }
            None if matches!(verdict, Verdict::Accepted { .. }) => self.state.answers.fine(),
            None => {}
        }
        if let Some(stop) = self.state.answers.verdict() {
            self.halt(to_cancel(stop));
        }
    }

    /// Every answer that said something about its action was a 403 that can mean that the right is
    /// missing.
    pub(super) fn heed_rights(&mut self) {
        if let (Some(stop @ Stop::SignIn(_)), true) =
            (self.state.answers.stop(), self.state.answers.are_all_alike())
        {
            self.halt(to_cancel(stop));
        }
    }

    pub(super) fn throttled(&mut self, heard: &Heard) {
        self.report.throttled += 1;
        let (now, job) = (self.now(), self.job.clone());
        let news = self.state.told.news(heard, &job.quotas, &job.timing, now);
        news.into_iter().for_each(|note| self.note(note));
    }

    fn unauthorized(&mut self, claimed_at: Stamp, message: Option<String>) {
        match self.state.token_refused {
            Some(since) if claimed_at > since => {
                let said = message.unwrap_or_else(|| "no reason given".to_owned());
                self.halt(Stop::SignIn(format!(
                    "the API refuses the token (401: {said}), also after a fresh sign-in"
                )));
            }
            Some(_) => {}
            None => self.state.token_refused = Some(self.now()),
        }
    }

    /// A server that answers with nothing but faults is waited for as long as one that cannot be
    /// reached.
    fn useless(&mut self, why: &str) {
        let now = self.now();
        let (since, answers) = self.state.useless.get_or_insert((now, 0));
        *answers += 1;
        let (waited, answers) = (now.since(*since), *answers);
        let told = self.state.told_useless;
        if told.is_none_or(|told| now.since(told) >= self.job.timing.first_contact) {
            self.state.told_useless = Some(now);
            self.note(Note::Useless(why.to_owned()));
        }
        if answers >= USELESS_MOST && waited >= self.job.timing.max_wait {
            let minutes = waited.as_secs() / 60;
            let why = format!("no answer was of use for {minutes} minutes; the last: {why}");
            self.halt(Stop::Unreachable(why));
        }
    }

    /// A whole answer, or a lost one: the API can be reached.
    pub(super) fn reached(&mut self, claimed_at: Stamp, took: Duration) {
        let latency = self.state.latency.map_or(took, |before| (before * 15 + took) / 16);
        self.state.latency = Some(latency);
        if self.state.unreachable.take_if(|(since, _)| *since <= claimed_at).is_some() {
            self.note(Note::Reached);
        }
        if self.state.unreachable.is_none() {
            self.state.hold = None;
            self.state.next_call = self.now();
        }
    }

    /// Nothing left: it waits, and stops in the end.
    pub(super) fn out_of_reach(&mut self, why: String) {
        let (now, timing) = (self.now(), self.job.timing);
        let before = self.state.unreachable;
        let (since, wait) = match before {
            None => (now, timing.reconnect_floor),
            // Several calls of one volley fail together; the wait grows once for each probe.
            Some(waiting) if self.state.in_flight > 0 => waiting,
            Some((since, wait)) => (since, (wait * 2).min(timing.reconnect_ceiling)),
        };
        self.state.unreachable = Some((since, wait));
        self.state.hold = Some(HoldReason::Network);
        self.state.next_call = now.plus(wait);
        if now.since(since) >= timing.max_wait {
            self.halt(Stop::Unreachable(why));
        } else if before.is_none() {
            self.note(Note::Waiting(why));
        }
    }

    pub(super) fn refuse(&mut self, status: u16, code: Option<String>, message: Option<String>) {
        let mut kind = (status, code);
        if self.report.refused.len() >= KINDS_MAX && !self.report.refused.contains_key(&kind) {
            kind.1 = None;
        }
        let (some, example) = self.report.refused.entry(kind).or_default();
        *some += 1;
        if example.is_none() {
            *example = message;
        }
    }
}

/// A stop in the words of who cancels.
fn to_cancel(stop: Stop) -> Stop {
    match stop {
        Stop::SignIn(why) => {
            Stop::SignIn(why.replace("may not start scans", "may not cancel actions"))
        }
        other => other,
    }
}
