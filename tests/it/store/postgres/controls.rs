//! Negative controls: the rule of the limit over the same database, with one of its parts left out.
//! Each admits more than the limit, which is why the store does otherwise.

use super::*;

/// How a claim is made wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    /// Not at all.
    Not,
    /// The lock and what is read under it are one statement, whose snapshot is older.
    OneStatement,
    /// The whole transaction reads one snapshot, as where a role has that level by default.
    RepeatableRead,
}

/// Eight clients claim at a limit of ten; how many got through.
async fn admitted(broken: Broken) -> i64 {
    const LIMIT: i64 = 10;
    let url = database().await;
    let name = url.rsplit('/').next().unwrap().to_owned();
    let first = server().connect(&name).await;
    let made = "CREATE TABLE control_budget (id int PRIMARY KEY); \
                INSERT INTO control_budget VALUES (1); \
                CREATE TABLE control_call (at timestamptz DEFAULT clock_timestamp())";
    first.batch_execute(made).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let client = server().connect(&name).await;
        tasks.spawn(async move {
            for _ in 0..20 {
                let level = match broken {
                    Broken::RepeatableRead => "BEGIN ISOLATION LEVEL REPEATABLE READ",
                    Broken::Not | Broken::OneStatement => "BEGIN ISOLATION LEVEL READ COMMITTED",
                };
                client.batch_execute(level).await.unwrap();
                let lock = "SELECT id FROM control_budget WHERE id = 1 FOR NO KEY UPDATE";
                let count = "SELECT count(*) AS calls FROM control_call";
                let both = "WITH lock AS MATERIALIZED (SELECT id FROM control_budget WHERE id = 1 \
                            FOR NO KEY UPDATE) SELECT (SELECT count(*) FROM control_call) AS calls \
                            FROM lock";
                if broken != Broken::OneStatement {
                    client.query_one(lock, &[]).await.unwrap();
                }
                let read = if broken == Broken::OneStatement { both } else { count };
                let calls: i64 = client.query_one(read, &[]).await.unwrap().get("calls");
                if calls < LIMIT {
                    client.batch_execute("INSERT INTO control_call DEFAULT VALUES").await.unwrap();
                    // Long enough for others to wait for the lock.
                    client.batch_execute("SELECT pg_sleep(0.01)").await.unwrap();
                }
                client.batch_execute("COMMIT").await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    first.query_one("SELECT count(*) AS calls FROM control_call", &[]).await.unwrap().get("calls")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_and_what_is_read_under_it_are_two_statements_of_one_level() {
    assert_eq!(admitted(Broken::Not).await, 10);
    for broken in [Broken::OneStatement, Broken::RepeatableRead] {
        let calls = admitted(broken).await;
        println!("{broken:?}: {calls} of 10");
        assert!(calls > 10, "{broken:?} was not caught: {calls} of 10");
    }
}

/// Without one lock over all of it, a claim moves rows from the first count to the second, and a
/// settle the other way: each waits for the other.
#[tokio::test(flavor = "multi_thread")]
async fn counts_that_move_both_ways_without_the_lock_of_the_budget_meet_in_deadlocks() {
    let url = database().await;
    let name = url.rsplit('/').next().unwrap().to_owned();
    let first = server().connect(&name).await;
    let made = "CREATE TABLE control_tally (state text PRIMARY KEY, rows int); \
                INSERT INTO control_tally VALUES ('queued', 0), ('claimed', 0)";
    first.batch_execute(made).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let client = server().connect(&name).await;
        let [from, to] = if n % 2 == 0 { ["queued", "claimed"] } else { ["claimed", "queued"] };
        let sql = format!(
            "SET deadlock_timeout = '20ms'; BEGIN; \
             UPDATE control_tally SET rows = rows - 1 WHERE state = '{from}'; \
             SELECT pg_sleep(0.005); \
             UPDATE control_tally SET rows = rows + 1 WHERE state = '{to}'; COMMIT"
        );
        tasks.spawn(async move {
            let mut deadlocks = 0;
            for _ in 0..20 {
                if let Err(error) = client.batch_execute(&sql).await {
                    assert_eq!(error.code().map(|code| code.code()), Some("40P01"), "{error:?}");
                    client.batch_execute("ROLLBACK").await.unwrap();
                    deadlocks += 1;
                }
            }
            deadlocks
        });
    }
    let deadlocks: u32 = tasks.join_all().await.into_iter().sum();
    println!("{deadlocks} deadlocks");
    assert!(deadlocks > 0);
}
