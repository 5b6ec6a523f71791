//! What became of scans between the question whether they are to be cancelled and the first call: a
//! number that somebody confirmed is accounted for.

use std::collections::BTreeSet;

use crate::engine::cancel::{OpenAction, Survey};

/// Scans that were confirmed to be cancelled, and that nobody can or may cancel any more when it
/// begins.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Gone {
    /// They had begun to run, where such are left alone.
    pub(super) began: u64,
    /// They had ended.
    pub(super) ended: u64,
}

impl Gone {
    pub(super) fn between(confirmed: &Survey, now: &Survey, pending_only: bool) -> Self {
        let ids =
            |all: &[OpenAction]| all.iter().map(|one| one.id.clone()).collect::<BTreeSet<_>>();
        let (waiting, running) = (ids(&now.pending), ids(&now.in_progress));
        let mut targets = ids(&confirmed.pending);
        if !pending_only {
            targets.extend(ids(&confirmed.in_progress));
        }
        let mut gone = Self::default();
        for id in targets.iter().filter(|id| !waiting.contains(*id)) {
            if !running.contains(id) {
                gone.ended += 1;
            } else if pending_only {
                gone.began += 1;
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DeviceId;

    fn actions(ids: &[&str]) -> Vec<OpenAction> {
        let one = |id: &&str| OpenAction {
            seq: 0,
            id: (*id).to_owned(),
            device: DeviceId::from_bytes([0; 20]),
        };
        ids.iter().map(one).collect()
    }

    #[test]
    fn what_was_confirmed_and_cannot_be_cancelled_any_more_is_counted() {
        let survey = |pending: &[&str], running: &[&str]| {
            let mut survey = Survey::default();
            (survey.pending, survey.in_progress) = (actions(pending), actions(running));
            survey
        };
        let confirmed = survey(&["a", "b", "c"], &["r"]);
        // One waits still, one has begun to run, one has ended, and so has the one that ran.
        let now = survey(&["a"], &["b"]);
        let gone = |pending_only| Gone::between(&confirmed, &now, pending_only);
        assert_eq!(gone(true), Gone { began: 1, ended: 1 });
        assert_eq!(gone(false), Gone { began: 0, ended: 2 });
        assert_eq!(Gone::between(&confirmed, &confirmed, true), Gone::default());
    }
}
