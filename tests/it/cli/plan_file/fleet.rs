//! Plans whose devices the tenant's inventory judges, which is another one at night; and campaigns
//! that are open when a plan is run.

use std::fs;

use fleetsweep::emulator::{self, Config, Emulator, Limit, Scenario};

use super::{SCAN, approve, approved, differs, orders, plan, said};
use crate::cli::campaigns::accepted;
use crate::kit::program::{Place, json_lines, quiet, report, start};

/// The emulator of a fleet at an address, where some devices are not onboarded.
async fn fleet(address: &str, not_onboarded: f64) -> Emulator {
    let text =
        format!("[machines]\nnot_onboarded_share = {not_onboarded}\n[devices]\nfleet_size = 200\n");
    let scenario = Scenario::from_toml(&text).unwrap();
    let limits = vec![Limit { calls: 1_000, window: std::time::Duration::from_secs(1) }];
    let config = Config { scenario, limits, seed: 7, ..Config::default() };
    emulator::start(config, address.parse().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_that_are_left_out_now_and_were_not_are_a_difference() {
    let first = fleet("127.0.0.1:0", 0.05).await;
    let address = first.base_url().trim_start_matches("http://").to_owned();
    let place = Place::new();
    let ids: Vec<String> = first.with_world(|world| world.fleet().collect());
    fs::write(place.path("list.txt"), ids.join("\n")).unwrap();
    let limits = ["--check", "--limit=1000/1s"];
    let file = plan(&place, &first, &limits).await;
    let left_out = file["left_out"]["devices"].as_u64().unwrap();
    assert!(left_out > 2 && file["request"]["check"] == true, "{file}");
    let group = &file["left_out"]["groups"][0];
    assert_eq!((&group["group"], &group["decision"]), (&"not-onboarded".into(), &"skip".into()));
    let approve = approve(&place);
    // The tenant as it is at night: some more are not onboarded.
    first.shutdown().await;
    let night = fleet(&address, 0.1).await;
    let refused = said(&place, &night, &approved(&approve, &[])).await;
    assert_eq!((refused.code, orders(&night)), (6, 0), "{}", refused.err);
    let differs = differs(&refused);
    let sentences = ["devices that are skipped: ", "skipped as not-onboarded: `"];
    for (told, sentence) in differs.iter().zip(sentences) {
        assert!(told.starts_with(&format!("{sentence}{left_out}")), "{differs:?}");
    }
    assert_eq!(differs.len(), 2, "{differs:?}");
    // A plan that was made with the inventory is not run without it.
    let blind = said(&place, &night, &approved(&approve, &["--no-check"])).await;
    assert_eq!((blind.code, orders(&night)), (6, 0), "{}", blind.err);
    // Towards another tenant not even the inventory is asked for.
    let before = night.ledger().entries.len();
    let other = ["--tenant=22222222-2222-3333-4444-555555555555"];
    let refused = said(&place, &night, &approved(&approve, &other)).await;
    assert_eq!((refused.code, night.ledger().entries.len()), (6, before), "{}", refused.err);
    night.shutdown().await;
    let same = fleet(&address, 0.05).await;
    let ran = said(&place, &same, &approved(&approve, &[])).await;
    assert!([0, 3].contains(&ran.code), "{}", ran.err);
    let rows = report(&place.path("r.csv"));
    let skipped = rows.iter().filter(|row| row["outcome"] == "skipped").count();
    assert_eq!(skipped as u64, left_out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approved_plan_that_was_killed_goes_on_by_the_same_command_whatever_the_tenant_is_now() {
    let first = fleet("127.0.0.1:0", 0.05).await;
    let address = first.base_url().trim_start_matches("http://").to_owned();
    let place = Place::new();
    let ids: Vec<String> = first.with_world(|world| world.fleet().collect());
    fs::write(place.path("list.txt"), ids[..60].join("\n")).unwrap();
    // What waits for a minute after a kill waits for six seconds.
    let file = plan(&place, &first, &["--check", "--limit=20/1s", "--time-scale=10"]).await;
    let left_out = file["left_out"]["devices"].as_u64().unwrap();
    assert!(left_out > 0, "{file}");
    let approve = approve(&place);
    let mut child = start(place.towards(&first, &approved(&approve, &[])));
    accepted(&first, 10).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let before: Vec<_> =
        first.ledger().entries.iter().filter(|one| one.accepted).cloned().collect();
    first.shutdown().await;
    // Its rows were judged when it was opened, and are not judged again.
    let later = fleet(&address, 0.2).await;
    let ran = said(&place, &later, &approved(&approve, &["--json"])).await;
    assert!([0, 3].contains(&ran.code), "{}", ran.err);
    let lines = json_lines(&ran.out);
    assert_eq!((&lines[0]["continues"], &lines[1]["open"]), (&true.into(), &0.into()));
    assert_eq!(lines[1]["outcomes"]["skipped"], left_out);
    // Only what was in flight at the kill can be at both servers: the second has no list of it.
    let again = later.ledger().entries.into_iter().filter(|one| one.accepted);
    let again = again.filter(|one| before.iter().any(|then| then.device == one.device)).count();
    assert!(again <= 16, "{again} of {} were ordered again", before.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_of_that_name_that_leaves_out_others_is_not_gone_on_with_by_the_plan() {
    let emulator = fleet("127.0.0.1:0", 0.05).await;
    let place = Place::new();
    let ids: Vec<String> = emulator.with_world(|world| world.fleet().collect());
    fs::write(place.path("list.txt"), ids[..60].join("\n")).unwrap();
    let file = plan(&place, &emulator, &["--check", "--limit=20/1s"]).await;
    let name = format!("--campaign={}", file["campaign"].as_str().unwrap());
    // The same order by itself: type, comment, ticket, ids; but it keeps what the plan leaves out.
    let other = ["--keep=not-onboarded", "--approve-max=60", "--limit=20/1s", &name];
    let mut child = start(place.towards(&emulator, &[&SCAN[..], &other].concat()));
    accepted(&emulator, 3).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let before = quiet(&emulator).await;
    let approve = approve(&place);
    let refused = said(&place, &emulator, &approved(&approve, &[])).await;
    assert_eq!((refused.code, orders(&emulator)), (6, before), "{}", refused.err);
    let differs = differs(&refused);
    assert!(differs.len() == 1 && differs[0].starts_with("devices that are skipped: "));
}
