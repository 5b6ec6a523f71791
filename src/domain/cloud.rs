//! Microsoft's clouds: where each one signs in, where its API is, and for whom its tokens are. A
//! table; any other address is given by hand.

use std::fmt;
use std::str::FromStr;

/// The audience of tokens for the commercial cloud. The API calls it the older name on purpose:
/// some of its parts answer 403 to tokens for any other resource ("Exposed APIs list" page).
pub const DEFAULT_AUDIENCE: &str = "https://api.securitycenter.microsoft.com/.default";

/// One of Microsoft's clouds, or a region of the worldwide one ("Microsoft Defender for Endpoint
/// for US Government customers" and "Supported Microsoft Defender for Endpoint APIs" pages).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cloud {
    /// The worldwide one, by the host that finds the tenant's region itself.
    #[default]
    Commercial,
    /// The worldwide one, by the host of one region.
    Region(Region),
    /// US Government Community Cloud.
    Gcc,
    /// US Government Community Cloud High.
    GccHigh,
    /// US Department of Defense.
    Dod,
}

/// A region of the worldwide cloud that has a host of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// United States.
    Us,
    /// European Union.
    Eu,
    /// United Kingdom.
    Uk,
    /// Australia.
    Au,
    /// Switzerland.
    Swa,
    /// India.
    Ina,
    /// United Arab Emirates.
    Aea,
}

/// Where a cloud signs in, where its API is, and whom its tokens are for.
struct Row {
    cloud: Cloud,
    name: &'static str,
    login: &'static str,
    api: &'static str,
    audience: &'static str,
}

const WORLD: &str = "https://login.microsoftonline.com";
const US_GOV: &str = "https://login.microsoftonline.us";

const fn row(
    cloud: Cloud,
    name: &'static str,
    login: &'static str,
    api: &'static str,
    audience: &'static str,
) -> Row {
    Row { cloud, name, login, api, audience }
}

const fn region(region: Region, name: &'static str, api: &'static str) -> Row {
    row(Cloud::Region(region), name, WORLD, api, DEFAULT_AUDIENCE)
}

const GCC: &str = "https://api-gcc.securitycenter.microsoft.us/.default";
const GOV: &str = "https://api-gov.securitycenter.microsoft.us/.default";

const TABLE: [Row; 11] = [
    row(
        Cloud::Commercial,
        "commercial",
        WORLD,
        "https://api.security.microsoft.com",
        DEFAULT_AUDIENCE,
    ),
    region(Region::Us, "commercial-us", "https://us.api.security.microsoft.com"),
    region(Region::Eu, "commercial-eu", "https://eu.api.security.microsoft.com"),
    region(Region::Uk, "commercial-uk", "https://uk.api.security.microsoft.com"),
    region(Region::Au, "commercial-au", "https://au.api.security.microsoft.com"),
    region(Region::Swa, "commercial-swa", "https://swa.api.security.microsoft.com"),
    region(Region::Ina, "commercial-ina", "https://ina.api.security.microsoft.com"),
    region(Region::Aea, "commercial-aea", "https://aea.api.security.microsoft.com"),
    row(Cloud::Gcc, "gcc", WORLD, "https://api-gcc.securitycenter.microsoft.us", GCC),
    row(Cloud::GccHigh, "gcc-high", US_GOV, "https://api-gov.securitycenter.microsoft.us", GOV),
    row(Cloud::Dod, "dod", US_GOV, "https://api-gov.securitycenter.microsoft.us", GOV),
];

impl Cloud {
    /// Every cloud, in the order in which people are told of them.
    pub fn all() -> impl Iterator<Item = Cloud> {
        TABLE.iter().map(|row| row.cloud)
    }

    /// The name that people give and read.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The cloud of a name, whatever its case.
    pub fn named(name: &str) -> Option<Cloud> {
        TABLE.iter().find(|row| row.name.eq_ignore_ascii_case(name)).map(|row| row.cloud)
    }

    /// The address of its API.
    pub fn api_url(self) -> &'static str {
        self.row().api
    }

    /// The address of its sign-in service.
    pub fn login_url(self) -> &'static str {
        self.row().login
    }

    /// The scope that a token is asked for.
    pub fn audience(self) -> &'static str {
        self.row().audience
    }

    fn row(self) -> &'static Row {
        let found = TABLE.iter().find(|row| row.cloud == self);
        found.expect("the table holds every cloud; a test reads them all")
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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
        let table: Vec<String> = Cloud::all().map(told).collect();
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
        assert_eq!(Cloud::named("commercial-EU"), Some(Cloud::Region(Region::Eu)));
        assert_eq!(Cloud::named("china"), None);
    }
}
