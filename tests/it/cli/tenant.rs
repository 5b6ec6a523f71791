//! The tenant's inventory at the command line: listing it, scanning from it, names, and the
//! pre-flight with and without the right to read. The emulator's ledger counts the calls.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fleetsweep::emulator::{self, Config, Emulator, Operation, Scenario};

use super::{Place, Said, beside, flat, json_lines, report, run};

/// A fleet of every kind.
const MIXED: &str = "[machines]\nnot_onboarded_share = 0.05\nmerged_share = 0.02\n\
    excluded_share = 0.02\nhigh_value_share = 0.05\nshared_name_share = 0.1\nmobile_share = 0.1\n\
    discovered_share = 0.05\nold_windows_share = 0.05\nold_client_share = 0.02\n\
    groups = [\"Servers\", \"Clients\"]\ntags = [\"pilot\", \"it's (a) test\"]\n";

/// An emulator that plays this.
pub(super) async fn playing(fleet: u64, toml: &str) -> Emulator {
    let text = format!("{toml}\n[devices]\nfleet_size = {fleet}\n");
    let scenario = Scenario::from_toml(&text).unwrap();
    let config = Config { scenario, seed: 7, ..Config::default() };
    emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap()
}

fn fleet(emulator: &Emulator) -> Vec<String> {
    emulator.with_world(|world| world.fleet().collect())
}

fn calls(emulator: &Emulator, operation: Operation) -> usize {
    emulator.ledger().entries.iter().filter(|entry| entry.operation == operation).count()
}

async fn said(place: &Place, emulator: &Emulator, args: &[&str]) -> Said {
    let command = place.towards(emulator, args);
    beside(move || run(command)).await
}

