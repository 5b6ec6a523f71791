//! What somebody can do about the rows of a campaign that are neither accepted nor covered, and why
//! they are not: under the summary of a run, and in `status` once the campaign is finished.

use super::advice::{TAKEN_BACK, advice, advice_before_the_end, counted_as, short};
use super::human::{columns, count, counted, wrapped};
use super::totals::Group;
use crate::domain::text::{cut, printable};
use crate::domain::{Outcome, Rest, Tally};

/// Characters of the lines of a reason that may stay empty.
const WRAPPING: usize = 24;

/// Kinds of failure that are named.
const GROUPS_SHOWN: usize = 5;

/// What somebody can do about the rows of a campaign.
#[derive(Clone, Copy, Debug)]
pub struct ToDo<'a> {
    /// The command that orders its rows again; `None` if the store that knows them is gone.
    pub retry: Option<&'a str>,
    /// Where its rows stand.
    pub tally: &'a Tally,
    /// Failures by code, the most frequent first.
    pub groups: &'a [Group],
    /// Every row has its outcome, so that they can be ordered again.
    pub finished: bool,
    /// Whose the rest is.
    pub rest: Rest,
}

impl ToDo<'_> {
    /// A line for each outcome of which there are rows, with the reasons under it; so many columns
    /// further to the right.
    pub fn lines(&self, indent: usize) -> Vec<String> {
        let (shown, left_out) = self.groups.split_at(self.groups.len().min(GROUPS_SHOWN));
        let of = |groups: &[Group], outcome| {
            groups.iter().filter(move |group| group.outcome == outcome).cloned().collect::<Vec<_>>()
        };
        let mut lines = Vec::new();
        for outcome in Outcome::ALL.into_iter().filter(|outcome| outcome.leaves_uncovered()) {
            let rows = self.tally.of(outcome);
            if rows == 0 || self.rest.is_handed_on(outcome) {
                continue;
            }
            let what = match outcome {
                Outcome::ScanFailed => scans_failed(rows),
                Outcome::AlreadyInProgress { .. } => format!("{} not covered", count(rows)),
                Outcome::BadRow => format!("{} {}", count(rows), counted_as(outcome, rows)),
                other => format!("{} {}", count(rows), short(other)),
            };
            let told = format!("{:indent$}{what}: {}", "", self.advice(outcome));
            lines.push(wrapped(&told, indent + 2));
            let (shown, left_out) = (of(shown, outcome), of(left_out, outcome));
            let is_one_of_many = shown.len() > 1;
            let reasons = shown.iter().filter_map(|group| group_text(group, is_one_of_many));
            let reasons = reasons.chain(left_out_text(&left_out, shown.is_empty()));
            // A reason of ours is told whole, and what a server says may be of any length.
            let most = if outcome == Outcome::BadRow { 3 } else { 2 };
            let most = (most * columns().saturating_sub(indent)).saturating_sub(WRAPPING);
            let whole = |one: String| {
                let one = format!("{:indent$}{}", "", cut(&one, most));
                wrapped(&one, indent + 11)
            };
            lines.extend(reasons.map(whole));
        }
        lines
    }

    fn advice(&self, outcome: Outcome) -> String {
        if !self.finished {
            return advice_before_the_end(outcome).to_owned();
        }
        let advice = match (self.rest, outcome) {
            (Rest::TakenBack, Outcome::NotAttempted) => TAKEN_BACK,
            _ => advice(outcome),
        };
        match (self.retry, advice.split_once("`fleetsweep retry")) {
            (Some(retry), _) => advice.replace("fleetsweep retry", retry),
            (None, Some((first, _))) => without_a_store(first),
            (None, None) => advice.to_owned(),
        }
    }
}

/// How many scans failed, in words.
pub fn scans_failed(scans: u64) -> String {
    let were = if scans == 1 { "was" } else { "were" };
    let whose = if scans == 1 { "its device" } else { "their devices" };
    format!("{} failed, timed out or {were} cancelled on {whose}", counted(scans, "scan"))
}

/// What advice says before the command that orders again, which finds nothing without a store.
fn without_a_store(first: &str) -> String {
    let first = first.trim_end_matches(": ").trim_end_matches(", then ");
    let first = first.strip_suffix("; again").unwrap_or(first);
    format!("{first}; only with --store is there something to `retry`")
}

/// One line for a kind of failure, if there is anything to tell of it, or of others beside it.
fn group_text(group: &Group, is_one_of_many: bool) -> Option<String> {
    let message = group.message.as_deref().map(printable);
    let what = match (group.code.as_deref().map(printable), message) {
        (Some(code), Some(message)) => format!("{code}{}{message}", group.joint()),
        (None, Some(message)) if group.differ => format!("such as: {message}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) if is_one_of_many => "answered without a code or a message".to_owned(),
        (None, None) => return None,
    };
    Some(format!("  {:>7}  {what}", count(group.rows)))
}

/// How many kinds of failure of an outcome are not named; `None` if all are. `all` if none is. One
/// alone takes no more room by its name.
fn left_out_text(groups: &[Group], all: bool) -> Option<String> {
    if let [group] = groups {
        return group_text(group, !all);
    }
    let rows: u64 = groups.iter().map(|group| group.rows).sum();
    let more = if all { "reason" } else { "more reason" };
    let reasons = counted(groups.len() as u64, more);
    (rows > 0).then(|| format!("  {:>7}  for {reasons}: see the report", count(rows)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_without_a_word_is_told_beside_others_and_not_alone() {
        let mute =
            Group { outcome: Outcome::NotFound, code: None, rows: 1, message: None, differ: false };
        assert_eq!(group_text(&mute, false), None);
        assert_eq!(
            group_text(&mute, true).unwrap().trim(),
            "1  answered without a code or a message"
        );
    }
}
