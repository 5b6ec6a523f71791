//! SQL of budgets: their pauses, the quotas on them, and what a claim goes by. Their calls are
//! `journal`'s; whether one may be claimed is decided elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join;
use tokio_postgres::Row;

use super::batch::{Batch, values};
use super::values::{get, stamp, unsigned};
use crate::domain::hold::Decided;
use crate::domain::{BudgetKey, BudgetState, CampaignId, Operation, Stamp};
use crate::store::columns::{named_of, named_text, probe_columns, probe_of, quotas_of, signed};
use crate::store::postgres::fault::{Fault, broken};
use crate::store::postgres::session::{Session, Values};
use crate::store::tables::{Budget, BudgetId, Claiming, Subject};

/// The columns that `state_at` reads, of the budget `b`.
macro_rules! budget_columns {
    () => {
        "b.id AS budget, b.not_before, b.paused_at, b.probe, b.probe_until, b.spacing_ns, \
         b.last_claim, b.streak, b.faults, b.named"
    };
}
pub(super) use budget_columns;

/// The quotas of the campaigns `o` on the budget `b` by this column for which that holds.
macro_rules! quotas_on {
    ($column:literal, $if:literal) => {
        concat!(
            "(SELECT coalesce(json_agg(json_build_array(q.calls, q.window_ns)), '[]')::text \
              FROM campaign o JOIN quota q ON q.campaign = o.id WHERE ",
            $if,
            " AND o.",
            $column,
            " = b.id) AS quotas"
        )
    };
}

/// Locks what a verb is about, so that no other verb about it reads or writes before this one is
/// over. Foreign keys do not wait for such a lock.
pub(in super::super) async fn lock(conn: &Session, subject: &Subject) -> Result<Stamp, Fault> {
    const ORDERS: &str = "SELECT last_now FROM budget WHERE id = \
        (SELECT scan_budget FROM campaign WHERE id = $1) FOR NO KEY UPDATE";
    const LOOKS: &str = "SELECT last_now FROM budget WHERE id = \
        (SELECT read_budget FROM campaign WHERE id = $1) FOR NO KEY UPDATE";
    const CALL: &str = "SELECT last_now FROM budget WHERE id = \
        (SELECT budget FROM call WHERE id = $1) FOR NO KEY UPDATE";
    const KEY: &str = "SELECT last_now FROM budget WHERE id = $1 FOR NO KEY UPDATE";
    const DRAFT: &str = "SELECT 0::bigint AS last_now FROM campaign WHERE id = $1 \
        FOR NO KEY UPDATE";
    let (sql, key) = match subject {
        Subject::Alone => return Ok(Stamp::ZERO),
        Subject::Draft(draft) => (DRAFT, draft.0),
        Subject::Campaign(campaign) => (ORDERS, campaign.0),
        Subject::Looks(campaign) => (LOOKS, campaign.0),
        Subject::Call(call) => (CALL, call.0),
        Subject::Budget(key) => (KEY, budget_id(conn, key).await?.0),
    };
    let row = conn.query_opt(sql, &[&key]).await?;
    // What is not there is told by the verb.
    row.map_or(Ok(Stamp::ZERO), |row| stamp(&row, "last_now"))
}

