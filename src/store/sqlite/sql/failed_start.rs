//! SQL of the starts that came to nothing.

use jiff::civil::Date;
use sqlx::{Row as _, SqliteConnection};

use super::values::time;
use crate::domain::{FailedStart, StartOf, Target};
use crate::store::columns::{parsed, unsigned};
use crate::store::sqlite::fault::Fault;

/// Keeps one, in the place of one of the same day.
pub(in super::super) async fn set_failed_start(
    conn: &mut SqliteConnection,
    start: &FailedStart,
) -> Result<(), Fault> {
    let sql = "INSERT OR REPLACE INTO failed_start (kind, name, api_origin, tenant, application, \
               cloud, day, at, why, exit_code, by, host) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let FailedStart { of, target, day, at, why, exit_code, by, host } = start;
    let Target { api_origin, tenant, application, cloud } = target;
    let insert = sqlx::query(sql).bind(of.kind()).bind(of.name()).bind(api_origin).bind(tenant);
    let insert = insert.bind(application).bind(cloud).bind(day.to_string()).bind(at.to_string());
    insert.bind(why).bind(i64::from(*exit_code)).bind(by).bind(host).execute(conn).await?;
    Ok(())
}

/// Those of days from this one on, the earliest first.
pub(in super::super) async fn failed_starts(
    conn: &mut SqliteConnection,
    since: Date,
) -> Result<Vec<FailedStart>, Fault> {
    let sql = "SELECT kind, name, api_origin, tenant, application, cloud, day, at, why, exit_code, \
               by, host FROM failed_start WHERE day >= ? ORDER BY day, at";
    let mut all = Vec::new();
    for row in sqlx::query(sql).bind(since.to_string()).fetch_all(conn).await? {
        let kind: String = row.try_get("kind")?;
        let of = parsed(row.try_get("name")?, |name| StartOf::named(&kind, name))?;
        let target = Target {
            api_origin: row.try_get("api_origin")?,
            tenant: row.try_get("tenant")?,
            application: row.try_get("application")?,
            cloud: row.try_get("cloud")?,
        };
        all.push(FailedStart {
            of,
            target,
            day: parsed(row.try_get("day")?, |day| day.parse().ok())?,
            at: time(row.try_get("at")?)?,
            why: row.try_get("why")?,
            exit_code: unsigned(row.try_get("exit_code")?)?,
            by: row.try_get("by")?,
            host: row.try_get("host")?,
        });
    }
    Ok(all)
}

/// Removes those of days before this one.
pub(in super::super) async fn remove_failed_starts(
    conn: &mut SqliteConnection,
    before: Date,
) -> Result<(), Fault> {
    let delete = sqlx::query("DELETE FROM failed_start WHERE day < ?").bind(before.to_string());
    delete.execute(conn).await?;
    Ok(())
}
