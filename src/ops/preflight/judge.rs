//! Judging the devices of a list before the first call, by what the list and the tenant's inventory
//! say of each. It reads neither; `tenant` fills it, `listing` asks it row by row. The rules are
//! `domain::preflight`'s.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::facts::KeptFacts;
use crate::domain::history::Past;
use crate::domain::not_understood::{Field, not_understood};
use crate::domain::preflight::{Decision, Group, Groups, Rules, is_critical};
use crate::domain::request::ListedDevice;
use crate::domain::words::has_restricted_tag;
use crate::domain::{DeviceId, Facts, Life, Machine, OnlyOf, Outcome, TurnFacts};
use crate::engine::history::History;
use crate::ops::failure::Failure;
use crate::ops::preflight::names::NameIndex;
use crate::report::checked::{NotUnderstood, UNKNOWN};

/// Different systems or device groups that are counted apart.
const WORDS: usize = 1_000;

/// What stands for those beyond.
const OTHERS: &str = "others";

/// What earlier orders say.
pub(crate) struct Before {
    /// Within this time of an order a device is left out.
    pub within: Option<Duration>,
    /// The orders.
    pub history: History,
}

impl Before {
    /// Whether a device is skipped: a scan that covers it was ordered within the time of `--due`.
    pub(crate) fn is_recent(&self, past: &Past) -> bool {
        self.within.is_some_and(|within| past.is_recent(within, self.history.now()))
    }
}

/// Devices that are set apart while a list is read.
#[derive(Clone, Debug, Default)]
pub(crate) enum Marks {
    /// None.
    #[default]
    None,
    /// These.
    Ids(Arc<BTreeSet<DeviceId>>),
    /// Those with this tag.
    Tag(String),
}

impl Marks {
    /// Whether a device is set apart, by its row, or by the inventory if that was read.
    pub(crate) fn has(&self, device: DeviceId, facts: &Facts, tagged_there: bool) -> bool {
        match self {
            Self::None => false,
            Self::Ids(ids) => ids.contains(&device),
            Self::Tag(tag) => tagged_there || facts.tags.iter().any(|one| one == tag),
        }
    }
}

/// What is known before the first call.
pub(crate) struct Preflight {
    /// What is done with the devices of each group.
    pub rules: Rules,
    now: Timestamp,
    /// The inventory, if it was read.
    pub known: Option<Known>,
    /// Every machine of the tenant is among the known; else one that is not may be listed there.
    pub whole: bool,
    /// Devices with an open scan.
    pub busy: HashSet<DeviceId>,
    /// What earlier orders say, if that matters.
    pub before: Option<Before>,
    /// Devices to set apart.
    pub marks: Marks,
    /// The tenant of the run, as far as it is known: rows of others are not sent to it.
    pub own: OnlyOf,
    /// What was not checked, and why.
    pub not_checked: Vec<String>,
    /// What the user should know before the first order.
    pub warnings: Vec<String>,
    /// Calls that it took.
    pub calls: u64,
}

/// The tenant's inventory, as little of it as is needed: a record costs some 64 bytes.
#[derive(Default)]
pub(crate) struct Known {
    records: HashMap<DeviceId, Record>,
    words: Vec<String>,
    places: HashMap<String, u32>,
    /// Where names are looked up.
    pub names: Option<NameIndex>,
    /// The machines in their order, where they are the list.
    pub picked: Vec<ListedDevice>,
    /// A tag that matters, and the machines that have it.
    pub tag: Option<String>,
    tagged: HashSet<DeviceId>,
    /// The words of machines that are not understood; there are few.
    not_understood: HashMap<DeviceId, Vec<(Field, String)>>,
}

#[derive(Clone, Copy)]
struct Record {
    groups: Groups,
    standing: TurnFacts,
    system: u32,
    device_group: u32,
}

/// What is known of one device, and what is done with it.
pub(crate) struct Judged<'a> {
    /// The device.
    pub device: DeviceId,
    /// What an order can go by.
    pub standing: TurnFacts,
    /// What was ordered for it before, where that matters.
    pub past: Option<Past>,
    marked: bool,
    groups: Groups,
    rules: Rules,
    decision: Decision,
    system: &'a str,
    kind: Option<&'a str>,
    device_group: &'a str,
    not_understood: Vec<(Field, &'a str)>,
}

/// Names with their counts.
type Frequencies = Vec<(String, u64)>;

/// How many devices are in which group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Every group that has devices.
    pub groups: BTreeMap<Group, u64>,
    systems: BTreeMap<String, u64>,
    device_groups: BTreeMap<String, u64>,
    /// The devices that are set apart, as far as they are ordered.
    pub marked: BTreeSet<DeviceId>,
    not_understood: BTreeMap<(Field, String), u64>,
}

