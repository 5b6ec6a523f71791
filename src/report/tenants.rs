//! What is told of the campaigns of several tenants that have one name: the plan of all of them
//! before one is begun, and a table of how each ended. One line is one tenant's; what a customer
//! gets to see is that customer's own report.

use std::time::Duration;

use super::Document;
use super::human::{count, counted, duration, wrapped};
use super::jsonl;
use super::table::Table;
use crate::domain::text::printable;
use crate::domain::{CampaignName, Exit, Outcome, ScanType, SeriesName, SignInKind, Tally};

/// Warnings that are shown; programs read all of them in each tenant's own plan.
const WARNINGS_SHOWN: usize = 20;

/// Why nothing is done for a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDone {
    /// Why, as a part of a sentence.
    pub why: String,
    /// The exit code that it is worth.
    pub exit: Exit,
}

/// What is planned for a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlannedTenant {
    /// Devices that are to be ordered.
    pub devices: u64,
    /// Rows that are skipped, and those that hold no device.
    pub left_out: u64,
    /// The campaign is open already, and goes on.
    pub continues: bool,
    /// It has finished already: nothing is to be done.
    pub finished: bool,
    /// The time to its last call.
    pub takes: Duration,
    /// What should be known before anybody confirms.
    pub warnings: Vec<String>,
}

/// A tenant, and what is to be told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfTenant<T> {
    /// Its profile.
    pub profile: String,
    /// What is told.
    pub told: Result<T, NotDone>,
}

/// The plan of all tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantsPlan {
    /// The name of all campaigns.
    pub campaign: CampaignName,
    /// The type of the scans.
    pub scan_type: ScanType,
    /// A line for each tenant.
    pub tenants: Vec<OfTenant<PlannedTenant>>,
    /// What is to be known of the list.
    pub notes: Vec<String>,
    /// The plan is all there will be.
    pub dry_run: bool,
}

impl TenantsPlan {
    /// Devices of all tenants.
    pub fn devices(&self) -> u64 {
        self.planned().map(|(_, one)| one.devices).sum()
    }

    /// One line that names what is about to be ordered.
    pub fn headline(&self) -> String {
        format!(
            "{} scan on {} of {}",
            self.scan_type.api_name().to_uppercase(),
            counted(self.devices(), "device"),
            counted(self.planned().count() as u64, "tenant"),
        )
    }

    fn planned(&self) -> impl Iterator<Item = (&str, &PlannedTenant)> {
        let all = self.tenants.iter();
        let all = all.filter_map(|one| Some((one.profile.as_str(), one.told.as_ref().ok()?)));
        all.filter(|(_, one)| !one.finished)
    }
}

impl Document for TenantsPlan {
    fn text(&self) -> String {
        let mut table = Table::new(&["tenant", "devices", "left out", "to the last call", ""]);
        for OfTenant { profile, told } in &self.tenants {
            match told {
                Ok(one) if one.finished => {
                    table.tell(printable(profile), "finished already".to_owned());
                }
                Ok(one) => table.add([
                    printable(profile),
                    count(one.devices),
                    count(one.left_out),
                    duration(one.takes),
                    if one.continues { "goes on" } else { "" }.to_owned(),
                ]),
                Err(NotDone { why, .. }) => table.tell(printable(profile), printable(why)),
            }
        }
        let longest = self.planned().map(|(_, one)| one.takes).max().unwrap_or_default();
        let left_out = self.planned().map(|(_, one)| one.left_out).sum();
        table.add([
            "all".to_owned(),
            count(self.devices()),
            count(left_out),
            duration(longest),
            String::new(),
        ]);
        let mut lines = vec![self.headline(), format!("  campaign {}", self.campaign)];
        lines.push(table.text());
        let same_time = "  Each tenant has limits of its own, so all are ordered at the same time.";
        lines.push(wrapped(same_time, 2));
        let warnings = self.planned().flat_map(|(profile, one)| {
            one.warnings.iter().map(move |text| format!("{profile}: {text}"))
        });
        let all: Vec<String> = self.notes.iter().cloned().chain(warnings).collect();
        let shown = all.iter().take(WARNINGS_SHOWN);
        lines.extend(shown.map(|text| wrapped(&format!("Warning: {}", printable(text)), 2)));
        let more = all.len().saturating_sub(WARNINGS_SHOWN) as u64;
        if more > 0 {
            lines.push(format!("And {}; --json shows all.", counted(more, "more warning")));
        }
        if self.dry_run {
            lines.push("This is a dry run: nothing is ordered.".to_owned());
        }
        lines.join("\n")
    }

