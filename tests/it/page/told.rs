//! What pages tell of runs that are at work, wait or died, of nights and of tenants; on both
//! stores.

use std::time::Duration;

use fleetsweep::domain::{Operation, Timing};

use super::kit::{Page, STORE, campaign};
use super::show::Show;
use crate::kit::postgres::database;
use crate::kit::program::{Place, emulate, flat, json_lines, run, start, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_is_told_as_killed_with_the_command_that_goes_on() {
    assert!(Timing::default().alive_for() <= Duration::from_secs(20));
    let place = Place::new();
    place.list(200);
    // Two calls a second, so that it is at work until it is killed.
    let emulator = emulate("quiet", &[(100, 1.0)], 1.0).await;
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=200"];
    let scan = [&scan[..], &["--campaign=c", "--limit=2/1s", STORE]].concat();
    let mut child = start(place.towards(&emulator, &scan));
    until("a store", async || place.path("page.db").exists()).await;
    until("a campaign", async || {
        run(place.fleetsweep(&["status", "c", STORE])).out.contains("running")
    })
    .await;
    let page = Page::of(&place).await;
    let running = page.get("/c/c").await.body;
    assert!(running.contains("<strong>Running.</strong>"), "{running}");
    assert!(running.contains(" · a run is at work (of "), "{running}");
    child.kill().unwrap();
    child.wait().unwrap();
    until("killed", async || page.get("/c/c").await.body.contains("<strong>Killed.</strong>"))
        .await;
    let killed = page.get("/c/c").await.body;
    assert!(killed.contains("nobody works on it. Its run was killed"), "{killed}");
    assert!(killed.contains("<code>fleetsweep resume c --store sqlite:page.db</code> goes on"));
    let all = page.get("/").await.body;
    assert!(all.contains("1 campaign needs somebody.") && all.contains("</a> is killed."), "{all}");
    let tenants = page.get("/tenants").await.body;
    assert!(tenants.contains("1 tenant: 1 stopped."), "{tenants}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_waits_for_its_window_shows_the_window_and_when_the_next_order_leaves() {
    let place = Place::new();
    place.list(20);
    let clock = |minutes| {
        let at = fleetsweep::clock::wall_clock() + jiff::SignedDuration::from_mins(minutes);
        at.strftime("%H:%M").to_string()
    };
    let (opens, closes) = (clock(120), clock(240));
    let window = format!("--window={opens}-{closes}");
    let emulator = emulate("quiet", &[(100, 1.0)], 1.0).await;
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=20"];
    let scan = [&scan[..], &["--campaign=c", "--tz=Etc/UTC", &window, STORE]].concat();
    let mut child = start(place.towards(&emulator, &scan));
    until("a campaign", async || {
        run(place.fleetsweep(&["status", "c", STORE])).out.contains("0 of 20 devices done")
    })
    .await;
    let page = Page::of(&place).await;
    // As long as its run has told nothing, nothing is made up.
    // At an hour, or on a day.
    let waits = "its window has not opened yet. The next order leaves ";
    until("it waits", async || {
        let body = page.get("/c/c").await.body;
        assert!(!body.contains("Orders leave now"), "{body}");
        body.contains(waits)
    })
    .await;
    let body = page.get("/c/c").await.body;
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(body.contains("<strong>Waiting.</strong>"), "{body}");
    assert!(body.contains(&format!("orders leave {opens}-{closes} (Etc/UTC)")), "{body}");
}

#[tokio::test]
async fn coverage_is_read_beside_the_requests_and_stands_with_the_nights() {
    let place = Place::new();
    place.list(30);
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=30"];
    let night = ["--series=nightly", "--emulator", "--scenario=quiet", STORE];
    let said = run(place.fleetsweep(&[&scan[..], &night].concat()));
    assert!([0, 3].contains(&said.code), "{} {}", said.code, said.err);
    let page = Page::of(&place).await;
    let first = page.get("/nights").await.body;
    assert!(first.contains("Nights of the series nightly"), "{first}");
    until("coverage", async || {
        page.get("/nights").await.body.contains("had a scan ordered within 7 days.")
    })
    .await;
    let body = page.get("/nights").await.body;
    let told =
        run(place.fleetsweep(&["status", "--coverage", "--series=nightly", "--json", STORE]));
    let told: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    let week = format!("<dt>Within 7 days</dt><dd>{} ", told["within_7d"]["ordered"]);
    assert!(body.contains(&week), "{week}: {body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nights_stand_in_the_same_words_on_the_terminal_and_on_the_page() {
    let place = Place::new();
    let _show = Show::of_nights(&place.path("page.db")).await;
    let page = Page::of(&place).await;
    let body = page.get("/nights?series=nightly").await.body;
    let told = run(place.fleetsweep(&["status", "--nights", "--series=nightly", STORE])).out;
    // A line that is broken goes on behind four blanks.
    let told = told.replace("\n    ", " ");
    let words = |line: &str| line.split_once(" ordered  ").map(|(_, words)| words.to_owned());
    let told_words: Vec<String> = told.lines().filter_map(words).collect();
    assert!(told_words.len() > 15, "{told}");
    let closed = "the window closed, 8 handed on";
    assert!(told_words.iter().filter(|one| *one == closed).count() > 15, "{told}");
    let ruled = told_words.iter().filter(|one| one.starts_with("stopped: 4 of 6 answers are 404"));
    assert_eq!(ruled.count(), 1, "the rule is named: {told}");
    assert!(told.contains("  no window") && told.contains("  no run began"), "{told}");
    for word in told_words {
        assert!(body.contains(&format!("title=\"{word}\">")), "{word}: {body}");
    }
    let [closed, ruled] = [closed, "stopped by a rule, 18 handed on"];
    for word in [closed, ruled] {
        assert!(body.contains(&format!("of 24, {word}</a>")), "{word}: {body}");
    }
    // Where the devices of a night went that was handed on stands on its page, too.
    let of = |word: &str| {
        let before = body.split(&format!("of 24, {word}</a>")).next().unwrap();
        before.rsplit("href=\"").next().unwrap().split('"').next().unwrap().to_owned()
    };
    let night = page.get(&of(closed)).await.body;
    let fact = "<dt>Handed on</dt><dd>8 <small>to the next run of its series</small>";
    assert!(night.contains(fact) && !night.contains("<dt>Left</dt>"), "{night}");
    // One bad night and one missed night weeks ago are no news, and no reason for a colour.
    let first = body.split("<div class=\"say ").nth(1).unwrap().split("</div>").next().unwrap();
    assert!(first.starts_with("ok\">"), "{first}");
    assert!(first.contains("1 of ") && first.contains(" runs needed a look"), "{first}");
}

#[tokio::test]
async fn a_tenant_of_the_settings_has_its_name_and_one_without_a_run_is_told() {
    let place = Place::new();
    let settings = "[profiles.contoso]\ntenant = \"11111111-2222-3333-4444-555555555555\"\n\
                    [profiles.fabrikam]\ntenant = \"8a2f0c11-3333-4444-5555-666677778888\"\n";
    std::fs::write(place.path("config.toml"), settings).unwrap();
    place.list(5);
    let emulator = emulate("quiet", &[(100, 1.0)], 1.0).await;
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=5", STORE];
    let mut command = place.towards(&emulator, &scan);
    let said = crate::kit::program::beside(move || {
        let output = command.output().unwrap();
        crate::kit::program::said(output)
    });
    let said = said.await;
    assert_eq!(said.code, 0, "{}", said.err);
    let serve = ["serve", "--listen=127.0.0.1:0", "--config=config.toml", STORE];
    let page = Page::by(place.fleetsweep(&serve)).await;
    let body = page.get("/tenants").await.body;
    assert!(body.contains("2 tenants: 1 needs attention, 1 as planned."), "{body}");
    let (missing, there) = (body.find("fabrikam").unwrap(), body.find("contoso").unwrap());
    assert!(missing < there, "the worst first: {body}");
    assert!(body.contains("fabrikam: No campaign of it was open within 8 days."), "{body}");
    // So it is called on every other page, and found by it.
    let called = "<bdi title=\"11111111-2222-3333-4444-555555555555\">contoso</bdi>";
    let found = page.get("/?q=conTOSO").await.body;
    assert!(found.contains(called), "{found}");
    assert!(!page.get("/?q=fabrikam").await.body.contains(called));
    let link = found.split("href=\"/c/").nth(1).unwrap().split('"').next().unwrap();
    for path in ["/", "/limits", &format!("/c/{link}")] {
        let body = page.get(path).await.body;
        assert!(body.contains(called), "{path}: {body}");
    }
}

#[tokio::test]
async fn of_too_many_limits_those_of_open_campaigns_are_shown_and_the_others_counted() {
    let place = Place::new();
    Show::of_tenants(&place.path("page.db"), 40).await;
    let page = Page::of(&place).await;
    let body = page.get("/limits").await.body;
    let shown = format!("60 of {} limits are shown", 40 * Operation::ALL.len());
    assert!(body.contains(&shown), "{body}");
    assert!(body.contains("60 limits that are shown"), "{body}");
    let table = body.split("<tbody>").last().unwrap();
    let rows: Vec<&str> = table.split("<tr>").skip(1).collect();
    assert_eq!(rows.len(), 60);
    let of_open = |row: &&str| row.contains("href=\"/c/");
    // Tenants 0, 1, 20 and 21 stopped with work left; 2 to 5 and 22 to 25 are at work.
    assert_eq!(rows.iter().filter(|row| of_open(row)).count(), 12, "{table}");
    assert!(rows[..12].iter().all(of_open), "{table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_shown_of_a_store_in_postgresql_too() {
    let url = database().await;
    let place = Place::new();
    place.list(30);
    let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=30"];
    let store = format!("--store={url}");
    let night = ["--series=nightly", "--emulator", "--scenario=quiet", &store];
    let said = run(place.fleetsweep(&[&scan[..], &night].concat()));
    assert!([0, 3].contains(&said.code), "{} {}", said.code, said.err);
    let page = Page::by(place.fleetsweep(&["serve", "--listen=127.0.0.1:0", &store])).await;
    let campaign = page.get("/").await.body;
    let at = campaign.find("href=\"/c/").unwrap() + 6;
    let path = campaign[at..].split('"').next().unwrap().to_owned();
    let devices = format!("{path}/devices");
    let filtered = format!("{path}/devices?outcome=accepted&q=%25");
    let (device, csv) = (format!("{path}/devices/1"), format!("{path}/devices.csv"));
    for path in ["/", &path, &devices, &filtered, &device, "/nights", "/limits", "/tenants"] {
        let answer = page.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.body.len() < 60_000, "{path}: {}", answer.body.len());
    }
    assert_eq!(page.get(&csv).await.body.lines().count(), 31);
    until("coverage", async || page.get("/nights").await.body.contains("Within 7 days")).await;
}

#[tokio::test]
async fn no_log_holds_a_ticket_or_a_session() {
    let place = Place::new();
    campaign(&place, "night-1");
    let serve = ["serve", "--listen=127.0.0.1:0", "-vvv", STORE];
    let page = Page::by(place.fleetsweep(&serve)).await;
    page.get("/").await;
    let (ticket, session) = (page.link.clone(), page.cookie.clone());
    let log = page.end();
    let secret = |text: &str| text.rsplit_once('=').unwrap().1.to_owned();
    for secret in [secret(&ticket), secret(&session)] {
        assert!(secret.len() > 40 && !log.contains(&secret), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_in_which_the_latest_night_of_a_series_did_not_begin_is_told() {
    let place = Place::new();
    let night = Show::of_a_missed_night(&place.path("page.db"), 27, None).await;
    let page = Page::of(&place).await;
    let day = night.strftime("%A %-d %B").to_string();
    let tenants = page.get("/tenants").await.body;
    assert!(tenants.contains("2 tenants: 1 needs attention, 1 as planned."), "{tenants}");
    assert!(tenants.contains(&format!("No run of nightly began on {day}.")), "{tenants}");
    let nights = page.get("/nights?series=nightly").await.body;
    let told = format!("In 1 of 2 tenants no run began on {day}.");
    assert!(nights.contains(&told), "{nights}");
    // Of several fleets one is told of, and which.
    until("coverage", async || page.get("/nights").await.body.contains("had a scan ordered")).await;
    let body = page.get("/nights").await.body;
    assert!(body.contains("of the fleet of here.example had a scan ordered"), "{body}");
    // A line of its own, though the night is not over yet.
    let told = run(place.fleetsweep(&["status", "--nights", STORE])).out;
    let (_, gone) = told.split_once("nightly, tenant gone.example: 1 run").unwrap();
    let gone = gone.lines().nth(1).unwrap();
    let line = format!("  {}  no run began", night.strftime("%a %Y-%m-%d"));
    assert_eq!(gone, line, "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_a_night_did_not_begin_in_a_tenant_is_told_where_it_was_kept() {
    let place = Place::new();
    let why = "cannot sign in: the secret is <wrong>";
    // It could begin still, for all that its last run says.
    let night = Show::of_a_missed_night(&place.path("page.db"), 25, Some(why)).await;
    let page = Page::of(&place).await;
    let day = night.strftime("%A %-d %B").to_string();
    let nights = page.get("/nights?series=nightly").await.body;
    let told = "cannot sign in: the secret is &lt;wrong&gt; (exit code 7)";
    let first = format!("In 1 of 2 tenants no run began on {day}: {told}.");
    assert!(nights.contains(&first), "{nights}");
    assert!(nights.contains(&format!("title=\"gone.example: {told}\"")), "{nights}");
    let front = page.get("/").await.body;
    let line = format!(
        "No run of nightly began for gone.example on {} (exit code 7): cannot sign in: the secret \
         is &lt;wrong&gt;.",
        night.strftime("%a %Y-%m-%d")
    );
    assert!(front.contains(&line), "{front}");
    assert!(front.contains("<div class=\"say stop\">"), "{front}");
    let tenants = page.get("/tenants").await.body;
    let tile = format!("No run of nightly began on {day}: cannot sign in: the secret is &lt;wrong");
    assert!(tenants.contains(&tile), "{tenants}");
    let gone = ["status", "--nights", STORE, "--tenant=gone.example"];
    let told = run(place.fleetsweep(&gone)).out;
    let line = format!("{}  no run began: {why} (exit code 7)", night.strftime("%a %Y-%m-%d"));
    assert!(flat(&told).contains(&flat(&line)), "{told}");
    assert!(!told.contains("here.example"), "{told}");
    let lines = json_lines(&run(place.fleetsweep(&[&gone[..], &["--json"]].concat())).out);
    let none: Vec<_> = lines.iter().filter(|one| one["campaign"].is_null()).collect();
    assert_eq!((none.len(), &none[0]["why"]), (1, &why.into()), "{lines:?}");
    assert_eq!(none[0]["exit_code"], 7, "{lines:?}");
    let said = run(place.fleetsweep(&["status", "--nights", STORE, "--tenant=other.example"]));
    assert!(flat(&said.err).contains("began in these tenants within five weeks"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_series_of_which_no_run_ever_began_is_told_on_every_page_with_why() {
    let place = Place::new();
    let why = "cannot sign in: the secret is <wrong>";
    let night = Show::of_nights_that_never_began(&place.path("page.db"), why).await;
    let page = Page::of(&place).await;
    let told = "cannot sign in: the secret is &lt;wrong&gt;";
    let (day, long) = (night.strftime("%a %Y-%m-%d"), night.strftime("%A %-d %B"));
    let front = page.get("/").await.body;
    let line = format!("No run of first began for new.example on {day} (exit code 7): {told}.");
    assert!(front.contains(&line) && front.contains("for other.example on"), "{front}");
    assert!(front.contains("<div class=\"say stop\">"), "{front}");
    let nights = page.get("/nights?series=first").await.body;
    let line = format!("In 1 of 2 tenants no run began on {long}: {told} (exit code 7).");
    assert!(nights.contains(&line), "{nights}");
    assert!(nights.contains("No run of this series within six weeks."), "{nights}");
    assert_eq!(nights.matches("<b>! no run</b>").count(), 2, "{nights}");
    let tenants = page.get("/tenants").await.body;
    assert!(tenants.contains("3 tenants: 3 need attention."), "{tenants}");
    assert!(tenants.contains(&format!("No run of second began on {long}: {told}.")), "{tenants}");
    assert!(tenants.contains(&format!("No run of first began on {long}: {told}.")), "{tenants}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_that_may_begin_still_and_was_not_refused_is_told_of_no_tenant() {
    let place = Place::new();
    Show::of_a_missed_night(&place.path("page.db"), 25, None).await;
    let page = Page::of(&place).await;
    let nights = page.get("/nights?series=nightly").await.body;
    assert!(!nights.contains("no run began") && !nights.contains("in 1 tenant"), "{nights}");
    let told = run(place.fleetsweep(&["status", "--nights", STORE])).out;
    assert!(!told.contains("no run began"), "{told}");
}
