//! The face of one campaign among many: what it says names the campaign and its tenant, a line
//! each, as a journal wants it. It asks nobody and draws nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::sum::Sum;
use crate::clock::local_now;
use crate::domain::event::{Event, HoldReason, Note};
use crate::domain::text::printable;
use crate::domain::{Campaign, CampaignId, Caught};
use crate::engine::StopLevel;
use crate::engine::cancel::Told;
use crate::ops::failure::Failure;
use crate::ops::ui::{Hooks, Progress, Question, Say, Service, Ui, Unasked};
use crate::report::Document;
use crate::report::progress::text;

/// Time between two snapshots, which only `status` reads: each asks the store.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(10);

/// A face under the name of a campaign, or of a tenant.
pub(in crate::ops) struct Named<'a> {
    ui: &'a dyn Ui,
    name: String,
    /// What takes in how far the campaign is.
    counted: Option<Counted>,
}

/// A campaign, and what takes in how far it is.
#[derive(Clone)]
struct Counted {
    sum: Arc<Sum>,
    campaign: CampaignId,
}

impl<'a> Named<'a> {
    /// The face of a campaign, whose tenant has this profile if it is known by one.
    pub(super) fn new(ui: &'a dyn Ui, campaign: &Campaign, profile: Option<&str>) -> Self {
        let tenant = match profile {
            Some(profile) => printable(profile),
            None => format!("tenant {}", printable(&campaign.order.target.tenant)),
        };
        Self { ui, name: format!("{} ({tenant})", campaign.name), counted: None }
    }

    /// One that tells `sum` how far the campaign is.
    pub(super) fn counted_in(self, sum: &Arc<Sum>, campaign: CampaignId) -> Self {
        Self { counted: Some(Counted { sum: sum.clone(), campaign }), ..self }
    }

    /// The face of a tenant, before it has a campaign.
    pub(in crate::ops) fn of_tenant(ui: &'a dyn Ui, tenant: &str) -> Self {
        Self { ui, name: printable(tenant), counted: None }
    }
}

/// A text as one line under a name.
fn line(name: &str, text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("{name}: {}", words.join(" "))
}

#[async_trait]
impl Ui for Named<'_> {
    fn say(&self, text: &str) {
        self.ui.say(&line(&self.name, text));
    }

    fn sayer(&self) -> Say {
        let (name, say) = (self.name.clone(), self.ui.sayer());
        Arc::new(move |text| say(&line(&name, text)))
    }

    fn service(&self, service: &Service) {
        self.ui.service(service);
    }

    fn show(&self, document: &dyn Document) -> Result<(), Failure> {
        self.ui.show(&Line { name: &self.name, document })
    }

    fn redraw(&self, text: &str, is_first: bool) -> Result<(), Failure> {
        self.ui.redraw(text, is_first)
    }

    fn write(&self, data: &[u8]) -> Result<(), Failure> {
        self.ui.write(data)
    }

    async fn open(&self, path: &std::path::Path) -> Result<(), String> {
        self.ui.open(path).await
    }

    async fn ask(&self, _: Question) -> Result<String, Unasked> {
        Err(Unasked::NoTerminal)
    }

    fn unanswered(&self) {}

    fn progress(&self) -> Box<dyn Progress> {
        let (say, counted) = (self.sayer(), self.counted.clone());
        Box::new(NewsLines { say, counted, waits: None, last: None })
    }

    fn hooks(&self) -> Arc<dyn Hooks> {
        self.ui.hooks()
    }
}

/// A result in one line under a name.
struct Line<'a> {
    name: &'a str,
    document: &'a dyn Document,
}

impl Document for Line<'_> {
    fn text(&self) -> String {
        line(self.name, &self.document.line())
    }

    fn json(&self) -> String {
        self.document.json()
    }

    fn is_line(&self) -> bool {
        true
    }
}

/// What is worth a line while a campaign runs: what happens, and what it begins to wait for.
struct NewsLines {
    say: Say,
    counted: Option<Counted>,
    waits: Option<HoldReason>,
    last: Option<Note>,
}

impl Progress for NewsLines {
    fn every(&self) -> Duration {
        SNAPSHOT_EVERY
    }

    fn show(&mut self, event: &Event) {
        let now = local_now();
        match event {
            Event::Progress(snapshot) => {
                if let Some(Counted { sum, campaign }) = &self.counted {
                    sum.note(*campaign, &snapshot.tally);
                }
                let waits = snapshot.hold.clone().filter(HoldReason::is_a_wait);
                if let Some(hold) = &waits
                    && self.waits.as_ref() != Some(hold)
                {
                    (self.say)(&text::hold(hold, &now));
                }
                self.waits = waits;
            }
            Event::Note(note) if self.last.as_ref() != Some(note) => {
                (self.say)(&text::note(note, &now));
                self.last = Some(note.clone());
            }
            Event::Note(_) => {}
        }
    }

    fn cancelling(&mut self, _: &Told) {}

    fn stopping(&mut self, _: StopLevel, _: Caught, _: Option<&str>) {
        // The worker says it once for all of them.
    }

    fn warn(&mut self, text: &str) {
        (self.say)(text);
    }

    fn end(&mut self) {}
}
