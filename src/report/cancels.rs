//! What cancelling a campaign is going to do and what it did, as text and as JSON. It is handed the
//! figures and computes none.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::ZonedDateTime;
use serde_json::{Map, Value, json};

use super::document::Document;
use super::human::{count, counted, duration, field, limits, moment, wrapped};
use super::jsonl;
use super::plan::used_json;
use super::stops::stop_text;
use super::summary::shown;
use crate::domain::cancel::{Cancelled, Spared};
use crate::domain::text::{cut, printable};
use crate::domain::{CampaignName, Exit, Quota, Stop, Target};

/// Kinds of refusal that the text shows.
const KINDS_SHOWN: usize = 5;

/// Characters of a refusal that the text shows.
const MESSAGE_SHOWN: usize = 120;

/// The actions that a campaign ordered, as the list of actions shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// Those that wait for their device.
    pub pending: u64,
    /// Those that run.
    pub in_progress: u64,
    /// Those that ended, or that somebody else cancelled.
    pub ended: u64,
    /// Those that this program cancelled before.
    pub cancelled: u64,
    /// Those that are not touched, and why.
    pub spared: BTreeMap<Spared, u64>,
}

/// What cancelling is going to do.
#[derive(Clone, Debug, PartialEq)]
pub struct CancelPlan {
    /// The campaign.
    pub campaign: CampaignName,
    /// Where it ordered.
    pub target: Target,
    /// It ran against the embedded emulator.
    pub emulated: bool,
    /// The plan is all there will be.
    pub dry_run: bool,
    /// A run of it is at work, which orders on until its queue is emptied; in words.
    pub orders_on: Option<String>,
    /// Devices that wait for their turn and are taken out of the queue; `None` if they stay.
    pub waiting: Option<u64>,
    /// Devices of which it is not known what became of their order.
    pub outstanding: u64,
    /// What the list shows; `None` if only the queue is concerned.
    pub actions: Option<Actions>,
    /// Those that run are left alone.
    pub pending_only: bool,
    /// Each quota, and how many calls count against it already.
    pub used: Vec<(Quota, u64)>,
    /// Those of them that the server named.
    pub named: Vec<Quota>,
    /// From now to the last call, and when that is; `None` if there is none.
    pub calls: Option<(Duration, ZonedDateTime)>,
}

impl CancelPlan {
    /// Actions that are to be cancelled.
    pub fn to_cancel(&self) -> u64 {
        self.actions.as_ref().map_or(0, |actions| {
            actions.pending + if self.pending_only { 0 } else { actions.in_progress }
        })
    }

    /// All devices that it concerns: actions to cancel, places in the queue, and orders on their
    /// way that may become actions before they are cancelled.
    pub fn concerned(&self) -> u64 {
        let on_their_way = if self.actions.is_some() { self.outstanding } else { 0 };
        self.to_cancel() + self.waiting.unwrap_or(0) + on_their_way
    }

    /// One line that names what is about to be cancelled, and where.
    pub fn headline(&self) -> String {
        let emulated = if self.emulated { "EMULATED: " } else { "" };
        let queued = || counted(self.waiting.unwrap_or(0), "waiting device");
        let what = match (&self.actions, self.waiting) {
            (None, _) => queued(),
            (Some(_), Some(some)) if some > 0 => {
                format!("{} and {}", counted(self.to_cancel(), "scan"), queued())
            }
            (Some(_), _) => counted(self.to_cancel(), "scan"),
        };
        format!(
            "{emulated}CANCEL {what}, tenant {}, {}, campaign {}",
            printable(&self.target.tenant),
            self.target.place(),
            self.campaign,
        )
    }

    /// What becomes of the devices that wait, while a run may order on until somebody confirms.
    fn queue_text(&self, waiting: u64) -> String {
        let orders_on = self.orders_on.is_some() && !self.dry_run;
        let what = match waiting {
            0 => return "no device waits for its turn; nothing more is ordered".to_owned(),
            1 if orders_on => "1 device waits for its turn; it is never ordered if it waits still \
                               when you confirm"
                .to_owned(),
            some if orders_on => format!(
                "{} devices wait for their turn; those that wait still when you confirm are never \
                 ordered",
                count(some)
            ),
            1 => "1 device waits for its turn and is never ordered".to_owned(),
            some => format!("{} devices wait for their turn and are never ordered", count(some)),
        };
        if self.actions.is_some() {
            format!("{what}; this comes first, so that nothing starts meanwhile")
        } else {
            what
        }
    }

