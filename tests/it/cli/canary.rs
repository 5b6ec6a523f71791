//! Who the canary is: the first of a list, or drawn, or by a tag or a list of ids; and that nobody
//! else is ordered before it was judged.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use fleetsweep::emulator::Operation;

use super::waves::{asked, devices, plan, scan};
use super::{Place, beside, emulate, json_lines, refusing, run, tenant};
use crate::kit::support::device;

fn fixture(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).display().to_string()
}

#[test]
fn the_canary_can_be_chosen_by_lot_by_a_tag_and_by_a_list() {
    let place = Place::new();
    let list = place.list(300);
    let canary = |more: &[&str]| {
        let (text, json) = plan(&place, more);
        (text, json["waves"]["canary"].clone())
    };
    let (text, drawn) = canary(&[&list, "--canary=10", "--canary-random"]);
    let seed = drawn["seed"].as_u64().unwrap();
    assert!(text.contains(&format!("the same again with --canary-seed {seed}")), "{text}");
    let (_, again) = canary(&[&list, "--canary=10", &format!("--canary-seed={seed}")]);
    assert_eq!(drawn, again);
    let export = fixture("portal-export-250.csv");
    let (text, tagged) = canary(&[&export, "--canary-tag=Pilot ring"]);
    assert_eq!((&tagged["rule"], &tagged["devices"]), (&"tag".into(), &31.into()), "{text}");
    let (text, few) = canary(&[&export, "--canary-tag=Tier 1", "--canary=50"]);
    assert_eq!((&few["devices"], &few["wanted"]), (&14.into(), &50.into()));
    assert!(text.contains("50 were asked for, no more were found"), "{text}");
    let (_, some) = canary(&[&export, "--canary-tag=Tier 1", "--canary=5"]);
    assert_eq!(some["devices"], 5);
    let mut file = std::fs::File::create(place.path("canary.txt")).unwrap();
    for n in [299, 7, 150] {
        writeln!(file, "{}", device(n)).unwrap();
    }
    let (text, listed) = canary(&[&list, "--canary-file=canary.txt"]);
    assert_eq!((&listed["rule"], &listed["devices"]), (&"file".into(), &3.into()));
    assert!(text.contains("3 devices of canary.txt"), "{text}");
    let (text, none) = canary(&[&list, "--canary=300"]);
    assert!(none.is_null() && text.contains("the list has only 300 devices"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_chosen_is_ordered_before_the_others_and_nobody_else() {
    let list = |place: &Place| {
        let ids: Vec<String> = [17, 3, 21].map(|n| device(n).to_string()).to_vec();
        std::fs::write(place.path("canary.txt"), ids.join("\n")).unwrap();
    };
    let drawn = ["--canary=4", "--canary-seed=11"];
    for (more, count) in [(&["--canary-file=canary.txt"][..], 3), (&drawn[..], 4)] {
        let mut before = BTreeSet::new();
        for _ in 0..2 {
            let emulator = refusing().await;
            let place = Place::new();
            place.list(30);
            list(&place);
            let said = scan(&place, &emulator, &[more, &["--canary-wait=0s"]].concat()).await;
            assert_eq!(said.code, 4, "{}", said.err);
            let asked = asked(&emulator);
            assert_eq!(asked.len(), count, "{asked:?}");
            if count == 3 {
                assert_eq!(asked, [17, 3, 21].map(|n| device(n).to_string()).into());
            } else {
                assert_ne!(asked, devices(0..4));
            }
            assert!(before.is_empty() || before == asked, "the same seed draws the same");
            before = asked;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_is_found_in_the_inventory_and_in_lists_of_every_form() {
    let emulator = tenant::playing(90, "[machines]\ntags = [\"pilot\", \"it's (a) test\"]\n").await;
    let place = Place::new();
    for list in ["all.csv", "all.jsonl"] {
        let command = place.towards(&emulator, &["devices", "--output", list]);
        assert_eq!(beside(move || run(command)).await.code, 0);
    }
    let ids: Vec<String> = emulator.with_world(|world| world.fleet().collect());
    std::fs::write(place.path("ids.txt"), ids.join("\n")).unwrap();
    let command = place.towards(&emulator, &["devices", "--tag=it's (a) test", "--json"]);
    let tagged = json_lines(&beside(move || run(command)).await.out).len();
    assert!(tagged > 5 && tagged < 85, "{tagged}");
    let ordered = ["--type=quick", "--comment=x", "--dry-run", "--json"];
    let ordered = [&ordered[..], &["--canary-tag=it's (a) test", "--campaign=c"]].concat();
    for from in [
        &["--from-tenant"][..],
        &["ids.txt", "--check"],
        &["all.csv", "--check"],
        &["all.csv"],
        &["all.jsonl"],
    ] {
        let command = place.towards(&emulator, &[&["scan"], from, &ordered].concat());
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 0, "{from:?}: {}", said.err);
        let canary = &json_lines(&said.out)[0]["waves"]["canary"];
        assert_eq!(canary["devices"], tagged, "{from:?}: {canary}");
    }
    // Ids alone tell no tag.
    let command = place.towards(&emulator, &[&["scan", "ids.txt"], &ordered[..]].concat());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("the tenant's inventory was not read"), "{}", said.err);
    // The run orders these and nobody else before it stops.
    let run_it = ["scan", "ids.txt", "--type=quick", "--comment=x", "--approve-max=90"];
    let more = ["--canary-tag=pilot", "--canary=4", "--canary-wait=30m", "--max-duration=3s"];
    let command = place.towards(&emulator, &[&run_it[..], &more].concat());
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 5, "{}", said.err);
    assert_eq!(emulator.ledger().count(Operation::Scan), 4);
    let all = std::fs::read_to_string(place.path("all.jsonl")).unwrap();
    let is_pilot = |machine: &serde_json::Value| machine["machineTags"][0] == "pilot";
    let all = json_lines(&all);
    let pilots: BTreeSet<&str> =
        all.iter().filter(|one| is_pilot(one)).filter_map(|one| one["id"].as_str()).collect();
    assert!(asked(&emulator).iter().all(|id| pilots.contains(id.as_str())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_further_round_can_have_a_canary_of_its_own() {
    let emulator = emulate("stale_list", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(6);
    let said = scan(&place, &emulator, &[]).await;
    assert_eq!(said.code, 3, "{}", said.err);
    let args = ["retry", "c", "--canary=2", "--max-failures=50%", "--dry-run", "--json"];
    let command = place.towards(&emulator, &args);
    let said = beside(move || run(command)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let plan = &json_lines(&said.out)[0];
    assert_eq!((&plan["waves"]["canary"]["devices"], &plan["open"]), (&2.into(), &6.into()));
    assert_eq!(plan["max_failures"], "50%");
}
