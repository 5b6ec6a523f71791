//! How much of a fleet has had a scan, as text and as JSON. It is handed the figures; an order is
//! never told as a scan.

use std::collections::BTreeMap;

use jiff::ZonedDateTime;
use serde_json::json;

use super::document::Document;
use super::human::{count, counted, moment, wrapped};
use super::jsonl;
use crate::domain::history::{Coverage, LOOKED_BACK, Ordered};
use crate::domain::preflight::Group;
use crate::domain::text::printable;
use crate::domain::{ScanType, Target};

/// What is told of a fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct Covered {
    /// The series whose latest list is the fleet; `None` for all lists together.
    pub series: Option<String>,
    /// Whose fleet it is.
    pub target: Target,
    /// What people call its tenant: its profile, if it has one.
    pub tenant_name: Option<String>,
    /// It ran against the embedded emulator.
    pub emulated: bool,
    /// The type of the scan that is asked for.
    pub scan_type: ScanType,
    /// The figures, of the devices that can scan.
    pub coverage: Coverage,
    /// Of how many of them the latest order is somebody else's, as a plan read it in the tenant.
    pub by_others: u64,
    /// Devices that no scan can be ordered for, by what they are.
    pub cannot_scan: BTreeMap<Group, u64>,
    /// How many devices one run orders, and over how many runs with any to order that is the mean.
    pub a_run: Option<(u64, usize)>,
    /// The moment of the figures.
    pub at: ZonedDateTime,
}

impl Document for Covered {
    fn text(&self) -> String {
        let Coverage { devices, week, month, never, .. } = &self.coverage;
        let emulated = if self.emulated { "EMULATED " } else { "" };
        let whose = match &self.series {
            Some(series) => format!("series {series}"),
            None => "all lists".to_owned(),
        };
        let head = format!(
            "{emulated}Coverage of {whose}: {}, {} scan, tenant {}, {}",
            counted(*devices, "device"),
            self.scan_type,
            printable(self.tenant_name.as_ref().unwrap_or(&self.target.tenant)),
            moment(&self.at)
        );
        let days = LOOKED_BACK.as_secs() / 86_400;
        let mut lines = vec![wrapped(&head, 2)];
        let mut push = |name: &str, text: &str| {
            lines.push(wrapped(&format!("  {name:<15} {text}"), 18));
        };
        if let Some(cannot) = self.cannot() {
            push("cannot scan", &cannot);
        }
        push("within 7 days", &self.ordered(week));
        push("within 30 days", &self.ordered(month));
        if self.by_others > 0 {
            let by_others = count(self.by_others);
            let text = "last ordered by others, as a plan read it among the tenant's actions";
            push("of these", &format!("{by_others} {text}"));
        }
        push("never", &format!("{} (within {days} days)", count(*never)));
        push("oldest order", &self.oldest());
        push("nights", &self.nights());
        lines.push(wrapped(
            "  An order is not yet a scan. The API may call an action Succeeded that only started; \
             `fleetsweep follow` asks how far each one is.",
            2,
        ));
        lines.join("\n")
    }

    fn json(&self) -> String {
        let Coverage { devices, week, month, never, oldest } = &self.coverage;
        let of = |some: &Ordered| json!({"ordered": some.ordered, "succeeded": some.succeeded});
        jsonl::line(&json!({
            "v": 1,
            "type": "coverage",
            "series": self.series,
            "tenant": self.target.tenant,
            "tenant_name": self.tenant_name,
            "emulated": self.emulated,
            "scan_type": self.scan_type,
            "at": self.at.timestamp(),
            "devices": devices,
            "cannot_scan": jsonl::counts(
                self.cannot_scan.iter().map(|(group, devices)| (group.name(), *devices)),
            ),
            "ordered_by_others": self.by_others,
            "within_7d": of(week),
            "within_30d": of(month),
            "never": never,
            "oldest_at": oldest.map(|(at, _)| at),
            "oldest_device": oldest.map(|(_, device)| device.to_string()),
            "devices_a_run": self.a_run.map(|(devices, _)| devices),
            "runs_for_the_rest": self.runs(self.coverage.left()),
            "runs_for_all": self.runs(*devices),
        }))
    }
}

impl Covered {
    /// The devices that are not counted, if there are any.
    fn cannot(&self) -> Option<String> {
        let all: u64 = self.cannot_scan.values().sum();
        if all == 0 {
            return None;
        }
        let groups = self.cannot_scan.iter();
        let groups = groups.map(|(group, devices)| format!("{} {}", count(*devices), group.name()));
        let groups = groups.collect::<Vec<_>>().join(", ");
        Some(format!("{} more of the list, not counted here: {groups}", count(all)))
    }

    fn ordered(&self, some: &Ordered) -> String {
        let share = some.ordered.saturating_mul(1_000).checked_div(self.coverage.devices);
        let share = share.unwrap_or_default();
        format!(
            "{} ordered ({}.{} %), {} of them last seen as Succeeded",
            count(some.ordered),
            share / 10,
            share % 10,
            count(some.succeeded)
        )
    }

    fn oldest(&self) -> String {
        match self.coverage.oldest {
            None => "none".to_owned(),
            Some((at, device)) => {
                let days = self.at.timestamp().duration_since(at).as_secs() / 86_400;
                let days = counted(u64::try_from(days).unwrap_or_default(), "day");
                let at = moment(&at.to_zoned_datetime(self.at.time_zone().clone()));
                format!("{at}, {days} ago: {device}")
            }
        }
    }

    fn nights(&self) -> String {
        let Some((devices, runs)) = self.a_run else {
            let text = "no run that had devices to order has ended yet, so the rate is not known";
            return text.to_owned();
        };
        if devices == 0 {
            let runs = counted(runs as u64, "run");
            return format!("no device was ordered in the latest {runs}: the rate is not known");
        }
        let rate = format!(
            "{} a run (mean of the latest {})",
            counted(devices, "device"),
            counted(runs as u64, "run")
        );
        match (self.runs(self.coverage.left()), self.runs(self.coverage.devices)) {
            (Some(rest), Some(all)) => format!(
                "{rate}: {} for what has had none within 7 days, {} for all",
                counted(rest, "run"),
                counted(all, "run")
            ),
            _ => rate,
        }
    }

    fn runs(&self, devices: u64) -> Option<u64> {
        self.a_run.filter(|(a_run, _)| *a_run > 0).map(|(a_run, _)| devices.div_ceil(a_run))
    }
}
