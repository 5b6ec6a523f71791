//! Every page and the report as people see them, in a real browser: `.ci/pages` runs these tests,
//! which need one. What pictures they take are kept in the folder `FLEETSWEEP_PICTURES`, if it is
//! set.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::browser::{Browser, Look};
use super::kit::{Page, STORE};
use super::show::Show;
use crate::kit::program::{Place, run, until};

/// Every kind of page, by a path that leads there.
const PAGES: [(&str, &str); 14] = [
    ("campaigns", "/"),
    ("campaigns-found", "/?q=nightly&state=finished"),
    ("running", "/c/inc-4711-full"),
    ("waits", "/c/nightly-of-servers"),
    ("window", "/c/office-hours"),
    ("stopped", "/c/servers-q4"),
    ("killed", "/c/branch-offices"),
    ("devices", "/c/ID/inc-4711-full/devices?outcome=attention"),
    ("devices-none", "/c/ID/inc-4711-full/devices?q=nobody"),
    ("device", "/c/ID/inc-4711-full/devices/20"),
    ("nights", "/nights?series=nightly"),
    ("limits", "/limits"),
    ("tenants", "/tenants"),
    ("missing", "/nothing"),
];

const LOOKS: [Look; 4] = [
    Look { width: 1280, height: 900, dark: false },
    Look { width: 1280, height: 900, dark: true },
    Look { width: 400, height: 800, dark: false },
    Look { width: 400, height: 800, dark: true },
];

/// What would be there if a name were taken for markup.
const MARKUP: &str = "document.querySelectorAll('main script, main img, main b[onclick]').length";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it needs a browser: .ci/pages"]
async fn every_page_and_the_report_are_open_to_everybody_ask_nobody_and_keep_names_as_text() {
    let place = Place::new();
    let show = Show::of_one_day(&place.path("page.db"), 3_000).await;
    let page = served(&place);
    let origin = format!("http://127.0.0.1:{}", page.port);
    let mut browser = Browser::start();
    browser.open(&page.link);
    browser.open(&format!("{origin}/c/inc-4711-full"));
    let place_of = browser.eval("location.pathname");
    let id = place_of.as_str().unwrap().split('/').nth(2).unwrap().to_owned();
    // The figures of the nights are read beside the first request for them.
    until("coverage", async || {
        browser.open(&format!("{origin}/nights?series=nightly"));
        browser.eval("document.body.innerText.includes('8 to 30 days ago')") == true
    })
    .await;
    for look in LOOKS {
        browser.look(look);
        for (name, path) in PAGES {
            show.keep_alive().await;
            browser.open(&format!("{origin}{}", path.replace("ID", &id)));
            let name = named(name, look);
            judge(&mut browser, &name, &origin);
            save(&name, "png", &browser.picture());
        }
    }
    browser.open(&format!("{origin}/c/{id}/inc-4711-full/devices?q=script"));
    let shown = browser.eval("document.querySelector('main').innerText");
    assert!(shown.as_str().unwrap().contains("\"><script>alert(1)</script>"), "{shown}");
    judge_report(&mut browser, &place);
}

/// The report: as it is shown, printed, and with a byte of its style changed.
fn judge_report(browser: &mut Browser, place: &Place) {
    let said = run(place.fleetsweep(&["report", "inc-4711-full", "--report=r.html", STORE]));
    assert_eq!(said.code, 0, "{}", said.err);
    let url = |name: &str| format!("file://{}", place.path(name).display());
    for look in LOOKS {
        browser.look(look);
        browser.open(&url("r.html"));
        judge(browser, &named("report", look), &url("r.html"));
        save(&named("report", look), "png", &browser.picture());
    }
    let printed = browser.print();
    save("report", "pdf", &printed);
    let pages = String::from_utf8_lossy(&printed).matches("/Type /Page\n").count();
    assert!((1..=25).contains(&pages), "{pages} pages");
    assert!(printed.len() < 1_000_000, "{} bytes", printed.len());
    let margin = "getComputedStyle(document.body).margin";
    assert_eq!(browser.eval(margin), "0px", "its style holds");
    let whole = std::fs::read_to_string(place.path("r.html")).unwrap();
    let changed = whole.replacen("margin: 0;", "margin: 1;", 1);
    assert_ne!(changed, whole);
    std::fs::write(place.path("changed.html"), changed).unwrap();
    browser.open(&url("changed.html"));
    assert_ne!(browser.eval(margin), "1px", "a style that was changed is not taken");
    assert!(!browser.complaints().is_empty());
}