/// Locks what many verbs are about, in the order of their keys: the budget of each, and the latest
/// moment of any.
pub(in super::super) async fn lock_all(
    conn: &Session,
    subjects: &[&Subject],
) -> Result<(Vec<Option<i64>>, Stamp), Fault> {
    const WHOSE: &str = "SELECT id, scan_budget, read_budget FROM campaign WHERE id = ANY($1)";
    const CALLS: &str = "SELECT id, budget FROM call WHERE id = ANY($1)";
    const LOCK: &str = "SELECT last_now FROM budget WHERE id = ANY($1) ORDER BY id \
        FOR NO KEY UPDATE";
    let (mut campaigns, mut calls) = (Vec::new(), Vec::new());
    for subject in subjects {
        match subject {
            Subject::Campaign(campaign) | Subject::Looks(campaign) => campaigns.push(campaign.0),
            Subject::Call(call) => calls.push(call.0),
            Subject::Alone | Subject::Draft(_) | Subject::Budget(_) => {}
        }
    }
    let (whose_values, calls_values): (Values<'_>, Values<'_>) = (&[&campaigns], &[&calls]);
    let (whose, calls) =
        try_join(conn.query(WHOSE, whose_values), conn.query(CALLS, calls_values)).await?;
    let (mut scans, mut looks, mut of_call) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for row in &whose {
        let id: i64 = get(row, "id")?;
        scans.insert(id, get::<Option<i64>>(row, "scan_budget")?);
        looks.insert(id, get::<Option<i64>>(row, "read_budget")?);
    }
    for row in &calls {
        of_call.insert(get::<i64>(row, "id")?, get::<i64>(row, "budget")?);
    }
    let budget = |subject: &&Subject| match subject {
        Subject::Campaign(campaign) => scans.get(&campaign.0).copied().flatten(),
        Subject::Looks(campaign) => looks.get(&campaign.0).copied().flatten(),
        Subject::Call(call) => of_call.get(&call.0).copied(),
        // They are not carried with others.
        Subject::Alone | Subject::Draft(_) | Subject::Budget(_) => None,
    };
    let budgets: Vec<Option<i64>> = subjects.iter().map(budget).collect();
    let keys: Vec<i64> = budgets.iter().copied().flatten().collect();
    let mut last = Stamp::ZERO;
    for row in &conn.query(LOCK, &[&keys]).await? {
        last = last.max(stamp(row, "last_now")?);
    }
    Ok((budgets, last))
}

/// The key of a budget, made if it is new.
pub(in super::super) async fn budget_id(
    conn: &Session,
    budget: &BudgetKey,
) -> Result<BudgetId, Fault> {
    const FIND: &str = "SELECT id FROM budget \
        WHERE api_origin = $1 AND tenant = $2 AND application = $3 AND operation = $4";
    const MAKE: &str = "INSERT INTO budget (api_origin, tenant, application, operation) \
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    let BudgetKey { api_origin, tenant, application, operation } = budget;
    let operation = operation.to_string();
    if let Some(row) = conn.query_opt(FIND, &[api_origin, tenant, application, &operation]).await? {
        return Ok(BudgetId(get(&row, "id")?));
    }
    conn.execute(MAKE, &[api_origin, tenant, application, &operation]).await?;
    let row = conn.query_opt(FIND, &[api_origin, tenant, application, &operation]).await?;
    let row = row.ok_or_else(|| broken("a budget vanished"))?;
    Ok(BudgetId(get(&row, "id")?))
}

/// A budget with the quotas of all open campaigns on it; none has any for cancelling.
pub(in super::super) async fn budget(
    conn: &Session,
    budget: &BudgetKey,
) -> Result<Option<Budget>, Fault> {
    macro_rules! by {
        ($quotas:expr) => {
            concat!(
                "SELECT ",
                budget_columns!(),
                ", b.calls, e.free_at, ",
                $quotas,
                " FROM budget b CROSS JOIN epoch e WHERE b.api_origin = $1 AND b.tenant = $2 \
                 AND b.application = $3 AND b.operation = $4"
            )
        };
    }
    let sql = match budget.operation {
        Operation::Scan => by!(quotas_on!("scan_budget", "o.state = 'open'")),
        Operation::Read => by!(quotas_on!("read_budget", "o.state = 'open'")),
        Operation::Cancel => by!("'[]' AS quotas"),
    };
    let BudgetKey { api_origin, tenant, application, operation } = budget;
    let key = [api_origin, tenant, application, &operation.to_string()];
    let row = conn.query_opt(sql, &[&key[0], &key[1], &key[2], &key[3]]).await?;
    row.map(|row| budget_at(&row)).transpose()
}

