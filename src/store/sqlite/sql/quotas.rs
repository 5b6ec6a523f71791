//! Quotas as SQLite lists them. It runs no SQL.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use super::values::signed;
use crate::domain::Quota;
use crate::store::sqlite::fault::{Fault, broken};

/// Quotas as `json_group_array(json_array(calls, window_ns))` lists them, each once and in the
/// order that both stores use.
pub(super) fn quotas_of(text: &str) -> Result<Vec<Quota>, Fault> {
    let pairs: Vec<(u32, u64)> = serde_json::from_str(text)
        .map_err(|error| broken(format!("the quotas cannot be read: {error}")))?;
    let quota = |(calls, window): (u32, u64)| {
        let calls = NonZeroU32::new(calls).ok_or_else(|| broken("a quota of no calls"))?;
        Ok(Quota { calls, window: Duration::from_nanos(window) })
    };
    let all: BTreeSet<Quota> = pairs.into_iter().map(quota).collect::<Result<_, Fault>>()?;
    Ok(all.into_iter().collect())
}

/// The window of a quota in the column `window_ns`.
pub(super) fn window_ns(quota: &Quota) -> i64 {
    signed(quota.window.as_nanos())
}