    fn push_actions(&self, actions: &Actions, push: &mut impl FnMut(&str, &str)) {
        push("pending", &scans(actions.pending));
        let alone = if self.pending_only { ": left alone (--pending-only)" } else { "" };
        push("in progress", &format!("{}{alone}", scans(actions.in_progress)));
        push("ended", &scans(actions.ended));
        if actions.cancelled > 0 {
            push("cancelled", &format!("{} before", scans(actions.cancelled)));
        }
        for (why, some) in &actions.spared {
            push("not touched", &format!("{}: {}", scans(*some), why.why()));
        }
        let Some((takes, last)) = &self.calls else {
            let queue = self.waiting.is_some_and(|waiting| waiting > 0);
            push(
                "to do",
                if queue {
                    "no scan is to be cancelled; the waiting devices leave the queue"
                } else {
                    "there is nothing to cancel"
                },
            );
            return;
        };
        push("limits", &limits(&self.used, &self.named));
        push("takes", &format!("{} to the last call", super::human::takes(*takes)));
        push("last call", &moment(last));
    }
}

impl Document for CancelPlan {
    fn text(&self) -> String {
        let mut lines = vec![wrapped(&self.headline(), 2)];
        let mut push = |name: &str, value: &str| lines.push(field(name, value));
        push("API", &printable(&self.target.api_origin));
        push("application", &printable(&self.target.application));
        if let Some(waiting) = self.waiting {
            push("queue", &self.queue_text(waiting));
        }
        if let Some(orders_on) = &self.orders_on {
            push("at work", orders_on);
        }
        if self.outstanding > 0 {
            push(
                "not known",
                &format!(
                    "{} whose order may be on its way; what is not answered within the time of a \
                     call is not touched, and `fleetsweep resume` finds out what became of it \
                     without ordering anything",
                    counted(self.outstanding, "device")
                ),
            );
        }
        if let Some(actions) = &self.actions {
            self.push_actions(actions, &mut push);
        }
        if self.dry_run {
            lines.push("This is a dry run: nothing is cancelled.".to_owned());
        }
        lines.join("\n")
    }

    fn json(&self) -> String {
        let actions = self.actions.as_ref();
        jsonl::line(&json!({
            "v": 1,
            "type": "cancel_plan",
            "campaign": self.campaign,
            "tenant": self.target.tenant,
            "cloud": self.target.cloud,
            "api": self.target.api_origin,
            "application": self.target.application,
            "emulated": self.emulated,
            "dry_run": self.dry_run,
            "orders_on": self.orders_on.is_some(),
            "queue_only": actions.is_none(),
            "pending_only": self.pending_only,
            "waiting": self.waiting,
            "not_known": self.outstanding,
            "pending": actions.map(|actions| actions.pending),
            "in_progress": actions.map(|actions| actions.in_progress),
            "ended": actions.map(|actions| actions.ended),
            "cancelled_before": actions.map(|actions| actions.cancelled),
            "not_touched": actions.map(|actions| spared_json(&actions.spared)),
            "to_cancel": self.to_cancel(),
            "quota_used": used_json(&self.used, &self.named),
            "duration_s": self.calls.as_ref().map(|(takes, _)| takes.as_secs_f64()),
            "last_call_at": self.calls.as_ref().map(|(_, last)| last.timestamp()),
        }))
    }
}

/// What cancelling did.
#[derive(Clone, Debug, PartialEq)]
pub struct CancelSummary {
    /// The campaign.
    pub campaign: CampaignName,
    /// Its tenant.
    pub tenant: String,
    /// Devices that were taken out of the queue; `None` if they stay.
    pub queue: Option<u64>,
    /// Devices of which it is not known what became of their order.
    pub outstanding: u64,
    /// What became of the actions; `None` if only the queue was concerned.
    pub actions: Option<Done>,
    /// How long it took.
    pub duration: Duration,
    /// The command that goes on, where something was left.
    pub again: Option<String>,
    /// Where the reports are.
    pub reports: Vec<PathBuf>,
    /// How it ends.
    pub exit: Exit,
}