/// What a claim of a campaign goes by; `None` if there is no such campaign.
pub(in super::super) async fn claiming(
    conn: &Session,
    campaign: CampaignId,
    operation: Operation,
    now: Stamp,
) -> Result<Option<Claiming>, Fault> {
    macro_rules! on {
        ($column:literal) => {
            concat!(
                "SELECT ",
                budget_columns!(),
                ", b.calls, e.free_at, ",
                quotas_on!($column, "(o.state = 'open' OR o.id = $1)"),
                ", EXISTS (SELECT 1 FROM device_row WHERE campaign = $1 AND at <= $2 \
                           AND state = 'queued' AND NOT ready) AS due, \
                 c.paused, c.called_off, c.epoch <> e.number AS forgotten, ",
                super::queue::ahead!(),
                " AS ahead, c.wave \
                 FROM campaign c CROSS JOIN epoch e JOIN budget b ON b.id = c.",
                $column,
                " WHERE c.id = $1"
            )
        };
    }
    let sql = match operation {
        Operation::Scan => on!("scan_budget"),
        Operation::Read => on!("read_budget"),
        Operation::Cancel => return Err(broken("no campaign cancels through a claim")),
    };
    let Some(row) = conn.query_opt(sql, &[&campaign.0, &now.0]).await? else {
        return Ok(None);
    };
    let decided = Decided {
        called_off: get(&row, "called_off")?,
        paused: get(&row, "paused")?,
        ahead: get::<Option<i64>>(&row, "ahead")?.map(CampaignId),
        forgotten: get(&row, "forgotten")?,
    };
    let (wave, due) = (unsigned(&row, "wave")?, get(&row, "due")?);
    Ok(Some(Claiming { budget: budget_at(&row)?, decided, wave, due }))
}

fn budget_at(row: &Row) -> Result<Budget, Fault> {
    let (id, state) = state_at(row)?;
    let (calls, quotas) = (unsigned(row, "calls")?, quotas_of(get(row, "quotas")?)?);
    Ok(Budget { id, state, calls, quotas, free_at: stamp(row, "free_at")? })
}

/// A budget's key and its pauses.
pub(super) fn state_at(row: &Row) -> Result<(BudgetId, BudgetState), Fault> {
    let state = BudgetState {
        not_before: stamp(row, "not_before")?,
        paused_at: stamp(row, "paused_at")?,
        probe: probe_of(get(row, "probe")?, stamp(row, "probe_until")?)?,
        spacing: Duration::from_nanos(unsigned(row, "spacing_ns")?),
        last_claim: stamp(row, "last_claim")?,
        streak: unsigned(row, "streak")?,
        faults: unsigned(row, "faults")?,
        named: named_of(get(row, "named")?)?,
    };
    Ok((BudgetId(get(row, "budget")?), state))
}

/// Writes the pauses of a budget, and that it takes so many more calls at this moment.
pub(super) fn add_state(
    batch: &mut Batch,
    budget: BudgetId,
    state: &BudgetState,
    calls: i64,
    now: Stamp,
) {
    const SQL: &str = "UPDATE budget SET not_before = $2, paused_at = $3, probe = $4, \
        probe_until = $5, spacing_ns = $6, last_claim = $7, streak = $8, faults = $9, named = $10, \
        calls = calls + $11, last_now = greatest(last_now, $12) WHERE id = $1";
    let (probe, until) = probe_columns(state.probe);
    let (streak, faults) = (i64::from(state.streak), i64::from(state.faults));
    batch.add(
        SQL,
        values![
            budget.0,
            state.not_before.0,
            state.paused_at.0,
            probe,
            until.0,
            signed(state.spacing.as_nanos()),
            state.last_claim.0,
            streak,
            faults,
            named_text(&state.named),
            calls,
            now.0,
        ],
    );
}
