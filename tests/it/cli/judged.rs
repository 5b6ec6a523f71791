//! Which devices of a list are ordered, which are skipped and which come last, with the words of
//! portals, hunting and other languages. The emulator's ledger judges what was sent.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use fleetsweep::domain::preflight::Group;
use fleetsweep::emulator::{self, Config, Emulator, Operation, Scenario};

use super::tenant::playing;
use super::{Place, Said, beside, json_lines, report, run};
use crate::kit::support::device;

/// The tenant that `Place::towards` names.
const OWN: &str = "11111111-2222-3333-4444-555555555555";
const OTHER: &str = "99999999-2222-3333-4444-555555555555";

/// An emulator that lets nobody read the inventory, so that the list alone says what is known.
async fn closed() -> Emulator {
    playing(1_000, "[token]\nroles = [\"Machine.Scan\"]").await
}

fn write(place: &Place, name: &str, header: &str, rows: &[&str]) {
    let mut text = format!("{header}\n");
    for (n, row) in (0..).zip(rows) {
        writeln!(text, "{}{row}", device(n)).unwrap();
    }
    std::fs::write(place.path(name), text).unwrap();
}

async fn scan(place: &Place, emulator: &Emulator, args: &[&str]) -> Said {
    let usual = ["scan", "--type=quick", "--comment=x", "--approve-max=500", "--json", "-v"];
    let command = place.towards(emulator, &[&usual[..], args].concat());
    beside(move || run(command)).await
}

/// The devices in the order in which their orders arrived.
fn ordered(emulator: &Emulator) -> Vec<u64> {
    let entries = emulator.ledger().entries;
    let scans = entries.iter().filter(|entry| entry.operation == Operation::Scan);
    let number = |id: &String| (0..1_000).find(|n| device(*n).to_string() == *id).unwrap();
    scans.filter_map(|entry| entry.device.as_ref()).map(number).collect()
}