    fn json(&self) -> String {
        let tenants = self.tenants.iter().map(|OfTenant { profile, told }| match told {
            Ok(one) if one.finished => {
                serde_json::json!({ "profile": profile, "finished": true })
            }
            Ok(one) => serde_json::json!({
                "profile": profile, "devices": one.devices, "left_out": one.left_out,
                "continues": one.continues, "duration_s": one.takes.as_secs_f64(),
            }),
            Err(NotDone { why, exit }) => {
                serde_json::json!({ "profile": profile, "why": why, "exit_code": exit.code() })
            }
        });
        jsonl::line(&serde_json::json!({
            "v": 1, "type": "tenants_plan", "campaign": self.campaign.as_str(),
            "devices": self.devices(), "tenants": tenants.collect::<Vec<_>>(),
            "notes": self.notes, "dry_run": self.dry_run,
        }))
    }
}

/// How the campaign of a tenant stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedTenant {
    /// Where its rows are.
    pub tally: Tally,
    /// Why its run ended, or what it does.
    pub why: String,
    /// What that is worth; `None` if it runs still, or waits for somebody.
    pub exit: Option<Exit>,
}

/// How the campaigns of all tenants stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantsEnd {
    /// The name of all campaigns.
    pub campaign: CampaignName,
    /// A line for each tenant.
    pub tenants: Vec<OfTenant<EndedTenant>>,
    /// The report files of these tenants together.
    pub reports: Vec<String>,
    /// Other tenants have a campaign of the name too, whose rows are not in them.
    pub of_some: bool,
    /// The file of the rows that are in no campaign, and how many there are, if any are.
    pub not_ordered: Option<(String, u64)>,
    /// The command that goes on with what is open, if anything is and nobody runs it.
    pub resume: Option<String>,
    /// The command that has workers run what was left to them, if nobody does.
    pub work: Option<String>,
    /// The command that orders again what is not covered, if nothing is open.
    pub retry: Option<String>,
    /// The worst of all exits; `None` if nothing was to end.
    pub exit: Option<Exit>,
}

/// What is to be cancelled of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelledTenant {
    /// Scans that wait or run.
    pub scans: u64,
    /// Devices that wait for their turn.
    pub waiting: u64,
    /// All devices that it concerns.
    pub concerned: u64,
}

/// What is to be cancelled of all tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantsCancel {
    /// The name of all campaigns.
    pub campaign: CampaignName,
    /// A line for each tenant.
    pub tenants: Vec<OfTenant<CancelledTenant>>,
    /// The plan is all there will be.
    pub dry_run: bool,
}

impl TenantsCancel {
    /// Devices of all tenants that it concerns.
    pub fn concerned(&self) -> u64 {
        self.planned().map(|one| one.concerned).sum()
    }

    /// One line that names what is about to be cancelled.
    pub fn headline(&self) -> String {
        format!(
            "CANCEL campaign {} of {}: {}",
            self.campaign,
            counted(self.planned().count() as u64, "tenant"),
            counted(self.concerned(), "device")
        )
    }

    fn planned(&self) -> impl Iterator<Item = &CancelledTenant> {
        self.tenants.iter().filter_map(|one| one.told.as_ref().ok())
    }
}

impl Document for TenantsCancel {
    fn text(&self) -> String {
        let mut table = Table::new(&["tenant", "scans to cancel", "waiting devices", ""]);
        for OfTenant { profile, told } in &self.tenants {
            match told {
                Ok(CancelledTenant { scans, waiting, .. }) => {
                    table.add([printable(profile), count(*scans), count(*waiting), String::new()])
                }
                Err(NotDone { why, .. }) => table.tell(printable(profile), printable(why)),
            }
        }
        let mut lines = vec![self.headline(), table.text()];
        if self.dry_run {
            lines.push("This is a dry run: nothing is cancelled.".to_owned());
        }
        lines.join("\n")
    }

