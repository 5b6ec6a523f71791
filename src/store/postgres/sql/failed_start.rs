//! SQL of the starts that came to nothing.

use jiff::civil::Date;

use super::values::{at, get, time, unsigned};
use crate::domain::{FailedStart, StartOf, Target};
use crate::store::columns::parsed;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;

/// Keeps one, in the place of one of the same day.
pub(in super::super) async fn set_failed_start(
    conn: &Session,
    start: &FailedStart,
) -> Result<(), Fault> {
    const SQL: &str = "INSERT INTO failed_start (kind, name, api_origin, tenant, application, \
        cloud, day, at, why, exit_code, by, host) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
        ON CONFLICT (kind, name, api_origin, tenant, day) DO UPDATE \
        SET application = excluded.application, cloud = excluded.cloud, at = excluded.at, \
        why = excluded.why, exit_code = excluded.exit_code, by = excluded.by, \
        host = excluded.host";
    let FailedStart { of, target, day, at: moment, why, exit_code, by, host } = start;
    let Target { api_origin, tenant, application, cloud } = target;
    let (kind, name, day, exit_code) =
        (of.kind(), of.name(), day.to_string(), i64::from(*exit_code));
    conn.execute(
        SQL,
        &[
            &kind,
            &name,
            api_origin,
            tenant,
            application,
            cloud,
            &day,
            &at(*moment),
            why,
            &exit_code,
            by,
            host,
        ],
    )
    .await?;
    Ok(())
}

/// Those of days from this one on, the earliest first.
pub(in super::super) async fn failed_starts(
    conn: &Session,
    since: Date,
) -> Result<Vec<FailedStart>, Fault> {
    const SQL: &str = "SELECT kind, name, api_origin, tenant, application, cloud, day, at, why, \
        exit_code, by, host FROM failed_start WHERE day >= $1 ORDER BY day, at";
    let mut all = Vec::new();
    for row in conn.query(SQL, &[&since.to_string()]).await? {
        let kind: String = get(&row, "kind")?;
        let target = Target {
            api_origin: get(&row, "api_origin")?,
            tenant: get(&row, "tenant")?,
            application: get(&row, "application")?,
            cloud: get(&row, "cloud")?,
        };
        all.push(FailedStart {
            of: parsed(get(&row, "name")?, |name| StartOf::named(&kind, name))?,
            target,
            day: parsed(get(&row, "day")?, |day| day.parse().ok())?,
            at: time(&row, "at")?,
            why: get(&row, "why")?,
            exit_code: unsigned(&row, "exit_code")?,
            by: get(&row, "by")?,
            host: get(&row, "host")?,
        });
    }
    Ok(all)
}

/// Removes those of days before this one.
pub(in super::super) async fn remove_failed_starts(
    conn: &Session,
    before: Date,
) -> Result<(), Fault> {
    conn.execute("DELETE FROM failed_start WHERE day < $1", &[&before.to_string()]).await?;
    Ok(())
}
