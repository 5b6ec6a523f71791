//! What kept the run of a series from beginning after its latest one: who only asks how it stands
//! would take the night before for the last one. `nights` tells of all of them.

use std::collections::BTreeSet;

use jiff::ToSpan;

use crate::clock::local_now;
use crate::domain::service::id_of;
use crate::domain::text::printable;
use crate::domain::{Campaign, SeriesName};
use crate::ops::context::Commands;
use crate::ops::failure::Failure;
use crate::ops::series::{Refused, refused_after};
use crate::report::human::wrapped;
use crate::report::standing::because;
use crate::report::{Document, jsonl};
use crate::store::Store;

/// Days after which nobody asks about it any more.
const LATELY: i64 = 8;

/// A day on which no run of a series began in a tenant.
pub(crate) struct NotBegun {
    series: SeriesName,
    tenant: String,
    tenant_name: Option<String>,
    /// There are campaigns of several tenants.
    is_of_several: bool,
    /// One began on that day.
    is_another: bool,
    refused: Refused,
    /// The command that tells of all nights.
    nights: String,
}

/// The latest of each series and tenant among these campaigns, the latest of which come first.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(crate) async fn read<S: Store>(
    commands: &Commands,
    store: &S,
    campaigns: impl Iterator<Item = &Campaign>,
) -> Result<Vec<NotBegun>, Failure> {
    let today = local_now().date();
    let lately = today.checked_sub(LATELY.days()).unwrap_or(today);
    let mut seen = BTreeSet::new();
    let mut is_latest = |series: &SeriesName, one: &Campaign| {
        seen.insert((series.to_string(), id_of(&one.order.target.tenant)))
    };
    let of_series = campaigns.filter_map(|one| Some((SeriesName::of(&one.name)?, one)));
    let latest: Vec<_> = of_series.filter(|(series, one)| is_latest(series, one)).collect();
    let tenants: BTreeSet<&String> = seen.iter().map(|(_, tenant)| tenant).collect();
    let is_of_several = tenants.len() > 1;
    let mut all = Vec::new();
    for (series, one) in latest {
        let target = &one.order.target;
        let latest = refused_after(store, one).await?.pop();
        let Some(refused) = latest.filter(|one| one.day >= lately) else { continue };
        let is_another = series.day_of(&one.name) == Some(refused.day);
        all.push(NotBegun {
            series,
            tenant: target.tenant.clone(),
            is_of_several,
            is_another,
            tenant_name: commands.tenant_name(target),
            refused,
            nights: commands.of_store("status --nights"),
        });
    }
    Ok(all)
}

impl NotBegun {
    /// What it is, in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let Self { series, tenant, tenant_name, is_of_several, is_another, refused, .. } = self;
        let Refused { day, why, exit_code } = refused;
        let tenant = tenant_name.as_ref().or(is_of_several.then_some(tenant));
        let tenant = tenant.map(|name| format!(" for {}", printable(name)));
        let (tenant, why) = (tenant.unwrap_or_default(), because(&printable(why)));
        let day = day.strftime("%a %Y-%m-%d");
        match is_another {
            true => format!(
                "Another run of {series} did not begin{tenant} on {day} (exit code \
                 {exit_code}){why}."
            ),
            false => {
                format!("No run of {series} began{tenant} on {day} (exit code {exit_code}){why}.")
            }
        }
    }
}

impl Document for NotBegun {
    fn text(&self) -> String {
        let Self { nights, .. } = self;
        wrapped(&format!("! {} `{nights}` tells of all nights.", self.sentence()), 2)
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
