//! Kill -9 at every write, fsync, send and receive of a run of three devices, and again within the
//! restart. Nothing is lost, nothing is ordered twice, and the report agrees with the server.

use super::points::{About, Point, of_a_run};
use super::strace::{Traced, injected};
use super::{Scene, all, beside, each};

const KILL: &str = "signal=KILL";

async fn kill(scene: &Scene, command: std::process::Command, point: &Point) -> Traced {
    let injection = point.inject(KILL, false, &scene.place.path(""));
    beside(move || injected(&command, &injection, "")).await
}

/// Kills at a point, starts again, and says whether it was killed, and what is wrong.
async fn killed_once(point: Point) -> (bool, Option<String>) {
    let scene = Scene::new().await;
    let killed = kill(&scene, scene.scan(), &point).await.killed;
    let by_resume = point.at.is_multiple_of(2);
    let judged = beside(move || scene.finish(by_resume).and_then(|()| scene.judge())).await;
    (killed, judged.err().map(|why| format!("killed at {}: {why}", point.name())))
}

fn wrong(done: Vec<(bool, Option<String>)>) -> (usize, Vec<String>) {
    let kills = done.iter().filter(|(killed, _)| *killed).count();
    (kills, done.into_iter().filter_map(|(_, why)| why).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_write_fsync_send_or_receive_it_loses_nothing_and_orders_nothing_twice() {
    let points = of_a_run().await;
    for about in [About::Store, About::Report, About::Network, About::Terminal] {
        assert!(points.iter().any(|point| point.series.about == about), "{about:?}");
    }
    let every = if all() { 1 } else { 4 };
    let network = |point: &Point| point.series.about == About::Network;
    let asked: Vec<Point> = points
        .iter()
        .enumerate()
        // The few sends and receives matter most.
        .filter(|(at, point)| at % every == 0 || network(point))
        .map(|(_, point)| point.clone())
        .collect();
    let count = asked.len();
    let (kills, wrong) = wrong(each(asked, killed_once).await);
    println!("{kills} kills at {count} of {} points, {} wrong", points.len(), wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    // How often threads wake each other, and in how many pieces an answer is read, is not the same
    // in each run; a late point is then not met. All else is.
    assert!(kills * 20 >= count * 17, "only {kills} of {count} were killed");
}

/// Kills at a point of the first run and at another of the restart, and starts again.
async fn killed_twice((first, second): (Point, Point)) -> (bool, Option<String>) {
    let scene = Scene::new().await;
    kill(&scene, scene.scan(), &first).await;
    let killed = kill(&scene, scene.resume(), &second).await.killed;
    let by_resume = second.at.is_multiple_of(2);
    let judged = beside(move || scene.finish(by_resume).and_then(|()| scene.judge())).await;
    let names = format!("killed at {}, then at {}", first.name(), second.name());
    (killed, judged.err().map(|why| format!("{names}: {why}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_during_recovery_lose_nothing_and_order_nothing_twice() {
    let points = of_a_run().await;
    // First among the orders, so that there is something to recover; the token and what is read
    // for the plan come before them.
    let late = |p: &&Point| p.series.about == About::Network && p.at > p.series.count / 2;
    let calls: Vec<&Point> = points.iter().filter(late).collect();
    // Then anywhere, as far as a restart comes: it makes no schema and answers fewer calls.
    let later = points.iter().filter(|p| p.at <= p.series.count / 3 + 1);
    let later: Vec<&Point> = later.collect();
    let pairs = (0..).map(|n| (calls[n % calls.len()].clone(), later[n % later.len()].clone()));
    // Each third pair, or all of them: a hundred kills and more.
    let (every, most) = if all() { (1, later.len().max(120)) } else { (3, later.len().max(120)) };
    let pairs: Vec<(Point, Point)> = pairs.take(most).step_by(every).collect();
    let count = pairs.len();
    let (kills, wrong) = wrong(each(pairs, killed_twice).await);
    println!("{kills} kills within {count} recoveries, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    // How far a restart comes on a busy machine is not the same in each run.
    let least = if all() { 100 } else { 50_usize.div_ceil(every) };
    assert!(kills >= least, "only {kills} of {count} were killed within the recovery");
}
