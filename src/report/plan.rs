//! What a campaign is going to do, as text and as JSON: shown by the dry run and before anybody is
//! asked to confirm. It is handed the forecast and computes none.

use std::time::Duration;

use jiff::ZonedDateTime;
use serde_json::{Value, json};

use super::checked::Checked;
use super::document::Document;
use super::human::{count, counted, duration, field, limits, moment, takes, wrapped};
use super::jsonl::{self, object};
use super::nights::Nights;
use super::order::InOrder;
use super::waves::Waves;
use crate::domain::text::{cut, printable};
use crate::domain::{CampaignName, Pace, Priority, Quota, ScanType, SignInKind, Target, Ticket};

/// Bad rows that the text shows, and lines that they may take on one screen.
const BAD_SHOWN: u64 = 20;
const BAD_ON_A_SCREEN: usize = 5;

/// Lines that a plan may have so that it fits a terminal of 24 together with the question after it.
const SCREEN: usize = 22;

/// Lines that it may have without what is said of each bad row: of more, its end alone is seen.
const LONGEST: usize = 24;

/// Lines by which it must be shorter so that the failure that stops it fits after it.
const STOPPED: usize = 4;

/// Characters of the comment that the text shows.
const COMMENT_SHOWN: usize = 60;

/// What fits before a set end.
#[derive(Clone, Debug, PartialEq)]
pub struct Until {
    /// No order leaves after this.
    pub at: ZonedDateTime,
    /// How many devices are ordered before it.
    pub fits: u64,
    /// The next run of a series begins with what is left.
    pub series: bool,
}

/// What `--expire-pending` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expire {
    /// Scans that can wait still at that moment at most.
    pub most: u64,
    /// How long cancelling so many takes.
    pub takes: Duration,
}

/// Rows that are bad for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadKind {
    /// The first of them, and what is wrong with it.
    pub example: String,
    /// How many there are.
    pub rows: u64,
}

/// The forecast of a campaign's calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Calls {
    /// When the first call leaves.
    pub starts_at: ZonedDateTime,
    /// When the last call leaves.
    pub last_call_at: ZonedDateTime,
    /// From now to the last call.
    pub duration: Duration,
}

/// What a campaign is going to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its name.
    pub campaign: CampaignName,
    /// Where the scans are ordered.
    pub target: Target,
    /// The type of the scan.
    pub scan_type: ScanType,
    /// The user's comment.
    pub comment: String,
    /// The ticket that it is ordered for.
    pub ticket: Option<Ticket>,
    /// It runs against the embedded emulator.
    pub emulated: bool,
    /// How it signs in, if anything says how.
    pub auth: Option<SignInKind>,
    /// Where the store is.
    pub store: String,
    /// It is begun with this plan, and knows of no call that was made before.
    pub store_is_new: bool,
    /// The plan is all there will be.
    pub dry_run: bool,
    /// The campaign is open already and goes on.
    pub continues: bool,
    /// Devices that are still to be asked: all, unless the campaign goes on.
    pub open: u64,
    /// Rows of the lists.
    pub rows: u64,
    /// Devices among them.
    pub devices: u64,
    /// Rows whose device stands in an earlier row.
    pub duplicates: u64,
    /// Rows that hold no device.
    pub bad_rows: u64,
    /// Rows that are skipped.
    pub skipped: u64,
    /// The first bad rows, each a sentence with line, column, what was found and what was expected.
    pub first_bad: Vec<String>,
    /// What is wrong with bad rows, in the order in which that was met.
    pub bad_kinds: Vec<BadKind>,
    /// Bad rows do not stop the campaign.
    pub skip_bad_rows: bool,
    /// Each quota, and how many calls count against it already.
    pub used: Vec<(Quota, u64)>,
    /// Those of them that the server named: they are lower than what was asked for.
    pub named: Vec<Quota>,
    /// The pace inside the quotas.
    pub pace: Option<Pace>,
    /// When the calls leave; `None` if there are none.
    pub calls: Option<Calls>,
    /// No order leaves before this; `None` if none was asked for or it has come.
    pub start_at: Option<ZonedDateTime>,
    /// What the windows mean for it, if it has any.
    pub nights: Option<Nights>,
    /// What fits before `--until` or `--max-duration`.
    pub until: Option<Until>,
    /// In what order the devices are asked.
    pub order: InOrder,
    /// Whether it goes before other campaigns.
    pub priority: Priority,
    /// What is cancelled when the window closes or the time is over, if anything is.
    pub expire: Option<Expire>,
    /// The waves that it is ordered in, and what stops it.
    pub waves: Waves,
    /// What the pre-flight found.
    pub checked: Checked,
    /// What else the user should know before confirming.
    pub warnings: Vec<String>,
}

