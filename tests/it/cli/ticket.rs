//! `--ticket`: what can be one, that it makes a campaign another one, and that it is kept by what
//! comes after. That it stands in each action's comment is shown with the plans.

use super::{Place, beside, emulate, json_lines, report, run};

const SCAN: [&str; 5] = ["scan", "list.txt", "--type=full", "--comment=x", "--campaign=c"];

#[test]
fn what_cannot_be_a_ticket_is_refused_and_its_length_counts_with_the_comment() {
    let place = Place::new();
    place.list(2);
    let long = format!("--ticket={}", "x".repeat(65));
    let dry = ["--dry-run", "--emulator"];
    for wrong in ["--ticket=", "--ticket=[CHG1]", "--ticket=CHG\u{e4}", "--ticket=a\tb", &long] {
        let said = run(place.fleetsweep(&[&SCAN[..], &dry, &[wrong]].concat()));
        assert_eq!(said.code, 2, "{wrong}: {}", said.err);
        assert!(said.err.contains("without brackets"), "{wrong}: {}", said.err);
    }
    // With the mark alone the comment still fits, with the ticket it does not.
    let comment = format!("--comment={}", "x".repeat(960));
    let scan = ["scan", "list.txt", "--type=full", "--campaign=c", &comment];
    let fits = run(place.fleetsweep(&[&scan[..], &dry].concat()));
    assert_eq!(fits.code, 0, "{}", fits.err);
    let said = run(place.fleetsweep(&[&scan[..], &dry, &["--ticket=CHG0031337"]].concat()));
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("with its mark and ticket it has"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_ticket_is_another_campaign_and_a_retry_is_of_the_same_ticket() {
    let emulator = emulate("busy", &[(1_000, 1.0)], 1.0).await;
    let place = Place::new();
    place.list(60);
    let more = ["--approve-max=60", "--limit=1000/1s", "--no-check", "--report=r.csv"];
    let of =
        |ticket: &'static str| place.towards(&emulator, &[&SCAN[..], &more, &[ticket]].concat());
    let first = of("--ticket=CHG 1/2");
    let said = beside(move || run(first)).await;
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains(", ticket CHG 1/2, 60 rows:"), "{}", said.err);
    let other = of("--ticket=CHG2");
    let said = beside(move || run(other)).await;
    assert_eq!(said.code, 6, "{}", said.err);
    assert!(said.err.contains("ticket: `CHG 1/2` there, `CHG2` now"), "{}", said.err);
    assert_eq!(report(&place.path("r.csv"))[59]["ticket"], "CHG 1/2");
    for (more, ticket) in [(vec![], "CHG 1/2"), (vec!["--ticket=CHG3"], "CHG3")] {
        let retry = [&["retry", "c", "--dry-run", "--json"][..], &more].concat();
        let command = place.towards(&emulator, &retry);
        let said = beside(move || run(command)).await;
        assert_eq!(json_lines(&said.out)[0]["ticket"], ticket, "{}", said.err);
    }
}
