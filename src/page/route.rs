//! Which page a path means. What it shows is `answer`'s.

use percent_encoding::percent_decode_str;

use crate::domain::{CampaignId, CampaignName, Seq};

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// All campaigns.
    Campaigns,
    /// The campaign of this name, or those of it.
    Named(CampaignName),
    /// One campaign.
    Campaign(CampaignId),
    /// Its devices.
    Devices(CampaignId),
    /// The same as a file for spreadsheets.
    DevicesCsv(CampaignId),
    /// One of its devices.
    Device(CampaignId, Seq),
    /// The runs of a series.
    Nights,
    /// What may be called.
    Limits,
    /// All tenants.
    Tenants,
    /// Colours and shapes.
    Style,
    /// What fetches a page anew.
    Script,
    /// The sign in the browser's tab.
    Icon,
}

impl Route {
    /// The page of a path. Returns `None` if there is none.
    pub(super) fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let id = |text: &str| text.parse().ok().filter(|id| *id >= 0).map(CampaignId);
        Some(match parts[..] {
            [""] => Route::Campaigns,
            ["nights"] => Route::Nights,
            ["limits"] => Route::Limits,
            ["tenants"] => Route::Tenants,
            ["style.css"] => Route::Style,
            ["live.js"] => Route::Script,
            ["icon.svg"] => Route::Icon,
            ["c", name] => Route::Named(percent_decode_str(name).decode_utf8().ok()?.parse().ok()?),
            ["c", campaign, _] => Route::Campaign(id(campaign)?),
            ["c", campaign, _, "devices"] => Route::Devices(id(campaign)?),
            ["c", campaign, _, "devices.csv"] => Route::DevicesCsv(id(campaign)?),
            ["c", campaign, _, "devices", seq] => Route::Device(id(campaign)?, seq.parse().ok()?),
            _ => return None,
        })
    }
}

/// Where a campaign is.
pub(super) fn path_of(id: CampaignId, name: &str) -> String {
    format!("/c/{}/{name}", id.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_has_a_path_and_everything_else_has_none() {
        let id = CampaignId(7);
        for (path, route) in [
            ("/", Route::Campaigns),
            ("/c/inc-4711", Route::Named("inc-4711".parse().unwrap())),
            ("/c/7/inc-4711", Route::Campaign(id)),
            ("/c/7/inc-4711/devices", Route::Devices(id)),
            ("/c/7/inc-4711/devices.csv", Route::DevicesCsv(id)),
            ("/c/7/inc-4711/devices/12", Route::Device(id, 12)),
            ("/nights", Route::Nights),
            ("/limits", Route::Limits),
            ("/tenants", Route::Tenants),
            ("/style.css", Route::Style),
            ("/live.js", Route::Script),
            ("/icon.svg", Route::Icon),
        ] {
            assert_eq!(Route::of(path), Some(route), "{path}");
        }
        for none in
            ["", "/x", "/c/", "/c/x/y", "/c/-7/y", "/c/7/y/devices/z", "/nights/", "/c/..%2f"]
        {
            assert_eq!(Route::of(none), None, "{none}");
        }
    }
}