impl Preflight {
    /// With what the list alone says.
    pub(crate) fn offline(rules: Rules, now: Timestamp, why: Option<&str>) -> Self {
        let not_checked = why.map(|why| {
            format!("the tenant's inventory and the scans that are under way there: {why}")
        });
        let not_checked = not_checked.into_iter().collect();
        Self {
            rules,
            now,
            known: None,
            whole: false,
            busy: HashSet::new(),
            before: None,
            marks: Marks::None,
            own: OnlyOf::default(),
            not_checked,
            warnings: Vec::new(),
            calls: 0,
        }
    }

    /// Machines in the inventory, and calls that were made, as far as it was read.
    pub(crate) fn inventory(&self) -> Option<(u64, u64)> {
        self.known.as_ref().map(|known| (known.records.len() as u64, self.calls))
    }

    /// Judges one device of the list.
    pub(crate) fn judge<'a>(&'a self, device: DeviceId, facts: &'a Facts) -> Judged<'a> {
        let told = Groups::of(facts, self.now);
        let listed = |text: &'a Option<String>| text.as_deref().unwrap_or(UNKNOWN);
        let (mut system, mut device_group) = (listed(&facts.platform), listed(&facts.group));
        let (mut groups, mut standing) = (told, TurnFacts::of(facts, self.now));
        let mut not_understood: Vec<(Field, &str)> = not_understood(facts).collect();
        if let Some(known) = &self.known {
            match known.records.get(&device) {
                None if self.whole => groups = groups.with(Group::NotListed),
                None => {}
                Some(record) => {
                    groups = together(record.groups, told);
                    if is_critical(facts) {
                        groups = groups.with(Group::HighValue);
                    }
                    not_understood.retain(|(field, _)| is_the_lists(*field, record.groups));
                    not_understood.extend(known.not_understood(device));
                    standing = record.standing.or(standing);
                    let better = |word: &'a str, other| if word == UNKNOWN { other } else { word };
                    system = better(known.word(record.system), system);
                    device_group = better(known.word(record.device_group), device_group);
                }
            }
        }
        if self.busy.contains(&device) {
            groups = groups.with(Group::Busy);
        }
        let past = self.before.as_ref().map(|before| (before, before.history.of(device)));
        if past.is_some_and(|(before, past)| before.is_recent(&past)) {
            groups = groups.with(Group::Recent);
        }
        let (rules, decision) = (self.rules, self.rules.decide(groups));
        let past = past.map(|(_, past)| past);
        let tagged = self.known.as_ref().is_some_and(|known| known.tagged.contains(&device));
        let marked = self.marks.has(device, facts, tagged);
        Judged {
            device,
            marked,
            groups,
            standing,
            rules,
            decision,
            past,
            system,
            kind: facts.kind.as_deref(),
            device_group,
            not_understood,
        }
    }
}

/// The inventory is newer than the list; but the portal alone knows what was only discovered, and
/// what the security team may do.
fn together(inventory: Groups, list: Groups) -> Groups {
    let mut groups = inventory;
    if list.has(Group::Restricted) {
        groups = groups.with(Group::Restricted);
    }
    // A platform that the inventory knows is not overruled by a category.
    if inventory.has(Group::UnknownOs) {
        let only_listed = [Group::Mobile, Group::Network, Group::Iot].into_iter();
        groups = only_listed.filter(|group| list.has(*group)).fold(groups, Groups::with);
    }
    if list.has(Group::UnknownOs) { groups } else { groups.without(Group::UnknownOs) }
}

/// Whether what a list says in a field counts beside the inventory.
fn is_the_lists(field: Field, inventory: Groups) -> bool {
    match field {
        Field::Operations | Field::Criticality => true,
        Field::Category | Field::Kind => inventory.has(Group::UnknownOs),
        _ => false,
    }
}

impl Known {
    /// Takes in one machine.
    pub(crate) fn add(&mut self, machine: &Machine, now: Timestamp) {
        let facts = &machine.facts;
        let mut groups = Groups::of(facts, now);
        if has_restricted_tag(&machine.tags) {
            groups = groups.with(Group::Restricted);
        }
        let words = not_understood(facts).map(|(field, word)| (field, word.to_owned()));
        let words: Vec<(Field, String)> = words.collect();
        if !words.is_empty() {
            self.not_understood.insert(machine.id, words);
        }
        let record = Record {
            groups,
            standing: TurnFacts::of(facts, now),
            system: self.place(facts.platform.as_deref()),
            device_group: self.place(facts.group.as_deref()),
        };
        self.records.insert(machine.id, record);
        if self.tag.as_ref().is_some_and(|tag| machine.tags.contains(tag)) {
            self.tagged.insert(machine.id);
        }
        if let Some(names) = &mut self.names {
            names.add(machine);
        }
    }

    /// Whether any machine was taken in.
    pub(crate) fn is_some(&self) -> bool {
        !self.records.is_empty()
    }

