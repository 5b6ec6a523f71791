//! The form of a report for a ticket: one screen of Markdown, with what somebody has to do.

use std::fmt::Write as _;

use super::gathered::Gathered;
use super::human::{capital, count, counted, duration, moment};
use super::mark::mark;
use super::outcomes::{Stage, share, what_to_do};
use super::picture::bar::{stands, words};
use super::record::ReportHead;
use crate::domain::text::{cut_at_a_word, printable};

/// Failures of a kind that are told.
const KINDS: usize = 8;

/// Characters of a text of a server or a list that are shown.
const SHOWN: usize = 200;

/// Characters of why a run ended that are shown: a rule's whole reason, with what a server said.
const HOW_SHOWN: usize = 600;

const STRING: &str = "a String takes any text";

/// The report.
pub(super) fn draw(head: &ReportHead, gathered: &Gathered) -> String {
    let tally = &gathered.tally;
    let mut text = format!("<!-- {} -->\n{}\n\n", mark(head), headline(head, gathered));
    if let Some((how, next)) = head.ended_early() {
        // What a server said stands in how it ended, and may look like a command.
        let how = plain(&capital(&cut_at_a_word(&how, HOW_SHOWN)));
        let next = if how.is_empty() { capital(&next) } else { next };
        writeln!(text, "{how}{}\n", with_commands(&next)).expect(STRING);
    }
    text += "| outcome | rows | of all rows | what to do |\n|---|---:|---:|---|\n";
    let stage = Stage::of(tally.open() > 0, head.handed_on, head.called_off);
    for (stands, rows) in stands(tally) {
        let (words, share) = (words(stands), share(rows, tally.rows()));
        let todo = what_to_do(stands, stage, &head.proposed());
        writeln!(text, "| {words} | {} | {share} | {} |", count(rows), with_commands(&todo))
            .expect(STRING);
    }
    text += "\n";
    for told in gathered.totals.beside() {
        writeln!(text, "{}", with_commands(&told)).expect(STRING);
        text += "\n";
    }
    text += &effort(head);
    let groups = gathered.totals.groups();
    if !groups.is_empty() {
        text += "\nWhat went wrong:\n";
    }
    let (shown, left_out) = groups.split_at(groups.len().min(KINDS));
    for group in shown {
        let code = group.code.as_deref().map(|code| format!(" `{}`", short(code)));
        let said = group.message.as_deref().map(|said| format!("{}{}", group.joint(), short(said)));
        let (rows, name) = (count(group.rows), group.outcome.distinct_name().replace('_', " "));
        let (code, said) = (code.unwrap_or_default(), said.unwrap_or_default());
        writeln!(text, "- {rows} {name}{code}{said}").expect(STRING);
    }
    if !left_out.is_empty() {
        let rows: u64 = left_out.iter().map(|group| group.rows).sum();
        let reasons = counted(left_out.len() as u64, "more reason");
        writeln!(text, "- {} for {reasons}", count(rows)).expect(STRING);
    }
    text += "\nAn order is not yet a scan: a device that sleeps scans when it wakes.\n";
    text
}

/// What a report says first: `inc: 96.3 % of 12,000 devices ordered or covered; 462 rows need ...`
fn headline(head: &ReportHead, gathered: &Gathered) -> String {
    let ticket = head.ticket.as_ref().map(|one| format!(" ({})", plain(one.as_str())));
    let emulated = if head.emulated { "EMULATED: " } else { "" };
    let words = super::html::headline(gathered);
    format!("**{emulated}{}: {words}**{}", head.campaign, ticket.unwrap_or_default())
}

fn effort(head: &ReportHead) -> String {
    let scan = format!("{} scan, tenant `{}`", head.scan_type.api_name(), short(&head.tenant));
    let Some(story) = &head.story else { return format!("{scan}.\n") };
    let (from, to) = (story.opened_at, story.end());
    let took = duration(std::time::Duration::try_from(to.duration_since(from)).unwrap_or_default());
    let [from, to] = [from, to].map(|at| moment(&at.to_zoned_datetime(story.zone.clone())));
    format!(
        "{scan}, {from} to {to} ({took}), {}, {} answered with 429.\n",
        counted(story.calls, "call"),
        count(story.throttled())
    )
}

/// What a server or a list says, as it may stand among other things.
fn short(text: &str) -> String {
    plain(&cut_at_a_word(text, SHOWN))
}

/// The same of a text of ours, with its commands, which stand in backticks; other backticks in it
/// mean nothing.
fn with_commands(text: &str) -> String {
    let is_command = |part: &&str| part.starts_with("fleetsweep ") && !part.contains(['<', '&']);
    let (mut told, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('`') {
        told += &plain(before);
        match after.split_once('`').filter(|(part, _)| is_command(part)) {
            Some((command, after)) => {
                told += &format!("`{}`", printable(command));
                rest = after;
            }
            None => {
                told.push('\'');
                rest = after;
            }
        }
    }
    told + &plain(rest)
}

/// A text in which no sign means anything to Markdown or HTML, on one line.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for sign in printable(text).chars() {
        match sign {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '`' => plain.push('\''),
            '|' | '*' | '_' | '[' | ']' | '\\' | '#' | '!' | '~' => {
                plain.push('\\');
                plain.push(sign);
            }
            _ => plain.push(sign),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sign_of_a_name_means_anything_to_markdown() {
        let hostile = "a|b `c` <img src=x> [d](http://e) *f* \n";
        let plain = plain(hostile);
        let told = with_commands("a_b `fleetsweep retry a --outcome scan_failed` <c> `d");
        assert_eq!(told, "a\\_b `fleetsweep retry a --outcome scan_failed` &lt;c&gt; 'd");
        let told =
            with_commands("```` ```<img src=x>` ````; `fleetsweep <b>`; `fleetsweep resume`");
        let harmless =
            "'''' '''&lt;img src=x&gt;' ''''; 'fleetsweep &lt;b&gt;'; `fleetsweep resume`";
        assert_eq!(told, harmless, "what stands in backticks may look like anything");
        assert_eq!(plain, "a\\|b 'c' &lt;img src=x&gt; \\[d\\](http://e) \\*f\\* \\\\u{a}");
    }
}
