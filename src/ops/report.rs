//! Writing a campaign's report again, in any format, at any time.

use std::path::PathBuf;

use super::campaigns::{Meant, any_campaign};
use super::context::Context;
use super::failure::Failure;
use super::run::reports::Reports;
use super::stores::{self, Place};
use crate::domain::Exit;
use crate::domain::request::{ConnectRequest, ReportRequest, Said};
use crate::report::Document;

/// Writes a campaign's report again.
///
/// # Errors
/// `Failure` of its kind.
pub async fn report(
    cx: &Context<'_>,
    request: ReportRequest,
    settings: ConnectRequest,
) -> Result<Exit, Failure> {
    let place = Place::durable(cx.store)?;
    let store = stores::open_to_read(&place).await?;
    let whose = request.whose.clone().or(settings);
    let meant = Meant { name: request.campaign.as_ref(), whose, reads: true };
    let campaign = any_campaign(cx, &store, &meant).await?;
    let refused =
        |failure: Failure| Failure { what: "a report cannot be written".into(), ..failure };
    let reports = Reports::of(&request.output, &campaign).map_err(refused)?;
    let reports = reports.proposing(cx.commands);
    reports.write(&store, &campaign).await?;
    reports.write_metrics(&store).await;
    if reports.prints {
        reports.print(cx.ui, &store, &campaign).await?;
        return Ok(Exit::Done);
    }
    for path in reports.paths() {
        cx.ui.show(&Written(path.clone()))?;
        if request.open
            && let Err(why) = cx.ui.open(&path).await
        {
            cx.say(&format!("Warning: the report is written, and cannot be opened: {why}."));
        }
    }
    Ok(Exit::Done)
}

/// A report that was written.
struct Written(PathBuf);

impl Document for Written {
    fn text(&self) -> String {
        self.0.display().to_string()
    }

    fn json(&self) -> String {
        serde_json::json!({ "v": 1, "type": "report", "path": self.0 }).to_string()
    }
}
