//! The emulated lists: filters, order, pages and their links, the lag, and the machines.

use std::collections::BTreeSet;
use std::time::Duration;

use fleetsweep::emulator::{Class, Limit, World};

use super::world::{at, config, device, get, ids, scan, world};

/// Follows the links of a list to its end.
fn pages(world: &mut World, token: &str, ms: u64, target: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut target = target.to_owned();
    loop {
        let answer = get(world, token, ms, &target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.json());
        pages.push(ids(&answer));
        match answer.json()["@odata.nextLink"].as_str() {
            Some(link) => {
                let rest = link.strip_prefix("http://emulator.invalid");
                target = rest.expect("links begin with the origin").to_owned();
            }
            None => return pages,
        }
    }
}

#[test]
fn a_new_action_is_listed_only_after_the_lag() {
    let (mut world, token) = world("[list]\nlag_ms = 5000\n[devices]\nfleet_size = 0");
    let id = scan(&mut world, &token, 0, 1).json()["id"].as_str().expect("an id").to_owned();
    assert!(ids(&get(&mut world, &token, 4999, "/api/machineactions")).is_empty());
    assert_eq!(get(&mut world, &token, 4999, &format!("/api/machineactions/{id}")).status, 404);
    assert_eq!(ids(&get(&mut world, &token, 5000, "/api/machineactions")), [id]);
}

#[test]
fn filters_orders_and_stamps_select_actions() {
    let (mut world, token) = world("[devices]\nfleet_size = 0");
    let made: Vec<String> = (0..6)
        .map(|i| scan(&mut world, &token, u64::from(i) * 10_000, i).json())
        .map(|action| action["id"].as_str().expect("an id").to_owned())
        .collect();
    let ms = 50_000;
    let newest =
        get(&mut world, &token, ms, "/api/machineactions?$orderby=creationDateTimeUtc desc");
    assert_eq!(ids(&newest), made.iter().rev().cloned().collect::<Vec<_>>());
    let since = &get(&mut world, &token, ms, &format!("/api/machineactions/{}", made[2])).json();
    let stamp = since["creationDateTimeUtc"].as_str().expect("a stamp");
    let mut select = |filter: &str| {
        let target = format!("/api/v1.0/machineactions?$filter={}", filter.replace(' ', "%20"));
        ids(&get(&mut world, &token, ms, &target))
    };
    assert_eq!(select(&format!("creationDateTimeUtc ge {stamp}")), made[2..]);
    assert_eq!(select(&format!("creationDateTimeUtc gt {stamp}")), made[3..]);
    assert_eq!(select(&format!("creationDateTimeUtc lt {stamp}")), made[..2]);
    assert_eq!(select("type eq 'RunAntiVirusScan' and requestor eq 'app'"), made);
    let one = format!("machineId eq '{}' or machineId eq '{}'", device(1), device(4));
    assert_eq!(select(&one), [made[1].clone(), made[4].clone()]);
    assert_eq!(select("type eq 'Isolate' or (status eq 'Cancelled')"), Vec::<String>::new());
    let counted = get(&mut world, &token, ms, "/api/machineactions?$top=1&$count=true").json();
    assert_eq!(counted["@odata.count"], 6);
    for query in ["$filter=title eq 'x'", "$top=10001", "$top=-1", "$stop=5", "$orderby=title"] {
        let answer = get(&mut world, &token, ms, &format!("/api/machineactions?{query}"));
        assert_eq!(answer.json()["error"]["code"], "ODataError", "{query}");
        assert_eq!(answer.status, 400, "{query}");
    }
}

#[test]
fn ten_thousand_actions_come_on_one_page_and_more_on_the_next() {
    let mut config = config("[throttle]\nenforce = \"none\"\n[devices]\nfleet_size = 0");
    config.limits = vec![Limit { calls: 100, window: Duration::from_secs(60) }];
    let mut world = World::new(config).expect("the settings are good");
    let token = world.issue_token(at(0), "tenant", "app");
    for i in 0..10_003 {
        assert_eq!(scan(&mut world, &token, u64::from(i), i).status, 201);
    }
    let pages = pages(&mut world, &token, 20_000, "/api/machineactions");
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10_000, 3]);
    let all: BTreeSet<&String> = pages.iter().flatten().collect();
    assert_eq!(all.len(), 10_003);
    let asked = get(&mut world, &token, 20_000, "/api/machineactions?$top=10000&$skip=10000");
    assert_eq!(ids(&asked).len(), 3);
}

