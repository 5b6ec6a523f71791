//! What kept the run of a series from beginning after its latest one: who only asks how it stands
//! would take the night before for the last one. `nights` tells of all of them.

use std::collections::BTreeSet;

use jiff::ToSpan;

use crate::clock::local_now;
use crate::domain::service::id_of;
use crate::domain::text::printable;
use crate::domain::{Campaign, SeriesName};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::series::{Refused, refused_after};
use crate::report::human::wrapped;
use crate::report::standing::because;
use crate::report::{Document, jsonl};
use crate::store::Store;

/// Days after which nobody asks about it any more.
const LATELY: i64 = 8;

/// A day on which no run of a series began in a tenant.
pub(super) struct NotBegun {
    series: SeriesName,
    tenant: String,
    tenant_name: Option<String>,
    refused: Refused,
    /// The command that tells of all nights.
    nights: String,
}

/// The latest of each series and tenant among these campaigns, the latest of which come first.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(super) async fn read<S: Store>(
    cx: &Context<'_>,
    store: &S,
    campaigns: impl Iterator<Item = &Campaign>,
) -> Result<Vec<NotBegun>, Failure> {
    let today = local_now().date();
    let lately = today.checked_sub(LATELY.days()).unwrap_or(today);
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    for one in campaigns {
        let target = &one.order.target;
        let Some(series) = SeriesName::of(&one.name) else { continue };
        if !seen.insert((series.to_string(), id_of(&target.tenant))) {
            continue;
        }
        let latest = refused_after(store, one).await?.pop();
        let Some(refused) = latest.filter(|one| one.day >= lately) else { continue };
        all.push(NotBegun {
            series,
            tenant: target.tenant.clone(),
            tenant_name: cx.commands.tenant_name(target),
            refused,
            nights: cx.commands.of_store("status --nights"),
        });
    }
    Ok(all)
}

impl Document for NotBegun {
    fn text(&self) -> String {
        let Self { series, tenant_name, refused, nights, .. } = self;
        let Refused { day, why, exit_code } = refused;
        let tenant = tenant_name.as_ref().map(|name| format!(" for {}", printable(name)));
        let (tenant, why) = (tenant.unwrap_or_default(), because(&printable(why)));
        let day = day.strftime("%a %Y-%m-%d");
        let told = format!(
            "! No run of {series} began{tenant} on {day} (exit code {exit_code}){why}. `{nights}` \
             tells of all nights."
        );
        wrapped(&told, 2)
    }

    fn json(&self) -> String {
        let Self { series, tenant, tenant_name, refused, .. } = self;
        jsonl::line(&serde_json::json!({
            "v": 1, "type": "not_begun", "series": series, "tenant": tenant,
            "tenant_name": tenant_name, "date": refused.day.to_string(), "why": refused.why,
            "exit_code": refused.exit_code,
        }))
    }
}
