//! `report`: writes a campaign's report again, in any format, at any time.

use super::args::ReportArgs;
use super::failure::Failure;
use super::find::any_campaign;
use super::reports::Reports;
use super::say;
use super::stores::{self, Place};

/// Runs `report` and returns the exit code.
///
/// # Errors
/// `Failure` with its exit code.
pub(super) async fn report(args: ReportArgs) -> Result<u8, Failure> {
    let place = Place::durable(args.output.store.as_ref())?;
    let store = stores::open_to_read(&place).await?;
    let campaign = any_campaign(&store, args.campaign.as_ref()).await?;
    let refused =
        |failure: Failure| Failure { what: "a report cannot be written".into(), ..failure };
    let reports = Reports::new(&args.output, &campaign.name).map_err(refused)?;
    reports.write(&store, &campaign).await?;
    for path in reports.paths() {
        if args.output.json {
            let written = serde_json::json!({ "v": 1, "type": "report", "path": path });
            say::data(&written.to_string())?;
        } else {
            say::data(&path.display().to_string())?;
        }
    }
    Ok(0)
}
