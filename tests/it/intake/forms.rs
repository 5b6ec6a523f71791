//! Properties of all lists: whatever way one is written down, the same ids are read, and no input
//! makes the reader panic or lose count.

use std::io::Read;

use fleetsweep::domain::DeviceId;
use fleetsweep::intake::{Options, Seen};
use proptest::prelude::*;

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
        prop_oneof![Just(','), Just(';'), Just('\t')],
        prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        any::<bool>(),
        any::<bool>(),
        encoding,
    )
        .prop_map(|(shape, delimiter, line_end, quoted, upper, encoding)| Form {
            shape,
            delimiter,
            line_end,
            quoted,
            upper,
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
    let object = |bytes: &[u8; 20]| {
        let id = id(bytes);
        serde_json::json!({ "computerDnsName": name, "id": id, "x": [1] })
    };
    let objects: Vec<serde_json::Value> = ids.iter().map(object).collect();
    let each = |line: &dyn Fn(&[u8; 20]) -> String| ids.iter().map(line).collect::<Vec<_>>();
    let lines = match form.shape {
        Shape::Bare => each(&|bytes| cell(&id(bytes))),
        Shape::Addresses => {
            each(&|bytes| format!("https://security.microsoft.com/machines/v2/{}?tid=1", id(bytes)))
        }
        Shape::Table { id_last, type_line } => {
            let mut lines = each(&|bytes| row(&id(bytes), name, id_last));
            lines.insert(0, row("Device ID", "Device Name", id_last));
            if type_line {
                lines.insert(0, "#TYPE System.Object".into());
            }
            lines
        }
        Shape::JsonArray => vec![serde_json::to_string_pretty(&objects).unwrap()],
        Shape::JsonValue => vec![serde_json::json!({ "a": 1, "value": objects }).to_string()],
        Shape::JsonLines => objects.iter().map(|object| object.to_string()).collect(),
    };
    encoded(form.encoding, &(lines.join(form.line_end) + form.line_end))
}

fn encoded(encoding: Encoding, text: &str) -> Vec<u8> {
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
        if !matches!(form.shape, Shape::Bare | Shape::Addresses) {
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
                "[,;\t\r\n\"#{}\\[\\]:]{1,3}",
                Just("\"value\":".to_owned()),
                Just("\"id\":".to_owned()),
                Just("Device ID".to_owned()),
                Just("/machines/".to_owned()),
                "\\PC{0,3}",
            ],
            0..40,
        ),
        column in prop::option::of("(id|2|Device ID|)"),
    ) {
        let text = parts.concat();
        let options = Options { column, max_rows: 20, names: None };
        let (rows, result) = read_all("list", text.as_bytes(), &options, &mut Seen::new());
        if let Ok(summary) = result {
            prop_assert!(agrees(&summary, &rows));
            let lines = text.replace("\r\n", "\n").matches(['\n', '\r']).count() as u64 + 1;
            prop_assert!(rows.iter().all(|row| (1..=lines).contains(&row.line)));
        }
    }
}
