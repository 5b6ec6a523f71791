//! Lists that are something else than lists, and names as other systems write them, given to the
//! real binary.

use fleetsweep::emulator::{Emulator, Operation};

use super::tenant::playing;
use super::{Place, Said, beside, emulate, flat, report, run};
use crate::kit::support::device;

async fn said(place: &Place, emulator: &Emulator, args: &[&str]) -> Said {
    let command = place.towards(emulator, args);
    beside(move || run(command)).await
}

fn orders(emulator: &Emulator) -> usize {
    emulator.ledger().count(Operation::Scan)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_in_the_place_of_a_list_is_refused_with_the_retry_that_was_most_likely_meant() {
    let emulator = emulate("quiet", &[(100, 60.0)], 1.0).await;
    let place = Place::new();
    place.list(10);
    let scan = ["scan", "list.txt", "--type=full", "--comment=x", "--approve-max=10"];
    let more = ["--campaign=first", "--report=r.csv", "--report=r.jsonl"];
    let ran = said(&place, &emulator, &[&scan[..], &more].concat()).await;
    assert_eq!((ran.code, orders(&emulator)), (0, 10), "{}", ran.err);
    // As a spreadsheet of another country saves it.
    let text = std::fs::read_to_string(place.path("r.csv")).unwrap().replace(',', ";");
    std::fs::write(place.path("semicolons.csv"), text).unwrap();
    let again = ["--type=full", "--comment=x", "--approve-max=10"];
    for list in ["r.csv", "r.jsonl", "semicolons.csv"] {
        let refused = said(&place, &emulator, &[&["scan", list], &again[..]].concat()).await;
        assert_eq!((refused.code, orders(&emulator)), (2, 10), "{list}: {}", refused.err);
        for part in ["fleetsweep's own report of campaign first", "`fleetsweep retry first`"] {
            assert!(refused.err.contains(part), "{list}: {}", refused.err);
        }
        let insisting = ["--column=device_id", "--dry-run"];
        let insisting = [&["scan", list], &again[..], &insisting].concat();
        let read = said(&place, &emulator, &insisting).await;
        assert_eq!(read.code, 0, "{list}: {}", read.err);
        assert!(read.out.contains("10 devices"), "{list}: {}", read.out);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_found_as_other_systems_write_them_and_the_nearest_is_told_of_those_that_are_not()
{
    let emulator = playing(30, "").await;
    let place = Place::new();
    let listed = said(&place, &emulator, &["devices"]).await.out;
    let mut listed = csv::Reader::from_reader(listed.as_bytes());
    let headers = listed.headers().unwrap().clone();
    let at = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let row = listed.records().next().unwrap().unwrap();
    let (id, name) = (&row[at("id")], &row[at("computerDnsName")]);
    let (short, domain) = name.split_once('.').unwrap();
    let forms = [
        format!("CORP\\{short}"),
        format!("{}$", short.to_uppercase()),
        format!("{domain}\\{short}$"),
        format!("{name}."),
        format!("'{name}"),
        format!("\u{2060}{name}\u{200b}"),
    ];
    let list = format!("{}\nx{name}\n", forms.join("\n"));
    std::fs::write(place.path("names.txt"), list).unwrap();
    let scan = ["scan", "names.txt", "--type=quick", "--comment=x", "--approve-max=9"];
    let more = ["--names", "--skip-bad-rows", "--report=r.csv"];
    let ran = said(&place, &emulator, &[&scan[..], &more].concat()).await;
    assert_eq!((ran.code, orders(&emulator)), (3, 1), "{}", ran.err);
    let rows = report(&place.path("r.csv"));
    assert!(rows[..6].iter().all(|row| row["device_id"] == id), "{rows:?}");
    assert_eq!(rows[6]["outcome"], "bad_row");
    let nearest = format!("no device of the tenant has this name; the nearest is \"{name}\"");
    assert!(rows[6]["reason"].contains(&nearest), "{}", rows[6]["reason"]);
}

#[test]
fn what_is_no_list_is_refused_with_what_to_do_about_its_kind() {
    let place = Place::new();
    let remedy = |file: &str| {
        let path = format!("{}/fixtures/intake/{file}", env!("CARGO_MANIFEST_DIR"));
        let scan = ["scan", &path, "--type=quick", "--comment=x", "--emulator", "--dry-run"];
        let said = run(place.fleetsweep(&scan));
        assert_eq!(said.code, 2, "{file}: {}", said.err);
        said.err.split_once(" next: ").expect(&said.err).1.to_owned()
    };
    for (file, part) in [
        ("picture.png", "name a list of devices instead"),
        ("sign-in-page.csv", "name a list of devices instead"),
        ("rich-text.rtf", "save it as plain text"),
        ("workbook.xls", "save the sheet as CSV"),
        ("workbook.xlsx.csv", "save the sheet as CSV"),
        ("list.csv.gz", "unpack it"),
        ("empty.csv", "export the list again"),
        ("header-only.csv", "export the list again"),
        ("windows-1252.csv", "CSV in UTF-8"),
        ("intune-export.csv", "Defender portal > Assets > Devices"),
        // What only its writer can mend.
        ("unclosed-quote.csv", "fix the list"),
    ] {
        let told = remedy(file);
        assert!(told.contains(part), "{file}: {told}");
        assert!(part == "fix the list" || !told.contains("fix the list"), "{file}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_was_cut_off_stops_the_plan_until_somebody_says_otherwise() {
    let place = Place::new();
    let rows = (0..4).map(|n| format!("{},pc-{n},Windows10\n", device(n)));
    let whole = format!("DeviceId,DeviceName,OSPlatform\n{}", rows.collect::<String>());
    let cut = &whole[..whole.len() - "-3,Windows10\n".len()];
    std::fs::write(place.path("cut.csv"), cut).unwrap();
    std::fs::write(place.path("whole.csv"), whole.trim_end()).unwrap();
    let scan = |list: &str, more: &[&str]| {
        let usual = ["scan", list, "--emulator", "--type=quick", "--comment=test"];
        let rest = ["--approve-max=9", "--limit=500/1s"];
        run(place.fleetsweep(&[&usual[..], &rest, more].concat()))
    };
    let said = scan("cut.csv", &[]);
    assert_eq!(said.code, 2, "{}", said.err);
    let told = flat(&said.err);
    assert!(told.contains("cut.csv stops within line 5"), "{told}");
    assert!(told.contains("--skip-bad-rows to order what is left"), "{told}");
    // A file that ends without the end of a line is whole.
    assert!([0, 3].contains(&scan("whole.csv", &[]).code));
    let said = scan("cut.csv", &["--skip-bad-rows"]);
    assert!([0, 3].contains(&said.code), "{}", said.err);
}
