//! Delivering messages: a bounded queue and a task for each way, so that one that hangs holds up
//! neither the run nor another one.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::channel::{Channel, Takes};
use super::channels::Channels;
use crate::ops::ui::{Hooks, Say, Ui};
use crate::report::message::Message;

/// Messages that wait for one way; then the next ones are lost.
const WAITING: usize = 32;

/// How long the end of a run waits for what is not delivered yet.
const END: Duration = Duration::from_secs(20);

/// How long it is waited before each try.
const TRIES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(4)];

/// How long the same message is not told again.
const AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// Delivers the messages of one run.
pub(in crate::ops) struct Teller {
    ways: Vec<Way>,
    told: Vec<Message>,
    say: Say,
}

/// One way that messages go.
struct Way {
    name: &'static str,
    takes: Takes,
    queue: mpsc::Sender<Arc<Message>>,
    task: JoinHandle<()>,
}

impl Teller {
    /// By the channels that are set up, and by the command of a run.
    pub(in crate::ops) fn begin(channels: &Channels, ui: &dyn Ui, on_event: Option<&str>) -> Self {
        let mut ways = Vec::new();
        for channel in &channels.all {
            let (queue, messages) = mpsc::channel(WAITING);
            let task = tokio::spawn(post_all(channel.clone(), messages, ui.sayer()));
            let (name, takes) = (channel.name(), channel.takes.clone());
            ways.push(Way { name, takes, queue, task });
        }
        if let Some(command) = on_event {
            let (queue, messages) = mpsc::channel(WAITING);
            let work = run_all(command.to_owned(), messages, ui.hooks(), ui.sayer());
            let (name, takes) = ("the command of --on-event", Takes::everything());
            ways.push(Way { name, takes, queue, task: tokio::spawn(work) });
        }
        Self { ways, told: Vec::new(), say: ui.sayer() }
    }

    /// Whether nobody hears anything.
    pub(in crate::ops) fn is_silent(&self) -> bool {
        self.ways.is_empty()
    }

    /// Tells a message to whom it concerns. It never waits.
    pub(in crate::ops) fn tell(&mut self, message: Message) {
        self.told.retain(|one| message.at.duration_since(one.at) < AGAIN);
        if self.told.iter().any(|one| (one.news, &one.say) == (message.news, &message.say)) {
            return;
        }
        let shared = Arc::new(message.clone());
        for way in self.ways.iter().filter(|way| way.takes.has(&message)) {
            if way.queue.try_send(shared.clone()).is_err() {
                (self.say)(&format!("Warning: a message is lost, since {} is slow.", way.name));
            }
        }
        self.told.push(message);
    }

    /// Waits a little for what is not delivered yet.
    pub(in crate::ops) async fn end(self) {
        // A task whose queue is gone ends when all that was in it is delivered.
        let mut tasks: Vec<_> = self.ways.into_iter().map(|way| (way.name, way.task)).collect();
        let all = async {
            for (_, task) in &mut tasks {
                task.await.ok();
            }
        };
        if timeout(END, all).await.is_ok() {
            return;
        }
        tasks.retain(|(_, task)| !task.is_finished());
        let names = tasks.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        (self.say)(&format!("Warning: messages were not delivered in time: {names}."));
        tasks.iter().for_each(|(_, task)| task.abort());
    }
}

async fn post_all(channel: Arc<Channel>, mut messages: mpsc::Receiver<Arc<Message>>, say: Say) {
    while let Some(message) = messages.recv().await {
        let post = channel.post(&message);
        let mut failed = None;
        for wait in TRIES {
            sleep(wait).await;
            match channel.webhook().post(&post).await {
                Ok(()) => {
                    failed = None;
                    break;
                }
                Err(why) => failed = Some(why),
            }
            if !failed.is_some_and(|why| why.may_pass()) {
                break;
            }
        }
        if let Some(why) = failed {
            let (name, news) = (channel.name(), message.news.name());
            say(&format!(
                "Warning: the message `{news}` to {name} was not delivered: {why}; nothing else \
                 waits for it."
            ));
        }
    }
}

async fn run_all(
    command: String,
    mut messages: mpsc::Receiver<Arc<Message>>,
    hooks: Arc<dyn Hooks>,
    say: Say,
) {
    while let Some(message) = messages.recv().await {
        let never = std::pin::pin!(std::future::pending());
        if let Err(why) = hooks.run(&command, &message.json(), never).await {
            say(&format!("Warning: the command of --on-event {why}; nothing else waits for it."));
        }
    }
}
