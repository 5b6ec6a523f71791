//! The rows of a campaign that were skipped: how many for which reason, and whether a list of which
//! nothing was ordered is what was asked for.

use std::collections::BTreeMap;

use super::preflight::Group;

/// Rows that were skipped, by the group that they were skipped for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    rows: BTreeMap<Option<Group>, u64>,
}

impl Skipped {
    /// Counts one row by the reason that it was given.
    pub fn add(&mut self, reason: Option<&str>) {
        self.add_rows(reason.and_then(Group::of_reason), 1);
    }

    /// Counts rows of a group; without one, of which nothing tells it.
    pub fn add_rows(&mut self, group: Option<Group>, rows: u64) {
        *self.rows.entry(group).or_default() += rows;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.rows.values().sum()
    }

    /// The names of the groups with their rows, the most frequent first.
    pub fn by_name(&self) -> Vec<(&'static str, u64)> {
        let name = |group: &Option<Group>| group.map_or("other", Group::name);
        let mut named: Vec<_> =
            self.rows.iter().map(|(group, rows)| (name(group), *rows)).collect();
        named.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        named
    }

    /// Whether `--keep` would order some of them.
    pub fn can_be_kept(&self) -> bool {
        self.rows.keys().flatten().any(|group| group.is_the_users())
    }

    /// Whether it may be as planned that nothing was left to order: devices had their scan within
    /// the time of `--due`, or what a night of a series skips was named by `--skip`. A list that
    /// somebody names for a single run is to be scanned, so that there a `--skip` that leaves
    /// nothing needs somebody's attention.
    pub fn may_leave_nothing(&self, series: bool) -> bool {
        let asked =
            |group: &Group| *group == Group::Recent || (series && group.is_skipped_on_request());
        let foreign = self.rows.contains_key(&Some(Group::OtherTenant));
        // A list of another tenant is a wrong list, whatever else stands in it.
        !foreign && self.rows.keys().flatten().any(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(groups: &[Group]) -> Skipped {
        let mut skipped = Skipped::default();
        groups.iter().for_each(|group| skipped.add(Some(&group.reason("why"))));
        skipped
    }

    #[test]
    fn rows_are_counted_by_the_group_of_their_reason_the_most_frequent_first() {
        let mut all = skipped(&[Group::Network, Group::Mobile, Group::Mobile]);
        all.add(Some("left out: an older version wrote this"));
        all.add(None);
        all.add(None);
        assert_eq!(all.total(), 6);
        assert_eq!(all.by_name(), [("other", 3), ("mobile", 2), ("network", 1)]);
    }

    #[test]
    fn nothing_left_to_order_is_as_planned_only_where_it_was_asked_for() {
        let phones = skipped(&[Group::Mobile, Group::NotOnboarded]);
        let busy = skipped(&[Group::Busy]);
        let recent = skipped(&[Group::Recent, Group::Mobile]);
        for (of, single, series) in
            [(&phones, false, false), (&busy, false, true), (&recent, true, true)]
        {
            let found = (of.may_leave_nothing(false), of.may_leave_nothing(true));
            assert_eq!(found, (single, series), "{of:?}");
        }
        assert!(!skipped(&[Group::OtherTenant]).may_leave_nothing(true));
        // One recent device must not hide that the list is another tenant's.
        assert!(!skipped(&[Group::Recent, Group::OtherTenant]).may_leave_nothing(true));
        assert!(!Skipped::default().may_leave_nothing(true));
        assert!(phones.can_be_kept() && !skipped(&[Group::OtherTenant]).can_be_kept());
    }
}
