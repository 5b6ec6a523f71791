//! A message about a run, for people and programs elsewhere: as a JSON line, and as the services of
//! `teams` and `slack` take it. It never holds a device, a name of one, or a secret.

pub mod slack;
pub mod teams;

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::jsonl;
use super::record::ReportHead;
use crate::domain::news::News;
use crate::domain::text::{cut, printable};
use crate::domain::{CampaignName, Outcome, SeriesName, Tally};

/// Characters of a sentence that a message has at most: services refuse messages that are longer
/// than some kilobytes.
const MOST: usize = 1_000;

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it is about.
    pub news: News,
    /// Somebody should look.
    pub attention: bool,
    /// The message as a sentence.
    pub say: String,
    /// When it was so.
    pub at: Timestamp,
    /// The campaign; `None` if there is none.
    pub head: Option<ReportHead>,
    /// What it is about where there is no campaign.
    pub sought: Sought,
    /// What people call its tenant: its profile, if it has one.
    pub tenant_name: Option<String>,
    /// Where its rows stand.
    pub tally: Option<Tally>,
    /// When the last answer is likely to be in.
    pub finish_at: Option<Timestamp>,
    /// The exit code, at the end.
    pub exit_code: Option<u8>,
    /// Where its reports are, at the end.
    pub reports: Vec<PathBuf>,
    /// The command that goes on, if something is left to do.
    pub next: Option<String>,
    /// The user whose run it is.
    pub by: String,
    /// The machine of that user.
    pub host: String,
    /// What tells the run from others.
    pub run: String,
}

/// What a command was about that came to no campaign, as far as it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// The series.
    pub series: Option<SeriesName>,
    /// The campaign.
    pub campaign: Option<CampaignName>,
    /// The profile.
    pub profile: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
}

impl Sought {
    /// It in words behind what it is about: ` of series nightly, profile prod`, or nothing.
    pub fn whose(&self) -> String {
        let Self { series, campaign, profile, .. } = self;
        let series = series.as_ref().map(|series| format!("series {series}"));
        let campaign = campaign.as_ref().map(|campaign| format!("campaign {campaign}"));
        let profile = profile.as_ref().map(|profile| format!("profile {}", printable(profile)));
        let parts: Vec<String> = series.or(campaign).into_iter().chain(profile).collect();
        if parts.is_empty() { String::new() } else { format!(" of {}", parts.join(", ")) }
    }
}

impl Message {
    /// It as a JSON line, without the end of the line.
    pub fn json(&self) -> String {
        let head = self.head.as_ref();
        let sought = &self.sought;
        let campaign = head.map(|head| &head.campaign).or(sought.campaign.as_ref());
        let series = sought.series.clone().or_else(|| campaign.and_then(SeriesName::of));
        let tally = self.tally.as_ref();
        let outcomes = tally
            .map(|tally| jsonl::counts(tally.by_name().into_iter().filter(|(_, rows)| *rows > 0)));
        let busy = tally.map(|tally| {
            let of = |covered| tally.of(Outcome::AlreadyInProgress { covered });
            json!({"covered": of(true), "not_covered": of(false)})
        });
        let reports: Vec<String> =
            self.reports.iter().map(|path| path.display().to_string()).collect();
        jsonl::line(&json!({
            "v": 1,
            "type": "event",
            "event": self.news.name(),
            "at": self.at,
            "attention": self.attention,
            "say": self.sentence(),
            "campaign": campaign,
            "series": series,
            "tenant": head.map(|head| &head.tenant).or(sought.tenant.as_ref()),
            "tenant_name": self.tenant_name.as_ref().or(sought.profile.as_ref()),
            "scan_type": head.map(|head| head.scan_type),
            "ticket": head.map(|head| &head.ticket),
            "emulated": head.is_some_and(|head| head.emulated),
            "by": self.by,
            "host": self.host,
            "run": self.run,
            "devices": tally.map(Tally::devices),
            "done": tally.map(Tally::devices_done),
            "open": tally.map(Tally::open),
            "outcomes": outcomes,
            "already_in_progress": busy,
            "finish_at": self.finish_at,
            "exit_code": self.exit_code,
            "reports": reports,
            "resume": self.next,
        }))
    }

    /// The sentence, as it may be shown.
    pub fn sentence(&self) -> String {
        cut(&printable(&self.say), MOST).to_string()
    }

    /// What people read first: that somebody should look is told by a sign and in words.
    fn title(&self) -> String {
        let (sign, words) =
            if self.attention { ("! ", ", somebody should look") } else { ("", "") };
        format!("{sign}fleetsweep: {}{words}", self.news.title())
    }

    /// Whose it is, in one line.
    fn whose(&self) -> String {
        let mut parts = Vec::new();
        if let Some(head) = &self.head {
            parts.push(head.campaign.to_string());
            let tenant = self.tenant_name.as_ref().unwrap_or(&head.tenant);
            parts.push(format!("tenant {}", printable(tenant)));
            parts.extend(head.ticket.as_ref().map(|ticket| printable(ticket.as_str())));
        }
        if !self.host.is_empty() {
            parts.push(printable(&self.host));
        }
        parts.join(" · ")
    }
}

/// A JSON value as text.
fn text(value: &Value) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with words that some service would take for markup.
    pub(super) fn hostile() -> Message {
        let head = ReportHead {
            campaign: "inc-4711".parse().unwrap(),
            tenant: "contoso.example".to_owned(),
            scan_type: crate::domain::ScanType::Full,
            emulated: false,
            ticket: "CHG<1>*x*".parse().ok(),
            comment: "secret plans".to_owned(),
            handed_on: false,
            called_off: false,
            cancel_left: None,
            portal: None,
            story: None,
        };
        Message {
            news: News::Stopped,
            attention: true,
            say: "Stopped: [here](https://evil.example) <!channel> *b*\u{202e}\n".to_owned(),
            at: "2026-11-25T01:00:12Z".parse().unwrap(),
            head: Some(head),
            sought: Sought::default(),
            tenant_name: Some("Contoso <GmbH>".to_owned()),
            tally: Some(Tally::default()),
            finish_at: None,
            exit_code: Some(4),
            reports: Vec::new(),
            next: Some("fleetsweep resume inc-4711".to_owned()),
            by: "m.weber".to_owned(),
            host: "jump-01".to_owned(),
            run: "a".to_owned(),
        }
    }

    #[test]
    fn a_message_is_one_line_and_holds_neither_a_comment_nor_a_character_that_turns_text() {
        let line = hostile().json();
        assert!(!line.contains(['\n', '\u{202e}']), "{line}");
        assert!(!line.contains("secret plans"), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&value["event"], &value["attention"]), (&json!("stopped"), &json!(true)));
        assert_eq!((&value["exit_code"], &value["devices"]), (&json!(4), &json!(0)));
        let long = Message { say: "x".repeat(100_000), ..hostile() };
        for body in [long.json(), teams::card(&long), slack::blocks(&long)] {
            assert!(body.len() < 8_000, "{}", body.len());
        }
    }
}
