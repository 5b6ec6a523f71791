//! All SQL of this store, and how its rows become values: nothing outside this folder knows a
//! column. It lies by table. No rule is decided here.

mod batch;
mod budget;
mod campaign;
mod device;
mod draft;
mod epoch;
mod failed_start;
mod happening;
mod journal;
mod life;
mod look;
mod minute;
mod names;
mod process;
mod queue;
mod select;
mod set;
mod values;

pub(super) use budget::*;
#[cfg(feature = "testing")]
pub(super) use campaign::counted;
pub(super) use campaign::{calls, campaign, tally};
pub(super) use device::*;
pub(super) use draft::*;
pub(super) use epoch::*;
pub(super) use failed_start::{failed_starts, remove_failed_starts, set_failed_start};
pub(super) use happening::*;
pub(super) use journal::*;
pub(super) use look::looks;
pub(super) use minute::{minutes, prune_calls, results};
pub(super) use names::*;
pub(super) use process::{processes, set_process};
pub(super) use queue::*;
pub(super) use select::campaigns;
pub(super) use set::{set, set_quotas};