impl Plan {
    /// How many devices are ordered before the window closes or the set end comes, if either does.
    pub fn fits(&self) -> Option<u64> {
        let window = self.nights.as_ref().map(|nights| nights.fits);
        let until = self.until.as_ref().map(|until| until.fits);
        window.into_iter().chain(until).min()
    }

    /// One line that names what is about to be ordered, and where.
    pub fn headline(&self) -> String {
        let emulated = if self.emulated { "EMULATED: " } else { "" };
        format!(
            "{emulated}{} scan on {}, tenant {}, {}",
            self.scan_type.api_name().to_uppercase(),
            counted(self.devices, "device"),
            printable(&self.target.tenant),
            self.target.place(),
        )
    }
}

impl Document for Plan {
    /// All of it where that fits one screen, else what decides; `details` tells the rest.
    fn text(&self) -> String {
        let whole = self.details();
        // Where bad rows stop the plan, what follows it is longer than a question.
        let stops = self.bad_rows > 0 && !self.skip_bad_rows;
        let room = if stops { SCREEN - STOPPED } else { SCREEN };
        if whole.lines().count() <= room {
            return whole;
        }
        let screen = self.told(Extent::Screen);
        if screen.lines().count() <= LONGEST { screen } else { self.told(Extent::Least) }
    }

    fn details(&self) -> String {
        self.told(Extent::Whole)
    }

    fn json(&self) -> String {
        let calls = self.calls.as_ref();
        let expire_pending = self
            .expire
            .as_ref()
            .map(|expire| json!({ "most": expire.most, "duration_s": expire.takes.as_secs_f64() }));
        jsonl::line(&object! {
            v: 1,
            r#type: "plan",
            campaign: &self.campaign,
            tenant: &self.target.tenant,
            cloud: &self.target.cloud,
            api: &self.target.api_origin,
            application: &self.target.application,
            scan_type: self.scan_type,
            comment: &self.comment,
            ticket: &self.ticket,
            store: &self.store,
            store_is_new: self.store_is_new,
            emulated: self.emulated,
            auth: self.auth.map(SignInKind::name),
            dry_run: self.dry_run,
            continues: self.continues,
            open: self.open,
            rows: self.rows,
            devices: self.devices,
            duplicates: self.duplicates,
            bad_rows: self.bad_rows,
            skipped: self.skipped,
            checked: self.checked.json(),
            first_bad: &self.first_bad,
            quota_used: used_json(&self.used, &self.named),
            duration_s: calls.map(|calls| calls.duration.as_secs_f64()),
            starts_at: calls.map(|calls| calls.starts_at.timestamp()),
            last_call_at: calls.map(|calls| calls.last_call_at.timestamp()),
            start_at: self.start_at.as_ref().map(ZonedDateTime::timestamp),
            #[serde(skip_serializing_if = "jsonl::is_null")]
            window: self.nights.as_ref().map(Nights::json),
            until: self.until.as_ref().map(|until| until.at.timestamp()),
            fits: self.until.as_ref().map(|until| until.fits),
            order: self.order.json(),
            priority: self.priority,
            #[serde(skip_serializing_if = "jsonl::is_null")]
            expire_pending: expire_pending,
            #[serde(skip_serializing_if = "jsonl::is_null")]
            waves: self.waves.json(),
            #[serde(skip_serializing_if = "jsonl::is_null")]
            max_failures: self.waves.max_failures.map(|most| most.to_string()),
            warnings: &self.warnings,
        })
    }
}

/// How much of a plan is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// All of it.
    Whole,
    /// What one screen has room for.
    Screen,
    /// The same where that is still too long: without what is the same for every plan.
    Least,
}

