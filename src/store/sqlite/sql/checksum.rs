//! Checksums of rows: 64 bits of SHA-256 over what a row says, so that a bit that flipped in the
//! file is noticed where the row is read. They guard against damage and not against people: who may
//! write the file may write them too.

use sha2::{Digest, Sha256};

use crate::domain::{
    BudgetState, Campaign, CampaignId, DeviceId, Life, Outcome, Probe, Quota, Rank, ServerNotes,
    Stamp, State,
};
use crate::store::columns::{named_text, state_name, stored};
use crate::store::sqlite::fault::{Fault, broken};
use crate::store::tables::CampaignBudgets;

/// A checksum under way. Every part is closed by its length, so that parts cannot run together.
struct Sum(Sha256);

impl Sum {
    fn of(table: &str, key: i64) -> Self {
        Self(Sha256::new()).text(table).number(key)
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self.number(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
    }

    fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    fn number(mut self, number: i64) -> Self {
        self.0.update(number.to_le_bytes());
        self
    }

    fn end(self) -> i64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0.finalize()[..8]);
        i64::from_le_bytes(first)
    }
}

/// Of the row with this key. A draft has that of the waiting device that it becomes, so that
/// confirming a list need not touch each sum; `ready` follows from the rest and the clock.
pub(super) fn of_device(key: i64, device: Option<DeviceId>, life: &Life) -> i64 {
    let waiting = State::Queued(Stamp::ZERO);
    let state = if life.state == State::Draft { waiting } else { life.state };
    let (at, looks, busy_look) = stored(state);
    let sum = Sum::of("device_row", key);
    let sum = sum.bytes(device.as_ref().map_or(&[], |device| device.as_bytes().as_slice()));
    let sum = sum.text(summed_name(state)).number(at.0).number(looks.into());
    let sum = sum.number(busy_look.into()).number(life.attempt.into()).number(life.tries.into());
    let sum = sum.number(rank(life.rank)).number(life.doubted.into());
    let sum = sum.number(life.busy_asks.into()).number(life.unseen.into());
    // Rows that were never claimed have the sum that they had before there was this column.
    let sum = if life.arrives_by == Stamp::ZERO { sum } else { sum.number(life.arrives_by.0) };
    sum.end()
}

/// What stands for a state in a checksum: what was cancelled and what expired were one once, and
/// what was accepted and failed afterwards.
fn summed_name(state: State) -> &'static str {
    match state {
        State::Done(outcome @ (Outcome::Cancelled { .. } | Outcome::ScanFailed)) => outcome.name(),
        other => state_name(other),
    }
}

/// What stands for a rank in a checksum. It is not the number in the column, which moved when
/// there came a rank in between.
fn rank(rank: Rank) -> i64 {
    match rank {
        Rank::First => 0,
        Rank::Again => 1,
        Rank::Last => 2,
        Rank::Late => 3,
    }
}

/// Of a budget's pauses.
pub(super) fn of_budget(budget: i64, state: &BudgetState) -> i64 {
    let BudgetState { not_before, paused_at, probe, spacing, last_claim, streak, faults, named } =
        state;
    let probe = match probe {
        Probe::Off => -1,
        Probe::Due => -2,
        Probe::InFlight(until) => until.0,
    };
    let spacing = i64::try_from(spacing.as_nanos()).unwrap_or(i64::MAX);
    let sum = Sum::of("budget", budget).number(not_before.0).number(paused_at.0).number(probe);
    let sum = sum.number(spacing).number(last_claim.0);
    let sum = sum.number((*streak).into()).number((*faults).into());
    // A budget of which nothing was named has the sum that it had before there was this column.
    named_text(named).iter().fold(sum, |sum, named| sum.text("named").text(named)).end()
}

