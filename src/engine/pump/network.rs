//! Whether the API can be reached, as far as calls tell, and how long is waited for it. It stops
//! nothing by itself.

use std::time::Duration;

use crate::domain::{Stamp, Timing};

/// Calls in a row that may be late before they are taken for a network that is lost.
const LATE_MOST: u32 = 20;

/// What calls tell of the network.
#[derive(Debug, Default)]
pub(super) struct Network {
    lost: Option<Lost>,
    /// Calls in a row that this machine was too late to send.
    late: u32,
    /// The API has answered before.
    pub(super) reached: bool,
}

/// A network that is lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost {
    since: Stamp,
    /// How long is waited before the next probe.
    pub(super) wait: Duration,
    /// Nobody knew of it before.
    pub(super) is_news: bool,
}

impl Lost {
    /// How long it has been lost.
    pub(super) fn lasts(&self, now: Stamp) -> Duration {
        now.since(self.since)
    }
}

impl Network {
    /// Whether it can be reached, as far as is known.
    pub(super) fn is_up(&self) -> bool {
        self.lost.is_none()
    }

    /// Whether a call that did not leave says that the network is lost. A machine that slept or is
    /// busy says nothing about the network.
    pub(super) fn is_blamed(&mut self, late: bool) -> bool {
        self.late = if late { self.late + 1 } else { 0 };
        !late || self.late >= LATE_MOST
    }

    /// Whether the API has been out of reach for so long, without ever being reached, that it is
    /// taken for one that is not there. A call that was late has not tried to reach it.
    pub(super) fn is_not_there(&self, lost: Lost, late: bool, now: Stamp, timing: &Timing) -> bool {
        !self.reached && !late && lost.lasts(now) >= timing.first_contact
    }

    /// A call that was claimed then left. Whether that ends a time out of reach; one that left
    /// before it does not.
    pub(super) fn left(&mut self, claimed_at: Stamp) -> bool {
        self.late = 0;
        self.reached = true;
        self.lost.take_if(|lost| lost.since <= claimed_at).is_some()
    }

    /// Nothing left. Calls of one volley fail together, so that the wait grows only once none of
    /// them is in flight any more.
    pub(super) fn lose(&mut self, now: Stamp, in_flight: usize, timing: &Timing) -> Lost {
        let lost = match self.lost {
            None => Lost { since: now, wait: timing.reconnect_floor, is_news: true },
            Some(lost) if in_flight > 0 => Lost { is_news: false, ..lost },
            Some(lost) => {
                let wait = (lost.wait * 2).min(timing.reconnect_ceiling);
                Lost { wait, is_news: false, ..lost }
            }
        };
        self.lost = Some(lost);
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Stamp {
        Stamp::ZERO.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn only_twenty_late_calls_in_a_row_are_taken_for_a_lost_network() {
        let mut network = Network::default();
        assert!((0..19).all(|_| !network.is_blamed(true)));
        network.left(at(1));
        assert!((0..19).all(|_| !network.is_blamed(true)), "one that left ends the row");
        assert!(network.is_blamed(true));
        assert!(network.is_blamed(false), "a call that could not leave says it at once");
    }

    #[test]
    fn an_api_that_late_calls_have_not_tried_is_not_taken_for_one_that_is_not_there() {
        let (mut network, timing) = (Network::default(), Timing::default());
        let lost = network.lose(at(10), 0, &timing);
        let minute = Duration::from_secs(10) + timing.first_contact;
        let not_there = |network: &Network, late: bool, after: Duration| {
            network.is_not_there(lost, late, Stamp::ZERO.plus(after), &timing)
        };
        assert!(not_there(&network, false, minute));
        assert!(!not_there(&network, false, minute - Duration::from_micros(1)));
        assert!(!not_there(&network, true, minute * 100), "this machine is too slow");
        network.left(at(9));
        assert!(!not_there(&network, false, minute), "it was reached before");
    }

    #[test]
    fn the_wait_doubles_once_for_each_probe_and_ends_with_a_call_that_was_claimed_since() {
        let timing = Timing::default();
        let mut network = Network::default();
        let lost = network.lose(at(10), 3, &timing);
        assert!(lost.is_news && !network.is_up());
        // The rest of its volley.
        let again = network.lose(at(11), 2, &timing);
        assert_eq!((again.is_news, again.wait), (false, lost.wait));
        assert_eq!(network.lose(at(12), 0, &timing).wait, lost.wait * 2);
        assert_eq!(network.lose(at(14), 0, &timing).lasts(at(14)), Duration::from_secs(4));
        assert!(
            (0..20).all(|n| network.lose(at(20 + n), 0, &timing).wait <= timing.reconnect_ceiling)
        );
        assert!(!network.left(at(9)), "it left before");
        assert!(network.left(at(41)) && network.is_up() && network.reached);
    }
}
