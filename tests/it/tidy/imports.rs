//! Who may import whom: the arrows between the modules of `src`, in one table. It reads paths that
//! begin with `crate::` or climb with `super::`; unit tests may import what they like.

use super::Finding;
use super::source::{Source, in_name};

/// What a module may use of the others.
struct Arrow {
    module: &'static str,
    may_use: &'static [&'static str],
    /// Of the stores and the API client: only their types and traits, and no implementation.
    only_traits: bool,
}

const fn arrow(module: &'static str, may_use: &'static [&'static str]) -> Arrow {
    Arrow { module, may_use, only_traits: false }
}

const fn by_traits(module: &'static str, may_use: &'static [&'static str]) -> Arrow {
    Arrow { module, may_use, only_traits: true }
}

/// The table. `lib` names everything; `main` sees `cli` alone.
const ARROWS: &[Arrow] = &[
    arrow("domain", &[]),
    arrow("emulator", &[]),
    arrow("system", &["domain"]),
    // For the type of a moment, and nothing else.
    arrow("clock", &["domain", "system"]),
    arrow("gate", &["clock", "domain"]),
    arrow("defender", &["clock", "domain", "system"]),
    arrow("store", &["clock", "domain", "system"]),
    arrow("intake", &["domain"]),
    arrow("report", &["domain", "system"]),
    by_traits("engine", &["clock", "defender", "domain", "gate", "store"]),
    arrow(
        "ops",
        &[
            "clock", "defender", "domain", "emulator", "engine", "intake", "report", "store",
            "system",
        ],
    ),
    arrow("page", &["clock", "domain", "ops", "report", "store", "system"]),
    // The defender for where credentials are, the engine for how far a run is.
    arrow(
        "cli",
        &["clock", "defender", "domain", "emulator", "engine", "ops", "page", "report", "system"],
    ),
];

/// Modules of which those that go by traits may use the types alone.
const BEHIND_TRAITS: &[&str] = &["defender", "store"];

pub(crate) fn outside_the_table(source: &Source) -> Vec<Finding> {
    let module = module_path(&source.path);
    let Some(own) = module.first().copied() else { return main_uses_cli_alone(source) };
    let used = paths(source.code_to_ship(), module.len());
    let used = used.into_iter().filter(|(_, path)| path.first().is_some_and(|top| top != own));
    if own == "lib" || source.is_test_file() {
        return Vec::new();
    }
    let Some(arrow) = ARROWS.iter().find(|arrow| arrow.module == own) else {
        let what = format!("`{own}` is new: say in ARROWS (tests/it/tidy) what it may use");
        return vec![source.finding(1, what)];
    };
    let wrong = used.filter_map(|(at, path)| Some((at, refusal(arrow, &path)?)));
    wrong.map(|(at, what)| source.finding(source.line_of(at), what)).collect()
}

fn refusal(arrow: &Arrow, path: &[String]) -> Option<String> {
    let (module, top) = (arrow.module, path[0].as_str());
    if !arrow.may_use.contains(&top) {
        let may = if arrow.may_use.is_empty() { "nothing" } else { &arrow.may_use.join(", ") };
        return Some(format!(
            "`{module}` may not use `{top}`, only {may}: hand the value in from outside"
        ));
    }
    let item = path.get(1).map_or("", String::as_str);
    let is_type = item.starts_with(char::is_uppercase);
    (arrow.only_traits && BEHIND_TRAITS.contains(&top) && !is_type).then(|| {
        format!("`{module}` may use types and traits of `{top}`, not `{top}::{item}`: be generic")
    })
}

fn main_uses_cli_alone(source: &Source) -> Vec<Finding> {
    let code = source.code_to_ship();
    let uses = code.match_indices("fleetsweep::").filter(|(at, whole)| {
        let rest = &code[at + whole.len()..];
        source.path == "src/main.rs" && !rest.starts_with("cli::") && !rest.starts_with("cli;")
    });
    let what = "`main` may use `cli` alone: decide nothing here";
    uses.map(|(at, _)| source.finding(source.line_of(at), what.to_owned())).collect()
}

/// The modules that a file of `src` stands in, the topmost first; nothing for `main` and other
/// folders.
pub(super) fn module_path(path: &str) -> Vec<&str> {
    let Some(inner) = path.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")) else {
        return Vec::new();
    };
    match inner {
        "main" => Vec::new(),
        _ => inner.split('/').filter(|part| *part != "mod").collect(),
    }
}

/// Every path from the root of the crate that the code names, with the byte where it begins. At
/// most two names of each are kept. `depth` is how many modules the file stands in.
fn paths(code: &str, depth: usize) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for (at, start) in [("crate::", 0), ("super::", depth)]
        .iter()
        .flat_map(|(word, climbs)| code.match_indices(word).map(move |(at, _)| (at, *climbs)))
    {
        // Within a longer name or a longer path, it was or will be met at its beginning.
        if code[..at].ends_with(|letter| in_name(letter) || letter == ':') {
            continue;
        }
        let mut rest = &code[at..];
        let mut climbed = 0;
        while let Some(after) = rest.strip_prefix("super::") {
            (rest, climbed) = (after, climbed + 1);
        }
        if climbed == start {
            expand(rest.strip_prefix("crate::").unwrap_or(rest), &[], at, &mut found);
        }
    }
    found
}

