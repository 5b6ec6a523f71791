//! Microsoft's clouds: where each one signs in, where its API is, and for whom its tokens are. Any
//! other address is given by hand.

use std::str::FromStr;

use super::spelling::{shown_by_word, worded};

/// The audience of tokens for the commercial cloud. The API calls it the older name on purpose:
/// some of its parts answer 403 to tokens for any other resource ("Exposed APIs list" page).
pub const DEFAULT_AUDIENCE: &str = "https://api.securitycenter.microsoft.com/.default";

worded! {
    /// One of Microsoft's clouds, or a region of the worldwide one that has a host of its own
    /// ("Microsoft Defender for Endpoint for US Government customers" and "Supported Microsoft
    /// Defender for Endpoint APIs" pages), in the order in which people are told of them.
    #[derive(Default)]
    Cloud {
        /// The worldwide one, by the host that finds the tenant's region itself.
        #[default]
        Commercial = "commercial",
        /// Its hosts in the United States.
        UnitedStates = "commercial-us",
        /// In the European Union.
        EuropeanUnion = "commercial-eu",
        /// In the United Kingdom.
        UnitedKingdom = "commercial-uk",
        /// In Australia.
        Australia = "commercial-au",
        /// In Switzerland.
        Switzerland = "commercial-swa",
        /// In India.
        India = "commercial-ina",
        /// In the United Arab Emirates.
        Emirates = "commercial-aea",
        /// US Government Community Cloud.
        Gcc = "gcc",
        /// US Government Community Cloud High.
        GccHigh = "gcc-high",
        /// US Department of Defense.
        Dod = "dod",
    }
}

shown_by_word!(Cloud);

impl Cloud {
    /// The address of its API.
    pub fn api_url(self) -> &'static str {
        match self {
            Cloud::Commercial => "https://api.security.microsoft.com",
            Cloud::UnitedStates => "https://us.api.security.microsoft.com",
            Cloud::EuropeanUnion => "https://eu.api.security.microsoft.com",
            Cloud::UnitedKingdom => "https://uk.api.security.microsoft.com",
            Cloud::Australia => "https://au.api.security.microsoft.com",
            Cloud::Switzerland => "https://swa.api.security.microsoft.com",
            Cloud::India => "https://ina.api.security.microsoft.com",
            Cloud::Emirates => "https://aea.api.security.microsoft.com",
            Cloud::Gcc => "https://api-gcc.securitycenter.microsoft.us",
            Cloud::GccHigh | Cloud::Dod => "https://api-gov.securitycenter.microsoft.us",
        }
    }

    /// The address of its sign-in service.
    pub fn login_url(self) -> &'static str {
        match self {
            Cloud::GccHigh | Cloud::Dod => "https://login.microsoftonline.us",
            _ => "https://login.microsoftonline.com",
        }
    }

    /// Where its portal shows a device, whose id follows.
    pub fn portal(self) -> &'static str {
        match self {
            Cloud::GccHigh => "https://security.microsoft.us/machines/",
            Cloud::Dod => "https://security.apps.mil/machines/",
            _ => "https://security.microsoft.com/machines/",
        }
    }

    /// The scope that a token is asked for.
    pub fn audience(self) -> &'static str {
        match self {
            Cloud::Gcc => "https://api-gcc.securitycenter.microsoft.us/.default",
            Cloud::GccHigh | Cloud::Dod => "https://api-gov.securitycenter.microsoft.us/.default",
            _ => DEFAULT_AUDIENCE,
        }
    }

    /// For whom a managed identity's token must be to stand for an application ("Configure an
    /// application to trust a managed identity" page).
    pub fn exchange_audience(self) -> &'static str {
        match self {
            Cloud::GccHigh | Cloud::Dod => "api://AzureADTokenExchangeUSGov",
            _ => "api://AzureADTokenExchange",
        }
    }
}

impl FromStr for Cloud {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Cloud::named(name).ok_or("there is no such cloud")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_has_the_hosts_and_the_audience_of_the_notes() {
        let told = |cloud: Cloud| {
            [cloud.name(), cloud.login_url(), cloud.api_url(), cloud.audience()].join(" ")
        };
        let table: Vec<String> = Cloud::ALL.into_iter().map(told).collect();
        let world = |name: &str, host: &str| {
            format!(
                "{name} https://login.microsoftonline.com https://{host} \
                 https://api.securitycenter.microsoft.com/.default"
            )
        };
        let regions = ["us", "eu", "uk", "au", "swa", "ina", "aea"];
        let mut expected = vec![world("commercial", "api.security.microsoft.com")];
        expected.extend(regions.map(|region| {
            world(&format!("commercial-{region}"), &format!("{region}.api.security.microsoft.com"))
        }));
        expected.extend(
            [
                "gcc https://login.microsoftonline.com \
                 https://api-gcc.securitycenter.microsoft.us \
                 https://api-gcc.securitycenter.microsoft.us/.default",
                "gcc-high https://login.microsoftonline.us \
                 https://api-gov.securitycenter.microsoft.us \
                 https://api-gov.securitycenter.microsoft.us/.default",
                "dod https://login.microsoftonline.us \
                 https://api-gov.securitycenter.microsoft.us \
                 https://api-gov.securitycenter.microsoft.us/.default",
            ]
            .map(str::to_owned),
        );
        assert_eq!(table, expected);
        assert_eq!(Cloud::named("GCC-High"), Some(Cloud::GccHigh));
        assert_eq!(Cloud::named("commercial-EU"), Some(Cloud::EuropeanUnion));
        assert_eq!(Cloud::named("china"), None);
    }
}