    fn json(&self) -> String {
        let tenants = self.tenants.iter().map(|OfTenant { profile, told }| match told {
            Ok(CancelledTenant { scans, waiting, concerned }) => serde_json::json!({
                "profile": profile, "scans": scans, "waiting": waiting, "devices": concerned,
            }),
            Err(NotDone { why, exit }) => {
                serde_json::json!({ "profile": profile, "why": why, "exit_code": exit.code() })
            }
        });
        jsonl::line(&serde_json::json!({
            "v": 1, "type": "tenants_cancel_plan", "campaign": self.campaign.as_str(),
            "tenants": tenants.collect::<Vec<_>>(), "dry_run": self.dry_run,
        }))
    }
}

/// What was found out about a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedTenant {
    /// How it was signed in.
    pub sign_in: Option<SignInKind>,
    /// Whether the application may order scans, as far as its token tells.
    pub may_scan: bool,
    /// Machines of the inventory.
    pub machines: Option<u64>,
    /// Why these are not known.
    pub unread: Option<String>,
}

/// What was found out about all tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantsChecked {
    /// A line for each tenant.
    pub tenants: Vec<OfTenant<CheckedTenant>>,
}

impl TenantsChecked {
    /// The worst of what would end a campaign.
    pub fn exit(&self) -> Exit {
        let exit = |one: &OfTenant<CheckedTenant>| match &one.told {
            Ok(checked) if checked.may_scan => Exit::Done,
            Ok(_) => Exit::SignIn,
            Err(not_done) => not_done.exit,
        };
        self.tenants.iter().map(exit).fold(Exit::Done, Exit::worse_of)
    }
}

impl Document for TenantsChecked {
    fn text(&self) -> String {
        let mut table = Table::new(&["tenant", "may scan", "machines", ""]);
        for OfTenant { profile, told } in &self.tenants {
            match told {
                Ok(CheckedTenant { sign_in, may_scan, machines, unread }) => table.add([
                    printable(profile),
                    if *may_scan { "yes" } else { "NO" }.to_owned(),
                    machines.map_or_else(|| "?".to_owned(), count),
                    match (unread, sign_in) {
                        _ if !may_scan => "Machine.Scan is missing".to_owned(),
                        (Some(why), _) => printable(why),
                        (None, Some(kind)) => format!("signed in ({kind})"),
                        (None, None) => String::new(),
                    },
                ]),
                Err(NotDone { why, .. }) => table.tell(printable(profile), printable(why)),
            }
        }
        let mut lines = vec![table.text()];
        let may = |one: &&OfTenant<CheckedTenant>| one.told.as_ref().is_ok_and(|it| it.may_scan);
        let fine = self.tenants.iter().filter(may).count() as u64;
        let all = counted(self.tenants.len() as u64, "tenant");
        let sum = match self.exit() {
            Exit::Done => format!("All is well: a campaign can start in {all}."),
            _ => format!(
                "A campaign can start in {} of {all}; `fleetsweep doctor --profile NAME` tells \
                 more.",
                count(fine)
            ),
        };
        lines.push(wrapped(&sum, 0));
        lines.join("\n")
    }

    fn json(&self) -> String {
        let tenants = self.tenants.iter().map(|OfTenant { profile, told }| match told {
            Ok(CheckedTenant { sign_in, may_scan, machines, unread }) => serde_json::json!({
                "profile": profile, "auth": sign_in.map(SignInKind::name), "may_scan": may_scan,
                "machines": machines, "unread": unread,
            }),
            Err(NotDone { why, exit }) => {
                serde_json::json!({ "profile": profile, "why": why, "exit_code": exit.code() })
            }
        });
        jsonl::line(&serde_json::json!({
            "v": 1, "type": "tenants_checked", "tenants": tenants.collect::<Vec<_>>(),
            "exit_code": self.exit().code(),
        }))
    }
}

/// Where the devices of a tenant are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    accepted: u64,
    covered: u64,
    refused: u64,
    open: u64,
    /// Devices of the list that the plan skipped.
    skipped: u64,
}

impl Counts {
    fn of(tally: &Tally) -> Self {
        let accepted = tally.of(Outcome::Accepted);
        let refused = tally.uncovered();
        let (open, skipped) = (tally.open(), tally.of(Outcome::Skipped));
        Self { accepted, covered: tally.covered() - accepted, refused, open, skipped }
    }