#[test]
fn links_keep_filter_order_and_what_is_left_of_top() {
    let (mut world, token) = world("[list]\npage_size = 2\n[devices]\nfleet_size = 0");
    (0..7).for_each(|i| drop(scan(&mut world, &token, u64::from(i), i)));
    let filter = "$filter=requestor%20eq%20'app'&$orderby=creationDateTimeUtc%20desc";
    let some = pages(&mut world, &token, 100, &format!("/api/machineactions?{filter}&$top=5"));
    assert_eq!(some.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    let all = pages(&mut world, &token, 100, &format!("/api/machineactions?{filter}"));
    assert_eq!(all.concat()[..5], some.concat());
    assert_eq!(all.concat().len(), 7);
}

#[test]
fn the_machines_that_are_listed_can_be_viewed_by_id_and_by_name() {
    let (mut world, token) = world("[devices]\nfleet_size = 5\n[list]\npage_size = 2");
    let listed = pages(&mut world, &token, 0, "/api/machines").concat();
    assert_eq!(listed, world.fleet().collect::<Vec<_>>());
    let machine = get(&mut world, &token, 0, &format!("/api/machines/{}", listed[3])).json();
    let name = machine["computerDnsName"].as_str().expect("a name");
    let by_name = get(&mut world, &token, 0, &format!("/api/machines/{name}")).json();
    assert_eq!(by_name["id"], listed[3].as_str());
    let filter = format!("/api/machines?$filter=computerDnsName%20eq%20'{name}'");
    assert_eq!(ids(&get(&mut world, &token, 0, &filter)), [listed[3].clone()]);
    assert_eq!(get(&mut world, &token, 0, "/api/machines/nobody").status, 404);
}

#[test]
fn strangers_scans_on_listed_machines_are_found_before_any_call_on_them() {
    let (mut world, token) = world("[devices]\nfleet_size = 50\nbusy_share = 0.5");
    let busy = world.fleet().filter(|id| matches!(world.class_of(id), Class::Busy { .. })).count();
    assert!(busy > 10);
    let open = "/api/machineactions?$filter=status%20eq%20'InProgress'";
    assert_eq!(ids(&get(&mut world, &token, 0, open)).len(), busy);
}

/// A fleet of every kind.
const MIXED: &str = "[devices]\nfleet_size = 2000\n[machines]\nnot_onboarded_share = 0.1\n\
    merged_share = 0.05\nexcluded_share = 0.05\nhigh_value_share = 0.1\n\
    shared_name_share = 0.2\nmobile_share = 0.1\ndiscovered_share = 0.1\n\
    old_windows_share = 0.1\nold_client_share = 0.05\ngroups = [\"Servers\", \"Clients\"]\n\
    tags = [\"pilot\", \"it's\"]";

#[test]
fn the_inventory_has_machines_of_every_kind_in_their_shares() {
    let (mut world, token) = world(MIXED);
    let list = get(&mut world, &token, 0, "/api/machines").json();
    let machines = list["value"].as_array().expect("a list");
    let count =
        |field: &str, is: &str| machines.iter().filter(|machine| machine[field] == *is).count();
    let true_in = |field: &str| machines.iter().filter(|machine| machine[field] == true).count();
    for (what, found, share) in [
        ("iOS", count("osPlatform", "iOS"), 0.05),
        ("Android", count("osPlatform", "Android"), 0.05),
        ("discovered", count("onboardingStatus", "Unsupported"), 0.1),
        ("old client", count("agentVersion", "101.98.30"), 0.05),
        ("Windows 7", count("osPlatform", "Windows7"), 0.05),
        ("inactive", count("healthStatus", "Inactive"), 0.05),
        ("high value", count("deviceValue", "High"), 0.1),
        ("group", count("rbacGroupName", "Servers"), 0.5),
        ("excluded", true_in("isExcluded"), 0.05),
        ("merged", true_in("isPotentialDuplication"), 0.05),
    ] {
        let due = share * 2000.0;
        assert!((found as f64 - due).abs() < due / 2.0, "{what}: {found} of {due}");
    }
    let names: BTreeSet<_> = machines.iter().map(|m| m["computerDnsName"].as_str()).collect();
    assert!((1750..1900).contains(&names.len()), "{} names", names.len());
}

#[test]
fn machines_are_filtered_by_tag_and_group_and_a_page_of_a_filter_is_the_whole_lists_part() {
    let (mut world, token) = world(MIXED);
    let mut select = |filter: &str| {
        let target = format!("/api/machines?$filter={}", filter.replace(' ', "%20"));
        ids(&get(&mut world, &token, 0, &target)).len()
    };
    let (all, tagged) = (select("id ne 'x'"), select("machineTags/any(tag: tag eq 'it''s')"));
    assert_eq!(all, 2000);
    assert!((800..1200).contains(&tagged), "{tagged}");
    assert_eq!(select("machineTags/any(tag: tag eq 'it')"), 0);
    let both = select("rbacGroupId eq '1'") + select("rbacGroupId eq '2'");
    assert_eq!(both, 2000);
    // With and without a filter the same machines come in the same order.
    let plain = get(&mut world, &token, 0, "/api/machines?$top=7&$skip=1990");
    let filtered = "/api/machines?$top=7&$skip=1990&$filter=id%20ne%20'x'";
    assert_eq!(ids(&plain), ids(&get(&mut world, &token, 0, filtered)));
    assert_eq!(ids(&plain).len(), 7);
}

#[test]
fn a_hundred_thousand_machines_come_in_ten_pages() {
    let (mut world, token) = world("[devices]\nfleet_size = 100000");
    // The first and the last page; those between are made the same way.
    for skip in [0, 90_000] {
        let target = format!("/api/machines?$top=10000&$skip={skip}");
        assert_eq!(ids(&get(&mut world, &token, 0, &target)).len(), 10_000, "from {skip}");
    }
    let beyond = get(&mut world, &token, 0, "/api/machines?$top=10000&$skip=100000");
    assert!(ids(&beyond).is_empty());
}
