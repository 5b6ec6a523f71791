//! `status --watch` on a terminal and without one, and `status --nights`.

use std::io::{Read, Write};
use std::process::Stdio;

use super::{EMULATED_SCAN, Place, json_lines, run};
use crate::kit::child::around;

const STORE: &str = "--store=sqlite:s.db";

fn campaign(place: &Place, more: &[&str]) {
    place.list(3);
    let said = run(place.fleetsweep(&[&EMULATED_SCAN[..], &[STORE], more].concat()));
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn who_watches_sees_it_drawn_on_the_terminal_and_ctrl_c_ends_that_with_0() {
    let place = Place::new();
    campaign(&place, &["--campaign=watched"]);
    let command = place.fleetsweep(&["status", "--watch", STORE]);
    // Its shell would hear the Ctrl-C as well.
    let mut line = format!("exec {}", command.get_program().to_string_lossy());
    for word in command.get_args() {
        line += &format!(" '{}'", word.to_string_lossy());
    }
    // `script` gives it a terminal, and hands on what is typed.
    let mut on_terminal = around("script", &command);
    on_terminal.args(["-q", "-e", "-c", &line, "/dev/null"]);
    on_terminal.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = on_terminal.spawn().expect("`script` is there (bsdutils)");
    let mut drawn = Vec::new();
    let mut out = child.stdout.take().unwrap();
    let mut bytes = [0; 4096];
    loop {
        let read = out.read(&mut bytes).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&drawn));
        drawn.extend_from_slice(&bytes[..read]);
        if String::from_utf8_lossy(&drawn).contains("watched") {
            break;
        }
    }
    child.stdin.as_ref().unwrap().write_all(&[3]).unwrap();
    let rest = std::io::read_to_string(out).unwrap_or_default();
    assert!(child.wait().unwrap().success(), "{rest}");
    let drawn = String::from_utf8_lossy(&drawn);
    assert!(drawn.starts_with("\x1b[H\x1b[J"), "it begins at the top: {drawn:?}");
}

#[test]
fn without_a_terminal_who_watches_is_told_what_to_do_instead() {
    let place = Place::new();
    campaign(&place, &["--campaign=c"]);
    let said = run(place.fleetsweep(&["status", "--watch", STORE]));
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("no terminal") && said.err.contains("--json"), "{}", said.err);
    let both = run(place.fleetsweep(&["status", "--watch", "--json", STORE]));
    assert_eq!(both.code, 2, "{}", both.err);
}

#[test]
fn the_nights_of_each_series_are_told_a_line_each() {
    let place = Place::new();
    campaign(&place, &["--campaign=alone"]);
    let none = run(place.fleetsweep(&["status", "--nights", STORE]));
    assert_eq!(none.code, 2, "{}", none.err);
    assert!(none.err.contains("there are no nights to tell of"), "{}", none.err);
    campaign(&place, &["--series=nightly"]);
    let said = run(place.fleetsweep(&["status", "--nights", STORE]));
    assert_eq!(said.code, 0, "{}", said.err);
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].starts_with("nightly, tenant ") && lines[0].ends_with(": 1 run"), "{lines:?}");
    assert!(lines[1].ends_with("3 of 3 ordered  finished"), "{lines:?}");
    assert_eq!(lines.len(), 2, "the other campaign is of no series");
    let json = run(place.fleetsweep(&["status", "--nights", "--json", STORE]));
    let night = &json_lines(&json.out)[0];
    assert_eq!((&night["type"], &night["ordered"]), (&"night".into(), &3.into()));
    assert_eq!((&night["exit_code"], &night["series"]), (&0.into(), &"nightly".into()));
}
