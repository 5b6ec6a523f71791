//! All SQL of this store, and how its rows become values: nothing outside this folder knows a
//! column. It lies by table. No rule is decided here.

mod audit;
mod batch;
mod begun;
mod budget;
mod called_off;
mod campaign;
mod checksum;
mod device;
mod draft;
mod epoch;
mod failed_start;
mod file;
mod happening;
mod journal;
mod life;
mod look;
mod machine;
mod minute;
mod one_name;
mod process;
mod prune;
mod queue;
mod report;
mod result;
mod script;
mod select;
mod set;
mod sums;
mod values;

pub(super) use audit::audit;
pub(super) use batch::*;
pub(super) use begun::{begun, set_begun};
pub(super) use budget::{budget, budget_id, claiming};
pub(super) use called_off::{change_waiting, waiting};
#[cfg(feature = "testing")]
pub(super) use campaign::counted;
pub(super) use campaign::{calls, campaign, tally};
pub(super) use device::*;
pub(super) use draft::*;
pub(super) use epoch::{begin_epoch, longest_window};
pub(super) use failed_start::{failed_starts, remove_failed_starts, set_failed_start};
pub(super) use file::*;
pub(super) use happening::{happenings, note_happening, remove_happenings};
pub(super) use journal::*;
pub(super) use look::looks;
pub(super) use machine::{
    FileIdentity, clock_offset, clock_owner, keep_place, kept_place, last_moment, latest_claim,
    set_clock_offset,
};
pub(super) use minute::minutes;
pub(super) use one_name::{set_tenant_name, tenant_named, unite_budgets};
pub(super) use process::{processes, set_process};
pub(super) use prune::prune;
pub(super) use queue::*;
pub(super) use report::{matching, rows};
pub(super) use result::results;
pub(super) use select::campaigns;
pub(super) use set::{set, set_quotas};
pub(super) use sums::add_checksums;