/// What became of the actions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// How cancelling them went.
    pub went: Cancelled,
    /// Those that waited when it was confirmed and had begun to run, where such are left alone.
    pub began: u64,
    /// Those that are not touched, and why.
    pub spared: BTreeMap<Spared, u64>,
}

/// What became of scans that were to expire.
pub struct Expired {
    /// The campaign that ordered them.
    pub campaign: CampaignName,
    /// What became of them.
    pub done: Done,
}

impl Document for Expired {
    fn text(&self) -> String {
        let Done { went, began: _, spared } = &self.done;
        let parts = [
            (went.cancelled, "cancelled"),
            (went.ended, "ended before"),
            (went.refused(), "refused by the API"),
            (went.unknown, "not known"),
            (went.left, "left"),
            (spared.values().sum(), "not touched"),
        ];
        let parts = parts.into_iter().filter(|(some, _)| *some > 0);
        let parts: Vec<String> =
            parts.map(|(some, what)| format!("{} {what}", count(some))).collect();
        if parts.is_empty() {
            return "No scan waited for its device any more.".to_owned();
        }
        let calls = counted(went.calls, "call");
        wrapped(&format!("Scans that still waited: {} ({calls}).", parts.join(", ")), 2)
    }

    fn json(&self) -> String {
        let Done { went, began: _, spared } = &self.done;
        jsonl::line(&json!({
            "v": 1,
            "type": "expired",
            "campaign": self.campaign,
            "cancelled": went.cancelled,
            "ended": went.ended,
            "refused": went.refused(),
            "unknown": went.unknown,
            "left": went.left,
            "not_touched": spared_json(spared),
            "calls": went.calls,
        }))
    }
}

impl Document for CancelSummary {
    fn text(&self) -> String {
        let mut lines = vec![wrapped(&self.first(), 2)];
        for (rows, what) in self.parts() {
            lines.push(wrapped(&format!("{:>11}  {what}", count(rows)), 13));
        }
        if let Some(done) = &self.actions {
            self.push_effort(&done.went, &mut lines);
        }
        if let Some(again) = &self.again {
            lines.push("To go on:".to_owned());
            lines.push(format!("    {}", printable(again)));
        }
        for path in &self.reports {
            lines.push(format!("Report: {}", printable(&path.display().to_string())));
        }
        let (code, meaning) = (self.exit.code(), meaning(self.exit));
        lines.push(wrapped(&format!("Exit code {code}: {meaning}."), 2));
        lines.join("\n")
    }

    fn line(&self) -> String {
        let parts = self.parts().into_iter().map(|(rows, what)| format!("{} {what}", count(rows)));
        let parts: Vec<String> = parts.collect();
        let mut sentences = vec![self.first()];
        if !parts.is_empty() {
            sentences.push(format!("{}.", parts.join("; ")));
        }
        if let Some(Done { went, .. }) = &self.actions {
            sentences.push(self.effort(went));
        }
        if let Some(again) = &self.again {
            sentences.push(format!("To go on: `{}`.", printable(again)));
        }
        let reports = self.reports.iter().map(|path| printable(&path.display().to_string()));
        let reports: Vec<String> = reports.collect();
        if !reports.is_empty() {
            sentences.push(format!("Report: {}.", reports.join(", ")));
        }
        sentences.push(format!("Exit code {}: {}.", self.exit.code(), meaning(self.exit)));
        sentences.join(" ")
    }

    fn json(&self) -> String {
        let went = self.actions.as_ref().map(|done| &done.went);
        let refused = went.map(|went| {
            let kinds = went.refused.iter().map(|((status, code), (rows, message))| {
                json!({
                    "http_status": status,
                    "error_code": code,
                    "rows": rows,
                    "message": message,
                })
            });
            kinds.collect::<Vec<_>>()
        });
        jsonl::line(&json!({
            "v": 1,
            "type": "cancel_summary",
            "campaign": self.campaign,
            "tenant": self.tenant,
            "queue_cancelled": self.queue,
            "not_known": self.outstanding,
            "cancelled": went.map(|went| went.cancelled),
            "ended": went.map(|went| went.ended),
            "refused": went.map(Cancelled::refused),
            "refusals": refused,
            "unknown": went.map(|went| went.unknown),
            "left": went.map(|went| went.left),
            "began_meanwhile": self.actions.as_ref().map(|done| done.began),
            "not_touched": self.actions.as_ref().map(|done| spared_json(&done.spared)),
            "calls": went.map(|went| went.calls),
            "throttled": went.map(|went| went.throttled),
            "stopped": went.and_then(|went| went.stop.as_ref()).map(stop_text),
            "duration_s": self.duration.as_secs_f64(),
            "again": self.again,
            "reports": shown(&self.reports),
            "exit_code": self.exit.code(),
        }))
    }
}

