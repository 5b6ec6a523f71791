//! What is known about a machine before anything is asked of it, be it from the tenant's inventory
//! or from the columns of a list. What its words mean is `words`', and what follows from them is in
//! `preflight`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::moment::{Moment, Shown};
use super::tenant_id::Tenancy;
use super::text::cut;

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
    /// When it last reported, where a list does not tell that for sure.
    pub seen: Option<Moment>,
    /// The moment of the row itself, such as hunting's `Timestamp`: it was seen then, and may have
    /// been since.
    pub event_at: Option<Timestamp>,
    /// And where a list does not tell it for sure.
    pub event: Option<Moment>,
    /// Its device group.
    pub group: Option<String>,
    /// What it is worth: `Low`, `Normal` or `High`.
    pub value: Option<String>,
    /// The id of the record that this one was merged into.
    pub merged_into: Option<String>,
    /// How critical it is, in the portal's words: `Low` to `Very high`.
    pub criticality: Option<String>,
    /// Whether it was taken out of vulnerability management, in the words of the API (`true`), of
    /// hunting (`True`) or of the portal (`Not excluded`). It is protected and at risk all the
    /// same.
    pub exclusion: Option<String>,
    /// The portal's word for what the security team may do on it: `Full` or `Restricted`.
    pub operations: Option<String>,
    /// The kinds of operations that are switched off on it, as hunting lists them; none for all
    /// others.
    pub switched_off: Option<String>,
    /// The tenant that a list says it is of.
    pub tenancy: Tenancy,
    /// What a list calls that tenant where it gives no id: the name of a profile, or a domain.
    pub tenant_name: Option<String>,
    /// Its tags, where a list tells them; those of the inventory are its record's own.
    pub tags: Vec<String>,
}

/// Characters that are kept of a word.
const WORD: usize = 80;

/// The facts that a campaign keeps of a device, for whoever orders it again without its list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFacts {
    /// The operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The portal's type, which alone tells some servers from workstations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl KeptFacts {
    /// With words of a list, which may be of any length.
    pub fn new(platform: Option<&str>, kind: Option<&str>) -> Self {
        let kept = |word: Option<&str>| word.map(|word| cut(word, WORD));
        Self { platform: kept(platform), kind: kept(kind) }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The facts again.
    pub fn facts(&self) -> Facts {
        let Self { platform, kind } = self.clone();
        Facts { platform, kind, ..Facts::default() }
    }
}

/// What the dates of a list have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dates {
    /// Those of the last reports.
    pub seen: Shown,
    /// Those of the rows themselves.
    pub event: Shown,
}

impl Dates {
    /// Takes in the dates of a row.
    pub fn add(&mut self, facts: &Facts) {
        facts.seen.iter().for_each(|moment| self.seen.add(moment.readings));
        facts.event.iter().for_each(|moment| self.event.add(moment.readings));
    }
}

impl Facts {
    /// Settles the dates of numbers by what the other dates of their columns have shown.
    pub fn settle_dates(&mut self, dates: &Dates) {
        let by = |moment: &Option<Moment>, shown| moment.as_ref()?.readings.by(shown);
        self.last_seen = self.last_seen.or_else(|| by(&self.seen, dates.seen));
        self.event_at = self.event_at.or_else(|| by(&self.event, dates.event));
    }

    /// The text of a last report that is told and not known.
    pub fn unknown_date(&self) -> Option<&Moment> {
        match self.last_seen.or(self.event_at) {
            Some(_) => None,
            None => self.seen.as_ref().or(self.event.as_ref()),
        }
    }
}