/// The README's picture of a page. It is made again if `FLEETSWEEP_PICTURE` is set.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it needs a browser: .ci/pages"]
async fn the_readmes_picture_of_a_page_shows_a_run_at_work() {
    const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/pictures/page.png");
    let place = Place::new();
    let show = Show::of_an_incident(&place.path("page.db"), 12_000).await;
    show.keep_alive().await;
    let page = served(&place);
    let mut browser = Browser::start();
    browser.look(Look { width: 1100, height: 830, dark: false });
    browser.open(&page.link);
    browser.open(&format!("http://127.0.0.1:{}/c/inc-4711-full", page.port));
    let shown = browser.eval("document.body.innerText");
    assert!(shown.as_str().unwrap().contains("No order leaves now, and that is right"), "{shown}");
    let picture = browser.window();
    if std::env::var_os("FLEETSWEEP_PICTURE").is_some() {
        std::fs::write(PICTURE, &picture).unwrap();
    }
    // A picture of pixels differs with the day and with the fonts; its size does not.
    let kept = std::fs::read(PICTURE).unwrap();
    assert_eq!(kept[..24], picture[..24], "make it again: FLEETSWEEP_PICTURE=make .ci/pages");
    assert!(kept.len() < 150_000, "{} bytes", kept.len());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it needs a browser: .ci/pages"]
async fn two_hundred_tenants_fit_one_screen_the_worst_first() {
    let place = Place::new();
    let show = Show::of_tenants(&place.path("page.db"), 200).await;
    show.keep_alive().await;
    let page = served(&place);
    let mut browser = Browser::start();
    browser.open(&page.link);
    let origin = format!("http://127.0.0.1:{}", page.port);
    for dark in [true, false] {
        let look = Look { width: 1920, height: 1080, dark };
        browser.look(look);
        browser.open(&format!("{origin}/tenants"));
        let name = named("tenants-200", look);
        judge(&mut browser, &name, &origin);
        save(&name, "png", &browser.picture());
    }
    let tiles = browser.eval("document.querySelectorAll('.wall a').length");
    assert_eq!(tiles, 200);
    let end = browser.eval("document.querySelector('.wall').getBoundingClientRect().bottom");
    assert!(end.as_f64().unwrap() <= 1_080.0, "they end at {end}");
    let first = browser.eval("document.querySelector('.wall a').className");
    assert_eq!(first, "stop");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it needs a browser: .ci/pages"]
async fn a_page_renews_itself_and_says_since_when_it_has_no_contact() {
    let place = Place::new();
    let show = Show::of_tenants(&place.path("page.db"), 3).await;
    let page = served(&place);
    let mut browser = Browser::start();
    browser.open(&page.link);
    let fresh = "document.querySelector('[role=status]').textContent";
    let first = browser.eval(fresh);
    until("renewed", async || browser.eval(fresh) != first).await;
    drop((page, show));
    until("lost", async || browser.eval(fresh).as_str().unwrap().starts_with("no contact since "))
        .await;
}

fn served(place: &Place) -> Page {
    Page::locked(place.fleetsweep(&["serve", "--listen=127.0.0.1:0", STORE]))
}

fn named(name: &str, look: Look) -> String {
    format!("{name}-{}-{}", look.width, if look.dark { "dark" } else { "light" })
}

/// What must hold of whatever is open.
fn judge(browser: &mut Browser, name: &str, origin: &str) {
    let foreign: Vec<String> =
        browser.asked_for().into_iter().filter(|url| !url.starts_with(origin)).collect();
    assert_eq!(foreign, Vec::<String>::new(), "{name} asks others");
    let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.eval(wide), 0, "{name} is wider than the screen");
    assert_eq!(browser.eval(MARKUP), 0, "{name} took a name for markup");
    let turned = browser.eval("document.body.innerText.includes('\\u202e')");
    assert_eq!(turned, false, "{name} turns the reading direction");
    let found = violations(browser);
    assert_eq!(found, Vec::<String>::new(), "{name} is not open to everybody");
    let complaints = browser.complaints();
    let complaints: Vec<&&Value> =
        complaints.iter().filter(|one| !is_of_a_missing_page(one)).collect();
    assert!(complaints.is_empty(), "{name}: {complaints:?}");
}

fn is_of_a_missing_page(told: &Value) -> bool {
    told["params"]["entry"]["url"].as_str().is_some_and(|url| url.ends_with("/nothing"))
}

/// What axe-core finds, as sentences.
fn violations(browser: &mut Browser) -> Vec<String> {
    let path = std::env::var_os("FLEETSWEEP_AXE").expect("see .ci/pages");
    let axe = std::fs::read_to_string(path).unwrap();
    browser.eval(&format!("{axe}; typeof axe"));
    let found = browser.eval(
        "axe.run(document, { resultTypes: ['violations'] }).then(all => all.violations.flatMap(\
         one => one.nodes.map(node => one.id + ': ' + node.html + ' ' + node.failureSummary)))",
    );
    let found = found.as_array().unwrap().iter();
    found.map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn save(name: &str, kind: &str, bytes: &[u8]) {
    let Some(folder) = std::env::var_os("FLEETSWEEP_PICTURES").map(PathBuf::from) else { return };
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(Path::new(&folder).join(format!("{name}.{kind}")), bytes).unwrap();
}
