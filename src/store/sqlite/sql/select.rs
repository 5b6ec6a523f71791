//! SQL of campaigns by what is asked of them. Those that are not meant are passed by through an
//! index, so that a store with many old campaigns costs no more than one without.

use jiff::{SignedDuration, Timestamp};
use sqlx::query_builder::QueryBuilder;
use sqlx::{Sqlite, SqliteConnection};

use super::campaign::{read, select_campaigns};
use crate::domain::{Campaign, CampaignFilter};
use crate::store::columns::signed;
use crate::store::sqlite::fault::Fault;

/// The confirmed campaigns that are meant, the latest first.
pub(in super::super) async fn campaigns(
    conn: &mut SqliteConnection,
    filter: &CampaignFilter,
) -> Result<Vec<Campaign>, Fault> {
    let mut query = query(select_campaigns!(""), filter);
    let rows = query.build().persistent(false).fetch_all(conn).await?;
    let mut all: Vec<Campaign> = rows.iter().map(read).collect::<Result<_, Fault>>()?;
    // A moment stands as text of which SQL compares whole seconds alone.
    all.retain(|campaign| filter.fits(campaign));
    all.truncate(filter.latest.unwrap_or(usize::MAX));
    Ok(all)
}

fn query(select: &str, filter: &CampaignFilter) -> QueryBuilder<Sqlite> {
    let CampaignFilter {
        open,
        on_budget,
        name,
        name_begins,
        not_over_before,
        with_rows_over_before,
        but,
        latest,
    } = filter;
    let mut query = QueryBuilder::new(select);
    if *open {
        query.push(" AND state = 'open'");
    }
    if let Some(budget) = on_budget {
        query.push(" AND scan_budget = (SELECT id FROM budget WHERE api_origin = ");
        query.push_bind(budget.api_origin.clone()).push(" AND tenant = ");
        query.push_bind(budget.tenant.clone()).push(" AND application = ");
        query.push_bind(budget.application.clone()).push(" AND operation = ");
        query.push_bind(budget.operation.to_string()).push(")");
    }
    if let Some(name) = name {
        query.push(" AND name = ").push_bind(name.to_string());
    }
    if let Some(begin) = name_begins {
        // Behind every name that begins so, and before every other one that is greater.
        let end = format!("{begin}{}", char::MAX);
        query.push(" AND name >= ").push_bind(begin.clone()).push(" AND name < ").push_bind(end);
    }
    if let Some(moment) = not_over_before {
        query.push(" AND (finished_at IS NULL OR finished_at >= ");
        query.push_bind(second(*moment)).push(")");
    }
    if let Some(moment) = with_rows_over_before {
        let after = moment.checked_add(SignedDuration::from_secs(1)).unwrap_or(*moment);
        query.push(" AND state = 'finished' AND pruned_at IS NULL AND finished_at < ");
        query.push_bind(second(after));
    }
    if !but.is_empty() {
        let ids: Vec<i64> = but.iter().map(|campaign| campaign.0).collect();
        let ids = serde_json::Value::from(ids).to_string();
        query.push(" AND id NOT IN (SELECT value FROM json_each(").push_bind(ids).push("))");
    }
    // A filter has an index of its own, which the order of keys must not draw the query from.
    let by_end = not_over_before.is_some() || with_rows_over_before.is_some();
    let narrow = *open || name.is_some() || name_begins.is_some() || by_end;
    query.push(if narrow { " ORDER BY +id DESC" } else { " ORDER BY id DESC" });
    if let (Some(latest), false) = (latest, by_end) {
        query.push(" LIMIT ").push_bind(signed::<usize>(*latest));
    }
    query
}

/// The second of a moment, as a text that sorts before those of all moments in it.
fn second(moment: Timestamp) -> String {
    let mut text = moment.to_string();
    text.truncate("2026-11-26T22:00:00".len());
    text
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection, Row as _};

    use super::*;
    use crate::domain::{BudgetKey, Operation};
    use crate::store::sqlite::migrations::MIGRATIONS;

    /// How SQLite goes about a query, one step a line.
    async fn plan(filter: &CampaignFilter) -> String {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        MIGRATIONS.run_direct(None, &mut conn, false).await.unwrap();
        let mut query = query(concat!("EXPLAIN QUERY PLAN ", select_campaigns!("")), filter);
        let steps = query.build().fetch_all(&mut conn).await.unwrap();
        let steps = steps.iter().map(|row| row.try_get::<String, _>("detail").unwrap());
        steps.collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn campaigns_that_are_not_meant_are_passed_by_through_an_index() {
        let all = CampaignFilter::default;
        let budget = BudgetKey::of("https://api.example", "t", "a", Operation::Scan);
        let moment = "2026-11-26T22:00:00.5Z".parse().ok();
        let begins = Some("nightly-".to_owned());
        for (filter, index) in [
            (CampaignFilter::open(), "campaign_open"),
            (CampaignFilter::open_on(&budget), "campaign_open"),
            (CampaignFilter { name_begins: begins.clone(), ..all() }, "campaign_name"),
            (CampaignFilter { name_begins: begins, ..CampaignFilter::open() }, "campaign_name"),
            (CampaignFilter::named(&"nightly".parse().unwrap()), "campaign_name"),
            (CampaignFilter::named_on(&"nightly".parse().unwrap(), &budget), "campaign_name"),
            (CampaignFilter { not_over_before: moment, ..all() }, "campaign_finished"),
            (CampaignFilter { with_rows_over_before: moment, ..all() }, "campaign_finished"),
        ] {
            let plan = plan(&filter).await;
            assert!(plan.contains(index), "{filter:?}: {plan}");
            let whole = plan.lines().any(|step| step == "SCAN campaign");
            assert!(!whole, "{filter:?}: {plan}");
        }
        // The latest ones are the first that are met: nothing is sorted.
        let plan = plan(&CampaignFilter { latest: Some(7), ..all() }).await;
        assert!(!plan.contains("B-TREE"), "{plan}");
    }
}
