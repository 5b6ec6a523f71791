//! A machine action as the API tells it, and what it means for us: whose it is and whether it
//! covers a device. Reading it from JSON is `defender`'s.

use jiff::Timestamp;

use super::campaign::{Mark, ScanType};
use super::device::DeviceId;
use super::text::squeezed;
use super::timing::Timing;

/// The type name of scans in the list of actions (Machine action resource page).
pub const SCAN_ACTION: &str = "RunAntiVirusScan";

/// A machine action. Any field can be missing: captured answers have `machineId: null`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Action {
    /// The action's id; a GUID as a rule, but not checked to be one.
    pub id: String,
    /// The device, if the answer names a well-formed one.
    pub device: Option<DeviceId>,
    /// What the `machineId` field held if it was not a Defender machine id.
    pub odd_device: Option<String>,
    /// Such as `RunAntiVirusScan`.
    pub kind: Option<String>,
    /// `Quick` or `Full` for scans.
    pub scope: Option<String>,
    /// `Pending`, `InProgress`, `Succeeded`, `Failed`, `TimeOut`, `Cancelled`, or something new.
    pub status: Option<String>,
    /// Who asked: a user's name or an application's id.
    pub requestor: Option<String>,
    /// The comment of the request.
    pub comment: Option<String>,
    /// The comment of who cancelled it.
    pub cancel_comment: Option<String>,
    /// When the server created it, by the server's clock.
    pub created: Option<Timestamp>,
}

/// What the comment of an action says about whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommentSays {
    /// It holds our mark.
    Ours,
    /// It is missing or empty: it contradicts nothing.
    Nothing,
    /// No mark, but a part of what we sent: the server changes comments, or an earlier campaign had
    /// the same text.
    Altered,
    /// Something else.
    NotOurs,
}

impl Action {
    /// The scan type that the scope names, if it is one of ours.
    pub fn scan_type(&self) -> Option<ScanType> {
        self.scope.as_deref().and_then(|scope| scope.trim().parse().ok())
    }

    /// Whether the action is a scan of this device, as far as its fields say. A missing field
    /// contradicts nothing.
    pub fn is_scan_of(&self, device: DeviceId) -> bool {
        self.odd_device.is_none()
            && self.device.is_none_or(|named| named == device)
            && self.kind.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case(SCAN_ACTION))
    }

    /// Whose the comment says the action is.
    pub fn comment_says(&self, mark: &Mark, text: &str) -> CommentSays {
        match self.comment.as_deref().map(str::trim) {
            None | Some("") => CommentSays::Nothing,
            Some(comment) if mark.stands_in(comment) => CommentSays::Ours,
            Some(comment) if is_cut_from(comment, &mark.comment(text)) => CommentSays::Altered,
            // A whole mark that is not ours is another campaign's, whatever the text beside it.
            Some(comment) if Mark::any_in(comment) => CommentSays::NotOurs,
            Some(comment) if holds_text(comment, text) => CommentSays::Altered,
            Some(_) => CommentSays::NotOurs,
        }
    }

    /// Whether the server still works on it.
    pub fn is_open(&self) -> bool {
        self.has_status(&["Pending", "InProgress"])
    }

    /// Whether this action does for a device what a scan of type `asked` would do: of that type or
    /// wider, and in progress or younger than a day by the server's clock.
    pub fn covers(&self, asked: ScanType, server_now: Option<Timestamp>, timing: &Timing) -> bool {
        let wide_enough = self.scan_type().is_some_and(|scope| scope.includes(asked));
        // What has ended covers nothing, however it ended: only what still runs will look at the
        // device after it was asked for, and "Succeeded" may mean no more than "started".
        let ended = self.status.as_deref().is_some_and(has_ended);
        let young = match (self.created, server_now) {
            (Some(created), Some(now)) => {
                now.duration_since(created).unsigned_abs() < timing.covers_for || created > now
            }
            _ => false,
        };
        wide_enough && !ended && (self.has_status(&["InProgress"]) || young)
    }

    /// Whether it ended without what was asked for.
    pub fn has_failed(&self) -> bool {
        self.status.as_deref().is_some_and(has_ended_badly)
    }

    /// Whether somebody cancelled it, in either spelling (Machine action resource page).
    pub fn is_cancelled(&self) -> bool {
        self.has_status(&["Cancelled", "Canceled"])
    }

    pub(super) fn has_status(&self, any: &[&str]) -> bool {
        self.status.as_deref().is_some_and(|is| is_any(is, any))
    }
}

/// Whether an action with this status goes on no more (Machine action resource page).
pub fn has_ended(status: &str) -> bool {
    status.eq_ignore_ascii_case("Succeeded") || has_ended_badly(status)
}

