//! Who the canary of a campaign is: the rule that chooses its devices. How long it is waited for
//! and when it has failed is `rollout`'s.

use std::fmt;

use super::request::WaveRequest;

/// A rule that chooses a canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CanaryRule {
    /// Those that are asked first in any case.
    First,
    /// By lot, with this seed: the same one draws the same devices again from the same set.
    Drawn(u64),
    /// Those with this tag.
    Tagged(String),
    /// Those of this list.
    Listed(String),
}

impl WaveRequest {
    /// The rule that was asked for. Returns `None` if there is to be no canary.
    pub fn rule(&self) -> Option<CanaryRule> {
        if let Some(file) = &self.canary_file {
            return Some(CanaryRule::Listed(file.display().to_string()));
        }
        if let Some(tag) = &self.canary_tag {
            return Some(CanaryRule::Tagged(tag.clone()));
        }
        if let Some(seed) = self.canary_seed {
            return Some(CanaryRule::Drawn(seed));
        }
        self.canary.map(|_| CanaryRule::First)
    }
}

impl fmt::Display for CanaryRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CanaryRule::First => f.write_str("the first of the list"),
            CanaryRule::Drawn(seed) => write!(f, "drawn with seed {seed}"),
            CanaryRule::Tagged(tag) => write!(f, "tag {tag}"),
            CanaryRule::Listed(file) => write!(f, "the list {file}"),
        }
    }
}
