//! Campaigns of several tenants in one store under one name: each command takes the one that is
//! meant, or says which there are.

use fleetsweep::emulator::Emulator;

use super::*;

const ONE: &str = "11111111-2222-3333-4444-555555555555";
const TWO: &str = "99999999-2222-3333-4444-555555555555";

/// A campaign `c` of each of two tenants: two devices of the first, three of the second.
async fn two_tenants(emulator: &Emulator) -> Place {
    let place = Place::new();
    for (tenant, devices, report) in [(ONE, 2, "one.csv"), (TWO, 3, "two.csv")] {
        place.list(devices);
        let report = format!("--report={report}");
        let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=9"];
        let mut command =
            place.towards(emulator, &[&scan[..], &["--campaign=c", &report]].concat());
        command.env("AZURE_TENANT_ID", tenant);
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 0, "{}", said.err);
    }
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_several_tenants_use_is_taken_for_that_of_the_tenant_that_is_set_and_else_told()
{
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = two_tenants(&emulator).await;
    let devices = |said: &Said| {
        assert_eq!(said.code, 0, "{}", said.err);
        json_lines(&said.out)[0]["devices"].as_u64().unwrap()
    };
    let status = ["status", "c", "--json"];
    // What is typed counts before what is set, and capitals and braces do not.
    let typed = format!("--tenant={{{}}}", TWO.to_uppercase());
    let of = |tenant: Option<&str>, args: &[&str]| {
        let mut command = place.fleetsweep(args);
        command.envs(tenant.map(|tenant| ("AZURE_TENANT_ID", tenant)));
        run(command)
    };
    assert_eq!(devices(&of(Some(ONE), &status)), 2);
    assert_eq!(devices(&of(Some(TWO), &status)), 3);
    assert_eq!(devices(&of(Some(ONE), &["status", "c", "--json", &typed])), 3);
    // Nothing says which one, or something that fits none.
    for tenant in [None, Some("33333333-2222-3333-4444-555555555555")] {
        for command in ["status", "resume", "retry", "cancel", "pause", "report", "follow"] {
            let said = of(tenant, &[command, "c"]);
            assert_eq!(said.code, 2, "{command}: {}", said.err);
            let told = flat(&said.err);
            assert!(told.contains("there are 2 campaigns c"), "{command}: {}", said.err);
            let each = told.contains(ONE) && told.contains(TWO) && told.contains("--tenant");
            assert!(each, "{command}: {}", said.err);
        }
    }
    // The commands that are told on the way say which one is meant.
    let said = of(None, &["resume", "c", "--tenant", TWO]);
    assert_eq!(said.code, 6, "it is finished: {}", said.err);
    let told = flat(&said.err);
    assert!(told.contains(&format!("fleetsweep report c --tenant {TWO}")), "{}", said.err);
    // Without a name both are there.
    assert_eq!(json_lines(&of(None, &["status", "--json"]).out).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_names_no_campaign_reads_of_the_open_one_and_does_nothing_to_one_of_several() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    for (name, devices, more) in [("over", 2, "--json"), ("waits", 3, "--detach")] {
        place.list(devices);
        let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=9", more];
        let name = format!("--campaign={name}");
        let command = place.towards(&emulator, &[&scan[..], &[&name]].concat());
        let said = beside(move || run(command)).await;
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let said = run(place.fleetsweep(&["report", "--report=r.csv"]));
    assert_eq!((said.code, report(&place.path("r.csv")).len()), (0, 3), "{}", said.err);
    // Who means another tenant is not given this one's.
    let other = ["report", "--report=r.csv", "--tenant", TWO];
    assert_eq!(run(place.fleetsweep(&other)).code, 2);
    for command in ["cancel", "retry"] {
        let said = run(place.fleetsweep(&[command]));
        let told = flat(&said.err);
        assert_eq!(said.code, 2, "{command}: {told}");
        assert!(told.contains("and these fit: waits (open), over"), "{command}: {told}");
    }
    // With another one open, too, nothing says which is meant.
    place.list(1);
    let scan = ["scan", "list.txt", "--type=quick", "--comment=y", "--approve-max=9", "--detach"];
    let command = place.towards(&emulator, &[&scan[..], &["--campaign=waits-too"]].concat());
    assert_eq!(beside(move || run(command)).await.code, 0);
    let said = run(place.fleetsweep(&["report", "--report=r.csv"]));
    assert_eq!(said.code, 2, "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_of_another_tenants_campaign_of_the_same_name_is_not_overwritten() {
    let emulator = emulate("quiet", &[(1_000, 1.0)], 1.0).await;
    let place = two_tenants(&emulator).await;
    let before = std::fs::read(place.path("one.csv")).unwrap();
    let said = run(place.fleetsweep(&["report", "c", "--tenant", TWO, "--report=one.csv"]));
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains(ONE), "{}", said.err);
    assert_eq!(std::fs::read(place.path("one.csv")).unwrap(), before);
    let said = run(place.fleetsweep(&["report", "c", "--tenant", ONE, "--report=one.csv"]));
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(std::fs::read(place.path("one.csv")).unwrap(), before);
}
