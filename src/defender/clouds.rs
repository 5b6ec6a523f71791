//! Microsoft's clouds: where each one signs in, where its API is, and for whom its tokens are. A
//! table; any other address is given by hand.

use super::hosts::Origin;

/// The audience of tokens for the commercial cloud. The API calls it the older name on purpose:
/// some of its parts answer 403 to tokens for any other resource ("Exposed APIs list" page).
pub const DEFAULT_AUDIENCE: &str = "https://api.securitycenter.microsoft.com/.default";

/// One of Microsoft's clouds ("Microsoft Defender for Endpoint for US Government customers" page).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cloud {
    /// The worldwide one.
    #[default]
    Commercial,
    /// US Government Community Cloud.
    Gcc,
    /// US Government Community Cloud High.
    GccHigh,
    /// US Department of Defense.
    Dod,
}

impl Cloud {
    /// Every cloud.
    pub const ALL: [Cloud; 4] = [Cloud::Commercial, Cloud::Gcc, Cloud::GccHigh, Cloud::Dod];

    /// The name that people give and read.
    pub fn name(self) -> &'static str {
        match self {
            Cloud::Commercial => "commercial",
            Cloud::Gcc => "gcc",
            Cloud::GccHigh => "gcc-high",
            Cloud::Dod => "dod",
        }
    }

    /// The cloud of a name, whatever its case.
    pub fn named(name: &str) -> Option<Cloud> {
        Cloud::ALL.into_iter().find(|cloud| cloud.name().eq_ignore_ascii_case(name))
    }

    /// Where its API is.
    pub fn api_origin(self) -> Origin {
        origin(match self {
            Cloud::Commercial => "https://api.security.microsoft.com",
            Cloud::Gcc => "https://api-gcc.securitycenter.microsoft.us",
            Cloud::GccHigh | Cloud::Dod => "https://api-gov.securitycenter.microsoft.us",
        })
    }

    /// Where it signs in.
    pub fn login_origin(self) -> Origin {
        origin(match self {
            Cloud::Commercial | Cloud::Gcc => "https://login.microsoftonline.com",
            Cloud::GccHigh | Cloud::Dod => "https://login.microsoftonline.us",
        })
    }

    /// The scope that a token is asked for.
    pub fn audience(self) -> String {
        match self {
            Cloud::Commercial => DEFAULT_AUDIENCE.to_owned(),
            other => format!("{}/.default", other.api_origin()),
        }
    }
}

fn origin(known: &str) -> Origin {
    Origin::parse(known).expect("the table holds only https origins; a test reads them all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_has_origins_and_an_audience_of_its_own_api() {
        let table: Vec<String> = Cloud::ALL
            .into_iter()
            .map(|c| [c.name(), &c.login_origin().to_string(), &c.audience()].join(" "))
            .collect();
        assert_eq!(
            table,
            [
                "commercial https://login.microsoftonline.com \
                 https://api.securitycenter.microsoft.com/.default",
                "gcc https://login.microsoftonline.com \
                 https://api-gcc.securitycenter.microsoft.us/.default",
                "gcc-high https://login.microsoftonline.us \
                 https://api-gov.securitycenter.microsoft.us/.default",
                "dod https://login.microsoftonline.us \
                 https://api-gov.securitycenter.microsoft.us/.default",
            ]
        );
        assert_eq!(Cloud::named("GCC-High"), Some(Cloud::GccHigh));
        assert_eq!(Cloud::named("china"), None);
    }
}