    /// Whether this machine was taken in already: lists move while they are read.
    pub(crate) fn has(&self, id: DeviceId) -> bool {
        self.records.contains_key(&id)
    }

    fn not_understood(&self, device: DeviceId) -> impl Iterator<Item = (Field, &str)> {
        let words = self.not_understood.get(&device).into_iter().flatten();
        words.map(|(field, word)| (*field, word.as_str()))
    }

    fn place(&mut self, word: Option<&str>) -> u32 {
        let word = word.unwrap_or(UNKNOWN);
        if let Some(place) = self.places.get(word) {
            return *place;
        }
        let place = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        self.words.push(word.to_owned());
        self.places.insert(word.to_owned(), place);
        place
    }

    fn word(&self, place: u32) -> &str {
        self.words.get(place as usize).map_or(UNKNOWN, String::as_str)
    }
}

impl Judged<'_> {
    /// Whether it is skipped.
    pub(crate) fn is_skipped(&self) -> bool {
        matches!(self.decision, Decision::Skip(_))
    }

    /// What its campaign keeps of it.
    pub(crate) fn kept(&self) -> KeptFacts {
        KeptFacts::new(Some(self.system).filter(|word| *word != UNKNOWN), self.kind)
    }

    /// How its row begins, and why if it ends there.
    pub(crate) fn life(&self) -> (Life, Option<String>) {
        match self.decision {
            Decision::Send => (Life::draft(), None),
            Decision::Last => (Life::late_draft(), None),
            Decision::Skip(Group::Recent) => {
                let at = self.past.and_then(|past| past.ordered);
                let at = at.map(|at| at.strftime("%FT%TZ").to_string()).unwrap_or_default();
                let why = format!("a scan that covers it was ordered at {at} (--due)");
                (Life::ended(Outcome::Skipped), Some(Group::Recent.reason(&why)))
            }
            Decision::Skip(_) => {
                (Life::ended(Outcome::Skipped), self.rules.why_skipped(self.groups))
            }
        }
    }
}

impl Counts {
    /// Counts one device.
    pub(crate) fn add(&mut self, judged: &Judged<'_>) {
        if let Decision::Skip(group) = judged.decision {
            *self.groups.entry(group).or_default() += 1;
            return;
        }
        if judged.marked {
            self.marked.insert(judged.device);
        }
        for group in judged.groups.iter() {
            *self.groups.entry(group).or_default() += 1;
        }
        count(&mut self.systems, judged.system);
        count(&mut self.device_groups, judged.device_group);
        for (field, word) in &judged.not_understood {
            let mut key = (*field, (*word).to_owned());
            if self.not_understood.len() >= WORDS && !self.not_understood.contains_key(&key) {
                key.1 = OTHERS.to_owned();
            }
            *self.not_understood.entry(key).or_default() += 1;
        }
    }

    /// The words that are not understood of devices that are ordered, the most frequent first.
    pub(crate) fn not_understood(&self) -> Vec<NotUnderstood> {
        let words = self.not_understood.iter().map(|((field, word), devices)| NotUnderstood {
            field: *field,
            word: word.clone(),
            devices: *devices,
        });
        let mut words: Vec<NotUnderstood> = words.collect();
        words.sort_by_key(|one| (one.field, std::cmp::Reverse(one.devices)));
        words
    }

    /// Systems and device groups, the most frequent first.
    pub(crate) fn most(&self) -> (Frequencies, Frequencies) {
        let sorted = |from: &BTreeMap<String, u64>| {
            let mut list: Vec<_> = from.iter().map(|(name, some)| (name.clone(), *some)).collect();
            list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            list
        };
        (sorted(&self.systems), sorted(&self.device_groups))
    }
}

fn count(into: &mut BTreeMap<String, u64>, word: &str) {
    if let Some(some) = into.get_mut(word) {
        *some += 1;
        return;
    }
    let word = if into.len() < WORDS { word } else { OTHERS };
    *into.entry(word.to_owned()).or_default() += 1;
}

/// The rules as the user turned them.
///
/// # Errors
/// `Failure` if one group is to be kept and skipped.
pub fn rules(keep: &[Group], skip: &[Group]) -> Result<Rules, Failure> {
    match keep.iter().find(|group| skip.contains(group)) {
        None if keep.iter().all(|group| group.is_the_users()) => Ok(Rules::new(keep, skip)),
        None => Err(Failure::usage(
            format!("{} cannot be kept", Group::OtherTenant.name()),
            "rows of another tenant than the one of the run are never sent to it",
            "scan each tenant by itself, with its own settings (--profile, or --tenant)",
        )),
        Some(group) => Err(Failure::usage(
            format!("{} is to be kept and skipped", group.name()),
            "--keep and --skip name the same group",
            "leave one of them out",
        )),
    }
}
