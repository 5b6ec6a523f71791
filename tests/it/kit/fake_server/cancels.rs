//! The part of the server in the process that cancels actions, and what it saw of that.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetsweep::clock::Clock;
use fleetsweep::defender::{CancelApi, Inventory, ListPage, ListReply, MachineFilter, NextPage};
use fleetsweep::domain::{Action, Answer, Body, DeviceId, Machine, Reply};

use super::micros_since;
use super::{Act, FakeServer, Ledger, Scripted, error, page};

/// What the server saw of calls that cancel.
#[derive(Debug, Default)]
pub(crate) struct Cancels {
    /// When each arrived, in microseconds since the server's start.
    pub(crate) arrivals: Vec<i64>,
    /// When each left the client, likewise.
    pub(crate) sent: Vec<i64>,
    /// The id that each named.
    pub(crate) asked: Vec<String>,
    /// Those that it cancelled, in order.
    pub(crate) done: Vec<String>,
    asks: BTreeMap<String, usize>,
}

/// What becomes of a call, by the id of its action and how often that was asked for.
pub(crate) type ById = Box<dyn Fn(&str, usize) -> Act + Send + Sync>;

impl Ledger {
    /// The actions that were cancelled.
    pub(crate) fn cancelled(&self) -> Vec<&Action> {
        let all = self.actions.values().flatten();
        all.filter(|action| self.cancels.done.contains(&action.id)).collect()
    }
}

impl<C: Clock> FakeServer<C> {
    /// Somebody changes the status of every action that this picks.
    pub(crate) fn set_status(&self, status: &str, which: impl Fn(&Action) -> bool) {
        let (_, ledger) = &mut *self.inner.lock().unwrap();
        let all = ledger.actions.values_mut().flatten();
        all.filter(|action| which(action)).for_each(|action| {
            action.status = Some(status.to_owned());
        });
    }

    /// From now on what becomes of a call that cancels depends on the action that it names, and on
    /// how often that was asked for.
    pub(crate) fn cancels_by_id(&self, rule: ById) {
        assert!(self.by_id.set(rule).is_ok(), "one rule");
    }

    /// The list tells another comment for an action than the one that was sent.
    pub(crate) fn set_comment(&self, id: &str, comment: Option<&str>) {
        let (_, ledger) = &mut *self.inner.lock().unwrap();
        let all = ledger.actions.values_mut().flatten();
        all.filter(|action| action.id == id).for_each(|action| {
            action.comment = comment.map(str::to_owned);
        });
    }

    /// The action of a device that stands first on the list.
    pub(crate) fn action_of(&self, device: DeviceId) -> Action {
        self.ledger(|ledger| ledger.actions[&device][0].clone())
    }

    fn cancel_action(&self, ledger: &mut Ledger, id: &str, comment: &str) -> (u16, Body) {
        let mut all = ledger.actions.values_mut().flatten();
        let Some(action) = all.find(|action| action.id == id) else {
            return (404, error("ResourceNotFound", "no such action"));
        };
        if !action.is_open() {
            return (400, error("BadRequest", "its status is final"));
        }
        action.status = Some("Cancelled".to_owned());
        action.cancel_comment = Some((self.script.comment)(comment));
        ledger.cancels.done.push(id.to_owned());
        (200, Body::Action(Box::new(action.clone())))
    }

    fn judge_cancel(&self, id: &str, comment: &str) -> Option<Scripted> {
        let (rng, ledger) = &mut *self.inner.lock().unwrap();
        let lost = rng.f64() < self.behaviour.time_out_share;
        let latency = if lost { Duration::from_secs(60) } else { self.latency(rng) };
        let after = latency.mul_f64(rng.f64());
        let nth = ledger.cancels.asks.entry(id.to_owned()).or_default();
        *nth += 1;
        let nth = *nth;
        let call = ledger.cancels.sent.len() + 1;
        let act = match lost {
            true => Act::NoAnswer { worked: true },
            false => match self.by_id.get() {
                Some(rule) => rule(id, nth),
                None => (self.script.cancel)((call, nth)),
            },
        };
        if act != Act::NeverLeft {
            let sent = micros_since(&self.clock, self.start);
            ledger.cancels.sent.push(sent);
            ledger.cancels.arrivals.push(sent + after.as_micros() as i64);
            ledger.cancels.asked.push(id.to_owned());
        }
        let time_out = Duration::from_secs(30);
        Some(match act {
            Act::Serve => (latency, Some(self.cancel_action(ledger, id, comment)), None),
            Act::Refuse(status, code, message) => {
                if status == 401 {
                    ledger.refused.insert(ledger.sign_ins);
                }
                (latency, Some((status, error(code, message))), None)
            }
            Act::Page(status) => (latency, Some((status, page())), None),
            Act::Over { .. } => panic!("an action that is cancelled has been ordered before"),
            Act::Throttle(wait) => (latency, Some((429, error("429", "slow"))), wait),
            Act::Fault { worked } => {
                let _ = worked.then(|| self.cancel_action(ledger, id, comment));
                (latency, Some((500, error("InternalServerError", "oops"))), None)
            }
            Act::NoAnswer { worked } => {
                let _ = worked.then(|| self.cancel_action(ledger, id, comment));
                (time_out, None, None)
            }
            Act::NeverLeft => return None,
        })
    }
}

impl<C: Clock> Inventory for FakeServer<C> {
    fn may_read(&self) -> Option<bool> {
        None
    }

    async fn machines(&self, _: &MachineFilter, _: Option<&NextPage>) -> ListReply<Machine> {
        Ok(ListPage { items: Vec::new(), next: None, date: None })
    }
}

impl<C: Clock> CancelApi for FakeServer<C> {
    async fn cancel(&self, id: &str, comment: &str) -> Reply {
        let now = self.clock.now();
        let judged = self.judge_cancel(id, comment);
        self.tell("cancel", None);
        let Some((takes, answer, retry_after)) = judged else {
            return Reply::NeverLeft { why: "connection refused".to_owned() };
        };
        self.clock.sleep_until(now.plus(takes)).await;
        let date = Some(self.server_time(Duration::ZERO));
        match answer {
            Some((status, body)) => Reply::Answer(Answer { status, date, retry_after, body }),
            None => Reply::NoAnswer { why: "no answer in 30 s".to_owned() },
        }
    }
}
