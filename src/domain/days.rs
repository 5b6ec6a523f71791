//! Days of the week, as people write them: `Mon-Fri`, `Sat,Sun`, `Fri-Mon`. It knows no dates;
//! `hours` puts days and times of day together.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Weekday;

/// The days in the order of a week that begins on Monday, with their short names.
const NAMES: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// Some days of the week; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days([bool; 7]);

impl Days {
    /// Every day.
    pub const ALL: Days = Days([true; 7]);

    /// Whether this day is among them.
    pub fn has(self, day: Weekday) -> bool {
        self.0[place(day)]
    }

    /// Runs of days that follow one another, each from its first to its last; none goes beyond
    /// Sunday.
    pub fn runs(self) -> Vec<(Weekday, Weekday)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for at in (0..7).filter(|at| self.0[*at]) {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == at => *last = at,
                _ => runs.push((at, at)),
            }
        }
        runs.into_iter().map(|(first, last)| (NAMES[first].1, NAMES[last].1)).collect()
    }
}

impl FromStr for Days {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut days = [false; 7];
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (named(first)?, named(last)?);
            // A run over the end of the week goes on with Monday.
            let length = (last + 7 - first) % 7;
            (0..=length).for_each(|step| days[(first + step) % 7] = true);
        }
        Ok(Days(days))
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs().into_iter().map(|(first, last)| {
            let (first, last) = (place(first), place(last));
            let between = if last == first + 1 { "," } else { "-" };
            match last - first {
                0 => NAMES[first].0.to_owned(),
                _ => format!("{}{between}{}", NAMES[first].0, NAMES[last].0),
            }
        });
        f.write_str(&runs.collect::<Vec<_>>().join(","))
    }
}

/// The short name of a day: `Mon`.
pub fn short(day: Weekday) -> &'static str {
    NAMES[place(day)].0
}

fn place(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)
}

fn named(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let same = |name: &str| text.eq_ignore_ascii_case(name);
    NAMES
        .iter()
        .position(|(name, day)| same(name) || same(&format!("{day:?}")))
        .ok_or_else(|| format!("`{text}` is no day: write Mon, Tue, Wed, Thu, Fri, Sat or Sun"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Days>().unwrap().to_string()
    }

    #[test]
    fn days_are_read_as_names_and_runs_also_over_the_end_of_the_week() {
        assert_eq!(shown("Mon-Fri"), "Mon-Fri");
        assert_eq!(shown("sat,SUN"), "Sat,Sun");
        assert_eq!(shown("Friday"), "Fri");
        assert_eq!(shown("Fri-Mon"), "Mon,Fri-Sun");
        assert_eq!(shown("Mon-Sun"), "Mon-Sun");
        assert_eq!("Mon-Sun".parse(), Ok(Days::ALL));
        let nights: Days = "Mon, Wed-Thu".parse().unwrap();
        assert!(nights.has(Weekday::Wednesday) && !nights.has(Weekday::Tuesday));
    }

    #[test]
    fn what_is_no_day_is_named() {
        for wrong in ["", "Mon-", "Mo", "Mon-Fri,", "Weekend"] {
            let why = wrong.parse::<Days>().unwrap_err();
            assert!(why.contains("is no day"), "{wrong}: {why}");
        }
    }
}
