//! One record of the tenant's inventory. What follows from it is in `preflight`.

use super::device::DeviceId;
use super::facts::Facts;
use super::words::same_word;

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
