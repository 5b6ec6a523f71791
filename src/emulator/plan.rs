//! Draws what one call meets, before it arrives: how long it takes, and which fault is played.

use std::time::Duration;

use super::clock::Moment;
use super::dice::{self, Dice};
use super::message::{Operation, Plan, Request};
use super::play::Play;
use super::route::Route;
use super::world::World;

impl World {
    /// Draws what the next call like this one meets. Every request is planned once, then arrives
    /// after [`Plan::before`].
    ///
    /// The draw depends on the seed, on what is asked, and on how often it was asked before; it
    /// does not depend on other calls.
    pub fn plan(&mut self, now: Moment, request: &Request) -> Plan {
        let route = Route::of(request);
        let operation = route.operation();
        let device = route.device().map(str::to_ascii_lowercase);
        let key = match (&route, &device) {
            (Route::Scan(_), Some(device)) => format!("scan {device}"),
            _ => format!("{operation:?} {}", request.path),
        };
        let nth = self.asked.entry(key.clone()).or_default();
        *nth += 1;
        let draw = dice::hash(self.config.seed, &[&key, &nth.to_string()]);
        let mut dice = Dice::new(draw);
        let took = self.latency(&mut dice);
        let before = took.mul_f64(dice.unit());
        let drawn = self.fault(&mut dice, operation);
        let scripted = match (&route, device) {
            (Route::Scan(_), Some(device)) => {
                self.scripts.get_mut(&device).and_then(std::collections::VecDeque::pop_front)
            }
            _ => None,
        };
        let play = match self.outage(now, operation) {
            Some(play) => play,
            None => scripted.unwrap_or(drawn),
        };
        Plan { before, after: took - before, play, draw }
    }

    fn latency(&self, dice: &mut Dice) -> Duration {
        let latency = &self.config.scenario.latency;
        let body = latency.median_ms * (latency.spread * dice.normal()).exp();
        let tail = dice.between(latency.tail_min_ms, latency.tail_max_ms);
        let ms = if dice.happens(latency.tail_share) { tail } else { body };
        // A log-normal draw has no upper bound; an hour is longer than any client waits.
        Duration::from_secs_f64((ms / 1000.0).clamp(0.0, 3600.0))
    }

    fn fault(&self, dice: &mut Dice, operation: Operation) -> Play {
        let (latency, faults) = (&self.config.scenario.latency, &self.config.scenario.faults);
        let times_out = dice.happens(latency.timeout_share);
        let processed = dice.happens(latency.timeout_processed_share);
        let draw = dice.unit();
        if !faults.on.contains(&operation) {
            return Play::Normal;
        }
        if times_out {
            return if processed { Play::TimeOut } else { Play::TimeOutBefore };
        }
        dice::pick(draw, faults.shares()).unwrap_or(Play::Normal)
    }

    fn outage(&self, now: Moment, operation: Operation) -> Option<Play> {
        let outage = &self.config.scenario.outage;
        let at = now.mono.as_secs_f64() * self.config.speed;
        let runs = at >= outage.from_s && at < outage.from_s + outage.for_s;
        if runs && operation != Operation::Token { Some(outage.play.clone()) } else { None }
    }
}
