//! SQL of the names of tenants that a sign-in told.

use super::values::get;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::session::Session;
use crate::store::tables::TenantName;

/// Keeps the id of a tenant.
pub(in super::super) async fn set_tenant_name(
    conn: &Session,
    name: &TenantName,
) -> Result<(), Fault> {
    const SQL: &str = "INSERT INTO tenant_name (api_origin, name, tenant) VALUES ($1, $2, $3) \
        ON CONFLICT (api_origin, name) DO UPDATE SET tenant = excluded.tenant";
    let TenantName { service, domain, tenant } = name;
    conn.execute(SQL, &[service, domain, tenant]).await?;
    Ok(())
}

/// The id of a tenant whose domain this is, if a sign-in told it.
pub(in super::super) async fn tenant_named(
    conn: &Session,
    service: &str,
    domain: &str,
) -> Result<Option<String>, Fault> {
    const SQL: &str = "SELECT tenant FROM tenant_name WHERE api_origin = $1 AND name = $2";
    let row = conn.query_opt(SQL, &[&service, &domain]).await?;
    row.map(|row| get(&row, "tenant")).transpose()
}
