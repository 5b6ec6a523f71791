//! How the ordered actions stood when they were last seen, as a line of the summary.

use super::count;
use crate::domain::action::has_ended_badly;

/// How many of the ordered actions wait, run and ended (statuses of the Machine action resource
/// page).
pub(super) fn actions_text(actions: &[(String, u64)]) -> Option<String> {
    let sum = |among: &[&str], wanted: bool| -> u64 {
        let is = |status: &str| among.iter().any(|one| status.eq_ignore_ascii_case(one));
        actions.iter().filter(|(status, _)| is(status) == wanted).map(|(_, rows)| rows).sum()
    };
    let waiting = sum(&["Pending"], true);
    let running = sum(&["InProgress"], true);
    let over = actions.iter().filter(|(status, _)| has_ended_badly(status));
    let failed: u64 = over.map(|(_, rows)| rows).sum();
    let ended = sum(&["Pending", "InProgress"], false) - failed;
    if waiting + running + failed + ended == 0 {
        return None;
    }
    let badly = match failed {
        0 => String::new(),
        some => format!(", {} failed, timed out or cancelled", count(some)),
    };
    let [waiting, running, ended] = [waiting, running, ended].map(count);
    Some(format!(
        "Actions when last seen: {waiting} waiting, {running} running, {ended} ended{badly}."
    ))
}
