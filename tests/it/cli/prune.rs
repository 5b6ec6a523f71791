//! `prune`: the rows of campaigns that ended long ago go, and a kill at any moment leaves a store
//! that is sound.

use std::path::Path;
use std::time::Duration;

use fleetsweep::domain::{CampaignId, Outcome, Timing};
use fleetsweep::store::sqlite::SqliteStore;
use fleetsweep::store::{Store, StoreError};
use sqlx::{Connection, SqliteConnection};

use super::{Place, json_lines, run, start, wait};
use crate::kit::store::{campaign, ended_row, opening};

const STORE: &str = "--store=sqlite:s.db";

/// A store with a campaign of this many rows that ended years ago, another one that ended just now,
/// and one that is open.
async fn filled(path: &Path, rows: u32) -> CampaignId {
    let store = SqliteStore::open(path, Timing::default()).await.unwrap();
    for (name, rows) in [("old", rows), ("young", 3)] {
        let draft = store.draft().await.unwrap();
        let rows = (0..rows).map(|number| ended_row(number, Outcome::Skipped, "inactive"));
        store.append(draft, rows.collect()).await.unwrap();
        store.open(draft, opening(name, &["100/1m"])).await.unwrap();
        assert!(store.finish(draft).await.unwrap());
    }
    campaign(&store, 0..3, opening("open", &["100/1m"])).await;
    let old = store.named(&"old".parse().unwrap()).await.unwrap().remove(0).id;
    store.close().await.unwrap();
    let url = format!("sqlite:{}", path.display());
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    let ended = "UPDATE campaign SET finished_at = '2001-02-03T04:05:06Z' WHERE name = 'old'";
    sqlx::query(ended).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    old
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pruning_says_what_goes_and_what_stays_and_the_file_shrinks() {
    let place = Place::new();
    let path = place.path("s.db");
    filled(&path, 5_000).await;
    let size = || std::fs::metadata(&path).unwrap().len();
    let before = size();
    let prune = |more: &[&str]| {
        let words = ["prune", "--older-than=90d", STORE];
        run(place.fleetsweep(&[&words[..], more].concat()))
    };

    let dry = prune(&["--dry-run", "--json"]);
    let told = &json_lines(&dry.out)[0];
    assert_eq!((dry.code, &told["dry_run"]), (0, &true.into()), "{}", dry.err);
    assert_eq!(told["campaigns"][0]["campaign"], "old");
    assert_eq!(told["campaigns"][0]["rows"], 5_000);
    assert_eq!(told["campaigns"].as_array().unwrap().len(), 1, "{told}");
    let dry = prune(&["--dry-run"]);
    assert!(dry.out.contains("Would remove 5,000 rows of 1 campaign"), "{}", dry.out);
    let report = run(place.fleetsweep(&["report", "old", STORE, "--report=r.csv"]));
    assert_eq!(report.code, 0, "nothing was removed yet: {}", report.err);

    let done = prune(&[]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.out.contains("Removed 5,000 rows of 1 campaign"), "{}", done.out);
    assert!(size() < before / 2, "{} of {before} bytes", size());
    let nothing = prune(&[]);
    assert!(nothing.out.contains("No campaign that ended before"), "{}", nothing.out);

    let status = run(place.fleetsweep(&["status", "old", STORE, "--json"]));
    let status = &json_lines(&status.out)[0];
    assert_eq!((&status["rows"], &status["outcomes"]["skipped"]), (&5_000.into(), &5_000.into()));
    for command in ["report", "retry", "follow", "cancel"] {
        let said = run(place.fleetsweep(&[command, "old", STORE]));
        let why = "the rows of campaign old are not kept any more";
        assert!(said.code == 6 && said.err.contains(why), "{command}: {} {}", said.code, said.err);
    }
}

#[test]
fn what_coverage_looks_back_on_is_not_pruned_and_no_store_is_made() {
    let place = Place::new();
    for time in ["89d", "0d", "90"] {
        let said = run(place.fleetsweep(&["prune", &format!("--older-than={time}"), STORE]));
        assert!(said.code == 2 && said.err.contains("90d"), "{}", said.err);
    }
    let said = run(place.fleetsweep(&["prune", "--older-than=90d", STORE]));
    assert!(said.code != 0 && !place.path("s.db").exists(), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_whatever_moment_leaves_all_rows_or_none_and_a_store_that_is_sound() {
    let place = Place::new();
    let path = place.path("s.db");
    let old = filled(&path, 5_000).await;
    let whole = std::fs::read(&path).unwrap();
    let prune = || place.fleetsweep(&["prune", "--older-than=90d", STORE]);
    let (mut kept, mut gone) = (0, 0);
    for moment in 0..30 {
        for side in ["s.db", "s.db-wal", "s.db-shm"] {
            std::fs::remove_file(place.path(side)).ok();
        }
        std::fs::write(&path, &whole).unwrap();
        let mut child = start(prune());
        tokio::time::sleep(Duration::from_millis(10 * moment)).await;
        child.kill().unwrap();
        wait(child);
        // Opening looks at every page, every index and the log.
        let store = SqliteStore::open(&path, Timing::default()).await.unwrap();
        let there = store.campaign(old).await.unwrap().unwrap();
        match there.pruned_at {
            None => {
                assert_eq!(store.recount(old).await.unwrap(), store.tally(old).await.unwrap());
                kept += 1;
            }
            Some(_) => {
                assert_eq!(store.recount(old).await.unwrap().rows(), 0);
                let rows = store.rows(old, 0, 9).await;
                assert!(matches!(rows, Err(StoreError::Gone { .. })), "{rows:?}");
                gone += 1;
            }
        }
        assert_eq!(store.tally(old).await.unwrap().rows(), 5_000);
        let open = store.named(&"open".parse().unwrap()).await.unwrap().remove(0);
        store.join(open.id, open.quotas).await.unwrap();
        store.close().await.unwrap();
        let again = run(prune());
        assert_eq!(again.code, 0, "{}", again.err);
    }
    assert!(kept > 0, "every kill came too late: {gone}");
}