/// Follows a path and the groups in it, as in `a::{b, c::d}`; returns what stands behind it.
fn expand<'a>(
    code: &'a str,
    before: &[String],
    at: usize,
    found: &mut Vec<(usize, Vec<String>)>,
) -> &'a str {
    let code = code.trim_start();
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches(|letter: char| letter == ',' || letter.is_whitespace());
            if rest.is_empty() || rest.starts_with('}') {
                return rest.get(1..).unwrap_or_default();
            }
            let after = expand(rest, before, at, found);
            // What follows a name up to the next comma, such as `as other`.
            rest = after.trim_start_matches(|letter| !matches!(letter, ',' | '}'));
        }
    }
    let end = code.find(|letter| !in_name(letter)).unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    let path: Vec<String> = before.iter().cloned().chain([name.to_owned()]).collect();
    match rest.strip_prefix("::") {
        Some(rest) if path.len() < 2 => expand(rest, &path, at, found),
        _ => {
            found.push((at, path));
            rest
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tidy::found_in;

    #[test]
    fn imports_outside_the_table_are_refused() {
        let refused = [
            ("src/domain/window.rs", "use crate::clock::Clock;"),
            ("src/domain/mod.rs", "use super::gate;"),
            ("src/domain/window.rs", "fn f() { super::super::store::memory::new(); }"),
            ("src/domain/window.rs", "use super::super::{domain::Stamp, store::Store};"),
            ("src/clock.rs", "use super::store::Store;"),
            ("src/emulator/mod.rs", "use crate::defender::wire::Action;"),
            ("src/emulator/clock.rs", "use crate::domain::Stamp;"),
            ("src/store/sqlite/mod.rs", "use crate::{domain::Stamp, engine::Settings};"),
            (
                "src/store/mod.rs",
                "use crate::{\n    clock,\n    domain::{self, Stamp},\n    cli,\n};",
            ),
            ("src/report/mod.rs", "pub fn f(hold: crate::store::Hold) {}"),
            ("src/intake/mod.rs", "#[cfg(test)]\nuse x::y;\nuse crate::clock::Clock;"),
            ("src/engine/mod.rs", "use crate::store::memory::MemoryStore;"),
            ("src/engine/order.rs", "use crate::{defender::{ScanApi, client::Client}};"),
            ("src/ops/scan.rs", "use crate::cli::args;"),
            ("src/cli/mod.rs", "use crate::store::Store;"),
            ("src/main.rs", "use fleetsweep::engine;"),
            ("src/surprise.rs", "fn f() {}"),
        ];
        for (path, code) in refused {
            assert_eq!(found_in(path, code).len(), 1, "{path}: {code}");
        }
    }

    #[test]
    fn imports_inside_the_table_and_in_tests_are_not() {
        let fine = [
            ("src/domain/window.rs", "use super::timing::Stamp;\nuse crate::domain::Quota;"),
            ("src/clock.rs", "use crate::domain::Stamp;\n// As in `crate::store::Store`."),
            (
                "src/gate.rs",
                "pub(crate) fn f() {}\nuse crate::{clock::Clock, domain::{Pace as P}};",
            ),
            ("src/engine/mod.rs", "use crate::store::{Claim, Hold::Quota, Store};"),
            ("src/store/memory/campaign.rs", "use super::super::mod_two;\nuse super::Result;"),
            ("src/domain/x.rs", "#[cfg(test)]\nmod tests {\n    use crate::store::Store;\n}"),
            ("src/ops/stores.rs", "use crate::{engine, store::sqlite};"),
            ("src/main.rs", "fn main() { fleetsweep::cli::main() }"),
            ("tests/it/x.rs", "use fleetsweep::store;\nuse crate::support::device;"),
        ];
        for (path, code) in fine {
            assert_eq!(found_in(path, code), Vec::<String>::new(), "{path}: {code}");
        }
    }
}
