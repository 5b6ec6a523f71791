//! In what order the devices of a list are asked: the number that stands for a device's place
//! within its rank, lower ones first. Pure: where the facts come from is the caller's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::spelling::worded;
use super::words::same_word;

worded! {
    /// What the order among devices goes by.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    OrderBy {
        /// As they stand in the list.
        #[default]
        #[serde(rename = "file")]
        List = "file",
        /// Those that reported most recently first: they are most likely online.
        LastSeen = "last-seen",
        /// Those of high value first, then normal, then low.
        Value = "value",
    }
}

/// What a device is worth, in the portal's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Very high, which only the criticality can be.
    VeryHigh = -1,
    /// High.
    High = 0,
    /// Normal: what a device has unless somebody says otherwise.
    Normal = 1,
    /// Low.
    Low = 2,
}

/// As much of what is known of a device as an order can go by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnFacts {
    /// What it is worth.
    pub value: Option<Value>,
    /// How critical it is, as the portal alone knows it.
    pub criticality: Option<Value>,
    /// When it last reported, in seconds since 1970.
    pub last_seen_s: Option<i64>,
}

impl OrderBy {
    /// The turn of a device. Returns `None` if what the order goes by is not known of it.
    pub fn turn(self, standing: TurnFacts) -> Option<i64> {
        match self {
            OrderBy::List => Some(0),
            OrderBy::LastSeen => standing.last_seen_s.map(i64::saturating_neg),
            OrderBy::Value => {
                let told = [standing.value, standing.criticality];
                told.into_iter().flatten().min().map(|value| value as i64)
            }
        }
    }
}

/// The turn of a device of which what the order goes by is not known: after all others.
pub const UNKNOWN: i64 = i64::MAX;

/// The turn of the n-th device, from 0, that goes ahead of the others whatever their order is.
pub fn ahead(n: u64) -> i64 {
    i64::MIN.saturating_add_unsigned(n)
}

/// Whether a turn is one of those ahead of the others.
pub fn is_ahead(turn: i64) -> bool {
    turn < ahead(1 << 40)
}

fn value_of(word: &str) -> Option<Value> {
    let values = [
        ("very high", Value::VeryHigh),
        ("high", Value::High),
        ("normal", Value::Normal),
        ("medium", Value::Normal),
        ("low", Value::Low),
    ];
    values.into_iter().find(|(name, _)| same_word(word, name)).map(|(_, value)| value)
}

impl TurnFacts {
    /// What the facts say of a device at this moment.
    pub fn of(facts: &Facts, now: Timestamp) -> Self {
        let of = |word: &Option<String>| word.as_deref().and_then(value_of);
        let (value, criticality) = (of(&facts.value), of(&facts.criticality));
        // A clock that is ahead puts nobody before those that are seen now.
        let seen = facts.last_seen.or(facts.event_at);
        let last_seen_s = seen.map(|at| at.min(now).as_second());
        Self { value, criticality, last_seen_s }
    }

    /// What is known here, and what only the other one knows.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            value: self.value.or(other.value),
            criticality: self.criticality.or(other.criticality),
            last_seen_s: self.last_seen_s.or(other.last_seen_s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(value: &str, last_seen: &str) -> TurnFacts {
        let facts = Facts {
            value: Some(value.to_owned()),
            last_seen: last_seen.parse().ok(),
            ..Facts::default()
        };
        TurnFacts::of(&facts, "2026-11-24T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn what_was_seen_last_goes_first_and_a_clock_that_is_ahead_gains_nothing() {
        let turn = |at| OrderBy::LastSeen.turn(standing("", at)).unwrap_or(UNKNOWN);
        let order = ["2027-01-01T00:00:00Z", "2026-11-24T11:59:59Z", "2026-11-20T00:00:00Z", ""];
        assert!(order.map(turn).is_sorted_by(|a, b| a < b), "{:?}", order.map(turn));
        assert_eq!(turn("2027-01-01T00:00:00Z"), turn("2026-11-24T12:00:00Z"));
        assert!(ahead(u64::from(u32::MAX)) < turn("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn high_value_goes_before_normal_and_low_and_what_says_nothing_is_not_known() {
        let turn = |word| OrderBy::Value.turn(standing(word, ""));
        assert_eq!(["HIGH ", "Normal", "low"].map(turn), [Some(0), Some(1), Some(2)]);
        assert_eq!(["", "-", "critical"].map(turn), [None; 3]);
    }

    #[test]
    fn what_is_critical_goes_first_whatever_its_value_is() {
        let turn = |value: &str, criticality: &str| {
            let facts = Facts {
                value: Some(value.to_owned()),
                criticality: Some(criticality.to_owned()),
                ..Facts::default()
            };
            let now = "2026-11-24T12:00:00Z".parse().unwrap();
            OrderBy::Value.turn(TurnFacts::of(&facts, now)).unwrap_or(UNKNOWN)
        };
        let order =
            [("Normal", "Very high"), ("Normal", "High"), ("Normal", "Medium"), ("", "Low")];
        assert_eq!(order.map(|(value, critical)| turn(value, critical)), [-1, 0, 1, 2]);
        assert_eq!(turn("High", "Low"), 0);
    }

    #[test]
    fn every_order_has_its_name_and_the_list_is_known_of_every_device() {
        for by in [OrderBy::List, OrderBy::LastSeen, OrderBy::Value] {
            assert_eq!(OrderBy::named(by.name()), Some(by));
        }
        assert_eq!(OrderBy::named("random"), None);
        assert_eq!(OrderBy::List.turn(TurnFacts::default()), Some(0));
    }

    #[test]
    fn the_inventory_and_the_list_complete_each_other() {
        let one = standing("high", "");
        let both = one.or(standing("low", "2026-11-20T00:00:00Z"));
        assert_eq!(both.value, Some(Value::High));
        assert!(both.last_seen_s.is_some());
    }
}
