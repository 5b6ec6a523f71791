//! Budgets that an older version kept apart, since it knew one service by several names: they
//! become one that holds the calls and the pauses of all. And the names of tenants that a sign-in
//! told apart. Which names are one is `domain`'s.

use std::collections::BTreeMap;

use sqlx::{Row as _, SqliteConnection};

use super::{budget, campaign, checksum};
use crate::domain::{BudgetKey, BudgetState, CampaignId, Operation};
use crate::store::columns::parsed;
use crate::store::sqlite::fault::Fault;
use crate::store::tables::{BudgetId, CampaignBudgets, TenantName};

/// A budget as it stands in the file.
struct Budget {
    id: i64,
    spelled: BudgetKey,
    state: BudgetState,
    /// It matches its checksum. One that does not must not be made whole by a new one.
    whole: bool,
}

/// Keeps the id of a tenant.
pub(in super::super) async fn set_tenant_name(
    conn: &mut SqliteConnection,
    name: &TenantName,
) -> Result<(), Fault> {
    let sql = "INSERT INTO tenant_name (api_origin, name, tenant) VALUES (?, ?, ?) \
               ON CONFLICT DO UPDATE SET tenant = excluded.tenant";
    let TenantName { service, domain, tenant } = name;
    sqlx::query(sql).bind(service).bind(domain).bind(tenant).execute(conn).await?;
    Ok(())
}

/// The id of a tenant whose domain this is, if a sign-in told it.
pub(in super::super) async fn tenant_named(
    conn: &mut SqliteConnection,
    service: &str,
    domain: &str,
) -> Result<Option<String>, Fault> {
    let sql = "SELECT tenant FROM tenant_name WHERE api_origin = ? AND name = ?";
    Ok(sqlx::query_scalar(sql).bind(service).bind(domain).fetch_optional(conn).await?)
}

/// Brings every budget to the one name of its service, and those that become one together.
pub(in super::super) async fn unite_budgets(conn: &mut SqliteConnection) -> Result<(), Fault> {
    let mut groups: BTreeMap<BudgetKey, Vec<Budget>> = BTreeMap::new();
    for budget in budgets(conn).await? {
        let BudgetKey { api_origin, tenant, application, operation } = &budget.spelled;
        let key = BudgetKey::of(api_origin, tenant, application, *operation);
        groups.entry(key).or_default().push(budget);
    }
    for (key, group) in groups {
        if group.len() > 1 || group.iter().any(|budget| budget.spelled != key) {
            unite(conn, &key, &group).await?;
        }
    }
    Ok(())
}

async fn budgets(conn: &mut SqliteConnection) -> Result<Vec<Budget>, Fault> {
    let sql = concat!(
        "SELECT ",
        budget::budget_columns!(),
        ", b.api_origin, b.tenant, b.application, b.operation FROM budget b ORDER BY b.id"
    );
    let mut all = Vec::new();
    for row in sqlx::query(sql).fetch_all(conn).await? {
        let id = row.try_get("budget")?;
        let state = budget::pauses(&row)?;
        let sum: Option<i64> = row.try_get("budget_sum")?;
        let spelled = BudgetKey {
            api_origin: row.try_get("api_origin")?,
            tenant: row.try_get("tenant")?,
            application: row.try_get("application")?,
            operation: parsed(row.try_get("operation")?, operation)?,
        };
        let whole = sum == Some(checksum::of_budget(id, &state));
        all.push(Budget { id, spelled, state, whole });
    }
    Ok(all)
}

fn operation(name: &str) -> Option<Operation> {
    let all = [Operation::Scan, Operation::Read, Operation::Cancel];
    all.into_iter().find(|one| one.to_string() == name)
}

/// Makes the first of a group the budget of all.
async fn unite(
    conn: &mut SqliteConnection,
    key: &BudgetKey,
    group: &[Budget],
) -> Result<(), Fault> {
    let Some((first, others)) = group.split_first() else { return Ok(()) };
    for other in others {
        move_campaigns(conn, other.id, first.id).await?;
        let sql = "UPDATE budget SET calls = calls + (SELECT calls FROM budget WHERE id = ?1) \
                   WHERE id = ?2";
        sqlx::query(sql).bind(other.id).bind(first.id).execute(&mut *conn).await?;
        let sql = "UPDATE call SET budget = ?2 WHERE budget = ?1";
        sqlx::query(sql).bind(other.id).bind(first.id).execute(&mut *conn).await?;
        let sql = "INSERT INTO result (budget, result, calls) SELECT ?2, result, calls FROM result \
                   WHERE budget = ?1 ON CONFLICT DO UPDATE SET calls = calls + excluded.calls";
        sqlx::query(sql).bind(other.id).bind(first.id).execute(&mut *conn).await?;
        let sql = "DELETE FROM result WHERE budget = ?";
        sqlx::query(sql).bind(other.id).execute(&mut *conn).await?;
        let sql = "DELETE FROM budget WHERE id = ?";
        sqlx::query(sql).bind(other.id).execute(&mut *conn).await?;
    }
    let state = others.iter().fold(first.state, |state, other| state.merged(other.state));
    let whole = group.iter().all(|budget| budget.whole);
    let first = BudgetId(first.id);
    budget::rewrite_budget(conn, first, key, whole.then_some(&state)).await
}

/// Puts the campaigns on one budget on another one.
async fn move_campaigns(conn: &mut SqliteConnection, from: i64, to: i64) -> Result<(), Fault> {
    for id in on_budget(conn, from).await? {
        move_budget(conn, id, from, to).await?;
    }
    Ok(())
}

/// The campaigns that call on a budget.
async fn on_budget(conn: &mut SqliteConnection, budget: i64) -> Result<Vec<CampaignId>, Fault> {
    let sql = "SELECT id FROM campaign WHERE scan_budget = ?1 OR read_budget = ?1";
    let all: Vec<i64> = sqlx::query_scalar(sql).bind(budget).fetch_all(conn).await?;
    Ok(all.into_iter().map(CampaignId).collect())
}

/// Puts a campaign on another budget in the place of this one. If it does not match its checksum
/// now, it does not afterwards either.
async fn move_budget(
    conn: &mut SqliteConnection,
    id: CampaignId,
    from: i64,
    to: i64,
) -> Result<(), Fault> {
    let query = sqlx::query(campaign::select_campaigns!(" AND id = ?")).bind(id.0);
    let Some(row) = query.fetch_optional(&mut *conn).await? else { return Ok(()) };
    let there = campaign::unchecked(&row)?;
    let budgets = campaign::budgets(&row)?;
    let rollout: Option<&str> = row.try_get("rollout")?;
    let kept: Option<i64> = row.try_get("sum")?;
    let was_whole = kept == Some(checksum::of_campaign(&there, budgets, rollout));
    let moved = |budget: BudgetId| if budget.0 == from { BudgetId(to) } else { budget };
    let budgets = CampaignBudgets { scan: moved(budgets.scan), read: moved(budgets.read) };
    let sum = was_whole.then(|| checksum::of_campaign(&there, budgets, rollout));
    let sql = "UPDATE campaign SET scan_budget = ?, read_budget = ?, sum = ? WHERE id = ?";
    let update = sqlx::query(sql).bind(budgets.scan.0).bind(budgets.read.0).bind(sum).bind(id.0);
    update.execute(conn).await?;
    Ok(())
}