impl CancelSummary {
    /// What stopped it, if anything did.
    fn stop(&self) -> Option<&Stop> {
        self.actions.as_ref()?.went.stop.as_ref()
    }

    /// Why it stopped and what it left, as a part of a sentence; `None` if it came to its end.
    pub fn left(&self) -> Option<String> {
        let (stop, Done { went, .. }) = self.stop().zip(self.actions.as_ref())?;
        Some(format!("{}; not cancelled yet: {}", stop_text(stop), scans(went.left)))
    }

    /// How it ended, as a sentence.
    fn first(&self) -> String {
        match self.stop() {
            Some(stop) => format!("Cancelling {} stopped: {}.", self.campaign, stop_text(stop)),
            None if self.again.is_some() => format!("Not all of {} is cancelled.", self.campaign),
            None => format!("Cancelling {} is done.", self.campaign),
        }
    }

    /// What became of how many.
    fn parts(&self) -> Vec<(u64, String)> {
        let mut parts = Vec::new();
        let mut push = |rows: u64, what: String| {
            if rows > 0 {
                parts.push((rows, what));
            }
        };
        push(self.queue.unwrap_or(0), "taken out of the queue: ordered no more".to_owned());
        if let Some(Done { went, began, spared }) = &self.actions {
            push(went.cancelled, "cancelled".to_owned());
            push(*began, "began to run meanwhile: left alone (--pending-only)".to_owned());
            push(went.ended, "ended before they could be cancelled".to_owned());
            for ((status, code), (rows, message)) in went.refused.iter().take(KINDS_SHOWN) {
                push(*rows, refused(*status, code.as_deref(), message.as_deref()));
            }
            let more = went.refused.values().skip(KINDS_SHOWN).map(|(rows, _)| rows).sum();
            push(more, "refused for other reasons".to_owned());
            let unknown = "not known: the answers were lost, and the list does not tell";
            push(went.unknown, unknown.to_owned());
            push(went.left, "not asked for, or not to an end".to_owned());
            for (why, some) in spared {
                push(*some, format!("not touched: {}", why.why()));
            }
        }
        let outstanding = "devices whose order may be on its way: not touched";
        push(self.outstanding, outstanding.to_owned());
        parts
    }

    /// How many calls it took, as a sentence.
    fn effort(&self, went: &Cancelled) -> String {
        let took = duration(self.duration);
        let throttled = match went.throttled {
            0 => String::new(),
            some => format!("; {} answered with 429", count(some)),
        };
        let calls = counted(went.calls, "call");
        format!("{calls} in {took}{throttled}.")
    }

    fn push_effort(&self, went: &Cancelled, lines: &mut Vec<String>) {
        lines.push(self.effort(went));
        if went.cancelled > 0 {
            lines.push(wrapped(
                "Cancelled is what the API says: a scan that ran may have looked at a part of its \
                 device, or have ended at the same moment.",
                0,
            ));
        }
    }
}

fn refused(status: u16, code: Option<&str>, message: Option<&str>) -> String {
    let said: Vec<String> = [code, message].into_iter().flatten().map(printable).collect();
    let said = if said.is_empty() { String::new() } else { format!(", {}", said.join(": ")) };
    format!("refused: HTTP {status}{}", cut(&said, MESSAGE_SHOWN))
}

fn scans(number: u64) -> String {
    counted(number, "scan")
}

fn spared_json(spared: &BTreeMap<Spared, u64>) -> Map<String, Value> {
    jsonl::counts(spared.iter().map(|(why, some)| (why.name(), *some)))
}

/// What the end of a cancellation means.
fn meaning(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "what was to be cancelled is cancelled, or has ended",
        Exit::Attention => "some scans could not be cancelled",
        Exit::Stopped => {
            "stopped, or devices are left of which it is not known what became of their order"
        }
        other => other.meaning(),
    }
}
