//! When a timer starts: a time of day and the days of the week, as typed and as each kind of timer
//! writes it.

use jiff::civil::Time;

use crate::domain::days::short;
use crate::domain::{Days, Hours};
use crate::ops::failure::Failure;

/// A start that comes again each week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// The days.
    pub days: Days,
    /// The time of day, in whole minutes.
    pub time: Time,
}

impl Start {
    /// Reads `22:00` or `Mon-Fri 22:00`.
    ///
    /// # Errors
    /// `Failure` says what it is not.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |why: String| {
            let next = "write a time of day such as 22:00, or with days: \"Mon-Fri 22:00\"";
            Failure::usage(format!("--at {text} cannot be used"), why, next)
        };
        let text = text.trim();
        let (days, time) = text.rsplit_once(char::is_whitespace).unwrap_or(("", text));
        let days = match days.trim() {
            "" => Days::ALL,
            days => days.parse().map_err(wrong)?,
        };
        let digits = time.split_once(':').filter(|(hours, minutes)| {
            let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            digits(hours) && digits(minutes)
        });
        let time = digits.and_then(|_| time.parse().ok());
        let time = time.ok_or_else(|| wrong("it ends with no time of day".to_owned()))?;
        Ok(Self { days, time })
    }

    /// The starts at which windows open.
    pub(super) fn of_hours(hours: &Hours) -> Vec<Self> {
        let windows = hours.windows().iter();
        windows.map(|window| Self { days: window.days(), time: window.begins() }).collect()
    }

    /// As systemd's `OnCalendar=` takes it.
    pub(super) fn on_calendar(&self, zone: Option<&str>) -> String {
        let zone = zone.map(|zone| format!(" {zone}")).unwrap_or_default();
        let days = match self.days {
            Days::ALL => String::new(),
            days => {
                let runs = days.runs().into_iter().map(|(first, last)| {
                    if first == last {
                        short(first).to_owned()
                    } else {
                        format!("{}..{}", short(first), short(last))
                    }
                });
                format!("{} ", runs.collect::<Vec<_>>().join(","))
            }
        };
        format!("{days}*-*-* {}:00{zone}", self.time.strftime("%H:%M"))
    }

    /// The five fields of a crontab.
    pub(super) fn cron(&self) -> String {
        let days = match self.days {
            Days::ALL => "*".to_owned(),
            // The numbers of Monday to Sunday; both 0 and 7 are Sunday, and not everywhere 7.
            days => {
                let number = |day: jiff::civil::Weekday| day.to_sunday_zero_offset();
                let mut numbers: Vec<i8> = jiff::civil::Weekday::Sunday
                    .cycle_forward()
                    .take(7)
                    .filter(|day| days.has(*day))
                    .map(number)
                    .collect();
                numbers.sort_unstable();
                numbers.iter().map(i8::to_string).collect::<Vec<_>>().join(",")
            }
        };
        format!("{} {} * * {days}", self.time.minute(), self.time.hour())
    }

    /// The names of its days, for a task of Windows; none if it comes daily.
    pub(super) fn day_names(&self) -> Vec<String> {
        let all = jiff::civil::Weekday::Monday.cycle_forward().take(7);
        let days = all.filter(|day| self.days != Days::ALL && self.days.has(*day));
        days.map(|day| format!("{day:?}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_written_as_each_timer_reads_it() {
        let nights = Start::parse("Mon-Fri,Sun 22:05").unwrap();
        assert_eq!(nights.on_calendar(None), "Mon..Fri,Sun *-*-* 22:05:00");
        assert_eq!(nights.cron(), "5 22 * * 0,1,2,3,4,5");
        assert_eq!(nights.day_names().len(), 6);
        let daily = Start::parse("00:30").unwrap();
        assert_eq!(daily.on_calendar(Some("Europe/Berlin")), "*-*-* 00:30:00 Europe/Berlin");
        assert_eq!(daily.cron(), "30 0 * * *");
        assert!(daily.day_names().is_empty());
    }

    #[test]
    fn what_is_no_start_is_told() {
        for wrong in ["", "22", "22:60", "25:00", "10pm", "22:00:30", "Mo 22:00", "2:00"] {
            assert_eq!(
                Start::parse(wrong).unwrap_err().kind,
                crate::domain::Exit::Usage,
                "{wrong}"
            );
        }
    }
}