/// Whether an action with this status ended without what was asked for.
pub fn has_ended_badly(status: &str) -> bool {
    is_any(status.trim(), &["Failed", "TimeOut", "Cancelled", "Canceled"])
}

fn is_any(word: &str, any: &[&str]) -> bool {
    any.iter().any(|one| word.eq_ignore_ascii_case(one))
}

/// Whether a server cut this out of what we sent.
fn is_cut_from(got: &str, sent: &str) -> bool {
    let got = squeezed(got);
    got.chars().count() >= 8 && squeezed(sent).contains(&got)
}

/// Whether the user's text, or its beginning, stands in a comment that lost its mark.
fn holds_text(got: &str, text: &str) -> bool {
    let start: String = squeezed(text).chars().take(24).collect();
    !start.is_empty() && squeezed(got).contains(&start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark::new(&"c".parse().unwrap(), 7)
    }

    fn says(comment: Option<&str>) -> CommentSays {
        let action = Action { comment: comment.map(str::to_owned), ..Action::default() };
        action.comment_says(&mark(), "alert 3212")
    }

    #[test]
    fn the_mark_tells_our_comment_from_others_and_from_what_is_left_of_ours() {
        assert_eq!(says(Some("[fleetsweep c/0000000000000007] ale")), CommentSays::Ours);
        assert_eq!(says(None), CommentSays::Nothing);
        assert_eq!(says(Some("  ")), CommentSays::Nothing);
        assert_eq!(says(Some("fleetsweep c/0000000000000007 alert 3212")), CommentSays::Ours);
        assert_eq!(says(Some("[fleetsweep c/00000000")), CommentSays::Altered);
        for changed in [
            "[FLEETSWEEP C/0000000000000007] ALERT 3212",
            "\u{a0}[fleetsweep\u{a0}c/0000000000000007]  alert\u{a0}3212 ",
            "&#91;fleetsweep c&#47;0000000000000007&#93; alert 3212",
            "%5Bfleetsweep%20c%2F0000000000000007%5D%20alert",
            "[fleet\u{200b}sweep c/00000000\u{2060}00000007]",
        ] {
            assert_eq!(says(Some(changed)), CommentSays::Ours, "{changed}");
        }
        assert_eq!(says(Some("ALERT\u{a0}3212")), CommentSays::Altered);
        assert_eq!(says(Some("[FLEETSWEEP D/0000000000000007] alert")), CommentSays::NotOurs);
        assert_eq!(says(Some("[fleetsweep d/0000000000000007] alert 3212")), CommentSays::NotOurs);
        assert_eq!(says(Some("alert 3212")), CommentSays::Altered);
        assert_eq!(says(Some("Weekly scan by the helpdesk")), CommentSays::NotOurs);
    }

    #[test]
    fn an_action_covers_only_if_it_is_wide_enough_and_running_or_young() {
        let timing = Timing::default();
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let action = |scope: &str, status: &str, created: &str| Action {
            scope: Some(scope.into()),
            status: Some(status.into()),
            created: created.parse().ok(),
            ..Action::default()
        };
        let covers = |action: Action| action.covers(ScanType::Full, Some(now), &timing);
        assert!(covers(action("Full", "Pending", "2026-11-24T00:00:00Z")));
        assert!(covers(action("full", "InProgress", "2026-11-20T00:00:00Z")));
        assert!(!covers(action("Full", "Pending", "2026-11-20T00:00:00Z")));
        assert!(!covers(action("Quick", "InProgress", "2026-11-24T11:00:00Z")));
        assert!(!covers(action("Full", "Cancelled", "2026-11-24T11:00:00Z")));
        assert!(!covers(action("Full", "Pending", "")));
    }

    #[test]
    fn only_what_still_runs_covers_a_device() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let covers = |scope: &str, status: &str, created: &str| {
            let action = Action {
                scope: Some(scope.to_owned()),
                status: Some(status.to_owned()),
                created: Some(created.parse().unwrap()),
                ..Action::default()
            };
            action.covers(ScanType::Full, Some(now), &Timing::default())
        };
        assert!(covers("Full", "InProgress", "2026-11-20T12:00:00Z"));
        assert!(covers("Full", "Pending", "2026-11-24T08:00:00Z"));
        assert!(!covers("Full", "Pending", "2026-11-20T12:00:00Z"));
        assert!(!covers("Quick", "InProgress", "2026-11-24T11:00:00Z"));
        for ended in ["Succeeded", "Failed", "TimeOut", "Cancelled"] {
            assert!(!covers("Full", ended, "2026-11-24T11:59:00Z"), "{ended}");
        }
    }
}
