//! A store that the first release wrote, which gave each host name of one service a limit of its
//! own: what becomes one keeps all calls and the strictest pause, and its campaigns go on.

use fleetsweep::domain::{BudgetKey, Campaign, CampaignState, Opened, Probe};
use fleetsweep::store::{Hold, ReadAnswer};

use super::*;

const WRITTEN: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stores/several-hosts-0.1.0.sql");

/// The end of the pause that the store holds, as it says.
const PAUSED_UNTIL: i64 = 1_000_001_300_460_000;

/// That store in a file, and a clock a little after its last call.
async fn written() -> (TempDir, PathBuf, ManualClock) {
    let (folder, path) = place();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    run(&path, &fs::read_to_string(WRITTEN).unwrap()).await;
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(1_010));
    (folder, path, clock)
}

async fn counted(path: &Path, sql: &str) -> Vec<(String, i64)> {
    let mut conn = raw(path).await;
    let rows = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    rows
}

const SCANS: &str = "SELECT api_origin, calls FROM budget WHERE operation = 'scan' ORDER BY id";

async fn found(store: &SqliteStore<ManualClock>, name: &str) -> Campaign {
    store.named(&name.parse().unwrap()).await.unwrap().remove(0)
}

fn scans(campaign: &Campaign) -> BudgetKey {
    campaign.order.target.budget(Operation::Scan)
}

#[tokio::test]
async fn budgets_that_become_one_keep_all_calls_and_the_strictest_pause() {
    let (_folder, path, clock) = written().await;
    let before = counted(&path, SCANS).await;
    let calls: Vec<i64> = before.iter().map(|(_, calls)| *calls).collect();
    assert_eq!(calls, [12, 10, 1, 3], "each of them alone is below the limit of 20 a minute");

    let store = open(&path, &clock).await;
    let (world, old) = (found(&store, "world").await, found(&store, "old").await);
    assert_eq!(scans(&world), scans(&old));
    assert_eq!(scans(&world), scans(&found(&store, "dotted").await));
    let usage = store.usage(&scans(&world), 99).await.unwrap();
    assert_eq!(usage.seen_by.len(), 21, "all calls that left, of all three");
    assert_eq!((usage.state.not_before, usage.state.probe), (Stamp(PAUSED_UNTIL), Probe::Due));
    // The campaign whose own budget was not paused is held as well.
    for campaign in [&world, &old] {
        let ClaimAnswer::NotYet(no) = store.claim(campaign.id, true).await.unwrap() else {
            panic!("{} must wait", campaign.name)
        };
        assert_eq!((no.at, no.hold), (Stamp(PAUSED_UNTIL), Hold::Pause));
    }
    // 21 calls are in the hour already, of the 22 that every one of these campaigns keeps.
    clock.advance(Stamp(PAUSED_UNTIL).since(clock.now()));
    let probe = claim(&store, world.id).await;
    settle(&store, probe.call, accepted(clock.utc())).await;
    clock.advance(Duration::from_secs(70));
    let ClaimAnswer::NotYet(no) = store.claim(old.id, true).await.unwrap() else {
        panic!("the hour is full")
    };
    assert_eq!(no.hold, Hold::Quota(quota("22/1h")));

    let key = world.order.target.budget(Operation::Cancel);
    assert_eq!(store.usage(&key, 9).await.unwrap().seen_by.len(), 2);
    let key = world.order.target.budget(Operation::Read);
    assert_eq!(store.usage(&key, 9).await.unwrap().seen_by.len(), 2);
    assert!(matches!(store.claim_read(old.id).await.unwrap(), ReadAnswer::Call(..)));
    store.close().await.unwrap();
    let gov = "https://api-gov.securitycenter.microsoft.us".to_owned();
    let world = "https://api.security.microsoft.com".to_owned();
    assert_eq!(counted(&path, SCANS).await, [(world, 24), (gov, 3)]);
}

#[tokio::test]
async fn a_government_clouds_budget_stays_apart() {
    let (_folder, path, clock) = written().await;
    let store = open(&path, &clock).await;
    let gov = found(&store, "gov").await;
    assert_eq!(store.usage(&scans(&gov), 99).await.unwrap().seen_by.len(), 3);
    claim(&store, gov.id).await;
}

#[tokio::test]
async fn open_campaigns_of_the_first_release_go_on_and_are_whole() {
    let (_folder, path, clock) = written().await;
    let store = open(&path, &clock).await;
    for (name, calls) in [("world", 12), ("old", 8), ("dotted", 1), ("gov", 3)] {
        let there = found(&store, name).await;
        assert_eq!(there.state, CampaignState::Open);
        assert_eq!(store.calls(there.id).await.unwrap(), calls, "{name}: what left");
        // A runner looks at every row, sum and count before it joins.
        store.join(there.id, there.quotas.clone()).await.unwrap();
        let draft = store.draft().await.unwrap();
        let mut again = opening(name, &["20/1m"]);
        again.order = there.order.clone();
        again.order.target.tenant = there.order.target.tenant.to_ascii_lowercase();
        assert_eq!(store.open(draft, again).await.unwrap(), Opened::Continues(there.id));
    }
    store.close().await.unwrap();
    // Bringing it up to date again changes nothing.
    let again = open(&path, &clock).await;
    assert_eq!(
        again.usage(&scans(&found(&again, "old").await), 99).await.unwrap().seen_by.len(),
        21
    );
}

#[tokio::test]
async fn damage_from_before_stays_noticed_when_budgets_become_one() {
    for (damage, what) in [
        ("UPDATE budget SET not_before = not_before - 1 WHERE id = 3", "budget 1 does not match"),
        ("UPDATE campaign SET comment = 'other' WHERE name = 'old'", "campaign 2 does not match"),
    ] {
        let (_folder, path, clock) = written().await;
        run(&path, damage).await;
        let store = open(&path, &clock).await;
        let claimed = store.claim(CampaignId(1), true).await.map(|_| ());
        let listed = store.campaigns().await.map(|_| ());
        let why = claimed.and(listed).unwrap_err().to_string();
        assert!(why.contains(what), "{why}");
    }
}
