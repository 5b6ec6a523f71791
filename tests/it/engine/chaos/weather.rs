//! What a seed makes of a world: its size, its limit, its server, and what goes wrong and when. It
//! draws and judges nothing.
//!
//! Everything here stays within what the design assumes. A lost call reaches the server within a
//! minute of its departure, which the horizon covers; the list shows an action after at most
//! `LAG_MAX`, which is what the three looks wait for less the linger of a lost call. `beyond` draws
//! lags past that.

use std::sync::Mutex;

use fleetsweep::defender::SignInError;
use fleetsweep::domain::Quota;
use fleetsweep::store::memory::Stamping;

use super::*;
use crate::kit::fake_server::{Existing, ListAct};
use crate::kit::mistake::Mistake;

/// The longest lag of the list that the looks after 10, 30 and 90 s outwait, whatever else happens.
pub(super) const LAG_MAX: Duration = Duration::from_secs(10 + 30 + 90 - 30);

/// The longest that an operation of a slow store takes: longer than a claim's whole horizon.
pub(super) const SLOW_MAX: Duration = Duration::from_secs(90);

/// What is broken on purpose, and whether the list lags beyond what is assumed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plan {
    pub(super) mistake: Mistake,
    pub(super) stamping: Stamping,
    pub(super) beyond: bool,
    pub(super) traced: bool,
}

/// What a seed makes of a campaign.
#[derive(Debug)]
pub(super) struct Weather {
    pub(super) devices: u64,
    pub(super) quotas: Vec<Quota>,
    concurrency: usize,
    paced: bool,
    gate: bool,
    pub(super) busy: BusyPolicy,
    /// Shares of faults of each kind, in percent.
    fault: u8,
    lost: u8,
    throttle: u8,
    never: u8,
    refuse: u8,
    /// A span in which every scan call fails, and how.
    storm: (Duration, Duration, Act),
    list_down: (Duration, Duration, ListAct),
    sign_in_down: (Duration, Duration),
    /// From then on the first token is refused.
    unauthorized: Duration,
    pub(super) list_lag: Duration,
    comment: Comment,
    existing: Existing,
    pub(super) foreign: Vec<Foreign>,
    /// How many of a thousand operations of a runner's store are slow.
    pub(super) slow: u32,
}

/// An action of somebody else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Foreign {
    pub(super) device: u64,
    pub(super) scope: &'static str,
    pub(super) status: &'static str,
    pub(super) age: Duration,
}

/// What the server makes of comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comment {
    Kept,
    CutAtEnd,
    MarkCut,
    Dropped,
}

impl Comment {
    fn change(self) -> fn(&str) -> String {
        match self {
            Comment::Kept => str::to_owned,
            Comment::CutAtEnd => |text| text.chars().take(32).collect(),
            Comment::MarkCut => {
                |text| text.split_once("] ").map_or(text, |(_, rest)| rest).to_owned()
            }
            Comment::Dropped => |_| String::new(),
        }
    }
}

fn span(rng: &mut fastrand::Rng, most: u32) -> (Duration, Duration) {
    let from = SECOND * rng.u32(0..120);
    (from, from + SECOND * rng.u32(0..most))
}

fn one_of<T: Clone>(rng: &mut fastrand::Rng, all: &[T]) -> T {
    all[rng.usize(0..all.len())].clone()
}

impl Foreign {
    pub(super) fn draw(rng: &mut fastrand::Rng, devices: u64, oldest: Duration) -> Self {
        Self {
            device: rng.u64(0..devices),
            scope: one_of(rng, &["Full", "Quick"]),
            status: one_of(rng, &["Pending", "InProgress", "Succeeded", "Failed"]),
            age: oldest.mul_f64(rng.f64()),
        }
    }
}

