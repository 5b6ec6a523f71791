//! Cancelling what a campaign ordered: which actions are its own and may be cancelled, and what is
//! said of one that was. Pure; which calls are made and when is `engine::cancel`'s.

use std::collections::BTreeMap;
use std::time::Duration;

use super::action::{Action, CommentSays, has_ended};
use super::campaign::Mark;
use super::device::DeviceId;
use super::event::HoldReason;
use super::outcome::Stop;
use super::refusal::Refusal;
use super::spelling::worded;
use super::text::squeezed;

/// The most characters of an action's id that a call names. Real ones are GUIDs of 36; captured
/// data hold ids of other letters too, so their form is not checked further.
const ID_MAX: usize = 64;

/// Kinds of refusal that are told apart; others of a status are counted together.
const KINDS_MAX: usize = 50;

/// How far cancelling is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelProgress {
    /// All actions that are to be cancelled.
    pub all: u64,
    /// Those that were.
    pub cancelled: u64,
    /// Those that had ended before they could be.
    pub ended: u64,
    /// Those that the server did not cancel.
    pub refused: u64,
    /// Those of which the list will be asked.
    pub unclear: u64,
    /// Calls that wait for their answer.
    pub in_flight: u64,
    /// Answers with 429.
    pub throttled: u64,
    /// What holds the next call back, if anything does.
    pub hold: Option<HoldReason>,
    /// When the last answer is likely to be in.
    pub finish_in: Option<Duration>,
}

/// How cancelling went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// Actions that were cancelled.
    pub cancelled: u64,
    /// Those that had ended before they could be.
    pub ended: u64,
    /// Those that the server did not cancel, by status and code, with how many and a message.
    pub refused: BTreeMap<(u16, Option<String>), (u64, Option<String>)>,
    /// Those of which nobody can say whether they are.
    pub unknown: u64,
    /// Those that were not asked for, or not to an end, when it stopped.
    pub left: u64,
    /// Calls that cancel.
    pub calls: u64,
    /// How many of them were answered with 429.
    pub throttled: u64,
    /// What stopped it, if anything did.
    pub stop: Option<Stop>,
}

impl Cancelled {
    /// Actions that the server did not cancel.
    pub fn refused(&self) -> u64 {
        self.refused.values().map(|(some, _)| some).sum()
    }

    /// All that were left before it could tell more.
    pub fn left_at_once(targets: u64) -> Self {
        Self { left: targets, stop: Some(Stop::SecondSignal), ..Self::default() }
    }

    /// Counts an action that the server did not cancel.
    pub fn count_refused(&mut self, refusal: Refusal) {
        let mut kind = (refusal.status, refusal.code);
        if self.refused.len() >= KINDS_MAX && !self.refused.contains_key(&kind) {
            kind.1 = None;
        }
        let (some, example) = self.refused.entry(kind).or_default();
        *some += 1;
        if example.is_none() {
            *example = refusal.message;
        }
    }
}

/// Why the program cancels an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Somebody ran `fleetsweep cancel`.
    Command,
    /// The window in which its campaign orders has closed.
    WindowClosed,
    /// The time was over that its campaign was given.
    TimeOver,
}

impl Cause {
    /// All of them.
    pub const ALL: [Cause; 3] = [Cause::Command, Cause::WindowClosed, Cause::TimeOver];

    /// What the cancellation's comment says behind the mark, where the portal shows it, and what
    /// the report says of the row.
    pub fn reason(self) -> &'static str {
        match self {
            Cause::Command => "cancelled by `fleetsweep cancel`",
            Cause::WindowClosed => "expired by fleetsweep at the window's close",
            Cause::TimeOver => "expired by fleetsweep when its time was over",
        }
    }

    /// Whether somebody took the scan back, so that nobody has to look at it.
    pub fn takes_back(self) -> bool {
        self == Cause::Command
    }

    /// The whole comment of a cancellation.
    pub fn comment(self, mark: &Mark) -> String {
        mark.comment(self.reason())
    }
}

worded! {
    /// Why an action is left as it is, though a row of the campaign holds its id.
    Spared {
        /// The list of actions does not show it.
        NotListed = "not_listed",
        /// Its comment does not carry the campaign's mark, and the server is not known to drop
        /// them.
        OtherComment = "other_comment",
        /// It is no scan, or one of another device.
        OtherAction = "other_action",
        /// No call can name its id.
        OddId = "odd_id",
        /// Its status is none of those that this program knows.
        OddStatus = "odd_status",
    }
}

impl Spared {
    /// For people, behind the number of scans.
    pub fn why(self) -> &'static str {
        match self {
            Spared::NotListed => "not shown by the list of actions",
            Spared::OtherComment => "with a comment that does not carry the mark of this campaign",
            Spared::OtherAction => "of another device or kind than was ordered",
            Spared::OddId => "with an id that no call can name",
            Spared::OddStatus => "with a status that this program does not know",
        }
    }
}

/// Where an action of a campaign's row stands, as far as cancelling goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It waits for its device.
    Pending,
    /// Its device scans.
    InProgress,
    /// It ended by itself, or somebody else cancelled it.
    Ended,
    /// This program cancelled it, and has not written that yet.
    Cancelled(Cause),
    /// It is not touched.
    Spared(Spared),
}

