//! What was found of a list when a plan was made of it, and how that differs from what is found
//! now.

use serde::{Deserialize, Serialize};

use super::request::{all, yes_or_no};
use crate::domain::campaign::Differences;
use crate::domain::request::{ScanRequest, WaveRequest};

/// What was found of the list and decides who is ordered when, beside what was asked for. The
/// default is what a list is that is ordered as it stands, in one wave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FoundInList {
    /// How many devices go before all others.
    pub first: u64,
    /// `campaign::hash_in_order` over them.
    pub first_hash: Option<String>,
    /// `campaign::hash_of_ids` over the ids of `--canary-file`.
    pub canary_hash: Option<String>,
    /// Devices of each wave but the last, as the list was dealt, the canary first.
    pub dealt: Vec<u64>,
    /// The first of these waves is the canary.
    pub begins_with_canary: bool,
    /// `campaign::hash_in_order` over the devices of the list, where it is their order that decides
    /// who is in which wave.
    pub rows_hash: Option<String>,
}

impl FoundInList {
    /// Compares it with what is found now. `asked` is what was asked for then and now.
    pub(super) fn compare_with(
        &self,
        now: &Self,
        asked: [&ScanRequest; 2],
        found: &mut Differences,
    ) {
        let Self { first, first_hash, canary_hash, dealt, begins_with_canary, rows_hash } = self;
        // The lists may be elsewhere: what counts is what is in them.
        if *first_hash != now.first_hash {
            let (then, after) = (*first, now.first);
            let same = if then == after { " (not the same ones, or in another order)" } else { "" };
            found.push(format!("devices of --first: {then} planned, {after} now{same}"));
        }
        let [asked, asked_now] = asked;
        let (waves, waves_now) = (&asked.waves, &asked_now.waves);
        if canary_hash.is_some() && now.canary_hash.is_some() && *canary_hash != now.canary_hash {
            found.push("the ids of --canary-file: not the ones that were planned".to_owned());
        }
        // What was asked for otherwise is told already, and deals otherwise.
        let rule = |waves: &WaveRequest| (waves.canary, waves.rule().map(|rule| rule.to_string()));
        let same_lists = *canary_hash == now.canary_hash && canary_hash.is_some();
        if waves.waves == waves_now.waves && (same_lists || rule(waves) == rule(waves_now)) {
            found.compare("devices of the waves", &all(dealt), &all(&now.dealt));
            let (then, now) = (*begins_with_canary, now.begins_with_canary);
            found.compare("the first wave is the canary", yes_or_no(then), yes_or_no(now));
        }
        // Where the order goes by something else now, or the waves are other ones, that is told.
        let same = *dealt == now.dealt && asked.order.by == asked_now.order.by;
        if same && rows_hash.is_some() && *rows_hash != now.rows_hash {
            let what = "the order of the rows, which decides who is in which wave";
            found.push(format!("{what}: not the one that was planned"));
        }
    }
}
