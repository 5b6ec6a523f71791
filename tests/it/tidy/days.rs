//! Tests hold on every day. `.ci/run` runs those that read the wall clock on other days too: here
//! none of them is forgotten, and no name stands there that names nothing. And what a program told
//! stands in no snapshot with the day and the hour of a run.

use std::collections::BTreeSet;
use std::path::Path;

use super::bans::places_of;
use super::source::Source;
use super::{root, sources};

/// Whoever uses one of these reads the wall clock, or starts a program that does.
const READERS: &[&str] = &[
    "Place",
    "Scene",
    "Emulator",
    "api_at",
    "kit::child",
    "wall_clock",
    "local_now",
    "SystemClock",
    "SqliteStore::open",
    "PostgresStore::open",
    "postgres::database",
];

/// The words of a list of the script, such as `cli::` in `wall_clock=(cli::)`.
fn listed(script: &str, list: &str) -> BTreeSet<String> {
    let head = format!("\n{list}=(");
    let words = script.split(&head).nth(1).and_then(|rest| rest.split(')').next());
    words.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// What the names of a file's tests begin with, or `None` if it holds no tests.
fn module(source: &Source) -> Option<String> {
    let path = source.path.strip_prefix("tests/it/")?.strip_suffix(".rs")?;
    let tests = ["#[test]", "#[tokio::test"].iter().any(|mark| source.code.contains(mark));
    let path = path.strip_suffix("/mod").unwrap_or(path);
    tests.then(|| format!("{}::", path.replace('/', "::")))
}

/// What is wrong with the lists: tests that none of them names, and names of nothing.
fn wrong_with(script: &str, sources: &[Source]) -> Vec<String> {
    let both = ["wall_clock", "too_long"].map(|list| listed(script, list));
    let mut wrong = Vec::new();
    for (list, names) in ["wall_clock", "too_long"].iter().zip(&both) {
        if names.is_empty() {
            wrong.push(format!("the list `{list}` is empty or was not found"));
        }
        let modules: Vec<String> = sources.iter().filter_map(module).collect();
        let there = |name: &&String| {
            name.ends_with("::") && modules.iter().any(|module| module.starts_with(name.as_str()))
        };
        let gone = names.iter().filter(|name| !there(name));
        wrong.extend(gone.map(|name| format!("`{name}` in `{list}` names no tests")));
    }
    for source in sources {
        let Some(module) = module(source).filter(|module| !module.starts_with("tidy::")) else {
            continue;
        };
        let reads = READERS.iter().find(|word| places_of(&source.code, word).next().is_some());
        let named = both.iter().flatten().any(|name| module.starts_with(name.as_str()));
        if let Some(word) = reads.filter(|_| !named) {
            wrong.push(format!("{module} uses `{word}` and stands in neither list"));
        }
    }
    wrong
}

#[test]
fn every_test_that_reads_the_wall_clock_is_run_on_other_days_or_named_with_those_that_are_not() {
    let script = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    assert_eq!(wrong_with(&script, &sources()), Vec::<String>::new(), "see .ci/run");
    let test = |path: &str, code: &str| {
        Source::new(&format!("tests/it/{path}"), &format!("{code}\n#[test]\nfn a() {{}}"))
    };
    let files = [test("a/b.rs", "Place::new();"), test("c.rs", ""), test("d.rs", "Place::new();")];
    let lists = |first: &str, second: &str| format!("\nwall_clock=({first})\ntoo_long=({second})");
    assert_eq!(wrong_with(&lists("a::\n d::", "c::"), &files), Vec::<String>::new());
    assert_eq!(wrong_with(&lists("a::", "c::"), &files).len(), 1, "d is forgotten");
    assert_eq!(wrong_with(&lists("a::b:: d::", "gone::"), &files).len(), 1, "`gone` is not there");
    assert_eq!(wrong_with(&lists("a d::", "c::"), &files).len(), 1, "`a` is no module");
    assert_eq!(wrong_with("", &files).len(), 4, "no list, and two files that none names");
}

/// What has the form of a day or an hour in a text. In a form `0` is a digit and `A` a letter.
fn moments(text: &str) -> BTreeSet<&str> {
    const FORMS: &[&str] = &["0000-00-00", "00:00", "Aaa 0000", "Aaa TIME", "Aaa 00:00"];
    let fits = |part: &str, form: &str| {
        part.chars().zip(form.chars()).all(|(letter, wanted)| match wanted {
            '0' => letter.is_ascii_digit(),
            'A' => letter.is_ascii_uppercase(),
            'a' => letter.is_ascii_lowercase(),
            _ => letter == wanted,
        })
    };
    let is_day = |part: &str| {
        !part.starts_with(char::is_alphabetic)
            || ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&&part[..3])
    };
    let at = text.char_indices().map(|(at, _)| at);
    let parts = at.flat_map(|at| FORMS.iter().map(move |form| (at, *form)));
    // Of a moment as RFC 3339 writes it, the day is enough.
    let whole = |at: usize| !text[..at].ends_with(['T', ':']);
    let parts = parts.filter(|(at, _)| whole(*at));
    let parts = parts.filter_map(|(at, form)| Some((text.get(at..at + form.len())?, form)));
    parts.filter(|(part, form)| fits(part, form) && is_day(part)).map(|(part, _)| part).collect()
}

/// The days and hours of a snapshot that stand neither in the program nor in the test.
fn of_a_run<'a>(snapshot: &'a str, known: &str) -> Vec<&'a str> {
    let shown = snapshot.split("\n---\n").nth(1).unwrap_or(snapshot);
    moments(shown).into_iter().filter(|moment| !known.contains(moment)).collect()
}

fn snapshots(folder: &Path, into: &mut BTreeSet<std::path::PathBuf>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            snapshots(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "snap") {
            into.insert(path);
        }
    }
}

#[test]
fn no_snapshot_of_what_a_program_told_holds_the_day_or_the_hour_of_its_run() {
    let sources = sources();
    let program: String =
        sources.iter().filter(|source| !source.is_test_file()).map(|s| s.text.as_str()).collect();
    let mut paths = BTreeSet::new();
    snapshots(&root().join("tests"), &mut paths);
    let mut looked_at = 0;
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let source = text.lines().find_map(|line| line.strip_prefix("source: ")).unwrap();
        let source = sources.iter().find(|one| one.path == source).unwrap();
        if places_of(&source.code, "Place").next().is_none() {
            continue;
        }
        looked_at += 1;
        let found = of_a_run(&text, &format!("{program}{}", source.text));
        assert!(found.is_empty(), "{}: {found:?}: put a filter there", path.display());
    }
    assert!(looked_at >= 10, "{looked_at}");
    let known = "--until 2099-01-01T00:00:00Z, Mon-Fri 22:00-06:00, or 06:00";
    let told = "source: x\n---\nMon-Fri 22:00-06:00 until 2099-01-01, next 06:00";
    assert_eq!(of_a_run(told, known), Vec::<&str>::new());
    for caught in ["first call  Tue TIME", "at 23:11 UTC", "on 2026-11-26", "on Thu 2026"] {
        assert_eq!(of_a_run(caught, known).len(), 1, "{caught}");
    }
}
