//! The tenant's machines: a table for people at a terminal, and lines that `scan` reads back, as
//! CSV or JSON. Those have all that is known, under the names of the API. What a spreadsheet could
//! run is made inert, as in reports.

use serde_json::{Value, json};

use super::csv::inert;
use super::file::Format;
use super::jsonl;
use crate::domain::Machine;
use crate::domain::text::{cut, printable};
use crate::domain::words::is_excluded;

/// The columns, which are only ever appended.
const COLUMNS: [&str; 16] = [
    "id",
    "computerDnsName",
    "osPlatform",
    "version",
    "osBuild",
    "agentVersion",
    "healthStatus",
    "onboardingStatus",
    "lastSeen",
    "rbacGroupName",
    "deviceValue",
    "machineTags",
    "riskScore",
    "exposureLevel",
    "mergedIntoMachineId",
    "isExcluded",
];

/// How machines are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineList {
    /// A table as wide as this many characters, for people.
    Table(usize),
    /// A line for each, for programs.
    Lines(Format),
}

/// The line above the first machine, with its end; empty for JSON lines.
pub fn header(list: MachineList) -> String {
    match list {
        MachineList::Table(width) => {
            table_row(width, ["NAME", "SYSTEM", "LAST SEEN", "HEALTH", "ID"])
        }
        MachineList::Lines(Format::Csv) => csv_line(COLUMNS.map(str::to_owned)),
        MachineList::Lines(Format::JsonLines) => String::new(),
    }
}

/// One machine as a line, with its end.
pub fn line(machine: &Machine, list: MachineList) -> String {
    match list {
        MachineList::Table(width) => {
            let facts = &machine.facts;
            let known = |text: &Option<String>| printable(text.as_deref().unwrap_or("-"));
            let seen = facts.last_seen.map(|seen| seen.strftime("%Y-%m-%d %H:%M").to_string());
            let (name, system) = (known(&machine.name), known(&facts.platform));
            let (seen, health) = (known(&seen), known(&facts.health));
            table_row(width, [&name, &system, &seen, &health, &machine.id.to_string()])
        }
        MachineList::Lines(format) => whole_line(machine, format),
    }
}

/// Characters of an id.
const ID: usize = 40;

/// The cells of a row side by side, as far as there is room: the name and the id stand in each, and
/// the id on a line of its own where the line is too short for both.
fn table_row(width: usize, [name, system, seen, health, id]: [&str; 5]) -> String {
    let cell = |text: &str, wide: usize| format!("{:<wide$}  ", cut(text, wide));
    let least = 18 + 2 + ID;
    if width < least {
        let indent = if width < ID + 2 { "" } else { "  " };
        return format!("{}\n{indent}{id}\n", cut(name, width));
    }
    let mut room = width - least;
    let mut more = String::new();
    for (text, wide) in [(system, 16), (seen, 16), (health, 8)] {
        if room < wide + 2 {
            break;
        }
        more += &cell(text, wide);
        room -= wide + 2;
    }
    format!("{}{more}{id}\n", cell(name, 18 + room.min(14)))
}

fn whole_line(machine: &Machine, format: Format) -> String {
    let facts = &machine.facts;
    let object = json!({
        "id": machine.id.to_string(),
        "computerDnsName": machine.name,
        "osPlatform": facts.platform,
        "version": facts.version,
        "osBuild": facts.build,
        "agentVersion": facts.client,
        "healthStatus": facts.health,
        "onboardingStatus": facts.onboarding,
        "lastSeen": facts.last_seen,
        "rbacGroupName": facts.group,
        "deviceValue": facts.value,
        "machineTags": machine.tags,
        "riskScore": machine.risk,
        "exposureLevel": machine.exposure,
        "mergedIntoMachineId": facts.merged_into,
        "isExcluded": is_excluded(facts),
    });
    match format {
        Format::JsonLines => jsonl::line(&object) + "\n",
        Format::Csv => csv_line(COLUMNS.map(|name| field(&object[name]))),
    }
}

/// A value of the object as a field of CSV.
fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => inert(printable(text)),
        Value::Array(tags) => {
            let tags: Vec<&str> = tags.iter().filter_map(Value::as_str).collect();
            inert(printable(&tags.join("; ")))
        }
        other => other.to_string(),
    }
}

fn csv_line(fields: [String; COLUMNS.len()]) -> String {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::Any(b'\n'))
        .quote_style(csv::QuoteStyle::Necessary)
        .from_writer(Vec::new());
    writer.write_record(&fields).expect("a Vec takes any bytes");
    let bytes = writer.into_inner().expect("a Vec needs no flush");
    String::from_utf8(bytes).expect("fields of text make a line of text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeviceId, Facts};

    #[test]
    fn a_table_fits_its_width_and_has_every_id_whole() {
        let machine = Machine {
            id: DeviceId::from_bytes([0xab; 20]),
            name: Some("a-very-long-name-of-a-machine.corp.example".to_owned()),
            facts: Facts { platform: Some("WindowsServer2022".to_owned()), ..Facts::default() },
            tags: Vec::new(),
            risk: None,
            exposure: None,
        };
        for width in [40, 59, 60, 80, 100, 120, 200] {
            let table = MachineList::Table(width);
            for text in [header(table), line(&machine, table)] {
                let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
                assert!(longest <= width, "{width}: {text}");
            }
            assert!(line(&machine, table).contains(&"ab".repeat(20)), "{width}");
        }
        let wide = MachineList::Table(100);
        let (above, below) = (header(wide), line(&machine, wide));
        assert_eq!(
            above.find("ID"),
            below.char_indices().position(|(at, _)| { below[at..].starts_with("abab") })
        );
        assert!(above.contains("SYSTEM") && above.contains("LAST SEEN"), "{above}");
    }

    #[test]
    fn a_machine_is_one_line_and_nothing_in_it_can_run() {
        let machine = Machine {
            id: DeviceId::from_bytes([0xab; 20]),
            name: Some("=cmd|'a'!A0".to_owned()),
            facts: Facts { build: Some(26_100), ..Facts::default() },
            tags: vec!["a, b".to_owned(), "c\nd".to_owned()],
            risk: None,
            exposure: None,
        };
        let csv = line(&machine, MachineList::Lines(Format::Csv));
        let id = "ab".repeat(20);
        assert_eq!(csv, format!("{id},'=cmd|'a'!A0,,,26100,,,,,,,\"a, b; c\\u{{a}}d\",,,,false\n"));
        let json = line(&machine, MachineList::Lines(Format::JsonLines));
        assert!(json.contains(r#""machineTags":["a, b","c\nd"]"#), "{json}");
        assert_eq!(header(MachineList::Lines(Format::Csv)).split(',').count(), COLUMNS.len());
    }
}