    fn and(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            covered: self.covered + other.covered,
            refused: self.refused + other.refused,
            open: self.open + other.open,
            skipped: self.skipped + other.skipped,
        }
    }

    fn row(self, name: String, why: String) -> [String; 6] {
        let Self { accepted, covered, refused, open, skipped: _ } = self;
        [name, count(accepted), count(covered), count(refused), count(open), why]
    }
}

impl Document for TenantsEnd {
    fn text(&self) -> String {
        let mut table =
            Table::new(&["tenant", "accepted", "covered", "not covered", "open", "how it stands"]);
        let mut all = Counts::default();
        let mut with_skipped = 0;
        for OfTenant { profile, told } in &self.tenants {
            match told {
                Ok(one) => {
                    let counts = Counts::of(&one.tally);
                    all = all.and(counts);
                    with_skipped += u64::from(counts.skipped > 0);
                    table.add(counts.row(printable(profile), printable(&one.why)));
                }
                Err(NotDone { why, .. }) => table.tell(printable(profile), printable(why)),
            }
        }
        table.add(all.row("all".to_owned(), String::new()));
        let mut lines = vec![format!("Campaign {} of {}", self.campaign, {
            counted(self.tenants.len() as u64, "tenant")
        })];
        lines.push(table.text());
        if all.skipped > 0 {
            let (rows, of) = (counted(all.skipped, "row"), counted(with_skipped, "tenant"));
            let text = format!("  skipped: {rows} of the lists of {of}; their reports say why");
            lines.push(wrapped(&text, 4));
        }
        if !self.reports.is_empty() {
            let reports = printable(&self.reports.join(", "));
            let whose = if self.of_some { "these tenants" } else { "all" };
            lines.push(wrapped(&format!("  report of {whose}  {reports}"), 4));
        }
        if let Some((path, rows)) = &self.not_ordered {
            let rows = counted(*rows, "row");
            lines.push(wrapped(&format!("  not ordered: {rows}, in {}", printable(path)), 4));
            let again = match SeriesName::of(&self.campaign) {
                Some(series) => format!("the next run of {series} orders them"),
                None => format!("the same command with --campaign {} orders them", self.campaign),
            };
            lines.push(wrapped(&format!("  once what kept them back is mended, {again}"), 4));
        }
        let next = [
            ("To go on", &self.resume),
            ("To have workers go on", &self.work),
            ("To order the rest again", &self.retry),
        ];
        for (what, command) in next {
            if let Some(command) = command {
                lines.push(wrapped(&format!("  {what}: `{command}`"), 4));
            }
        }
        if let Some(exit) = self.exit {
            let meaning = match all.open {
                some if some > 0 && exit == Exit::Done => {
                    format!("{} are open still", counted(some, "device"))
                }
                _ => exit.meaning().to_owned(),
            };
            lines.push(wrapped(&format!("  Exit code {}: {meaning}.", exit.code()), 4));
        }
        lines.join("\n")
    }

    fn json(&self) -> String {
        let tenants = self.tenants.iter().map(|OfTenant { profile, told }| match told {
            Ok(EndedTenant { tally, why, exit }) => {
                let Counts { accepted, covered, refused, open, skipped } = Counts::of(tally);
                serde_json::json!({
                    "profile": profile, "accepted": accepted, "covered": covered,
                    "not_covered": refused, "open": open, "skipped": skipped,
                    "scans_failed": tally.of(Outcome::ScanFailed), "why": why,
                    "exit_code": exit.map(Exit::code),
                })
            }
            Err(NotDone { why, exit }) => {
                serde_json::json!({ "profile": profile, "why": why, "exit_code": exit.code() })
            }
        });
        jsonl::line(&serde_json::json!({
            "v": 1, "type": "tenants", "campaign": self.campaign.as_str(),
            "tenants": tenants.collect::<Vec<_>>(), "reports": self.reports,
            "not_ordered": self.not_ordered.as_ref().map(|(path, rows)| {
                serde_json::json!({ "report": path, "rows": rows })
            }),
            "resume": self.resume, "work": self.work, "exit_code": self.exit.map(Exit::code),
        }))
    }
}