/// Of all that was fixed when a campaign was confirmed, its budgets included.
pub(super) fn of_campaign(
    campaign: &Campaign,
    budgets: CampaignBudgets,
    rollout: Option<&str>,
) -> i64 {
    let order = &campaign.order;
    let sum = Sum::of("campaign", campaign.id.0).text(campaign.name.as_str());
    let sum = sum.text(&order.target.api_origin).text(&order.target.tenant);
    let sum = sum.text(&order.target.application).text(&order.target.cloud);
    let sum = sum.text(&order.scan_type.to_string()).text(&order.comment).text(&order.ids_hash);
    let sum = sum.number(campaign.mark_bits.cast_signed()).number(campaign.busy as i64);
    let sum = sum.number(campaign.emulated.into()).text(&campaign.opened_at.to_string());
    let sum = sum.number(budgets.scan.0).number(budgets.read.0);
    // A campaign without a ticket has the sum that it had before there was this column.
    let sum = order.ticket.iter().fold(sum, |sum, ticket| sum.text(ticket.as_str()));
    rollout.into_iter().fold(sum, |sum, rollout| sum.text("rollout").text(rollout)).end()
}

/// Of what a campaign learnt about its server.
pub(super) fn of_notes(campaign: CampaignId, notes: &ServerNotes) -> i64 {
    let first = notes.first_contact.map(|at| at.to_string()).unwrap_or_default();
    Sum::of("notes", campaign.0).text(&first).number(notes.comments_changed.into()).end()
}

/// Of the quotas of a campaign's runners, in ascending order.
pub(super) fn of_quotas<'a>(
    campaign: CampaignId,
    quotas: impl IntoIterator<Item = &'a Quota>,
) -> i64 {
    let nanos = |quota: &Quota| i64::try_from(quota.window.as_nanos()).unwrap_or(i64::MAX);
    let sum = Sum::of("quota", campaign.0);
    let add = |sum: Sum, quota: &Quota| sum.number(quota.calls.get().into()).number(nanos(quota));
    quotas.into_iter().fold(sum, add).end()
}

/// Of the wave that a campaign has come to, since when it is over and how it failed; the first has
/// none at its beginning, as campaigns had before there were waves.
pub(super) fn of_wave(
    campaign: CampaignId,
    wave: u32,
    over: Option<Stamp>,
    failed: Option<&str>,
) -> Option<i64> {
    if wave == 0 && over.is_none() && failed.is_none() {
        return None;
    }
    let sum = Sum::of("wave", campaign.0).number(wave.into());
    let sum = over.iter().fold(sum, |sum, at| sum.text("over").number(at.0));
    Some(failed.iter().fold(sum, |sum, failed| sum.text("failed").text(failed)).end())
}

/// Refuses the wave of a campaign that does not match its checksum: a later wave would begin.
pub(super) fn check_wave(
    campaign: CampaignId,
    (wave, over, failed): (u32, Option<Stamp>, Option<&str>),
    there: Option<i64>,
) -> Result<(), Fault> {
    if there == of_wave(campaign, wave, over, failed) {
        return Ok(());
    }
    let what = "does not match its checksum: the file is damaged";
    Err(broken(format!("the wave of campaign {} {what}", campaign.0)))
}

/// Of the clock of a start of the machine.
pub(super) fn of_clock(boot_id: &str, offset_us: i64) -> i64 {
    Sum::of("clock", offset_us).text(boot_id).end()
}

/// Of the epoch of a store.
pub(super) fn of_epoch(number: i64, free_at: Stamp) -> i64 {
    Sum::of("epoch", number).number(free_at.0).end()
}

/// Of what a campaign was begun with.
pub(super) fn of_begun(campaign: CampaignId, texts: &[&str]) -> i64 {
    texts.iter().fold(Sum::of("begun", campaign.0), |sum, text| sum.text(text)).end()
}

/// Of where the store's file was.
pub(super) fn of_place(path: &str, device: i64, inode: i64, born: Option<i64>) -> i64 {
    let sum = Sum::of("place", inode).number(device).text(path);
    // Where the birth is not known, the sum is what it was before there was this column.
    born.into_iter().fold(sum, Sum::number).end()
}

/// Of the names of tables and columns; it is kept in 31 bits and is never zero.
pub(super) fn of_schema(columns: &str) -> i64 {
    (Sum::of("schema", 0).text(columns).end() & 0x7fff_fffe) + 1
}

/// Refuses a row that does not match its checksum.
pub(super) fn check(
    there: Option<i64>,
    sum: i64,
    what: impl FnOnce() -> String,
) -> Result<(), Fault> {
    if there == Some(sum) {
        return Ok(());
    }
    Err(broken(format!("{} does not match its checksum: the file is damaged", what())))
}