impl Plan {
    fn told(&self, extent: Extent) -> String {
        let mut lines = vec![wrapped(&self.headline(), 2)];
        self.push_order(&mut lines, extent);
        self.push_list(&mut lines, extent);
        let takes = self.calls.as_ref().map_or(Duration::ZERO, |calls| calls.duration);
        lines.extend(match extent {
            Extent::Whole => self.checked.lines(Some(takes)),
            Extent::Screen | Extent::Least => self.checked.folded(),
        });
        self.push_limits(&mut lines);
        self.push_times(&mut lines, extent);
        for warning in &self.warnings {
            lines.push(wrapped(&format!("Warning: {}", printable(warning)), 2));
        }
        if self.dry_run {
            let read = self.checked.inventory.is_some();
            let what = if read { "ordered" } else { "sent" };
            lines.push(format!("This is a dry run: nothing is {what}."));
        }
        if extent != Extent::Whole {
            let rows = match self.bad_rows {
                0 => String::new(),
                1..=BAD_SHOWN => ", and each bad row".to_owned(),
                _ => format!(", and the first {BAD_SHOWN} bad rows"),
            };
            lines.push(wrapped(&format!("With -v every group and setting is shown{rows}."), 2));
        }
        lines.join("\n")
    }

    fn push_order(&self, lines: &mut Vec<String>, extent: Extent) {
        let mut push = |name: &str, value: &str| lines.push(field(name, value));
        let goes_on = if self.continues {
            format!(" (open already; goes on with {})", counted(self.open, "device"))
        } else {
            String::new()
        };
        push("campaign", &format!("{}{goes_on}", self.campaign));
        if extent == Extent::Whole {
            push("API", &printable(&self.target.api_origin));
            push("application", &printable(&self.target.application));
        }
        let auth = self.auth.map(|kind| kind.to_string());
        push("sign-in", auth.as_deref().unwrap_or("none is set up; a run needs one (see --auth)"));
        push("comment", &printable(&cut(&self.comment, COMMENT_SHOWN)));
        self.ticket.iter().for_each(|ticket| push("ticket", ticket.as_str()));
        let new = if self.store_is_new { " (new: it knows of no calls)" } else { "" };
        let store = printable(&self.store) + new;
        push(
            "store",
            &match extent {
                Extent::Whole => format!("{store} (the limit is kept among those who share it)"),
                Extent::Screen | Extent::Least => store,
            },
        );
    }

    fn push_list(&self, lines: &mut Vec<String>, extent: Extent) {
        let mut parts = vec![counted(self.devices, "device")];
        let left_out = [
            (self.duplicates, "duplicate"),
            (self.bad_rows, "bad row"),
            (self.skipped, "skipped row"),
        ];
        parts.extend(left_out.iter().filter(|(rows, _)| *rows > 0).map(|(n, of)| counted(*n, of)));
        let rows = counted(self.rows, "row");
        lines.push(field("list", &format!("{rows}: {}", parts.join(", "))));
        let kept = self.bad_rows > 0 && self.skip_bad_rows;
        match extent {
            Extent::Whole => self.push_bad_rows(lines),
            // Those that stop the plan are what is to be read.
            Extent::Least if kept => return,
            Extent::Screen | Extent::Least => {
                self.push_bad_kinds(lines, BAD_ON_A_SCREEN - usize::from(kept))
            }
        }
        if kept {
            lines.push(wrapped("    Bad rows are not ordered; they stand in the report.", 6));
        }
    }

    fn push_bad_rows(&self, lines: &mut Vec<String>) {
        for bad in self.first_bad.iter().take(BAD_SHOWN as usize) {
            lines.push(wrapped(&format!("    {}", printable(bad)), 6));
        }
        let shown = BAD_SHOWN.min(self.first_bad.len() as u64);
        let more = self.bad_rows.saturating_sub(shown);
        if shown > 0 && more > 0 {
            lines.push(format!("    and {}", counted(more, "more bad row")));
        }
    }

    /// A row of each kind with its whole reason, as far as there is room: of the first kind in any
    /// case.
    fn push_bad_kinds(&self, lines: &mut Vec<String>, room: usize) {
        let told = self.bad_kinds.iter().map(|BadKind { example, rows }| {
            let like = match rows {
                1 => String::new(),
                rows => format!("{} such as ", counted(*rows, "row")),
            };
            wrapped(&format!("    {like}{}", printable(example)), 6)
        });
        let told: Vec<String> = told.collect();
        let (mut shown, mut used) = (0, 0);
        for kind in &told {
            used += kind.lines().count();
            // A line tells of the kinds that follow.
            let rest = usize::from(shown + 1 < told.len());
            if shown > 0 && used + rest > room {
                break;
            }
            shown += 1;
        }
        lines.extend_from_slice(&told[..shown]);
        let more: u64 = self.bad_kinds[shown..].iter().map(|kind| kind.rows).sum();
        if more > 0 {
            let more = counted(more, "bad row");
            let kinds = match told.len() - shown {
                1 => "another kind".to_owned(),
                kinds => format!("{kinds} other kinds"),
            };
            lines.push(format!("    and {more} of {kinds} (add -v)"));
        }
    }

