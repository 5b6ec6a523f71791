//! In what order a plan's devices are asked, and until when those that go first are through. It is
//! handed the figures and computes none.

use jiff::ZonedDateTime;
use serde::Serialize;

use super::human::{count, counted, field, moment};
use super::jsonl::object;
use crate::domain::OrderBy;
use crate::domain::text::printable;

/// The order of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InOrder {
    /// What it goes by.
    pub by: OrderBy,
    /// Where it goes by nothing else, who has waited longest since the last order goes first.
    pub waited: bool,
    /// Devices of which that is not known: they come last.
    pub unknown: u64,
    /// The lists whose devices go before all others, in their order.
    pub first: Vec<Ahead>,
    /// The campaign is open already, and its order was fixed when it began.
    pub fixed: bool,
}

/// A list whose devices go first.
#[derive(Clone, Debug, PartialEq)]
pub struct Ahead {
    /// Its name.
    pub file: String,
    /// Its devices that are ordered.
    pub devices: u64,
    /// Its devices that are skipped, as the report says for each.
    pub left_out: u64,
    /// When the last of them is ordered; `None` if none is.
    pub last_call_at: Option<ZonedDateTime>,
}

impl InOrder {
    /// Lines for a plan; none if the order is that of the list.
    pub(super) fn lines(&self) -> Vec<String> {
        if self.fixed {
            let asked = self.by != OrderBy::List || !self.first.is_empty();
            let text = "as it was fixed when the campaign began; --order and --first change \
                        nothing now";
            return if asked { vec![field("order", text)] } else { Vec::new() };
        }
        let mut lines: Vec<String> =
            self.first.iter().map(|ahead| field("first", &ahead.text())).collect();
        let by = match self.by {
            OrderBy::List if !self.waited => return lines,
            OrderBy::List => "never ordered ones first, then those whose last order is oldest",
            OrderBy::LastSeen => "the most recently seen first",
            OrderBy::Value => "high value first, then normal, then low",
        };
        let what = if self.by == OrderBy::Value { "value" } else { "last report" };
        lines.push(match self.unknown {
            0 => field("order", by),
            some => {
                let devices = counted(some, "device");
                field(
                    "order",
                    &format!("{by}; the {what} of {devices} is not known: they come last"),
                )
            }
        });
        lines
    }

    /// What programs read of it.
    pub(super) fn json(&self) -> impl Serialize {
        let first = self.first.iter().map(|ahead| {
            object! {
                file: &ahead.file,
                devices: ahead.devices,
                left_out: ahead.left_out,
                last_call_at: ahead.last_call_at.as_ref().map(ZonedDateTime::timestamp),
            }
        });
        let by = match self.by {
            OrderBy::List if self.waited => "waited",
            by => by.name(),
        };
        object! {
            by: by,
            fixed_before: self.fixed,
            unknown: self.unknown,
            first: first.collect::<Vec<_>>(),
        }
    }
}

impl Ahead {
    fn text(&self) -> String {
        let (file, left_out) = (printable(&self.file), count(self.left_out));
        let Some(at) = &self.last_call_at else {
            return match self.left_out {
                0 => format!("the devices of {file} all stand in a list before it"),
                _ => {
                    format!("no device of {file} is ordered: {left_out} skipped (see the report)")
                }
            };
        };
        let devices = counted(self.devices, "device");
        let more = match self.left_out {
            0 => String::new(),
            1 => "; 1 more is skipped (see the report)".to_owned(),
            _ => format!("; {left_out} more are skipped (see the report)"),
        };
        format!("the {devices} of {file}: last order at {}{more}", moment(at))
    }
}
