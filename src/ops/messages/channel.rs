//! One address that messages are posted to: which of them it takes, and in what form.

use std::path::Path;

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::defender::{HttpClients, Post, Webhook};
use crate::domain::Exit;
use crate::domain::news::News;
use crate::report::message::{Message, slack, teams};

/// The service at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// A workflow of Microsoft Teams.
    Teams,
    /// An incoming webhook of Slack.
    Slack,
    /// A check of healthchecks.io or of its own server, which raises an alarm when no sign comes.
    Healthchecks,
    /// Anything that takes a JSON object.
    Json,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 4] =
        [Service::Teams, Service::Slack, Service::Healthchecks, Service::Json];

    /// The word for it in the settings file.
    pub fn name(self) -> &'static str {
        match self {
            Service::Teams => "teams",
            Service::Slack => "slack",
            Service::Healthchecks => "healthchecks",
            Service::Json => "json",
        }
    }
}

/// Which messages an address takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takes {
    /// Those at which somebody should look.
    pub attention: bool,
    /// Those about the end of a run.
    pub ends: bool,
    /// Those about this.
    pub news: Vec<News>,
}

impl Takes {
    /// All of them.
    pub fn everything() -> Self {
        Self { attention: true, ends: true, news: News::ALL.to_vec() }
    }

    /// What a service takes if nobody says which: people get what they have to know, programs all.
    pub fn usual(service: Service) -> Self {
        match service {
            Service::Teams | Service::Slack => {
                Self { attention: true, ends: true, news: Vec::new() }
            }
            Service::Healthchecks | Service::Json => Self::everything(),
        }
    }

    pub(super) fn has(&self, message: &Message) -> bool {
        (self.attention && message.attention)
            || (self.ends && message.news.is_an_end())
            || self.news.contains(&message.news)
    }
}

/// An address.
#[derive(Debug)]
pub struct Channel {
    service: Service,
    webhook: Webhook,
    pub(super) takes: Takes,
}

impl Channel {
    /// One at this address.
    ///
    /// # Errors
    /// What is wrong with the address, in words that do not repeat it.
    pub fn new(
        service: Service,
        address: SecretString,
        takes: Takes,
        clients: &HttpClients,
        ca_file: Option<&Path>,
    ) -> Result<Self, String> {
        Ok(Self { service, webhook: Webhook::new(address, clients, ca_file)?, takes })
    }

    /// What people call it.
    pub(super) fn name(&self) -> &'static str {
        self.service.name()
    }

    pub(super) fn webhook(&self) -> &Webhook {
        &self.webhook
    }

    /// A message in the form of its service.
    pub(super) fn post(&self, message: &Message) -> Post {
        let json = |body| Post {
            behind: String::new(),
            parameter: None,
            content_type: "application/json",
            body,
        };
        match self.service {
            Service::Teams => json(teams::card(message)),
            Service::Slack => json(slack::blocks(message)),
            Service::Json => json(message.json()),
            Service::Healthchecks => Post {
                behind: sign_of_life(message),
                parameter: Some(("rid", run_id(message))),
                content_type: "text/plain; charset=utf-8",
                body: message.sentence(),
            },
        }
    }
}

/// Which sign a check gets ("Pinging API" page): its start, its end by an exit code, of which 0 is
/// success, or a line for its log. Devices that need attention, and an end that was planned, are
/// no failure.
fn sign_of_life(message: &Message) -> String {
    if message.news == News::Started {
        return "/start".to_owned();
    }
    // `cancel` is no run, and its success is not that of a night.
    let is_a_run = message.news != News::Cancelled || !message.run.is_empty();
    if !message.news.is_an_end() || !is_a_run {
        return "/log".to_owned();
    }
    let code = message.exit_code.unwrap_or(Exit::Failed.code());
    let is_planned = message.news == News::WindowClosed && !message.attention;
    if is_planned || code == Exit::Attention.code() { "/0".to_owned() } else { format!("/{code}") }
}

/// What tells the check which signs are of one run: it has to look like a UUID.
fn run_id(message: &Message) -> String {
    let campaign = message.head.as_ref().map_or("", |head| head.campaign.as_str());
    let digest = Sha256::digest(format!("{}/{campaign}", message.run).as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(news: News, attention: bool, exit_code: Option<u8>) -> Message {
        Message {
            news,
            attention,
            say: "s".to_owned(),
            at: "2026-11-25T01:00:12Z".parse().unwrap(),
            head: None,
            sought: Default::default(),
            tenant_name: None,
            tally: None,
            finish_at: None,
            exit_code,
            reports: Vec::new(),
            next: None,
            by: String::new(),
            host: String::new(),
            run: "one".to_owned(),
        }
    }

    #[test]
    fn a_check_hears_of_success_where_nobody_has_to_be_woken() {
        for (news, attention, code, sign) in [
            (News::Started, false, None, "/start"),
            (News::WaveJudged, false, None, "/log"),
            (News::Stuck, true, None, "/log"),
            (News::Finished, false, Some(0), "/0"),
            (News::Finished, false, Some(3), "/0"),
            (News::WindowClosed, false, Some(5), "/0"),
            (News::WindowClosed, true, Some(5), "/5"),
            (News::Stopped, true, Some(4), "/4"),
            (News::Stopped, false, Some(5), "/5"),
            (News::Cancelled, false, Some(3), "/0"),
            (News::NotBegun, true, Some(7), "/7"),
        ] {
            assert_eq!(sign_of_life(&message(news, attention, code)), sign, "{news:?} {code:?}");
        }
        let of_cancel = Message { run: String::new(), ..message(News::Cancelled, false, Some(0)) };
        assert_eq!(
            sign_of_life(&of_cancel),
            "/log",
            "cancelling a night does not make it a success"
        );
        let id = run_id(&message(News::Started, false, None));
        assert_eq!(id, run_id(&message(News::Finished, false, Some(0))), "of one run");
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
    }

    #[test]
    fn people_hear_of_ends_and_of_what_needs_them_and_programs_of_all() {
        let people = Takes::usual(Service::Slack);
        assert!(!people.has(&message(News::Started, false, None)));
        assert!(people.has(&message(News::Finished, false, Some(3))));
        assert!(people.has(&message(News::Stuck, true, None)));
        assert!(Takes::usual(Service::Json).has(&message(News::Started, false, None)));
        let chosen = Takes { attention: false, ends: false, news: vec![News::WaveJudged] };
        assert!(chosen.has(&message(News::WaveJudged, false, None)));
        assert!(!chosen.has(&message(News::Stuck, true, None)));
    }
}
