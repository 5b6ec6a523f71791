//! What pages and the report cost on a store with 100,000 devices, as far as that can be counted
//! without a clock: bytes that are sent, and bytes that are read of the store. Times stand in
//! `benches/page.rs`.

use super::kit::{Page, STORE};
use super::show::Show;
use crate::kit::program::{Place, run, until};

const DEVICES: u32 = 100_000;

/// The most bytes of a page.
const PAGE: usize = 60_000;
/// The most bytes of the report that people open.
const REPORT: u64 = 1_000_000;
/// The most bytes of the store that a page reads which shows a part of it.
const PART: u64 = 1_000_000;

/// Each page, and whether it finds its rows without looking at all of them.
const PAGES: [(&str, bool); 9] = [
    ("/", true),
    ("/c/1/CAMPAIGN", true),
    ("/c/1/CAMPAIGN/devices", true),
    ("/c/1/CAMPAIGN/devices?after=90000", true),
    ("/c/1/CAMPAIGN/devices?outcome=attention", true),
    ("/c/1/CAMPAIGN/devices/50000", true),
    ("/limits", true),
    ("/tenants", true),
    ("/c/1/CAMPAIGN/devices?q=nobody", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn with_a_hundred_thousand_devices_pages_stay_small_and_read_what_they_show() {
    let place = Place::new();
    let name = Show::of_many(&place.path("page.db"), DEVICES).await;
    let size = std::fs::metadata(place.path("page.db")).unwrap().len();
    assert!(size > 10 * PART, "{size}");
    let look = async |page: &Page, path: &str| {
        let before = page.bytes_read();
        let answer = page.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(answer.body.len() <= PAGE, "{path}: {} bytes", answer.body.len());
        page.bytes_read() - before
    };
    for (path, is_part) in PAGES {
        // One that has kept nothing of the store in memory.
        let page = Page::of(&place).await;
        let path = path.replace("CAMPAIGN", &name);
        let read = look(&page, &path).await;
        assert_eq!(read <= PART, is_part, "{path}: {read} bytes were read");
    }
    // What takes every row is read once, beside the first request for it.
    let page = Page::of(&place).await;
    let is_kept = async || page.get("/nights").await.body.contains("<dt>Within 7 days</dt>");
    until("coverage", is_kept).await;
    assert!(page.bytes_read() > 10 * PART, "every row was read");
    assert!(look(&page, "/nights").await <= PART, "and is not read again");
    let said = run(place.fleetsweep(&["report", &name, "--report=r.html", STORE]));
    assert_eq!(said.code, 0, "{}", said.err);
    let report = std::fs::metadata(place.path("r.html")).unwrap().len();
    assert!(report <= REPORT, "{report} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_long_texts_go_on_the_next_page_and_none_is_left_out() {
    let place = Place::new();
    let hostile = "\"".repeat(200);
    let rows =
        (0..150).map(|number| format!("{number:040x},\"{}\"\n", hostile.replace('"', "\"\"")));
    let list: String = std::iter::once("Device ID,Device name\n".to_owned()).chain(rows).collect();
    std::fs::write(place.path("list.csv"), list).unwrap();
    let scan = ["scan", "list.csv", "--type=quick", "--comment=x", "--emulator", "--campaign=c"];
    let said =
        run(place
            .fleetsweep(&[&scan[..], &["--approve-max=150", "--limit=1000/1s", STORE]].concat()));
    assert!([0, 3].contains(&said.code), "{} {}", said.code, said.err);
    let page = Page::of(&place).await;
    let (mut path, mut seen, mut pages) = ("/c/1/c/devices".to_owned(), 0, 0);
    loop {
        let body = page.get(&path).await.body;
        assert!(body.len() <= PAGE, "{path}: {} bytes", body.len());
        let shown = body.matches("<code class=\"id\">").count();
        (seen, pages) = (seen + shown, pages + 1);
        let Some((before, _)) = body.split_once("\">More</a>") else { break };
        path = before.rsplit_once("href=\"").unwrap().1.replace("&amp;", "&");
    }
    assert_eq!(seen, 150);
    assert!(pages > 2, "{pages}");
}