    fn push_limits(&self, lines: &mut Vec<String>) {
        let limits = limits(&self.used, &self.named);
        let pace = self.pace.map(|pace| format!("; {}", pace_text(&pace))).unwrap_or_default();
        lines.push(field("limits", &format!("{limits}{pace}")));
        if self.priority == Priority::High {
            let text = "high: campaigns of normal priority on these limits wait meanwhile";
            lines.push(field("priority", text));
        }
    }

    fn push_times(&self, lines: &mut Vec<String>, extent: Extent) {
        let Some(calls) = &self.calls else {
            lines.push("  Nothing is to be ordered.".to_owned());
            return;
        };
        let last = match extent {
            Extent::Whole => String::new(),
            Extent::Screen | Extent::Least => format!(", {}", moment(&calls.last_call_at)),
        };
        let takes = format!("{} to the last call{last}", takes(calls.duration));
        lines.push(field("takes", &takes));
        if let Some(at) = &self.start_at {
            lines.push(field("start", &format!("{}; the run waits until then", moment(at))));
        }
        if extent == Extent::Whole {
            lines.push(field("first call", &moment(&calls.starts_at)));
            lines.push(field("last call", &moment(&calls.last_call_at)));
        }
        lines.extend(self.order.lines());
        lines.extend(self.waves.lines());
        lines.extend(self.nights.iter().flat_map(|nights| nights.lines(self.open)));
        if let Some(until) = &self.until {
            lines.push(field("until", &self.until_text(until)));
        }
        if let Some(expire) = &self.expire {
            lines.push(field("expire", &format!("at the end {}", expire.told(extent))));
        }
        let note = "An order is not a scan yet: each device scans when it can.";
        lines.push(match extent {
            Extent::Least => wrapped(note, 0),
            Extent::Whole | Extent::Screen => {
                let more = "Cancelling has the same limits: to take the orders back takes as long \
                            as to give them.";
                wrapped(&format!("{note} {more}"), 0)
            }
        });
    }

    fn until_text(&self, until: &Until) -> String {
        let at = moment(&until.at);
        let fits = if until.fits >= self.open {
            "everything fits".to_owned()
        } else {
            let left = count(self.open - until.fits);
            let left = if until.series {
                format!("{left} are the next run's")
            } else {
                format!("{left} stay open for `fleetsweep resume --until`")
            };
            format!("{} of {} fit; {left}", count(until.fits), counted(self.open, "device"))
        };
        format!("{at}: {fits}")
    }
}

impl Expire {
    /// What it means, as a sentence of its own.
    pub fn sentence(&self) -> String {
        format!("When the window closes or the time is over, {}.", self.text())
    }

    fn text(&self) -> String {
        format!("{}; that is no order, and goes on after that moment", self.told(Extent::Least))
    }

    fn told(&self, extent: Extent) -> String {
        if extent != Extent::Least {
            return self.text();
        }
        format!(
            "what still waits for its device is cancelled: {} at most, which takes {}",
            counted(self.most, "scan"),
            duration(self.takes),
        )
    }
}

/// How much of each limit is used, for programs.
pub(super) fn used_json(used: &[(Quota, u64)], named: &[Quota]) -> Vec<Value> {
    let used = used.iter().map(|(limit, used)| {
        json!({
            "limit": limit.calls,
            "window_s": limit.window.as_secs_f64(),
            "used": used,
            "named_by_server": named.contains(limit),
        })
    });
    used.collect()
}

fn pace_text(pace: &Pace) -> String {
    let every = match pace.interval.as_millis() {
        0 => "1 ms or less".to_owned(),
        millis if millis < 1_000 => format!("{millis} ms"),
        millis => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
    };
    format!("{} at once, then one every {every}", count(u64::from(pace.burst.get())))
}
