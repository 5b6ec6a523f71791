//! House rules that the compiler does not check, kept by reading the sources: who may import whom,
//! sizes, clocks, printing, the top level. A rule is a function from one source to findings, and
//! each has a snippet here that it must refuse. What `clippy` can check stands in `.clippy.toml`.

mod bans;
mod circles;
mod days;
mod imports;
mod shape;
mod source;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use source::Source;

use crate::kit::child::tool;

/// What is wrong, where, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Every rule about one source file.
const RULES: &[fn(&Source) -> Vec<Finding>] = &[
    imports::outside_the_table,
    shape::no_header,
    shape::long_file,
    shape::long_function,
    shape::long_line,
    bans::banned,
    bans::names_a_place,
];

/// What may stand at the top level, beside files whose names begin with a dot.
const TOP_LEVEL: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "fixtures",
    "src",
    "tests",
];

/// Files beside the sources that people read, and that must name no place either.
const TEXTS: &[&str] = &[
    "Cargo.toml",
    "README.md",
    "CHANGELOG.md",
    ".ci/run",
    ".clippy.toml",
    ".rustfmt.toml",
    ".gitignore",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder of the package, by their paths from its root, in order.
fn rust_files(folder: &Path, into: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.insert(path);
        }
    }
}

fn read(path: &Path) -> Source {
    let text = std::fs::read_to_string(path).unwrap();
    let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
    Source::new(&name, &text)
}

fn sources() -> Vec<Source> {
    let mut files = BTreeSet::new();
    ["src", "tests", "benches"].iter().for_each(|top| rust_files(&root().join(top), &mut files));
    files.iter().map(|path| read(path)).collect()
}

fn findings(source: &Source) -> Vec<Finding> {
    RULES.iter().flat_map(|rule| rule(source)).collect()
}

/// What git knows at the top level; in a copy without git, what is there and not built.
fn top_level() -> BTreeSet<String> {
    let mut git = tool("git");
    // Whose repositories it believes stands there.
    git.envs(std::env::var_os("HOME").map(|home| ("HOME", home)));
    let listed = git.arg("ls-files").current_dir(root()).output();
    let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let top = |path: &str| path.split('/').next().unwrap_or(path).to_owned();
    let known: BTreeSet<String> = listed.unwrap_or_default().lines().map(top).collect();
    if !known.is_empty() {
        return known;
    }
    let entries = std::fs::read_dir(root()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name != "target").collect()
}

fn strangers(names: &BTreeSet<String>) -> Vec<String> {
    let ours = |name: &str| name.starts_with('.') || TOP_LEVEL.contains(&name);
    names.iter().filter(|name| !ours(name)).cloned().collect()
}

/// Sources that no `mod` line names, so that the compiler never sees them.
fn orphans(sources: &[Source]) -> Vec<String> {
    let is_root = |source: &&Source| !shape::is_crate_root(&source.path);
    let declared = |source: &&Source| {
        let (parents, name) = shape::declared_in(&source.path);
        let line = format!("mod {name};");
        sources.iter().any(|other| parents.contains(&other.path) && other.code.contains(&line))
    };
    let lost = sources.iter().filter(is_root).filter(|source| !declared(source));
    lost.map(|source| source.path.clone()).collect()
}

#[test]
fn the_sources_keep_the_house_rules() {
    let sources = sources();
    assert!(sources.len() > 30, "the sources were not found: {}", sources.len());
    let found: Vec<String> =
        sources.iter().flat_map(findings).map(|finding| finding.to_string()).collect();
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_file_imports_one_that_imports_it() {
    let found = circles::circles(&sources());
    let next = "move what both need into a file below them";
    assert!(found.is_empty(), "{} circles, {next}:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_source_is_part_of_a_crate() {
    let lost = orphans(&sources());
    assert!(lost.is_empty(), "no `mod` line names {lost:?}: add one, or delete the file");
    let lonely = ["src/lib.rs", "src/gate.rs", "src/store/mod.rs"].map(|path| {
        let text = if path == "src/lib.rs" { "pub mod store;" } else { "" };
        Source::new(path, text)
    });
    assert_eq!(orphans(&lonely), ["src/gate.rs"]);
}

/// Tests that the map of the crate names and that are not there.
fn missing_tests(map: &Source, sources: &[Source]) -> Vec<String> {
    let names = map.comments.split('`').skip(1).step_by(2);
    // A test's name is a sentence, and has more words than a file's or a module's.
    let names = names.filter(|name| name.matches('_').count() >= 3);
    let there = |name: &&str| {
        let head = format!("fn {name}(");
        sources.iter().any(|source| source.code.contains(&head))
    };
    names.filter(|name| !there(name)).map(str::to_owned).collect()
}

#[test]
fn the_tests_that_the_map_of_the_crate_names_exist() {
    let sources = sources();
    let map = sources.iter().find(|source| source.path == "src/lib.rs").unwrap();
    assert_eq!(missing_tests(map, &sources), Vec::<String>::new(), "name the test that shows it");
    let wrong =
        Source::new("src/lib.rs", "//! *Shown by* `nobody_wrote_this_one`, `tests/it/x.rs`.");
    assert_eq!(missing_tests(&wrong, &sources), ["nobody_wrote_this_one"]);
}

#[test]
fn the_top_level_holds_only_what_belongs_there() {
    let strange = strangers(&top_level());
    assert!(strange.is_empty(), "{strange:?}: move it below src, tests, benches or fixtures");
    let mixed = ["src", ".ci", "notes.md", "deny.toml"].map(str::to_owned).into();
    assert_eq!(strangers(&mixed), ["deny.toml", "notes.md"]);
}

#[test]
fn the_texts_beside_the_sources_name_no_place() {
    let texts = TEXTS.iter().map(|name| root().join(name)).filter(|path| path.exists());
    let found: Vec<String> = texts
        .flat_map(|path| bans::names_a_place(&Source::plain(&read(&path))))
        .map(|finding| finding.to_string())
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The findings of all rules in a file that is this text below a header.
#[cfg(test)]
pub(crate) fn found_in(path: &str, text: &str) -> Vec<String> {
    let whole = format!("//! A header.\n{text}\n");
    findings(&Source::new(path, &whole)).iter().map(Finding::to_string).collect()
}