impl Weather {
    pub(super) fn new(rng: &mut fastrand::Rng, plan: Plan) -> Self {
        let devices = rng.u64(1..49);
        let quotas: &[&str] = match rng.u8(0..4) {
            0 => &["100/1m", "1500/1h"],
            1 => &["10/1m", "60/1h"],
            2 => &["5/10s", "20/1m"],
            _ => &["3/1s", "12/30s"],
        };
        let storms = [
            Act::Serve,
            Act::Fault { worked: true },
            Act::Fault { worked: false },
            Act::NoAnswer { worked: true },
            Act::NeverLeft,
            Act::Throttle(None),
            Act::Throttle(Some(SECOND * 100)),
        ];
        let (from, to) = span(rng, 900);
        let (down, up) = span(rng, 900);
        let downs = [ListAct::Fail, ListAct::Throttle, ListAct::Forbid];
        let lag = rng.u32(0..=LAG_MAX.as_millis() as u32);
        let foreign = if rng.bool() { rng.usize(0..6) } else { 0 };
        Self {
            devices,
            quotas: quotas.iter().map(|quota| quota.parse().unwrap()).collect(),
            concurrency: one_of(rng, &[1, 4, 16]),
            paced: rng.bool(),
            gate: rng.u8(0..4) > 0,
            busy: one_of(rng, &[BusyPolicy::Report, BusyPolicy::Report, BusyPolicy::Retry]),
            fault: rng.u8(0..15),
            lost: rng.u8(0..15),
            throttle: rng.u8(0..8),
            never: rng.u8(0..8),
            refuse: rng.u8(0..2),
            storm: (from, to, one_of(rng, &storms)),
            list_down: (down, up, one_of(rng, &downs)),
            sign_in_down: span(rng, 200),
            unauthorized: SECOND * rng.u32(0..200),
            list_lag: if plan.beyond { LAG_MAX + MS * lag * 5 } else { MS * lag },
            comment: match rng.u8(0..10) {
                0 => Comment::MarkCut,
                1 => Comment::Dropped,
                2 => Comment::CutAtEnd,
                _ => Comment::Kept,
            },
            existing: one_of(rng, &[Existing::Returned, Existing::Busy, Existing::Doubled]),
            foreign: (0..foreign).map(|_| Foreign::draw(rng, devices, HOUR * 72)).collect(),
            slow: if rng.bool() { rng.u32(0..30) } else { 0 },
        }
    }

    /// Whether the server tells no campaign by its comment. What it did before its first whole
    /// answer, of a scan or of a look, can then not be told from what others did.
    pub(super) fn forgets_marks(&self) -> bool {
        matches!(self.comment, Comment::MarkCut | Comment::Dropped)
    }

    pub(super) fn world(self: &Arc<Self>, seed: u64, rng: &mut fastrand::Rng, plan: Plan) -> World {
        let dice = Mutex::new(fastrand::Rng::with_seed(seed ^ 0x5eed));
        let (for_scans, for_list, for_sign_in) = (self.clone(), self.clone(), self.clone());
        let script = Script {
            list: Box::new(move |at| for_list.list(at)),
            sign_in: Box::new(move |at| for_sign_in.sign_in(at)),
            sign_in_takes: MS * rng.u32(0..3_000),
            list_takes: MS * rng.u32(0..5_000),
            list_lag: self.list_lag,
            existing: self.existing,
            page: rng.usize(1..50),
            comment: self.comment.change(),
            ..Script::scan(move |ask| for_scans.act(ask, &mut dice.lock().unwrap()))
        };
        let behaviour = Behaviour {
            time_out_share: one_of(rng, &[0.0, 0.02, 0.1]),
            tail: one_of(rng, &[SECOND * 5, SECOND * 25]),
            ..Behaviour::rough()
        };
        let mut world = World::of(behaviour, seed, script);
        let timing = Timing::default();
        world.store = Arc::new(Watched::broken(world.clock, timing, plan.stamping, plan.mistake));
        world.settings.concurrency = self.concurrency;
        world.settings.quotas.clone_from(&self.quotas);
        world.settings.pace = PaceKind::Fast.pace(&self.quotas).filter(|_| self.paced);
        world.gate = self.gate;
        for Foreign { device: n, scope, status, age } in &self.foreign {
            world.server.put_foreign(device(*n), scope, status, *age);
        }
        world
    }

    fn list(&self, at: Duration) -> ListAct {
        let (from, to, act) = self.list_down;
        if (from..to).contains(&at) { act } else { ListAct::Serve }
    }

    fn sign_in(&self, at: Duration) -> Result<(), SignInError> {
        let (from, to) = self.sign_in_down;
        match (from..to).contains(&at) && self.unauthorized < to {
            true => Err(SignInError::Unavailable("no route to the sign-in service".to_owned())),
            false => Ok(()),
        }
    }

    fn act(&self, ask: Ask, rng: &mut fastrand::Rng) -> Act {
        let (from, to, storm) = &self.storm;
        if (*from..*to).contains(&ask.at) && *storm != Act::Serve {
            return storm.clone();
        }
        if ask.at > self.unauthorized && ask.token < 2 {
            return Act::UNAUTHORIZED;
        }
        match ask.device {
            11 => return Act::UNSUPPORTED,
            12 => return Act::FORBIDDEN,
            13 => return Act::MISSING,
            14 if ask.nth == 1 => return Act::MISSING,
            _ => {}
        }
        let mut dice = rng.u8(0..100);
        let kinds = [
            (self.fault, Act::Fault { worked: rng.bool() }),
            (self.lost, Act::NoAnswer { worked: rng.bool() }),
            (self.throttle, Act::Throttle(rng.bool().then_some(SECOND * 7))),
            (self.never, Act::NeverLeft),
            (self.refuse, Act::UNAUTHORIZED),
        ];
        for (share, act) in kinds {
            if dice < share {
                return act;
            }
            dice -= share;
        }
        Act::Serve
    }
}
