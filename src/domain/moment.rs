//! Moments as lists write them. Of a date such as `3/4/2026` only the other dates of its column can
//! tell which number is the day; where they do not, it stays unknown rather than guessed.

use jiff::Timestamp;

/// A moment that a list does not tell for sure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The text, cut, for messages; it is not escaped.
    pub text: String,
    /// What it can mean; empty if it cannot be read.
    pub readings: Readings,
}

/// What a date of numbers can mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// With the month first, if that is a date.
    pub month_first: Option<Timestamp>,
    /// With the day first, if that is a date.
    pub day_first: Option<Timestamp>,
}

/// What the dates of one column have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    month_first: bool,
    day_first: bool,
}

impl Readings {
    /// The moment, given what the other dates of the column have shown.
    pub fn by(self, shown: Shown) -> Option<Timestamp> {
        match (self.month_first, self.day_first) {
            (Some(one), Some(other)) if one == other => Some(one),
            (Some(month_first), Some(day_first)) => match (shown.month_first, shown.day_first) {
                (true, false) => Some(month_first),
                (false, true) => Some(day_first),
                _ => None,
            },
            (one, other) => one.or(other),
        }
    }

    /// Whether it has two meanings.
    pub fn is_ambiguous(self) -> bool {
        self.by(Shown::default()).is_none() && self.month_first.is_some()
    }

    /// The later one of its meanings.
    pub fn latest(self) -> Option<Timestamp> {
        self.month_first.max(self.day_first)
    }
}

impl Shown {
    /// Takes in one date of the column.
    pub fn add(&mut self, readings: Readings) {
        self.month_first |= readings.day_first.is_none() && readings.month_first.is_some();
        self.day_first |= readings.month_first.is_none() && readings.day_first.is_some();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_date_with_two_meanings_is_told_by_the_others_of_its_column_and_never_guessed() {
        let (march, april) = (at("2026-03-04T00:00:00Z"), at("2026-04-03T00:00:00Z"));
        let unsure = Readings { month_first: march, day_first: april };
        let only_month_first = Readings { month_first: march, day_first: None };
        let only_day_first = Readings { month_first: None, day_first: april };
        let shown = |dates: &[Readings]| {
            let mut shown = Shown::default();
            dates.iter().for_each(|date| shown.add(*date));
            shown
        };
        assert_eq!(unsure.by(shown(&[unsure, unsure])), None);
        assert_eq!(unsure.by(shown(&[unsure, only_month_first])), march);
        assert_eq!(unsure.by(shown(&[only_day_first])), april);
        let mixed = shown(&[only_day_first, only_month_first]);
        assert_eq!(unsure.by(mixed), None, "a column of two kinds shows nothing");
        assert_eq!(only_day_first.by(mixed), april, "but this one has one meaning alone");
        let same = Readings { month_first: march, day_first: march };
        assert_eq!((same.by(Shown::default()), same.is_ambiguous()), (march, false));
        assert!(unsure.is_ambiguous() && !only_day_first.is_ambiguous());
        assert_eq!(unsure.latest(), april);
        assert_eq!(Readings::default().by(mixed), None);
        assert!(!Readings::default().is_ambiguous());
    }
}
