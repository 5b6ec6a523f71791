//! What holds a run that is at work: the sentence for each reason.

use std::time::Duration;

use super::{NOW, RIGHT, Standing, Tone, Why, are, between, how_it_ended, minutes};
use crate::domain::event::HoldReason;
use crate::domain::text::printable;
use crate::domain::{LastRun, Quota, Timing};
use crate::report::human::{capital, count, duration};

/// Where the moment of the next order that a run foresaw has come.
const ANY_MOMENT: &str = " The next order leaves at any moment.";

impl Standing<'_> {
    /// What holds a run that is at work.
    pub(super) fn held(&self, run: &LastRun) -> Why {
        let say = |tone, leaves, why: String| Why { tone, leaves, why };
        if self.tally.queued == 0 {
            return self.all_left();
        }
        let next = self.next(run);
        let by_itself = "It goes on by itself.";
        let Some(hold) = &run.hold else { return not_held(run, &next) };
        match hold {
            HoldReason::Quota(quota) => self.by_limit(quota, &next),
            HoldReason::Pace => {
                let why = format!("so that they do not leave all at once.{next}");
                say(Tone::Runs, "Orders leave one after the other,", why)
            }
            HoldReason::Pause => {
                let why =
                    format!("the server asked for a pause (429, or faults of its own).{next}");
                say(Tone::Attention, NOW, format!("{why} {by_itself}"))
            }
            HoldReason::Faults => {
                let why = format!("the last calls got no answer of use.{next}");
                say(Tone::Attention, NOW, format!("{why} {by_itself}"))
            }
            HoldReason::User => {
                // A campaign that is paused is told so above.
                let why = "its pause was taken back, and its run notices that within seconds.";
                say(Tone::Runs, NOW, why.to_owned())
            }
            HoldReason::Priority(name) => {
                let why = format!("campaign {name} (priority high) goes before it.");
                say(Tone::Runs, RIGHT, format!("{why} {by_itself}"))
            }
            HoldReason::Network => {
                let why = "the API or the sign-in service cannot be reached. Nothing is lost.";
                say(Tone::Attention, NOW, format!("{why} {by_itself}"))
            }
            HoldReason::SignIn => {
                let why = "the sign-in service does not answer so far. Nothing is lost.";
                say(Tone::Attention, NOW, format!("{why} {by_itself}"))
            }
            HoldReason::Answers => {
                let why = "the server does not answer the calls that are under way so far.";
                say(Tone::Attention, NOW, format!("{why} {by_itself}"))
            }
            HoldReason::Store => {
                let why = "its run cannot reach or write the store. Nothing is lost.";
                say(Tone::Attention, NOW, format!("{why} {by_itself}"))
            }
            HoldReason::Forgotten => {
                let why = "the store may have forgotten calls in a failover or a restore, and \
                           waits until they are over.";
                say(Tone::Attention, RIGHT, format!("{why}{next} {by_itself}"))
            }
            HoldReason::Window => {
                say(Tone::Runs, RIGHT, format!("its window has not opened yet.{next}"))
            }
            HoldReason::Start(at) => {
                say(Tone::Runs, RIGHT, format!("it is to begin {}.{next}", self.clock(*at)))
            }
            HoldReason::Wave => {
                let why = "a wave is over, and is judged before the next one begins.";
                say(Tone::Runs, RIGHT, format!("{why}{next}"))
            }
        }
    }

    /// What else there is to know of a campaign that is paused: whether its run is there still,
    /// and that its series waits too.
    pub(super) fn beside_the_pause(&self, run: Option<&LastRun>) -> String {
        let mut parts = Vec::new();
        if let Some(run) = run.filter(|run| !run.is_alive(self.now.timestamp(), &Timing::default()))
        {
            parts.extend(how_it_ended(run, |at| self.clock(at)).map(|how| capital(&how) + "."));
        }
        parts.extend(self.no_run_begins());
        parts.into_iter().map(|part| part + " ").collect()
    }

    /// Nothing waits for its turn any more.
    fn all_left(&self) -> Why {
        let why = match (self.tally.claimed, self.tally.doubtful) {
            (0, 0) => "Only its end is left to be written.".to_owned(),
            (sent, 0) => format!("{} not in yet.", are(sent, "answer")),
            (0, some) => {
                format!("{} not known yet; the list of actions is asked.", are(some, "answer"))
            }
            (sent, some) => format!(
                "{} not in yet, {} not known; the list of actions is asked.",
                are(sent, "answer"),
                count(some)
            ),
        };
        Why { tone: Tone::Runs, leaves: "Every order has left.", why }
    }

    /// That its limit holds the next order. What a run said of itself can be seconds old: since
    /// then a slot may have become free, or the order have left that it spoke of.
    fn by_limit(&self, quota: &Quota, next: &str) -> Why {
        let used = self.used_up(quota);
        let say = |leaves, why| Why { tone: Tone::Runs, leaves, why };
        match self.used.iter().any(|one| is_full(&one)) {
            true if next == ANY_MOMENT => say(RIGHT, used),
            false if !self.used.is_empty() => {
                say("Orders leave as fast as the limits allow:", used)
            }
            _ => say(RIGHT, used + next),
        }
    }

    /// `1,500 of 1,500 calls of the last hour are used.` Where another limit is used up now, that
    /// one is named.
    fn used_up(&self, quota: &Quota) -> String {
        let full = || self.used.iter().filter(is_full).max_by_key(|(one, _)| one.window);
        let told = self.used.iter().find(|(one, _)| one == quota);
        let used = told.filter(is_full).or_else(full).or(told);
        let (quota, used) = used.map_or((quota, None), |(quota, used)| (quota, Some(*used)));
        let limit = u64::from(quota.calls.get());
        let window = match quota.window.as_secs() {
            60 => "minute".to_owned(),
            3_600 => "hour".to_owned(),
            _ => duration(quota.window),
        };
        let used = count(used.unwrap_or(limit).min(limit));
        let whose = self.lower.iter().find(|(one, _)| one == quota);
        let whose = whose.map_or_else(String::new, |(_, name)| {
            format!(" The open campaign {name} keeps that limit.")
        });
        format!("{used} of {} calls of the last {window} are used.{whose}", count(limit))
    }

    fn next(&self, run: &LastRun) -> String {
        let Some(at) = run.next_order_at else { return String::new() };
        let left = between(self.now.timestamp(), at);
        if left.is_zero() {
            return ANY_MOMENT.to_owned();
        }
        let (at, left) = if left < Duration::from_secs(120) {
            (self.exact(at), left)
        } else {
            (self.clock(at), minutes(left))
        };
        let left = duration(Duration::from_secs(left.as_secs().max(1)));
        format!(" The next order leaves {at}, in {left}.")
    }
}

/// Whether a limit is used up.
fn is_full((quota, used): &&(Quota, u64)) -> bool {
    *used >= u64::from(quota.calls.get())
}

/// What is told of a run that is at work, and does not say as a value what holds it.
fn not_held(run: &LastRun, next: &str) -> Why {
    let say = |leaves, why: String| Why { tone: Tone::Runs, leaves, why };
    match &run.held_by {
        // A run of an older version says it in words alone.
        Some(words) => say(NOW, format!("{}.{next}", printable(words))),
        // One that orders foresees its end, unless it has only begun or is ending.
        None if run.done_by.is_none() && run.stops_at.is_none() => {
            say("", "Its run has not told yet whether orders leave now.".to_owned())
        }
        None => say("Orders leave now,", "as fast as the limits allow.".to_owned()),
    }
}