/// What was said without its line breaks.
fn flat(said: &Said) -> String {
    super::flat(&[&*said.err, &*said.out].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_excluded_from_vulnerability_management_is_scanned_unless_it_is_skipped() {
    let emulator = closed().await;
    let place = Place::new();
    let header = "Device ID,OS Platform,Exclusion state";
    write(&place, "list.csv", header, &[",Windows11,Excluded", ",Windows11,Not excluded"]);
    let ran = scan(&place, &emulator, &["list.csv"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(flat(&ran).contains("1 excluded: from vulnerability management alone"), "{}", ran.err);
    assert_eq!(ordered(&emulator).len(), 2);
    let skip = ["list.csv", "--skip=excluded", "--report=r.csv", "--campaign=second"];
    let ran = scan(&place, &emulator, &skip).await;
    assert_eq!(emulator.ledger().accepted, 2, "the other one is busy now: {}", ran.err);
    let rows = report(&place.path("r.csv"));
    assert!(rows[0]["reason"].contains("excluded: on request (--skip excluded)"), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_are_not_understood_skip_nobody_and_the_plan_names_and_counts_them() {
    let emulator = closed().await;
    let place = Place::new();
    let header = "\u{feff}Geräte-ID;Gerätename;Onboardingstatus;Health status;Device type";
    let row = ";pc;Onboardet;Aktiv;Arbeitsstation";
    write(&place, "list.csv", header, &[row, row, row, ";pc;Intégré;Aktiv;Server"]);
    let ran = scan(&place, &emulator, &["list.csv"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ordered(&emulator).len(), 4);
    let told = flat(&ran);
    for line in [
        "onboarding status not understood: `Onboardet` 3 devices, `Intégré` 1 device, ordered",
        "health not understood: `Aktiv` 4 devices, ordered",
        "device type not understood: `Arbeitsstation` 3 devices, ordered",
    ] {
        assert!(told.contains(line), "{line}: {}", ran.err);
    }
    let words = &json_lines(&ran.out)[0]["checked"]["not_understood"];
    assert_eq!(words[0]["word"], "Onboardet", "{words}");
    assert_eq!(
        (&words[0]["field"], &words[0]["devices"]),
        (&"onboarding status".into(), &3.into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_which_nothing_is_ordered_is_exit_3_unless_a_night_asked_for_that() {
    let emulator = closed().await;
    let place = Place::new();
    let header = "Device ID,OS Platform,Onboarding status";
    let rows = [",iOS,Onboarded", ",Android,Onboarded", ",Windows11,Can be onboarded"];
    write(&place, "none.csv", header, &rows);
    let ran = scan(&place, &emulator, &["none.csv"]).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    let told = flat(&ran);
    let end = "Exit code 3: nothing was ordered; 3 of the 3 devices of the list were skipped: \
               2 mobile, 1 not-onboarded.";
    assert!(told.contains(end), "{}", ran.err);
    assert!(told.contains("Warning: nothing of this list is ordered"), "{}", ran.err);
    let summary = json_lines(&ran.out).pop().unwrap();
    assert_eq!((&summary["skipped"]["mobile"], &summary["exit_code"]), (&2.into(), &3.into()));
    assert_eq!(summary["nothing_ordered"], true);
    assert_eq!(emulator.ledger().accepted, 0);
    // What a night of a series skips was asked for; what somebody names once is to be scanned.
    write(&place, "servers.csv", "Device ID,OS Platform", &[",WindowsServer2019"]);
    let skip = ["servers.csv", "--skip=server"];
    let once = scan(&place, &emulator, &skip).await;
    assert_eq!(once.code, 3, "{}", once.err);
    let night = scan(&place, &emulator, &[&skip[..], &["--series=n"]].concat()).await;
    assert_eq!(night.code, 0, "{}", night.err);
    let end = "Exit code 0: nothing was to be ordered, as asked for; 1 of the 1 device of the list";
    assert!(flat(&night).contains(end), "{}", night.err);
    // Some are ordered: the others are told beside the exit code all the same.
    let rows = [",iOS,Onboarded", ",Windows11,Onboarded", ",Windows11,Onboarded"];
    write(&place, "some.csv", header, &rows);
    let some = scan(&place, &emulator, &["some.csv"]).await;
    assert_eq!(some.code, 0, "{}", some.err);
    let end = "Exit code 0: every other device is accepted or covered; 1 of the 3 devices of the \
               list was skipped: 1 mobile.";
    assert!(flat(&some).contains(end), "{}", some.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_had_its_scan_within_the_time_of_due_leaves_nothing_to_order_and_is_exit_0() {
    let emulator = closed().await;
    let place = Place::new();
    let rows = [",Windows11", ",Windows11", ",iOS"];
    write(&place, "list.csv", "Device ID,OS Platform", &rows);
    let due = ["list.csv", "--due=7d"];
    let first = scan(&place, &emulator, &due).await;
    assert_eq!((first.code, emulator.ledger().accepted), (0, 2), "{}", first.err);
    let second = scan(&place, &emulator, &due).await;
    assert_eq!((second.code, emulator.ledger().accepted), (0, 2), "{}", second.err);
    let end = "3 of the 3 devices of the list were skipped: 2 recent, 1 mobile.";
    assert!(flat(&second).contains(end), "{}", second.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_name_another_tenant_are_never_sent_in_whatever_form_they_come() {
    let emulator = closed().await;
    let place = Place::new();
    let own = OWN.to_uppercase();
    let rows = [(own.as_str(), 0), (OTHER, 1), ("", 2), ("Contoso", 3), (OTHER, 0), (OTHER, 4)];
    let mut csv = "TenantId,TenantName,DeviceId,DeviceName\n".to_owned();
    let mut array = Vec::new();
    for (tenant, n) in rows {
        writeln!(csv, "{tenant},x,{},pc{n}", device(n)).unwrap();
        array.push(serde_json::json!({"TenantId": tenant, "DeviceId": device(n).to_string()}));
    }
    std::fs::write(place.path("list.csv"), csv).unwrap();
    let lines: Vec<String> = array.iter().map(ToString::to_string).collect();
    std::fs::write(place.path("list.jsonl"), lines.join("\n")).unwrap();
    let array = serde_json::json!({ "Results": array }).to_string();
    std::fs::write(place.path("list.json"), array).unwrap();
    for list in ["list.csv", "list.jsonl", "list.json"] {
        let dry = scan(&place, &emulator, &[list, "--dry-run"]).await;
        let plan = &json_lines(&dry.out)[0];
        assert_eq!((&plan["devices"], &plan["skipped"]), (&3.into(), &3.into()), "{}", dry.err);
        let told = flat(&dry);
        assert!(told.contains("3 other-tenant: the list names another tenant"), "{}", dry.err);
        assert!(told.contains(&format!("3 rows of {OTHER}")), "{}", dry.err);
        let name = format!("--campaign={}", list.replace('.', "-"));
        let ran = scan(&place, &emulator, &[list, &name, "--report=r.csv", "--force"]).await;
        assert!([0, 3].contains(&ran.code), "{}", ran.err);
        assert!(flat(&ran).contains("3 other-tenant"), "{}", ran.err);
        let rows = report(&place.path("r.csv"));
        assert_eq!(rows[1]["outcome"], "skipped");
        let reason = format!("other-tenant: the list names tenant {OTHER} for it");
        assert_eq!(rows[1]["reason"], reason, "{list}");
        // Another run goes on with none of them either.
        let again = scan(&place, &emulator, &[list, "--keep=other-tenant"]).await;
        assert_eq!(again.code, 2, "{}", again.err);
    }
    let sent: BTreeSet<u64> = ordered(&emulator).into_iter().collect();
    assert_eq!(sent, BTreeSet::from([0, 2, 3]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tenant_of_an_alert_or_event_is_that_of_the_devices_in_it() {
    let emulator = closed().await;
    let place = Place::new();
    let evidence = |n: u64| {
        serde_json::json!({
            "@odata.type": "#microsoft.graph.security.deviceEvidence",
            "mdeDeviceId": device(n).to_string(),
        })
    };
    let alert = |tenant: &str, n| {
        let (id, evidence) = ("da1", [evidence(n)]);
        serde_json::json!({"id": id, "tenantId": tenant, "severity": "high", "evidence": evidence})
    };
    // As Graph writes it: the tenant stands before the evidence.
    let graph_alert = format!(
        r#"{{"id":"da1","tenantId":"{OTHER}","severity":"high","evidence":[{}]}}"#,
        evidence(2)
    );
    let event = |tenant: &str, n: u64| {
        let properties = serde_json::json!({"DeviceId": device(n).to_string()});
        let category = "AdvancedHunting-DeviceInfo";
        serde_json::json!({"tenantId": tenant, "category": category, "properties": properties})
    };
    let of_workspace = serde_json::json!({
        "TenantId": OTHER,
        "DeviceId": device(6).to_string(),
        "TimeGenerated": "2026-11-20T00:00:00Z",
    });
    let late = serde_json::json!({"a": [{"DeviceId": device(7).to_string()}], "tenantId": OTHER});
    let late = late.to_string().replacen("\"a\"", "\"value\"", 1);
    for (name, text, wanted) in [
        ("value", serde_json::json!({"value": [alert(OTHER, 0), alert(OWN, 1)]}).to_string(), 1),
        ("alert", graph_alert.clone(), 0),
        ("own alert", graph_alert.replace(OTHER, OWN), 1),
        ("lines", format!("{}\n{}", event(OWN, 3), event(OTHER, 4)), 1),
        ("array", serde_json::json!([event(OTHER, 5)]).to_string(), 0),
        ("workspace", of_workspace.to_string(), 1),
    ] {
        std::fs::write(place.path("list.json"), text).unwrap();
        let dry = scan(&place, &emulator, &["list.json", "--dry-run"]).await;
        assert_eq!(dry.code, 0, "{name}: {}", dry.err);
        assert_eq!(json_lines(&dry.out)[0]["devices"], wanted, "{name}: {}", dry.err);
    }
    // What was taken for the own one before is told at once.
    std::fs::write(place.path("list.json"), late).unwrap();
    let refused = scan(&place, &emulator, &["list.json"]).await;
    assert_eq!((refused.code, emulator.ledger().accepted), (2, 0), "{}", refused.err);
    assert!(flat(&refused).contains("behind its devices"), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_own_tenant_is_given_by_its_domain_the_token_tells_whose_rows_are_sent() {
    let emulator = closed().await;
    let place = Place::new();
    let of_domain = |args: &'static [&'static str]| {
        let usual = ["scan", "list.csv", "--type=quick", "--comment=x", "--approve-max=5"];
        let mut command = place.towards(&emulator, &[&usual[..], args].concat());
        command.env("AZURE_TENANT_ID", "contoso.example");
        beside(move || run(command))
    };
    let write = |own: &str| {
        let list = format!("TenantId,DeviceId\n{OTHER},{}\n{own},{}\n", device(0), device(1));
        std::fs::write(place.path("list.csv"), list).unwrap();
    };
    write(OWN);
    let dry = of_domain(&["--dry-run"]).await;
    assert_eq!(dry.code, 0, "{}", dry.err);
    assert!(flat(&dry).contains("does not know which one it is for"), "{}", dry.out);
    let none = of_domain(&["--campaign=a", "--report=a.csv"]).await;
    assert_eq!(none.code, 3, "the id of that domain is another one: {}", none.err);
    assert!(!flat(&none).contains("`--keep GROUP`"), "none of them can be kept: {}", none.err);
    assert_eq!(emulator.ledger().accepted, 0);
    write(&report(&place.path("a.csv"))[0]["tenant"]);
    let one = of_domain(&["--campaign=b", "--report=b.csv"]).await;
    assert_eq!((one.code, ordered(&emulator)), (0, vec![1]), "{}", one.err);
    // Towards the emulator that is embedded no tenant is the right one.
    let args = ["scan", "list.csv", "--type=quick", "--comment=x", "--emulator", "--dry-run"];
    let embedded = run(place.fleetsweep(&args));
    assert!(flat(&embedded).contains("the list is of several tenants"), "{}", embedded.out);
    // The id that stands in this column of a table of Log Analytics is its workspace's.
    let list = format!("TenantId,TimeGenerated,DeviceId\n{OTHER},2026-11-20,{}\n", device(0));
    std::fs::write(place.path("list.csv"), list).unwrap();
    let workspace = scan(&place, &emulator, &["list.csv"]).await;
    assert_eq!((workspace.code, emulator.ledger().accepted), (0, 2), "{}", workspace.err);
}

#[test]
fn every_group_stands_in_the_help_in_the_message_and_in_the_topic_about_lists() {
    let place = Place::new();
    let help = run(place.fleetsweep(&["scan", "--help"])).out;
    let wrong = run(place.fleetsweep(&["scan", "list.txt", "--skip=phones"])).err;
    let topic = run(place.fleetsweep(&["help", "lists"])).out;
    for group in Group::ALL.into_iter().filter(|group| group.is_the_users()) {
        let name = group.name();
        assert!(help.contains(name), "{name} is not in the help");
        assert!(wrong.contains(name), "{name} is not in the message: {wrong}");
        assert!(topic.contains(&format!("`{name}`")), "{name} is not in the topic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_in_a_row_of_another_tenant_does_not_stand_for_the_own_device_of_that_name() {
    let emulator = playing(20, "[token]\nroles = [\"Machine.Scan\", \"Machine.Read.All\"]").await;
    let place = Place::new();
    let devices = place.towards(&emulator, &["devices", "--json"]);
    let devices = json_lines(&beside(move || run(devices)).await.out);
    let name = |n: usize| devices[n]["computerDnsName"].as_str().unwrap().to_owned();
    let (shared, foreign) = (name(0), name(1));
    let list = format!(
        "TenantId,DeviceName\n{OTHER},{shared}\n{OWN},{shared}\n{OTHER},{foreign}\n{OTHER},pc-x\n"
    );
    std::fs::write(place.path("names.csv"), list).unwrap();
    let ran = scan(&place, &emulator, &["names.csv", "--names", "--report=r.csv"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rows = report(&place.path("r.csv"));
    let outcomes: Vec<&str> = rows.iter().map(|row| row["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["skipped", "accepted", "skipped", "skipped"], "{rows:?}");
    assert_eq!(emulator.ledger().accepted, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_of_a_round_number_of_rows_is_told_to_be_cut_off_perhaps() {
    let emulator = closed().await;
    let place = Place::new();
    for (rows, is_told) in [(9_999, false), (10_000, true), (10_001, false)] {
        let mut text = "Timestamp,DeviceId\n".to_owned();
        (0..rows).for_each(|n| writeln!(text, "2026-11-20T00:00:00Z,{}", device(n)).unwrap());
        std::fs::write(place.path("hunt.csv"), text).unwrap();
        let dry = scan(&place, &emulator, &["hunt.csv", "--dry-run"]).await;
        assert_eq!(dry.code, 0, "{}", dry.err);
        let warnings = json_lines(&dry.out)[0]["warnings"].to_string();
        let told = "hunt.csv has exactly 10,000 rows";
        assert_eq!(warnings.contains(told), is_told, "{warnings}");
        assert_eq!(flat(&dry).contains(told), is_told, "{}", dry.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_with_restricted_operations_come_last_and_are_counted() {
    let emulator = closed().await;
    let place = Place::new();
    let header = "DeviceId,OSPlatform,Security operations,RestrictedDeviceSecurityOperations,Tags";
    let rows = [
        ",Windows11,Restricted,,",
        ",Windows11,Full,,",
        ",Windows11,,BasicResponse,",
        ",Windows11,,,Restricted security operations",
        ",Windows11,,[],",
    ];
    write(&place, "list.csv", header, &rows);
    let ran = scan(&place, &emulator, &["list.csv", "--concurrency=1"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ordered(&emulator), [1, 4, 0, 2, 3]);
    assert!(flat(&ran).contains("last 3 restricted: security operations are restricted"));
    let dry = scan(&place, &emulator, &["list.csv", "--skip=restricted", "--dry-run"]).await;
    assert_eq!(json_lines(&dry.out)[0]["skipped"], 3, "{}", dry.err);
    let lines = [r#"["BasicResponse"]"#, "[]", "null"].map(|off| {
        let n = if off == "null" { 2 } else { off.len() as u64 % 2 };
        format!(r#"{{"DeviceId":"{}","RestrictedDeviceSecurityOperations":{off}}}"#, device(n))
    });
    std::fs::write(place.path("list.jsonl"), lines.join("\n")).unwrap();
    let dry = scan(&place, &emulator, &["list.jsonl", "--skip=restricted", "--dry-run"]).await;
    assert_eq!(json_lines(&dry.out)[0]["skipped"], 1, "{}", dry.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dates_of_a_list_order_it_by_its_own_reading_or_not_at_all() {
    let place = Place::new();
    // What the health says keeps the day on which this runs out of it.
    let header = "Device ID,Health status,Last device update";
    let (unsure, by) =
        ([",Active,3/4/2020 3:45 PM", ",Active,5/2/2020 3:45 PM"], "--order=last-seen");
    // Only the last row tells which number is the day.
    for (rows, wanted) in [
        (vec![unsure[0], unsure[1], ",Active,1/31/2020 9:00 AM"], Some([1, 0, 2])),
        (vec![unsure[0], unsure[1], ",Active,31/1/2020 9:00"], Some([0, 1, 2])),
        (vec![unsure[0], unsure[1], ",Active,7/7/2020 9:00"], None),
        (
            vec![
                ",Active,\"Nov 1, 2020 3:45:12 PM\"",
                ",Active,\"Nov 20, 2020 3:45:12 PM\"",
                ",Active,",
            ],
            Some([1, 0, 2]),
        ),
    ] {
        let emulator = closed().await;
        write(&place, "list.csv", header, &rows);
        let ran = scan(&place, &emulator, &["list.csv", by, "--concurrency=1"]).await;
        assert_eq!(ran.code, 0, "{rows:?}: {}", ran.err);
        let told = "may mean two days";
        match wanted {
            Some(wanted) => assert_eq!(ordered(&emulator), wanted, "{rows:?}"),
            None => assert_eq!(ordered(&emulator)[0], 2, "the others are not known: {rows:?}"),
        }
        assert_eq!(flat(&ran).contains(told), wanted.is_none(), "{}", ran.err);
    }
    let emulator = closed().await;
    for (rows, why) in [
        (
            unsure.to_vec(),
            "2 dates of a last report, such as `3/4/2020 3:45 PM`, may mean two days",
        ),
        (vec![",Active,gestern"], "1 date of a last report cannot be read, such as `gestern`"),
    ] {
        write(&place, "list.csv", header, &rows);
        let refused = scan(&place, &emulator, &["list.csv", by]).await;
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(flat(&refused).contains(why), "{}", refused.err);
    }
    assert_eq!(emulator.ledger().accepted, 0);
    // Standard input comes but once, and is read twice.
    let mut command = place.towards(
        &emulator,
        &["scan", "-", "--type=quick", "--comment=x", "--dry-run", by, "--json"],
    );
    write(&place, "list.csv", header, &[unsure[0], ",Active,31/1/2020 9:00"]);
    command.stdin(std::fs::File::open(place.path("list.csv")).unwrap());
    let piped = beside(move || run(command)).await;
    assert_eq!(piped.code, 0, "{}", piped.err);
    assert_eq!(json_lines(&piped.out)[0]["order"]["unknown"], 0, "{}", piped.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coverage_reaches_100_percent_where_what_cannot_scan_is_apart_and_counts_others_orders() {
    let limits = vec![emulator::Limit { calls: 1_000, window: std::time::Duration::from_secs(1) }];
    let scenario = Scenario::from_toml("[actions]\nfailed_share = 0.0\n").unwrap();
    let config = Config { scenario, limits, speed: 3_000.0, seed: 7, ..Config::default() };
    let emulator = emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (ours, theirs) = (Place::new(), Place::new());
    let rows = [",Windows11", ",Windows11", ",Windows11", ",iOS", ",Windows11"];
    write(&theirs, "list.csv", "Device ID,OS Platform", &rows[..2]);
    scan(&theirs, &emulator, &["list.csv", "--limit=1000/1s"]).await;
    write(&ours, "list.csv", "Device ID,OS Platform", &rows);
    let night = ["list.csv", "--series=n", "--due=7d", "--limit=1000/1s"];
    // The tenant says that two of them had their scan.
    let first = scan(&ours, &emulator, &[&night[..], &["--check"]].concat()).await;
    assert_eq!(first.code, 0, "{}", first.err);
    assert_eq!(json_lines(&first.out)[0]["devices"], 2, "{}", first.err);
    let coverage = ["status", "--coverage", "--series=n"];
    let told = run(ours.fleetsweep(&[&coverage[..], &["--json"]].concat()));
    let told = &json_lines(&told.out)[0];
    assert_eq!((&told["devices"], &told["cannot_scan"]["mobile"]), (&4.into(), &1.into()));
    assert_eq!((&told["within_7d"]["ordered"], &told["never"]), (&4.into(), &0.into()), "{told}");
    assert_eq!(told["ordered_by_others"], 2, "{told}");
    let text = run(ours.fleetsweep(&coverage)).out;
    assert!(text.contains("4 ordered (100.0 %)"), "{text}");
    assert!(text.contains("1 more of the list, not counted here: 1 mobile"), "{text}");
    assert!(text.contains("2 last ordered by others"), "{text}");
    // A night on which nothing was due changes no rate.
    let second = scan(&ours, &emulator, &night).await;
    assert_eq!((second.code, &json_lines(&second.out)[0]["devices"]), (0, &0.into()));
    let text = run(ours.fleetsweep(&coverage)).out;
    assert!(text.contains("2 devices a run (mean of the latest 1 run)"), "{text}");
}
