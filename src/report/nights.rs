//! What windows mean for a plan: when the next one opens, how much fits into it, and how many are
//! needed. It is handed the figures and computes none.

use jiff::ZonedDateTime;
use serde::Serialize;

use super::human::{count, counted, field, moment};
use super::jsonl::object;

/// The windows of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Nights {
    /// The windows as they were asked for, with their zone.
    pub hours: String,
    /// When the next one opens; `None` if one is open.
    pub opens: Option<ZonedDateTime>,
    /// When its last order may leave; `None` if it does not close.
    pub closes: Option<ZonedDateTime>,
    /// How many devices are ordered in it.
    pub fits: u64,
    /// How many windows all of them need.
    pub windows: u64,
    /// The next run of a series begins with what is left.
    pub series: bool,
}

impl Nights {
    /// Lines for a plan with this many open devices.
    pub(super) fn lines(&self, open: u64) -> Vec<String> {
        let opens = match &self.opens {
            Some(at) => format!("opens {}", moment(at)),
            None => "open now".to_owned(),
        };
        let closes = match &self.closes {
            Some(at) => format!("orders until {}", moment(at)),
            None => "never closes".to_owned(),
        };
        let fits = if self.fits >= open {
            "everything fits into this window".to_owned()
        } else {
            let left = if self.series {
                "what is left is the next run's"
            } else {
                "what is left stays open for `fleetsweep resume`"
            };
            format!(
                "{} of {} into this window, {} for all; {left}",
                count(self.fits),
                counted(open, "device"),
                counted(self.windows, "window"),
            )
        };
        vec![field("window", &format!("{}: {opens}, {closes}", self.hours)), field("fits", &fits)]
    }

    /// What programs read of it.
    pub(super) fn json(&self) -> impl Serialize {
        let stamp = |at: &Option<ZonedDateTime>| at.as_ref().map(ZonedDateTime::timestamp);
        object! {
            hours: &self.hours,
            opens_at: stamp(&self.opens),
            closes_at: stamp(&self.closes),
            fits: self.fits,
            windows: self.windows,
        }
    }
}
