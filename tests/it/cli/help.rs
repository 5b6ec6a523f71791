//! What the program tells about itself: help on one screen and in full, topics, manual pages. That
//! each wrong use is explained is `usage`'s.

use super::*;
use crate::kit::child::tool;

/// The topics that the program lists.
fn topics(place: &Place) -> Vec<String> {
    let help = run(place.fleetsweep(&["help"])).out;
    let listed = help.split("Topics: ").nth(1).unwrap().split("\n`fleetsweep").next().unwrap();
    listed.split(',').map(|topic| topic.trim().to_owned()).collect()
}

#[test]
fn the_short_help_of_scan_fits_one_screen_and_says_where_the_rest_is() {
    let place = Place::new();
    let help = run(place.fleetsweep(&["scan", "-h"])).out;
    let lines: Vec<&str> = help.lines().collect();
    assert!(lines.len() <= 40, "{} lines:\n{help}", lines.len());
    for part in ["Usage: fleetsweep scan", "--type", "--comment", "--dry-run", "scan --help"] {
        assert!(help.contains(part), "{part}:\n{help}");
    }
    let whole = run(place.fleetsweep(&["scan", "--help"])).out;
    assert!(whole.contains("--canary-seed") && !help.contains("--canary-seed"));
}

#[test]
fn the_short_help_of_every_command_fits_one_screen_and_says_where_the_rest_is() {
    let place = Place::new();
    let program = run(place.fleetsweep(&["-h"])).out;
    let commands = program.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let is_name = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let names = commands.lines().filter(is_name).map(|line| line.split_whitespace().next());
    let names: Vec<&str> = names.map(Option::unwrap).collect();
    assert!(names.len() > 15 && names.contains(&"resume"), "{program}");
    let long = ["scan", "resume", "retry", "cancel", "work", "devices", "follow", "doctor"];
    for name in names.into_iter().filter(|name| *name != "help") {
        let [short, whole] = ["-h", "--help"].map(|help| run(place.fleetsweep(&[name, help])).out);
        assert!(short.lines().count() <= 40, "{} lines:\n{short}", short.lines().count());
        assert!(whole.matches("\nOptions:\n").count() <= 1, "{whole}");
        if long.contains(&name) {
            assert!(short.contains("All options and examples"), "{short}");
            assert!(whole.matches("\n      --").count() > short.matches("\n      --").count());
            assert!(!whole.contains("All options and examples"), "{whole}");
        }
    }
}

#[test]
fn options_stand_under_what_people_think_of() {
    let place = Place::new();
    let help = run(place.fleetsweep(&["scan", "--help"])).out;
    let headings = ["What to scan", "Safety", "When", "How fast", "Tenant and sign-in"];
    for heading in headings {
        assert!(help.contains(&format!("\n{heading}:\n")), "{heading}:\n{help}");
    }
    let when = help.split("\nWhen:\n").nth(1).unwrap().split("\nHow fast:\n").next().unwrap();
    assert!(when.contains("--window") && !when.contains("--priority"), "{when}");
}

#[test]
fn every_topic_is_told_on_a_screen_and_as_a_page_of_the_manual() {
    let place = Place::new();
    let topics = topics(&place);
    assert!(topics.len() >= 11, "{topics:?}");
    assert_eq!(run(place.fleetsweep(&["man", "."])).code, 0);
    for topic in topics {
        let told = run(place.fleetsweep(&["help", &topic]));
        assert_eq!(told.code, 0, "{topic}: {}", told.err);
        assert!(told.out.lines().count() > 15, "{topic}: {}", told.out);
        assert!(!told.out.contains('\x1b') && !told.out.contains(" {"), "{topic}: {}", told.out);
        let page = std::fs::read_to_string(place.path(&format!("fleetsweep-{topic}.7"))).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH DESCRIPTION"), "{page}");
    }
    let scan = std::fs::read_to_string(place.path("fleetsweep-scan.1")).unwrap();
    for section in ["EXAMPLES", "\"EXIT STATUS\"", "ENVIRONMENT", "FILES"] {
        assert!(scan.contains(&format!(".SH {section}\n")), "{section}");
    }
}

#[test]
fn every_page_of_the_manual_is_clean() {
    let place = Place::new();
    assert_eq!(run(place.fleetsweep(&["man", "."])).code, 0);
    let entries = std::fs::read_dir(place.path(".")).unwrap();
    let pages = entries.map(|entry| entry.unwrap().path());
    let pages: Vec<_> = pages
        .filter(|path| path.extension().is_some_and(|ending| ending == "1" || ending == "7"))
        .collect();
    assert!(pages.len() > 20, "{pages:?}");
    let linted = tool("mandoc").args(["-T", "lint", "-W", "warning"]).args(&pages).output();
    let linted = linted.expect("mandoc judges the pages: install it (apt-get install mandoc)");
    let said = String::from_utf8_lossy(&linted.stdout);
    assert!(said.is_empty(), "{said}");
}

#[test]
fn help_about_what_is_not_there_names_what_could_be_meant() {
    let place = Place::new();
    for (word, meant) in
        [("night", "nights"), ("sacn", "scan"), ("exit-code", "exit-codes"), ("run", "scan")]
    {
        let told = run(place.fleetsweep(&["help", word]));
        assert_eq!(told.code, 2, "{}", told.out);
        assert!(told.err.contains(&format!("did you mean `{meant}`?")), "{}", told.err);
    }
    let command = run(place.fleetsweep(&["help", "resume"]));
    assert_eq!(command.code, 0);
    assert_eq!(command.out, run(place.fleetsweep(&["resume", "--help"])).out);
}
