//! The tenant's machines as lines that `scan` reads back: CSV for people, JSON lines for programs.
//! The columns are named as in the API. What a spreadsheet could run is made inert, as in reports.

use serde_json::{Value, json};

use super::csv::inert;
use super::file::Format;
use super::jsonl;
use crate::domain::Machine;
use crate::domain::text::printable;
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

/// The line above the first machine, with its end; empty for JSON lines.
pub fn header(format: Format) -> String {
    match format {
        Format::Csv => csv_line(COLUMNS.map(str::to_owned)),
        Format::JsonLines => String::new(),
    }
}

/// One machine as a line, with its end.
pub fn line(machine: &Machine, format: Format) -> String {
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
    fn a_machine_is_one_line_and_nothing_in_it_can_run() {
        let machine = Machine {
            id: DeviceId::from_bytes([0xab; 20]),
            name: Some("=cmd|'a'!A0".to_owned()),
            facts: Facts { build: Some(26_100), ..Facts::default() },
            tags: vec!["a, b".to_owned(), "c\nd".to_owned()],
            risk: None,
            exposure: None,
        };
        let csv = line(&machine, Format::Csv);
        let id = "ab".repeat(20);
        assert_eq!(csv, format!("{id},'=cmd|'a'!A0,,,26100,,,,,,,\"a, b; c\\u{{a}}d\",,,,false\n"));
        let json = line(&machine, Format::JsonLines);
        assert!(json.contains(r#""machineTags":["a, b","c\nd"]"#), "{json}");
        assert_eq!(header(Format::Csv).split(',').count(), COLUMNS.len());
    }
}