/// What makes an action this campaign's own.
#[derive(Clone, Debug)]
pub struct Own {
    /// The campaign's mark.
    pub mark: Mark,
    /// The user's comment, without the mark.
    pub comment: String,
    /// The server is known to change the comments that it is sent.
    pub comments_changed: bool,
}

impl Own {
    /// Where an action stands whose id a row of this device holds. The id alone is not enough:
    /// what is cancelled must also say itself that it is ours, since it cannot be taken back.
    pub fn standing(&self, action: &Action, device: DeviceId) -> Standing {
        if !action.is_scan_of(device) {
            return Standing::Spared(Spared::OtherAction);
        }
        match action.comment_says(&self.mark, &self.comment) {
            CommentSays::Ours => {}
            CommentSays::Nothing | CommentSays::Altered if self.comments_changed => {}
            _ => return Standing::Spared(Spared::OtherComment),
        }
        if action.is_open() && !is_nameable(&action.id) {
            return Standing::Spared(Spared::OddId);
        }
        if action.has_status(&["Pending"]) {
            return Standing::Pending;
        }
        if action.is_open() {
            return Standing::InProgress;
        }
        match self.cancelled(action) {
            Some(cause) => Standing::Cancelled(cause),
            None if action.status.as_deref().is_some_and(has_ended) => Standing::Ended,
            None => Standing::Spared(Spared::OddStatus),
        }
    }

    /// Why this program cancelled an action, if its cancellation says so.
    fn cancelled(&self, action: &Action) -> Option<Cause> {
        let comment = action.cancel_comment.as_deref()?;
        if !action.is_cancelled() || !self.mark.stands_in(comment) {
            return None;
        }
        let squeezed_comment = squeezed(comment);
        let said = |cause: &Cause| squeezed_comment.contains(&squeezed(cause.reason()));
        Some(Cause::ALL.into_iter().find(said).unwrap_or(Cause::Command))
    }
}

/// Whether an id can stand in the path of a call: it came from a server and must lead nowhere else.
pub fn is_nameable(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=ID_MAX).contains(&id.len()) && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "947a677a-a11a-4240-ab6q-91277e2386b9";

    fn own(comments_changed: bool) -> Own {
        let mark = Mark::new(&"night".parse().unwrap(), 7);
        Own { mark, comment: "alert 3212".to_owned(), comments_changed }
    }

    fn action(status: &str) -> Action {
        Action {
            id: ID.to_owned(),
            device: Some(device()),
            kind: Some("RunAntiVirusScan".to_owned()),
            status: Some(status.to_owned()),
            comment: Some(own(false).mark.comment("alert 3212")),
            ..Action::default()
        }
    }

    fn device() -> DeviceId {
        DeviceId::from_bytes([7; 20])
    }

    fn standing(action: &Action) -> Standing {
        own(false).standing(action, device())
    }

    #[test]
    fn only_what_says_itself_that_it_is_ours_is_cancelled() {
        assert_eq!(standing(&action("Pending")), Standing::Pending);
        assert_eq!(standing(&action("InProgress")), Standing::InProgress);
        let comment =
            |text: Option<&str>| Action { comment: text.map(str::to_owned), ..action("Pending") };
        let other = Standing::Spared(Spared::OtherComment);
        for text in [None, Some(""), Some("alert 3212"), Some("[fleetsweep night/0000"), Some("x")]
        {
            assert_eq!(standing(&comment(text)), other, "{text:?}");
        }
        // Another campaign's mark counts also where the server is known to drop comments.
        let changed = |text| own(true).standing(&comment(text), device());
        assert_eq!(changed(None), Standing::Pending);
        assert_eq!(changed(Some("alert 3212")), Standing::Pending);
        assert_eq!(changed(Some("[fleetsweep day/0000000000000007] alert 3212")), other);
        assert_eq!(changed(Some("weekly scan of the helpdesk")), other);
        let elsewhere = Action { device: Some(DeviceId::from_bytes([8; 20])), ..action("Pending") };
        let another = Action { kind: Some("Isolate".to_owned()), ..action("Pending") };
        for strange in [elsewhere, another] {
            assert_eq!(standing(&strange), Standing::Spared(Spared::OtherAction), "{strange:?}");
        }
    }

    #[test]
    fn an_id_that_could_lead_a_call_elsewhere_is_not_called() {
        let long = "a".repeat(65);
        for id in ["", "..", "a/../b", "a?b", "a#b", "a%2fb", "a b", "\u{e9}", &long] {
            let odd = Action { id: id.to_owned(), ..action("Pending") };
            assert_eq!(standing(&odd), Standing::Spared(Spared::OddId), "{id:?}");
        }
    }

    #[test]
    fn what_has_ended_is_told_apart_by_who_ended_it() {
        for status in ["Succeeded", "Failed", "TimeOut", "Cancelled", "Canceled"] {
            assert_eq!(standing(&action(status)), Standing::Ended, "{status}");
        }
        assert_eq!(standing(&action("Paused")), Standing::Spared(Spared::OddStatus));
        for cause in Cause::ALL {
            let said = Some(cause.comment(&own(false).mark));
            let cancelled = Action { cancel_comment: said, ..action("Cancelled") };
            assert_eq!(standing(&cancelled), Standing::Cancelled(cause));
        }
        let by_another = Some("[fleetsweep day/0000000000000007] gone".to_owned());
        let cancelled = Action { cancel_comment: by_another, ..action("Cancelled") };
        assert_eq!(standing(&cancelled), Standing::Ended);
    }
}
