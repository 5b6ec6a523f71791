//! What a run tells of itself while it goes on and at its end, as messages. It is told beside what
//! the store keeps of the same events, and decides nothing.

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use super::reports;
use crate::clock::{local_now, wall_clock};
use crate::domain::event::{Event, Note, Snapshot};
use crate::domain::news::{EndOfRun, Lookout, News};
use crate::domain::{Campaign, LastRun, SeriesName, Stamp, Tally};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::messages::Teller;
use crate::report::Document;
use crate::report::human::{clock, counted, moment};
use crate::report::message::{Message, Sought};
use crate::report::progress::text;
use crate::report::summary::Summary;

/// Tells messages of one run.
pub(super) struct Telling {
    teller: Teller,
    lookout: Lookout,
    /// What stands in each message.
    usual: Message,
}

/// What a run is told by.
pub(super) struct Told<'a> {
    pub(super) campaign: &'a Campaign,
    pub(super) run: &'a LastRun,
    pub(super) resume: Option<&'a str>,
    pub(super) on_event: Option<&'a str>,
    pub(super) time_scale: u32,
}

impl Telling {
    /// Begins with nothing.
    pub(super) fn begin(cx: &Context<'_>, told: &Told<'_>) -> Self {
        let Told { campaign, run, resume, on_event, time_scale } = told;
        let usual = Message {
            news: News::Started,
            attention: false,
            say: String::new(),
            at: wall_clock(),
            head: Some(reports::head(&campaign.name, &campaign.order, campaign.emulated)),
            sought: Sought::default(),
            tenant_name: cx.commands.tenant_name(&campaign.order.target),
            tally: None,
            finish_at: None,
            exit_code: None,
            reports: Vec::new(),
            next: resume.map(str::to_owned),
            by: run.by.clone(),
            host: run.host.clone(),
            run: run.id.clone(),
        };
        cx.channels.run_began();
        let mut teller = Teller::begin(cx.channels, cx.ui, *on_event);
        cx.channels.take_held().into_iter().for_each(|message| teller.tell(message));
        Self { teller, lookout: Lookout::new(*time_scale), usual }
    }

    /// Nobody hears what is told.
    pub(super) fn is_silent(&self) -> bool {
        self.teller.is_silent()
    }

    /// The run began, with its rows so; no order leaves before it `opens`.
    pub(super) fn began(&mut self, tally: Option<Tally>, opens: Option<&ZonedDateTime>) {
        let devices = tally.as_ref().map(Tally::open).unwrap_or_default();
        let Some(head) = &self.usual.head else { return };
        let say = match devices {
            0 => format!("A {} scan has begun, with no device to order.", head.scan_type),
            some => {
                let what = format!("{} scan of {}", head.scan_type, counted(some, "device"));
                match opens {
                    None => format!("A {what} has begun."),
                    Some(at) => format!("A {what} waits: no order leaves before {}.", moment(at)),
                }
            }
        };
        let next = None;
        self.tell(Message { say, tally, next, ..self.of(News::Started, false) });
    }

    /// Takes in what the run meets.
    pub(super) fn hear(&mut self, event: &Event, now: Stamp) {
        if self.teller.is_silent() {
            return;
        }
        match event {
            Event::Progress(snapshot) => {
                self.usual.tally = Some(snapshot.tally.clone());
                self.usual.finish_at = end_of(snapshot);
                if let Some(news) = self.lookout.hear(snapshot, now) {
                    let say = words(news, snapshot);
                    self.tell(Message { say, ..self.of(news, true) });
                }
            }
            Event::Note(Note::WavePassed(figures)) => {
                let message = self.of(News::WaveJudged, false);
                self.tell(Message { say: figures.clone(), next: None, ..message });
            }
            Event::Note(_) => {}
        }
    }

    /// The run ended, and this is its summary.
    pub(super) async fn ended(mut self, summary: &Summary, has_plan: bool) {
        let Summary { ending, caught, exit, cancelled, paused, .. } = summary;
        let (caught, exit, cancelled) = (*caught, *exit, *cancelled);
        // Outside of a series whoever paused it knows, and nobody waits for a next run.
        let is_night = self.usual.head.as_ref().and_then(|head| SeriesName::of(&head.campaign));
        let paused = *paused && is_night.is_some();
        let end = EndOfRun { ending, caught, exit, has_plan, cancelled, paused };
        let (news, attention) = end.news();
        let message = Message {
            say: summary.line(),
            tally: Some(summary.tally.clone()),
            finish_at: None,
            exit_code: Some(exit.code()),
            reports: summary.reports.clone(),
            ..self.of(news, attention)
        };
        // What goes on with it now: at the begin it was not known what would have passed by then.
        let is_over = matches!(news, News::Finished | News::Cancelled);
        let next = if is_over { None } else { summary.resume.clone() };
        self.tell(Message { next, ..message });
        self.teller.end().await;
    }

    /// The run failed.
    pub(super) async fn failed(mut self, failure: &Failure) {
        let say = format!("{}: {}.", failure.what, failure.why);
        let exit_code = Some(failure.kind.code());
        self.tell(Message { say, exit_code, finish_at: None, ..self.of(News::Stopped, true) });
        self.teller.end().await;
    }

    fn of(&self, news: News, attention: bool) -> Message {
        Message { news, attention, at: wall_clock(), ..self.usual.clone() }
    }

    fn tell(&mut self, message: Message) {
        self.teller.tell(message);
    }
}

/// When the last answer is likely to be in.
fn end_of(snapshot: &Snapshot) -> Option<Timestamp> {
    let is_open_ended = snapshot.hold.as_ref().is_some_and(|hold| hold.is_open_ended());
    if is_open_ended || snapshot.stops_in.is_some() {
        return None;
    }
    let left = SignedDuration::try_from(snapshot.finish_in?).ok()?;
    wall_clock().checked_add(left).ok()
}

fn words(news: News, snapshot: &Snapshot) -> String {
    let now = local_now();
    let open = counted(snapshot.tally.open(), "device");
    if news == News::Stuck {
        let why = snapshot.hold.as_ref().map(|hold| text::hold(hold, &now)).unwrap_or_default();
        return format!("No order has left for half an hour, though {open} wait: {why}.");
    }
    let at = end_of(snapshot).map(|at| at.to_zoned_datetime(now.time_zone().clone()));
    let at = at.map(|at| format!(", about {}", clock(&at, &now))).unwrap_or_default();
    format!("The end is half an hour later than it was foreseen{at}; {open} are left.")
}
