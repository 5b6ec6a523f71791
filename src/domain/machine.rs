//! What is known about a machine before anything is asked of it, be it from the tenant's inventory
//! or from the columns of a list. What follows from it is in `preflight`.

use jiff::Timestamp;

use super::device::DeviceId;

/// What tells whether a machine can take a scan. Anything can be missing: nothing then follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The operating system, such as `Windows10`, `macOS`, or the name of a distribution.
    pub platform: Option<String>,
    /// The version of Windows, such as `1703` or `22H2`.
    pub version: Option<String>,
    /// The build of Windows, such as 16299.
    pub build: Option<u32>,
    /// The version of the Defender client.
    pub client: Option<String>,
    /// The portal's category: `Endpoint`, `IoT`, `Network device`.
    pub category: Option<String>,
    /// The portal's type: `Workstation`, `Server`, `Mobile`, `Printer`.
    pub kind: Option<String>,
    /// `Onboarded`, or why not.
    pub onboarding: Option<String>,
    /// `Active`, `Inactive`, or what is wrong with the sensor.
    pub health: Option<String>,
    /// When it last reported.
    pub last_seen: Option<Timestamp>,
    /// Its device group.
    pub group: Option<String>,
    /// What it is worth: `Low`, `Normal` or `High`.
    pub value: Option<String>,
    /// The record that this one was merged into.
    pub merged_into: Option<String>,
    /// It was taken out of vulnerability management on purpose.
    pub excluded: bool,
    /// Its tags, where a list tells them; those of the inventory are its record's own.
    pub tags: Vec<String>,
}

/// One record of the tenant's inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its id.
    pub id: DeviceId,
    /// Its DNS name. Several records can share one.
    pub name: Option<String>,
    /// What tells whether it can take a scan.
    pub facts: Facts,
    /// Its tags.
    pub tags: Vec<String>,
    /// How much it is at risk, in the API's words.
    pub risk: Option<String>,
    /// How much it is exposed, in the API's words.
    pub exposure: Option<String>,
}

impl Machine {
    /// Whether it is onboarded, as far as is known.
    pub fn is_onboarded(&self) -> bool {
        self.facts.onboarding.as_deref().is_some_and(|word| same_word(word, "Onboarded"))
    }
}

/// Whether two words are the same but for case, spaces and signs: `Can be onboarded` is
/// `CanBeOnboarded`.
pub fn same_word(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

/// The letters and digits of a word, in lower case.
pub(super) fn letters(word: &str) -> impl Iterator<Item = char> {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}
