//! Several campaigns as a table for people: a line each, and why no order of it leaves. One alone
//! is told whole.

use jiff::ZonedDateTime;

use super::standing::CampaignStatus;
use crate::clock::local_now;
use crate::domain::Priority;
use crate::domain::text::cut;
use crate::report::human::{WIDTH, count, is_narrow, wrapped};
use crate::report::{Document, human};

/// Characters of a name that a line has room for.
const NAME: usize = 32;

/// Several campaigns.
pub(super) struct Table(pub(super) Vec<CampaignStatus>);

impl Document for Table {
    fn text(&self) -> String {
        let now = local_now();
        let widest = self.0.iter().map(|one| one.campaign.name.as_str().len()).max();
        let width = widest.unwrap_or(0).clamp("campaign".len(), NAME);
        let head = if is_narrow() {
            "campaign\n  does  devices done  %".to_owned()
        } else {
            format!("{:width$}  {:<12}  {:>17}  {}", "campaign", "does", "devices done", "%")
        };
        let lines = self.0.iter().map(|one| line(one, width, &now));
        std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
    }

    fn details(&self) -> String {
        self.0.iter().map(Document::text).collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> String {
        self.0.iter().map(Document::json).collect::<Vec<_>>().join("\n")
    }
}

fn line(one: &CampaignStatus, width: usize, now: &ZonedDateTime) -> String {
    let go_on = format!("fleetsweep resume {}", one.campaign.name);
    let standing = one.standing(None, &go_on, now);
    let (done, devices) = (standing.done(), one.tally.devices());
    let done = format!("{} of {}", count(done), count(devices));
    let name = cut(one.campaign.name.as_str(), NAME);
    let (does, percent) = (one.doing.word(), standing.percent());
    let mut line = if is_narrow() {
        format!("{name}\n  {does}  {done}  {percent}")
    } else {
        format!("{name:width$}  {does:<12}  {done:>17}  {percent}")
    };
    for aside in [
        if one.campaign.emulated { "  EMULATED" } else { "" },
        if one.campaign.priority == Priority::High { "  priority high" } else { "" },
    ] {
        line.push_str(aside);
    }
    let first = standing.first_sentences();
    let why = format!("  {} {}", first.leaves, first.why);
    line.push('\n');
    line + &wrapped(&format!("  {}", why.trim()), 2)
}

/// That there is more to be told of each.
pub(super) struct More {
    pub(super) command: String,
}

impl Document for More {
    fn text(&self) -> String {
        human::wrapped(&format!("`{}` tells all of one.", self.command), 0)
    }

    fn json(&self) -> String {
        String::new()
    }
}

const _: () = assert!(NAME + 12 + 17 + 3 + 6 < WIDTH);
