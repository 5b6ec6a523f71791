//! Properties of all lists: whatever way one is written down, the same ids are read, and no input
//! makes the reader panic or lose count.

use std::io::Read;

use fleetsweep::domain::DeviceId;
use fleetsweep::intake::{Options, Seen};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{agrees, devices, hex, read_all, read_bytes};

/// One byte a read, as a slow pipe gives them.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.len().min(out.len()).min(1);
        let (now, rest) = self.0.split_at(count);
        out[..count].copy_from_slice(now);
        self.0 = rest;
        Ok(count)
    }
}

/// One way to write a list down.
#[derive(Clone, Debug)]
struct Form {
    shape: Shape,
    delimiter: char,
    line_end: &'static str,
    quoted: bool,
    upper: bool,
    guard: Guard,
    encoding: Encoding,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Bare,
    Addresses,
    Table { id_last: bool, type_line: bool },
    JsonArray,
    JsonValue,
    JsonLines,
    GraphResults,
    Evidence,
    Streaming,
    LogAnalytics,
    Printed(Print),
}

/// What prints a table for people.
#[derive(Clone, Copy, Debug)]
enum Print {
    Markdown,
    Sql,
    FormatTable,
    FormatList,
}

impl Shape {
    /// Whether it carries any name at all, as nothing that is printed does.
    fn carries_names(self) -> bool {
        !matches!(self, Self::Bare | Self::Addresses | Self::Printed(_))
    }
}

/// What stands around an id without being seen, or against a spreadsheet.
#[derive(Clone, Copy, Debug)]
enum Guard {
    None,
    Formula,
    Apostrophe,
    Quotes,
    Marks,
    MarkWithin,
}

