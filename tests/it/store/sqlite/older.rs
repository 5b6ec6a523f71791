//! Stores that an older version of the program wrote: what they hold stays, damage included.

use sha2::{Digest, Sha384};

use super::*;
use crate::kit::older::{THIRD_SCHEMA, TWENTY_FIRST_SCHEMA, TWENTY_THIRD_SCHEMA};

/// A store with a device of every rank that the third schema knew, and who they are.
async fn ranked(path: &Path) -> Vec<Rank> {
    let clock = ManualClock::default();
    let store = open(path, &clock).await;
    let campaign = campaign(&store, 0..3, opening("c", &["100/1m"])).await;
    let unknown = Verdict::NotFound(refusal(404, "ResourceNotFound"));
    let call = claim(&store, campaign).await.call;
    settle(&store, call, unknown).await;
    let call = claim(&store, campaign).await.call;
    settle(&store, call, doubtful()).await;
    for _ in 0..Timing::default().look_up_after.len() {
        clock.advance(Duration::from_secs(200));
        let look_ups = store.to_look_up(campaign, 9).await.unwrap();
        let found = Found::NotOurs { covered: false };
        let finding = |look_up| Finding { look_up, found, action: None };
        store.looked_up(campaign, look_ups.into_iter().map(finding).collect()).await.unwrap();
    }
    let rows = store.rows(campaign, 0, 9).await.unwrap();
    store.close().await.unwrap();
    rows.iter().map(|row| row.life.rank).collect()
}

#[tokio::test]
async fn a_store_of_an_older_version_keeps_its_ranks_its_checksums_and_its_journal() {
    let (_folder, path) = place();
    assert_eq!(ranked(&path).await, [Rank::Last, Rank::Again, Rank::First]);
    run(&path, THIRD_SCHEMA).await;
    let store = open(&path, &ManualClock::default()).await;
    let rows = store.rows(CampaignId(1), 0, 9).await.unwrap();
    let ranks: Vec<_> = rows.iter().map(|row| row.life.rank).collect();
    assert_eq!(ranks, [Rank::Last, Rank::Again, Rank::First]);
    let target = store.campaigns().await.unwrap()[0].order.target.clone();
    let usage = store.usage(&target.budget(Operation::Scan), 9).await.unwrap();
    assert_eq!(usage.seen_by.len(), 2, "the calls of the campaign still count");
}

#[tokio::test]
async fn a_rank_that_was_damaged_before_the_migration_is_noticed_after_it() {
    let (_folder, path) = place();
    ranked(&path).await;
    run(&path, &format!("{THIRD_SCHEMA}; UPDATE device_row SET rank = 1 - rank WHERE rank < 2"))
        .await;
    let store = open(&path, &ManualClock::default()).await;
    let why = store.rows(CampaignId(1), 0, 9).await.unwrap_err().to_string();
    assert!(why.contains("does not match its checksum"), "{why}");
}

#[tokio::test]
async fn a_store_of_before_tells_what_was_taken_back_from_what_expired() {
    let (_folder, path) = place();
    let store = open(&path, &ManualClock::default()).await;
    let id = taken_back_expired_and_failed(&store, "c").await;
    let other = campaign(&store, 5..7, opening("other", &["100/1m"])).await;
    let pruned = [
        taken_back_expired_and_failed(&store, "pruned").await,
        taken_back_expired_and_failed(&store, "called-off").await,
    ];
    store.call_off(pruned[1]).await.unwrap();
    let of = async |store: &SqliteStore<ManualClock>| {
        (store.rows(id, 0, 9).await.unwrap(), store.tally(id).await.unwrap())
    };
    let before = of(&store).await;
    store.close().await.unwrap();
    let [one, called_off] = pruned.map(|id| id.0);
    let prune = format!(
        "UPDATE campaign SET pruned_at = finished_at WHERE id IN ({one}, {called_off}); \
         DELETE FROM device_row WHERE campaign IN ({one}, {called_off}); {TWENTY_FIRST_SCHEMA}"
    );
    run(&path, &format!("UPDATE campaign SET finished_at = opened_at; {prune}")).await;
    let sql = "SELECT count(*) FROM device_row WHERE state = 'cancelled'";
    let cancelled: i64 = sqlx::query_scalar(sql).fetch_one(&mut raw(&path).await).await.unwrap();
    assert_eq!(cancelled, 3);
    let store = open(&path, &ManualClock::default()).await;
    assert_eq!(of(&store).await, before);
    for id in [id, other] {
        assert_eq!(store.tally(id).await.unwrap(), store.recount(id).await.unwrap());
    }
    // Of these nothing tells which was which.
    let expired = Outcome::Cancelled { taken_back: false };
    let [one, called_off] = [store.tally(pruned[0]), store.tally(pruned[1])];
    assert_eq!((one.await.unwrap().of(expired), called_off.await.unwrap().of(expired)), (3, 0));
}

#[tokio::test]
async fn a_program_of_before_an_upgrade_takes_no_slot_and_what_it_began_is_gone_on_with() {
    let (_folder, path) = place();
    let store = open(&path, &ManualClock::default()).await;
    // So it is where the older program made the campaign.
    run(
        &path,
        "CREATE TRIGGER older AFTER INSERT ON tally WHEN NEW.state = 'expired' \
                AND NEW.rows = 0 BEGIN DELETE FROM tally WHERE state = 'expired'; END",
    )
    .await;
    let id = taken_back_expired_and_failed(&store, "c").await;
    assert_eq!(store.tally(id).await.unwrap(), store.recount(id).await.unwrap());
    let newer = "DROP TRIGGER call_schema; \
                 CREATE TRIGGER call_schema BEFORE INSERT ON call WHEN NEW.schema IS NOT 99 BEGIN \
                 SELECT RAISE(ABORT, 'a newer version of fleetsweep'); END";
    run(&path, newer).await;
    let other = campaign(&store, 5..6, opening("other", &["100/1m"])).await;
    let refused = store.claim(other, true).await.unwrap_err().to_string();
    assert!(refused.contains("newer version"), "{refused}");
}

#[tokio::test]
async fn a_store_of_before_keeps_why_nights_did_not_begin() {
    let (_folder, path) = place();
    let store = open(&path, &ManualClock::default()).await;
    let copied = nights_refused_before(&store).await;
    store.close().await.unwrap();
    run(&path, TWENTY_THIRD_SCHEMA).await;
    let store = open(&path, &ManualClock::default()).await;
    let mut kept = store.failed_starts(jiff::civil::Date::MIN).await.unwrap();
    kept.sort_by_key(|one| (one.day, one.of.name()));
    assert_eq!(kept, copied);
}

/// What a store keeps of each step of its schema: version, name, and the sum of its text.
type Step = (i64, String, Vec<u8>);

#[tokio::test]
async fn a_new_store_holds_every_step_that_stands_beside_its_source_under_its_own_sum() {
    let (_folder, path) = place();
    open(&path, &ManualClock::default()).await.close().await.unwrap();
    let sql = "SELECT version, description, checksum FROM _sqlx_migrations ORDER BY version";
    let mut conn = raw(&path).await;
    let applied: Vec<Step> = sqlx::query_as(sql).fetch_all(&mut conn).await.unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite/migrations");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let there = files.iter().map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().replace('_', " ");
        let (version, name) = name.split_once(' ').unwrap();
        let sum = Sha384::digest(fs::read(path).unwrap()).to_vec();
        (version.parse().unwrap(), name.to_owned(), sum)
    });
    assert_eq!(applied, there.collect::<Vec<Step>>());
}
