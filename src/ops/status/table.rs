//! Several campaigns as a table for people: a line each, and why no order of it leaves. One alone
//! is told whole.

use std::collections::BTreeMap;

use jiff::ZonedDateTime;

use super::standing::CampaignStatus;
use crate::clock::local_now;
use crate::domain::Priority;
use crate::domain::service::id_of;
use crate::domain::text::{cut, printable};
use crate::ops::named_tenant::NamedTenant;
use crate::report::human::{WIDTH, count, is_narrow, wrapped};
use crate::report::{Document, human};

/// Characters of a name that a line has room for.
const NAME: usize = 32;

/// Several campaigns.
pub(super) struct Table<'a> {
    pub(super) all: Vec<CampaignStatus>,
    /// What people call tenants.
    pub(super) names: &'a [NamedTenant],
}

impl Table<'_> {
    /// Whose each campaign is, where those of several tenants are told of. Tenants are spelled
    /// once, since there may be thousands of both.
    fn whose(&self) -> Vec<Option<String>> {
        let tenant = |one: &CampaignStatus| id_of(&one.campaign.order.target.tenant);
        let tenants: Vec<String> = self.all.iter().map(tenant).collect();
        if tenants.windows(2).all(|pair| pair[0] == pair[1]) {
            return vec![None; tenants.len()];
        }
        // Of several names of a tenant it is the first.
        let named = self.names.iter().rev().map(|named| (id_of(&named.tenant), &named.name));
        let named: BTreeMap<String, &String> = named.collect();
        let words = |own: &String| match named.get(own) {
            Some(name) => printable(name),
            None => format!("tenant {}", printable(own)),
        };
        tenants.iter().map(|own| Some(words(own))).collect()
    }
}

impl Document for Table<'_> {
    fn text(&self) -> String {
        let now = local_now();
        let widest = self.all.iter().map(|one| one.campaign.name.as_str().len()).max();
        let width = widest.unwrap_or(0).clamp("campaign".len(), NAME);
        let does = self.all.iter().map(|one| one.does().len()).max();
        let widths = (width, does.unwrap_or(0).max("state".len()));
        let head = if is_narrow() {
            "campaign\n  state  devices done  %".to_owned()
        } else {
            let (name, does) = widths;
            format!("{:name$}  {:does$}  {:>17}  {}", "campaign", "state", "devices done", "%")
        };
        let all = self.all.iter().zip(self.whose());
        let lines = all.map(|(one, whose)| line(one, widths, whose, &now));
        std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
    }

    fn details(&self) -> String {
        self.all.iter().map(Document::text).collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> String {
        self.all.iter().map(Document::json).collect::<Vec<_>>().join("\n")
    }
}

fn line(
    one: &CampaignStatus,
    (width, widest): (usize, usize),
    whose: Option<String>,
    now: &ZonedDateTime,
) -> String {
    let standing = one.standing(None, &one.go_on, now);
    let (done, devices) = (standing.done(), one.tally.devices());
    let done = format!("{} of {}", count(done), count(devices));
    let name = cut(one.campaign.name.as_str(), NAME);
    let (does, percent) = (one.does(), standing.percent());
    let mut line = if is_narrow() {
        format!("{name}\n  {does}  {done}  {percent}")
    } else {
        format!("{name:width$}  {does:widest$}  {done:>17}  {percent}")
    };
    for aside in [
        if one.campaign.emulated { "  EMULATED" } else { "" },
        if one.campaign.priority == Priority::High { "  priority high" } else { "" },
    ] {
        line.push_str(aside);
    }
    let first = standing.first_sentences();
    let why = format!("{} {}", first.leaves, first.why);
    let whose = whose.map_or_else(String::new, |whose| format!("{whose}: "));
    line.push('\n');
    line + &wrapped(&format!("  {whose}{}", why.trim()), 2)
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

const _: () = assert!(NAME + "not all cancelled".len() + 17 + 3 + 6 < WIDTH);