impl Guard {
    fn around(self, id: &str) -> String {
        match self {
            Self::None => id.to_owned(),
            Self::Formula => format!("=\"{id}\""),
            Self::Apostrophe => format!("'{id}"),
            Self::Quotes => format!("“{id}”"),
            Self::Marks => format!("\u{202a}\u{2060}{id}\u{202c}\u{200d}"),
            Self::MarkWithin => format!("{}\u{ad}{}", &id[..20], &id[20..]),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Utf8,
    Utf8Mark,
    Utf16Le,
    Utf16Be,
    Utf16LeUnmarked,
}

fn forms() -> impl Strategy<Value = Form> {
    let shape = prop_oneof![
        Just(Shape::Bare),
        Just(Shape::Addresses),
        (any::<bool>(), any::<bool>())
            .prop_map(|(id_last, type_line)| Shape::Table { id_last, type_line }),
        Just(Shape::JsonArray),
        Just(Shape::JsonValue),
        Just(Shape::JsonLines),
        Just(Shape::GraphResults),
        Just(Shape::Evidence),
        Just(Shape::Streaming),
        Just(Shape::LogAnalytics),
        Just(Shape::Printed(Print::Markdown)),
        Just(Shape::Printed(Print::Sql)),
        Just(Shape::Printed(Print::FormatTable)),
        Just(Shape::Printed(Print::FormatList)),
    ];
    let guard = prop_oneof![
        Just(Guard::None),
        Just(Guard::Formula),
        Just(Guard::Apostrophe),
        Just(Guard::Quotes),
        Just(Guard::Marks),
        Just(Guard::MarkWithin),
    ];
    let encoding = prop_oneof![
        Just(Encoding::Utf8),
        Just(Encoding::Utf8Mark),
        Just(Encoding::Utf16Le),
        Just(Encoding::Utf16Be),
        Just(Encoding::Utf16LeUnmarked),
    ];
    (
        shape,
        prop_oneof![Just(','), Just(';'), Just('\t'), Just('|')],
        prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        any::<bool>(),
        any::<bool>(),
        guard,
        encoding,
    )
        .prop_map(|(shape, delimiter, line_end, quoted, upper, guard, encoding)| Form {
            shape,
            delimiter,
            line_end,
            quoted,
            upper,
            guard,
            encoding,
        })
}

fn written(form: &Form, ids: &[[u8; 20]], name: &str) -> Vec<u8> {
    let id = |bytes: &[u8; 20]| if form.upper { hex(bytes).to_uppercase() } else { hex(bytes) };
    let cell = |text: &str| {
        let must = text.contains([form.delimiter, '"', '\n', '\r']);
        if form.quoted || must { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
    };
    let row = |id: &str, name: &str, id_last: bool| {
        let (a, b) = if id_last { (name, id) } else { (id, name) };
        format!("{}{}{}", cell(a), form.delimiter, cell(b))
    };
    let guarded = |bytes: &[u8; 20]| form.guard.around(&id(bytes));
    let object = |bytes: &[u8; 20]| {
        let id = id(bytes);
        serde_json::json!({ "computerDnsName": name, "id": id, "x": [1] })
    };
    let objects: Vec<serde_json::Value> = ids.iter().map(object).collect();
    let each = |line: &dyn Fn(&[u8; 20]) -> String| ids.iter().map(line).collect::<Vec<_>>();
    let lines = match form.shape {
        Shape::Bare => each(&|bytes| cell(&guarded(bytes))),
        Shape::Addresses => {
            each(&|bytes| format!("https://security.microsoft.com/machines/v2/{}?tid=1", id(bytes)))
        }
        Shape::Table { id_last, type_line } => {
            let mut lines = each(&|bytes| row(&guarded(bytes), name, id_last));
            lines.insert(0, row("Device ID", "Device Name", id_last));
            if type_line {
                lines.insert(0, "#TYPE System.Object".into());
            }
            lines
        }
        Shape::JsonArray => vec![serde_json::to_string_pretty(&objects).unwrap()],
        Shape::JsonValue => vec![serde_json::json!({ "a": 1, "value": objects }).to_string()],
        Shape::JsonLines => objects.iter().map(|object| object.to_string()).collect(),
        Shape::Printed(print) => printed(print, &each(&|bytes| id(bytes))),
        shape => json_of_others(shape, &each(&|bytes| id(bytes)), name),
    };
    encoded(form.encoding, &(lines.join(form.line_end) + form.line_end))
}

/// As the programs around Defender write devices.
fn json_of_others(shape: Shape, ids: &[String], name: &str) -> Vec<String> {
    let hunted = |id: &String| json!({ "DeviceId": id, "DeviceName": name, "Tags": ["id"] });
    let hunted: Vec<Value> = ids.iter().map(hunted).collect();
    let evidence = |id: &String| json!({ "mdeDeviceId": id, "deviceDnsName": name, "id": "7" });
    match shape {
        Shape::Evidence => {
            let user = json!({ "userAccount": { "deviceId": null, "id": ids[0] } });
            let devices = ids.iter().map(evidence);
            let evidence: Vec<Value> = [user].into_iter().chain(devices).collect();
            let alert = json!({ "id": "0".repeat(40), "title": "x", "evidence": evidence });
            vec![json!({ "value": [alert] }).to_string()]
        }
        Shape::Streaming => {
            let record = |device: &Value| json!({ "time": "x", "properties": device }).to_string();
            hunted.iter().map(record).collect()
        }
        Shape::LogAnalytics => {
            let columns = json!([{ "name": "DeviceName" }, { "name": "DeviceId" }]);
            let rows: Vec<Value> = ids.iter().map(|id| json!([name, id])).collect();
            let table = json!({ "name": "PrimaryResult", "columns": columns, "rows": rows });
            vec![json!({ "tables": [table] }).to_string()]
        }
        _ => {
            let schema = json!([{ "name": "DeviceId", "type": "String" }]);
            vec![json!({ "results": hunted, "schema": schema }).to_string()]
        }
    }
}

/// As it is printed for people.
fn printed(print: Print, ids: &[String]) -> Vec<String> {
    let rule = "-".repeat(40);
    type Row = fn(&String) -> String;
    let (head, row, foot): (Vec<String>, Row, Option<String>) = match print {
        Print::Markdown => {
            let head = vec!["| DeviceName | DeviceId |".to_owned(), "|---|:--|".to_owned()];
            (head, |id| format!("| pc 7 | {id} |"), None)
        }
        Print::Sql => {
            let head = vec![format!(" {:40} | DeviceName", "DeviceId"), format!("{rule}-+-----")];
            (head, |id| format!(" {id} | pc 7"), Some(format!("({} rows)", ids.len())))
        }
        Print::FormatTable => {
            let head = vec![String::new(), format!("{:40} Name", "DeviceId"), rule + " ----"];
            (head, |id| format!("{id} pc 7"), Some(String::new()))
        }
        Print::FormatList => {
            let head = vec![String::new(), String::new()];
            (head, |id| format!("DeviceId   : {id}\nDeviceName : pc 7\n"), None)
        }
    };
    head.into_iter().chain(ids.iter().map(row)).chain(foot).collect()
}

fn encoded(encoding: Encoding, text: &str) -> Vec<u8> {
    // Without a mark, UTF-16 is told by two letters of ASCII at its beginning.
    let is_told = text.chars().take(2).filter(char::is_ascii).count() == 2;
    let encoding = match encoding {
        Encoding::Utf16LeUnmarked if !is_told => Encoding::Utf16Le,
        encoding => encoding,
    };
    let le = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    match encoding {
        Encoding::Utf8 => text.into(),
        Encoding::Utf8Mark => format!("\u{feff}{text}").into(),
        Encoding::Utf16Le => le(&format!("\u{feff}{text}")),
        Encoding::Utf16Be => {
            format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect()
        }
        Encoding::Utf16LeUnmarked => le(text),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ids_written_in_any_form_are_read_as_the_same_ids(
        form in forms(),
        ids in prop::collection::btree_set(any::<[u8; 20]>(), 1..150),
        // Letters, what needs quotes, and line breaks; not what a name is trimmed of.
        name in "[a-zé日][a-z,;\"\t \n]{0,12}[a-z]",
    ) {
        let ids: Vec<[u8; 20]> = ids.into_iter().collect();
        let bytes = written(&form, &ids, &name);
        let (rows, result) = read_bytes(&bytes);
        prop_assert!(result.is_ok(), "{:?}", result);
        let expected: Vec<DeviceId> = ids.iter().map(|id| DeviceId::from_bytes(*id)).collect();
        prop_assert_eq!(devices(&rows), expected);
        prop_assert!(agrees(&result.unwrap(), &rows));
        if form.shape.carries_names() {
            prop_assert!(rows.iter().all(|row| row.device_name.as_ref() == Some(&name)));
        }
        let trickled = read_all("list", Trickle(&bytes), &Options::default(), &mut Seen::new());
        prop_assert_eq!(trickled.0, rows);
    }

    #[test]
    fn any_bytes_are_read_or_refused_and_the_sums_agree(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let (rows, result) = read_bytes(&bytes);
        prop_assert!(result.map_or(true, |summary| agrees(&summary, &rows)));
    }

    #[test]
    fn any_list_like_text_is_read_or_refused_and_the_sums_agree(
        parts in prop::collection::vec(
            prop_oneof![
                Just("1e5bc9d7e413ddd7902c2932e418702b84d0cc07".to_owned()),
                Just("0e5bc9d7e413ddd7902c2932e418702b84d0cc07".to_owned()),
                "[,;\t\r\n\"#{}\\[\\]:| '=-]{1,3}",
                Just("\"value\":".to_owned()),
                Just("\"id\":".to_owned()),
                "\"(columns|rows|tables|evidence|properties|mdeDeviceId|alerts|error)\":",
                Just("DeviceId : ".to_owned()),
                Just("1.23E+39".to_owned()),
                Just("Total: 7\n".to_owned()),
                Just("Device ID".to_owned()),
                Just("/machines/".to_owned()),
                "\\PC{0,3}",
            ],
            0..40,
        ),
        column in prop::option::of("(id|2|Device ID|)"),
    ) {
        let text = parts.concat();
        let options = Options { column, max_rows: 20, ..Options::default() };
        let (rows, result) = read_all("list", text.as_bytes(), &options, &mut Seen::new());
        if let Ok(summary) = result {
            prop_assert!(agrees(&summary, &rows));
            let lines = text.replace("\r\n", "\n").matches(['\n', '\r']).count() as u64 + 1;
            prop_assert!(rows.iter().all(|row| (1..=lines).contains(&row.line)));
        }
    }
}
