//! What each of several tenants is asked for, and the rows of their list that are in no campaign.

use super::files::Files;
use super::list::Split;
use super::rest::{Rest, path_beside};
use crate::domain::request::ScanRequest;
use crate::domain::text::printable;
use crate::domain::{Campaign, CampaignName};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::plan::source::options_of;
use crate::ops::run::reports::head;
use crate::report::human::counted;

/// What each tenant is asked for.
pub(super) struct Parts {
    pub(super) name: CampaignName,
    pub(super) requests: Vec<Result<ScanRequest, Failure>>,
    pub(super) split: Split,
    pub(super) files: Files,
}

impl Parts {
    /// Writes the rows that are in no campaign: where, and how many there are. It keeps no campaign
    /// from running.
    pub(super) async fn write_rest(
        &self,
        cx: &Context<'_>,
        rest: Rest,
        request: &ScanRequest,
        first: &Campaign,
    ) -> Option<(String, u64)> {
        let path = path_beside(self.files.first_of_all(), &self.name);
        let (sources, options) = (request.devices.clone(), options_of(request));
        let head = head(&self.name, &first.order, first.emulated);
        match rest.write(path.clone(), sources, options, head).await {
            Ok(rows) => {
                let path = path.display().to_string();
                let told = counted(rows, "row");
                cx.say(&format!("Not ordered: {told}, in {}.", printable(&path)));
                Some((path, rows))
            }
            Err(Failure { what, why, .. }) => {
                cx.say(&format!("Warning: the rows that are in no campaign: {what}: {why}."));
                None
            }
        }
    }
}
