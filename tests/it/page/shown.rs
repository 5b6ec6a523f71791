//! What the pages show of a real store.

use super::kit::{Page, STORE, campaign};
use crate::kit::child::tool;
use crate::kit::program::{Place, run};

/// Every page of a store with one campaign.
const PAGES: [&str; 9] = [
    "/",
    "/c/1/night-1",
    "/c/1/night-1/devices",
    "/c/1/night-1/devices?outcome=attention&q=a&code=x",
    "/c/1/night-1/devices/1",
    "/nights",
    "/limits",
    "/tenants",
    "/tenants?q=x&show=table",
];

#[tokio::test]
async fn every_page_is_shown_asks_nobody_else_for_anything_and_keeps_names_as_text() {
    let place = Place::new();
    campaign(&place, "night-1");
    let page = Page::of(&place).await;
    for path in PAGES {
        let answer = page.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let body = &answer.body;
        for bad in
            ["<script>", "<img", "<b onclick", "style=", "onerror=alert(2)>", "http://", "https://"]
        {
            assert!(!body.contains(bad), "{path} holds {bad}: {body}");
        }
        for tag in body.split('<').filter(|tag| tag.starts_with("script")) {
            assert!(tag.starts_with("script src=\"/live.js\" defer>"), "{path}: {tag}");
        }
        assert!(!body.contains('\u{202e}'), "{path} turns the reading direction");
        assert!(body.len() < 60_000, "{path}: {} bytes", body.len());
        assert!(body.contains("as of "), "{path}");
    }
    let devices = page.get("/c/1/night-1/devices").await.body;
    assert!(devices.contains("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"), "{devices}");
    assert!(devices.contains("exe.fdp-ws-1"), "{devices}");
    for path in ["/c/9/x", "/c/1/x/devices/99", "/c/nobody", "/x"] {
        assert_eq!(page.get(path).await.status, 404, "{path}");
    }
    let named = page.get("/c/night-1").await;
    assert!(named.body.contains("<h1>night-1</h1>"), "it leads to the campaign");
}

#[tokio::test]
async fn the_first_sentence_of_a_campaign_is_the_same_on_the_page_and_on_the_terminal() {
    let place = Place::new();
    campaign(&place, "night-1");
    let page = Page::of(&place).await;
    let body = page.get("/c/1/night-1").await.body;
    assert!(body.contains("<strong>Finished.</strong> 5 of 5 devices done (100 %)."), "{body}");
    assert!(body.contains("1 row needs attention."), "{body}");
    let status = run(place.fleetsweep(&["status", "night-1", STORE]));
    assert!(status.out.contains("1 row needs attention."), "{}", status.out);
}

#[tokio::test]
async fn a_filter_finds_the_same_rows_on_the_page_and_in_its_file() {
    let place = Place::new();
    campaign(&place, "night-1");
    let page = Page::of(&place).await;
    let all = page.get("/c/1/night-1/devices.csv").await;
    let whole = run(place.fleetsweep(&["report", "night-1", "--report=r.csv", STORE]));
    assert_eq!(whole.code, 0, "{}", whole.err);
    assert_eq!(all.body, std::fs::read_to_string(place.path("r.csv")).unwrap());
    let disposition = "attachment; filename=\"night-1-devices.csv\"";
    assert_eq!(all.header("content-disposition"), Some(disposition));
    let asked = "?outcome=accepted&q=PLAIN";
    let file = page.get(&format!("/c/1/night-1/devices.csv{asked}")).await.body;
    assert_eq!(file.lines().count(), 2, "{file}");
    let shown = page.get(&format!("/c/1/night-1/devices{asked}")).await.body;
    assert!(shown.contains("plain") && !shown.contains("exe.fdp"), "{shown}");
    // A sign of a pattern is a letter like others.
    let none = page.get("/c/1/night-1/devices.csv?q=%25").await.body;
    assert_eq!(none.lines().count(), 1, "{none}");
}

/// The words behind ` -- ` of the command in the README that follows this mark.
fn of_readme(mark: &str) -> Vec<String> {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let block = readme.split_once(&format!("<!-- ci: {mark} -->\n```sh\n")).unwrap().1;
    let (_, words) = block.lines().next().unwrap().split_once(" -- ").unwrap();
    let words = tool("sh").args(["-c", &format!("printf '%s\\n' {words}")]).output().unwrap();
    String::from_utf8(words.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_readmes_command_shows_the_run_that_it_tries() {
    let place = Place::new();
    let mut scan = of_readme("run");
    let export = "fixtures/portal-export-250.csv";
    std::fs::create_dir(place.path("fixtures")).unwrap();
    std::fs::copy(export, place.path(export)).unwrap();
    // Limits that hold nobody up.
    for word in &mut scan {
        *word = word.replace("100/5s", "1000/1s").replace("200/15s", "2000/2s");
    }
    let serve = of_readme("page");
    let (serve, store) = serve.split_at(1);
    let words = |words: &[String]| words.to_vec();
    let scan = [words(&scan), words(store)].concat();
    let said = run(place.fleetsweep(&scan.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(said.code, 3, "{}", said.err);
    let serve = [words(serve), words(store), vec!["--listen=127.0.0.1:0".to_owned()]].concat();
    let serve = place.fleetsweep(&serve.iter().map(String::as_str).collect::<Vec<_>>());
    let body = Page::by(serve).await.get("/").await.body;
    assert!(body.contains("EMULATED") && body.contains(">quick-"), "{body}");
}

#[tokio::test]
async fn looking_changes_no_byte_of_the_store() {
    let place = Place::new();
    campaign(&place, "night-1");
    let bytes = || std::fs::read(place.path("page.db")).unwrap();
    let before = bytes();
    let page = Page::of(&place).await;
    for path in PAGES {
        page.get(path).await;
    }
    drop(page);
    assert!(bytes() == before);
}
