//! The tenant's machines as lines that `scan` reads back: CSV for people, JSON lines for programs.
//! The columns are named as in the API. What a spreadsheet could run is made inert, as in reports.

use serde_json::json;

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

/// The line above the first machine, with its end; nothing for JSON lines.
pub fn header(format: Format) -> String {
    match format {
        Format::Csv => csv_line(COLUMNS.map(str::to_owned)),
        Format::JsonLines => String::new(),
    }
}

/// One machine as a line, with its end.
pub fn line(machine: &Machine, format: Format) -> String {
    let facts = &machine.facts;
    let last_seen = facts.last_seen.map(|at| at.to_string());
    match format {
        Format::JsonLines => {
            let object = json!({
                "id": machine.id.to_string(),
                "computerDnsName": machine.name,
                "osPlatform": facts.platform,
                "version": facts.version,
                "osBuild": facts.build,
                "agentVersion": facts.client,
                "healthStatus": facts.health,
                "onboardingStatus": facts.onboarding,
                "lastSeen": last_seen,
                "rbacGroupName": facts.group,
                "deviceValue": facts.value,
                "machineTags": machine.tags,
                "riskScore": machine.risk,
                "exposureLevel": machine.exposure,
                "mergedIntoMachineId": facts.merged_into,
                "isExcluded": is_excluded(facts),
            });
            jsonl::line(&object) + "\n"
        }
        Format::Csv => {
            let text = |text: &Option<String>| {
                text.as_deref().map(|text| inert(printable(text))).unwrap_or_default()
            };
            csv_line([
                machine.id.to_string(),
                text(&machine.name),
                text(&facts.platform),
                text(&facts.version),
                facts.build.map(|build| build.to_string()).unwrap_or_default(),
                text(&facts.client),
                text(&facts.health),
                text(&facts.onboarding),
                last_seen.unwrap_or_default(),
                text(&facts.group),
                text(&facts.value),
                inert(printable(&machine.tags.join("; "))),
                text(&machine.risk),
                text(&machine.exposure),
                text(&facts.merged_into),
                is_excluded(facts).to_string(),
            ])
        }
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