/// The rows of a list in CSV.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_lists_the_tenant_and_scan_reads_the_list_back() {
    let emulator = playing(120, MIXED).await;
    let place = Place::new();
    let all = said(&place, &emulator, &["devices", "--output", "all.csv"]).await;
    assert_eq!(all.code, 0, "{}", all.err);
    assert_eq!((all.out.as_str(), all.err.lines().last()), ("", Some("120 devices in 1 call")));
    let text = std::fs::read_to_string(place.path("all.csv")).unwrap();
    let all = rows(&text);
    assert_eq!(all.len(), 120);
    let json = said(&place, &emulator, &["devices", "--json"]).await;
    assert_eq!(json_lines(&json.out).len(), 120);
    std::fs::write(place.path("all.jsonl"), &json.out).unwrap();
    for list in ["all.csv", "all.jsonl"] {
        let args = ["scan", list, "--type=quick", "--comment=x", "--dry-run", "--json"];
        let plan = run(place.fleetsweep(&args));
        let plan = &json_lines(&plan.out)[0];
        assert_eq!((&plan["rows"], &plan["bad_rows"]), (&120.into(), &0.into()), "{list}");
        assert!(plan["skipped"].as_u64() > Some(10), "its columns are judged: {plan}");
    }
    let again = said(&place, &emulator, &["devices", "--output", "all.csv"]).await;
    assert_eq!(again.code, 2, "{}", again.err);
    assert!(again.err.contains("add --force"), "{}", again.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_filter_chooses_what_it_says_and_no_value_leaves_its_literal() {
    let emulator = playing(300, MIXED).await;
    let place = Place::new();
    let all = rows(&said(&place, &emulator, &["devices"]).await.out);
    let count =
        |is: &dyn Fn(&BTreeMap<String, String>) -> bool| all.iter().filter(|row| is(row)).count();
    let name = all[3]["computerDnsName"].as_str();
    let shared = count(&|row| row["computerDnsName"] == name);
    let is_linux = |row: &BTreeMap<String, String>| row["osPlatform"] == "Ubuntu";
    let cases: Vec<(Vec<&str>, usize)> = vec![
        (vec!["--health", "inactive"], count(&|row| row["healthStatus"] == "Inactive")),
        (vec!["--onboarding=can-be-onboarded"], {
            count(&|row| row["onboardingStatus"] == "CanBeOnboarded")
        }),
        (vec!["--os", "linux"], count(&is_linux)),
        (vec!["--os=Windows11", "--os=iOS"], {
            count(&|row| ["Windows11", "iOS"].contains(&row["osPlatform"].as_str()))
        }),
        (vec!["--tag", "it's (a) test"], count(&|row| row["machineTags"] == "it's (a) test")),
        (vec!["--group", "servers"], count(&|row| row["rbacGroupName"] == "Servers")),
        (vec!["--device-value=high"], count(&|row| row["deviceValue"] == "High")),
        (vec!["--seen-within=7d"], count(&|row| row["healthStatus"] == "Active")),
        (vec!["--not-seen-for=7d"], count(&|row| row["healthStatus"] == "Inactive")),
        (vec!["--name", name], shared),
        (vec!["--name=SHARED-*"], count(&|row| row["computerDnsName"].starts_with("shared-"))),
        (vec!["--filter=version eq '22H2' or version eq '24H2'", "--health=active"], {
            count(&|row| {
                ["22H2", "24H2"].contains(&row["version"].as_str())
                    && row["healthStatus"] == "Active"
            })
        }),
        // What these values would do if they could leave their literals, as the last but one shows.
        (vec!["--name", "x' or id ne 'y"], 0),
        (vec!["--filter", "computerDnsName eq 'x' or id ne 'y'"], 300),
        (vec!["--tag", "x') or machineTags/any(t: t eq 'pilot"], 0),
        (vec!["--tag", "a&$filter=id ne 'x'#%27+"], 0),
    ];
    for (args, due) in cases {
        let args = [vec!["devices"], args].concat();
        let found = said(&place, &emulator, &args).await;
        assert_eq!(found.code, 0, "{args:?}: {}", found.err);
        assert_eq!(rows(&found.out).len(), due, "{args:?}");
    }
    for (filter, why) in [
        ("version eq 'a') or (id ne 'b'", "parentheses do not match"),
        ("shoeSize eq 'x'", "shoeSize"),
    ] {
        let refused = said(&place, &emulator, &["devices", "--filter", filter]).await;
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{filter}: {}", refused.err);
        assert!(refused.err.contains(why), "{}", refused.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_no_device_of_the_tenant_has_is_no_success() {
    let emulator = playing(20, MIXED).await;
    let place = Place::new();
    let scan = ["scan", "--from-tenant", "--tag=Typo", "--type=quick", "--comment=x"];
    for series in [&[][..], &["--series=night", "--due=6d"]] {
        let said =
            said(&place, &emulator, &[&scan[..], series, &["--approve-max=20"]].concat()).await;
        assert_eq!(said.code, 3, "{}", said.err);
        assert!(
            said.err.contains("Exit code 3: nothing was ordered: no device of the"),
            "{}",
            said.err
        );
    }
    let rehearsed = self::said(&place, &emulator, &[&scan[..], &["--dry-run"]].concat()).await;
    assert_eq!(rehearsed.code, 3, "{}", rehearsed.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_from_the_tenant_orders_what_the_filters_choose() {
    let emulator = playing(60, MIXED).await;
    let place = Place::new();
    let scan = ["scan", "--from-tenant", "--type=quick", "--comment=x", "--report=r.csv"];
    let windows = ["--os=windows-server", "--approve-max=60", "--keep=inactive", "--json"];
    let dry = said(&place, &emulator, &[&scan[..], &windows, &["--dry-run"]].concat()).await;
    assert_eq!(dry.code, 0, "{}", dry.err);
    assert!(dry.err.contains("This is a dry run: nothing is ordered."), "{}", dry.err);
    assert_eq!(calls(&emulator, Operation::Scan), 0);
    let read = calls(&emulator, Operation::Read);
    let ran = said(&place, &emulator, &[&scan[..], &windows].concat()).await;
    let plan = &json_lines(&ran.out)[0];
    let rows = report(&place.path("r.csv"));
    assert!(rows.len() > 2 && rows.iter().all(|row| row["device_name"].contains("emulator")));
    let ordered = rows.iter().filter(|row| row["outcome"] == "accepted").count();
    assert_eq!(plan["devices"], ordered, "{}", ran.err);
    assert_eq!(plan["devices"], json_lines(&dry.out)[0]["devices"]);
    assert_eq!(emulator.ledger().accepted as usize, ordered);
    let reads = calls(&emulator, Operation::Read) - read;
    assert_eq!(reads, 3, "the machines, the open scans, and at the end how far ours are");
    for (args, why) in [
        (vec!["--os=linux"], "add --from-tenant"),
        (vec!["--keep=busy", "--skip=busy"], "the same group"),
    ] {
        place.list(2);
        let args = [&["scan", "list.txt", "--type=quick", "--comment=x"][..], &args].concat();
        let refused = said(&place, &emulator, &args).await;
        assert_eq!(refused.code, 2, "{args:?}");
        assert!(refused.err.contains(why), "{args:?}: {}", refused.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_looked_up_and_a_row_says_which_record_was_taken() {
    let emulator = playing(200, MIXED).await;
    let place = Place::new();
    let all = rows(&said(&place, &emulator, &["devices"]).await.out);
    let same = |one: &BTreeMap<String, String>| {
        all.iter().filter(|row| row["computerDnsName"] == one["computerDnsName"]).count()
    };
    let fine = |row: &&BTreeMap<String, String>| {
        row["onboardingStatus"] == "Onboarded" && row["osPlatform"] == "Windows11"
    };
    let single = all.iter().filter(fine).find(|row| same(row) == 1).unwrap();
    let shared = all.iter().find(|row| same(row) > 1).unwrap();
    let taken = all
        .iter()
        .filter(|row| row["computerDnsName"] == shared["computerDnsName"])
        .max_by_key(|row| (row["onboardingStatus"] == "Onboarded", row["lastSeen"].clone()))
        .unwrap();
    let short = single["computerDnsName"].split('.').next().unwrap().to_uppercase();
    let list = format!("{short}\n{}\n{}\nnobody\n", shared["computerDnsName"], all[9]["id"]);
    std::fs::write(place.path("names.txt"), list).unwrap();
    let scan = ["scan", "names.txt", "--type=quick", "--comment=x", "--approve-max=9"];
    let plain = said(&place, &emulator, &scan).await;
    assert_eq!(plain.code, 2, "{}", plain.err);
    assert!(plain.err.contains("--names"), "{}", plain.err);
    let more = ["--names", "--skip-bad-rows", "--report=r.csv"];
    let ran = said(&place, &emulator, &[&scan[..], &more].concat()).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    let rows = report(&place.path("r.csv"));
    assert_eq!(rows[0]["device_id"], single["id"]);
    assert_eq!((&rows[0]["input_text"], &rows[0]["device_name"]), (&short, &short));
    assert_eq!(rows[1]["device_id"], taken["id"]);
    assert!(rows[1]["reason"].contains("records have this name; taken:"), "{}", rows[1]["reason"]);
    assert_eq!(rows[2]["device_id"], all[9]["id"]);
    assert_eq!(rows[3]["outcome"], "bad_row");
    assert!(rows[3]["reason"].contains("no device of the tenant has this name"));
    let piped = ["scan", "-", "--type=quick", "--comment=x", "--approve-max=9"];
    let mut input = place.towards(&emulator, &piped);
    input.args(["--names", "--skip-bad-rows", "--report=i.csv", "--campaign=piped"]);
    input.stdin(std::fs::File::open(place.path("names.txt")).unwrap());
    let ran = beside(move || run(input)).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(report(&place.path("i.csv")).len(), 4, "all of it is read again");
    let strict = ["--names", "--strict-names", "--dry-run"];
    let refused = said(&place, &emulator, &[&scan[..], &strict].concat()).await;
    assert_eq!(refused.code, 2, "{}", refused.err);
    let told = flat(&refused.out);
    assert!(told.contains("records of the tenant have this name"), "{told}");
}

/// A portal export of these devices: phones, printers and stale records among them, a twelfth each.
/// Its antivirus column is wrong in every row, as in the portal.
fn portal_export(ids: &[String]) -> String {
    let mut text = String::from(
        "\u{feff}Device ID,Device Name,Device Category,Device Type,Last device update,OS Platform,\
         OS Build,Windows 10 Version,Group,Health Status,Onboarding Status,Antivirus status\n",
    );
    // As of yesterday: what was not seen for a week counts as stale by that alone.
    let seen = fleetsweep::clock::wall_clock() - jiff::SignedDuration::from_hours(24);
    let seen = seen.strftime("%FT%T.8214187Z");
    for (n, id) in ids.iter().enumerate() {
        let (category, kind, platform, build, health, onboarding) = match n % 12 {
            0 => ("Endpoint", "Mobile", "iOS", "", "Active", "Onboarded"),
            1 => ("IoT", "Printer", "", "", "", "Can be onboarded"),
            2 => ("Endpoint", "Workstation", "Windows10", "19045", "Inactive", "Onboarded"),
            3 => ("Endpoint", "Server", "WindowsServer2022", "20348", "Active", "Onboarded"),
            _ => ("Endpoint", "Workstation", "Windows11", "26100", "Active", "Onboarded"),
        };
        writeln!(
            text,
            "{id},pc-{n}.corp.example,{category},{kind},{seen},{platform},\
             {build},24H2,Berlin,{health},{onboarding},Not-Supported"
        )
        .unwrap();
    }
    text
}

/// The same of what the inventory knows, as the portal would write it.
fn portal_export_of(machines: &[BTreeMap<String, String>]) -> String {
    let mut text = String::from(
        "\u{feff}Device ID,Device Name,Device Category,Device Type,Last device update,OS Platform,\
         OS Build,Windows 10 Version,Group,Health Status,Onboarding Status,Antivirus status\n",
    );
    for machine in machines {
        let field = |name: &str| machine[name].as_str();
        let (category, kind) = match field("osPlatform") {
            "" => ("IoT", "Printer"),
            "iOS" | "Android" => ("Endpoint", "Mobile"),
            _ => ("Endpoint", "Workstation"),
        };
        let onboarding = match field("onboardingStatus") {
            "CanBeOnboarded" => "Can be onboarded",
            other => other,
        };
        writeln!(
            text,
            "{},{},{category},{kind},{},{},{},{},{},{},{onboarding},Not-Supported",
            field("id"),
            field("computerDnsName"),
            field("lastSeen"),
            field("osPlatform"),
            field("osBuild"),
            field("version"),
            field("rbacGroupName"),
            field("healthStatus"),
        )
        .unwrap();
    }
    text
}

/// A tenant of which a quarter are phones, printers and stale records.
const QUARTER: &str = "[machines]\nmobile_share = 0.08\ndiscovered_share = 0.08\n\
    inactive_share = 0.1\nmerged_share = 0.01\nexcluded_share = 0.01\nold_client_share = 0.01\n\
    high_value_share = 0.03\ngroups = [\"Servers\", \"Clients\"]\n";

/// What the plan says, without what differs between runs.
fn plan_text(said: &Said) -> String {
    let varies = ["campaign", "API", "store", "first call", "last call"];
    let mut kept = String::new();
    let mut keep = true;
    // How long a machine takes is told before the plan.
    let plan = said.out.lines().filter(|line| !line.ends_with(" ..."));
    for line in plan {
        // A line that goes on stands under the value of the one before.
        if !line.starts_with("               ") {
            keep = !varies.iter().any(|name| line.trim_start().starts_with(name));
        }
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_export_of_12_000_rows_is_judged_with_and_without_the_right_to_read() {
    let scan_only = playing(12_000, "[token]\nroles = [\"Machine.Scan\"]").await;
    let reading =
        playing(12_000, &format!("{QUARTER}[token]\nroles = [\"Machine.Read.All\"]")).await;
    let place = Place::new();
    let elsewhere = ["devices", "--store=sqlite:other.db"];
    let machines = rows(&said(&place, &reading, &elsewhere).await.out);
    std::fs::write(place.path("export.csv"), portal_export_of(&machines)).unwrap();
    let args = ["scan", "export.csv", "--type=full", "--comment=INC", "--dry-run", "-v"];
    let mut shown = String::new();
    let offline = said(&place, &scan_only, &args).await;
    writeln!(shown, "## offline\n{}", plan_text(&offline)).unwrap();
    assert_eq!(scan_only.ledger().entries.len(), 0, "a dry run without --check stays offline");
    let check = [&args[..], &["--check"]].concat();
    let alone = said(&place, &scan_only, &check).await;
    writeln!(shown, "## Machine.Scan alone\n{}", plan_text(&alone)).unwrap();
    assert_eq!(calls(&scan_only, Operation::Read), 0, "the token says that it would be in vain");
    let whole = said(&place, &reading, &check).await;
    writeln!(shown, "## with the inventory\n{}", plan_text(&whole)).unwrap();
    assert_eq!(calls(&reading, Operation::Read) - 2, 3);
    assert_eq!((offline.code, alone.code, whole.code), (0, 0, 0));
    assert_eq!(calls(&scan_only, Operation::Scan) + calls(&reading, Operation::Scan), 0);
    assert!(!place.path(".local").exists(), "a dry run makes no store");
    // Bad rows too, and all of it on one screen.
    let mut export = std::fs::read_to_string(place.path("export.csv")).unwrap();
    (0..12).for_each(|n| export += &format!("no id {n}{}\n", ",".repeat(9)));
    std::fs::write(place.path("export.csv"), export).unwrap();
    let short = [&args[..5], &["--skip-bad-rows"]].concat();
    let short = said(&place, &scan_only, &short).await;
    assert_eq!(short.code, 0, "{}", short.err);
    // A path is not broken, however long it is here.
    let wide = |line: &str| line.chars().count() > 80 && !line.contains("fleetsweep.db");
    let ports = [&scan_only, &reading].map(|one| one.base_url());
    let shown = ports.iter().fold(shown, |shown, url| shown.replace(url, "http://127.0.0.1:N"));
    let lines = short.out.lines().count();
    assert!(lines <= 24 && !short.out.lines().any(wide), "{lines} lines:\n{}", short.out);
    insta::assert_snapshot!("plan-of-a-portal-export", shown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_out_stands_in_the_report_and_flags_turn_it_around() {
    let emulator = playing(48, "[token]\nroles = [\"Machine.Scan\"]").await;
    let place = Place::new();
    std::fs::write(place.path("export.csv"), portal_export(&fleet(&emulator))).unwrap();
    let scan = ["scan", "export.csv", "--type=quick", "--comment=x", "--approve-max=48", "--json"];
    let ran = said(&place, &emulator, &[&scan[..], &["--report=r.csv"]].concat()).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let plan = &json_lines(&ran.out)[0];
    assert_eq!((&plan["devices"], &plan["skipped"]), (&40.into(), &8.into()));
    assert!(plan["checked"]["not_checked"][0].as_str().unwrap().contains("Machine.Read.All"));
    let rows = report(&place.path("r.csv"));
    let reason = |n: usize| (rows[n]["outcome"].as_str(), rows[n]["reason"].as_str());
    assert_eq!(reason(0).0, "skipped");
    assert!(reason(0).1.contains("iOS and Android") && reason(0).1.contains("--keep mobile"));
    assert!(reason(1).1.contains("IoT"), "{}", reason(1).1);
    assert!(reason(1).1.contains("--keep iot --keep not-onboarded"), "{}", reason(1).1);
    assert_eq!(reason(2).0, "accepted");
    let entries = emulator.ledger().entries;
    let scans = entries.iter().filter(|entry| entry.operation == Operation::Scan);
    let order: Vec<_> = scans.filter_map(|entry| entry.device.clone()).collect();
    let stale: Vec<_> = rows.iter().skip(2).step_by(12).map(|row| &row["device_id"]).collect();
    // The last orders are in flight together, so they arrive in any order.
    assert!(order[..20].iter().all(|id| !stale.contains(&id)), "inactive devices come last");
    let turned = ["--campaign=two", "--keep=mobile", "--skip=server", "--report=s.csv"];
    let ran = said(&place, &emulator, &[&scan[..], &turned].concat()).await;
    let rows = report(&place.path("s.csv"));
    assert_ne!(rows[0]["outcome"], "skipped", "{}", ran.err);
    assert!(rows[3]["reason"].contains("on request (--skip server)"), "{}", rows[3]["reason"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_devices_are_found_by_one_list_before_the_first_order() {
    let text = "[devices]\nfleet_size = 40\nbusy_share = 0.5";
    let scenario = Scenario::from_toml(text).unwrap();
    let config = Config { scenario, seed: 7, ..Config::default() };
    let emulator = emulator::start(config, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let place = Place::new();
    std::fs::write(place.path("list.txt"), fleet(&emulator).join("\n")).unwrap();
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=40", "--json"];
    let skip = ["--skip=busy", "--report=r.csv"];
    let ran = said(&place, &emulator, &[&scan[..], &skip].concat()).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rows = report(&place.path("r.csv"));
    let busy = rows.iter().filter(|row| row["reason"].contains("--skip busy")).count();
    assert!((10..30).contains(&busy), "{busy} of 40");
    assert_eq!(emulator.ledger().accepted as usize, 40 - busy);
    let entries = emulator.ledger().entries;
    let asked = entries.iter().filter(|entry| entry.operation != Operation::Token);
    let asked: Vec<_> = asked.map(|entry| entry.operation).take(3).collect();
    assert_eq!(asked, [Operation::Read, Operation::Read, Operation::Scan]);
    assert_eq!(calls(&emulator, Operation::Read), 3, "and one at the end of the run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_without_the_right_to_read_is_exit_7_and_prints_no_list() {
    let emulator = playing(10, "[token]\nroles = [\"Machine.Scan\"]").await;
    let refused = said(&Place::new(), &emulator, &["devices"]).await;
    assert_eq!((refused.code, refused.out.as_str()), (7, ""), "{}", refused.err);
    assert!(refused.err.contains("Machine.Read.All"), "{}", refused.err);
}

/// A hundred thousand machines, or with `FLEETSWEEP_SWEEP` unset a fifth of them. The last page is
/// full, which must not cost a call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_tenant_takes_one_call_for_ten_thousand_machines() {
    let machines: u64 = match std::env::var_os("FLEETSWEEP_SWEEP") {
        Some(_) => 100_000,
        None => 20_000,
    };
    let pages = machines.div_ceil(10_000) as usize;
    let emulator = playing(machines, "").await;
    let place = Place::new();
    let listed = said(&place, &emulator, &["devices", "--output=all.csv"]).await;
    assert_eq!(listed.code, 0, "{}", listed.err);
    assert_eq!(calls(&emulator, Operation::Read), pages);
    let text = std::fs::read_to_string(place.path("all.csv")).unwrap();
    assert_eq!(text.lines().count() as u64, machines + 1);
    let args = ["scan", "all.csv", "--type=full", "--comment=x", "--dry-run", "--check", "-v"];
    let plan = said(&place, &emulator, &args).await;
    assert_eq!(plan.code, 0, "{}", plan.err);
    let took = calls(&emulator, Operation::Read) - pages;
    assert!(took <= pages + 2, "{took} calls for the plan");
    assert!(plan.out.contains(&format!("in {} calls", pages + 1)), "{}", plan.out);
}
