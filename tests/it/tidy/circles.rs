//! No circles: a file imports none that imports it, over however many others. A name that a file
//! only passes on (`pub use`) counts for the file that holds it, so that a folder may have a face.
//! It reads `use` lines and paths in the code; it is no compiler, and macros hide from it.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::module_path;
use super::source::{Source, in_name};

/// The names from the root of the crate to a module or an item.
type Path = Vec<String>;

/// A file: what it uses, and which of its names stand for what is elsewhere.
#[derive(Debug, Default)]
struct File {
    uses: Vec<Path>,
    stands_for: BTreeMap<String, Path>,
}

/// The circles among these sources, each as `a -> b -> a`.
pub(crate) fn circles(sources: &[Source]) -> Vec<String> {
    let files = files(sources);
    let arrow = |(module, file): (&Path, &File)| {
        let used = file.uses.iter().filter_map(|path| home_of(path, &files, 0));
        (module.clone(), used.filter(|used| used != module).collect::<BTreeSet<Path>>())
    };
    let arrows: BTreeMap<Path, BTreeSet<Path>> = files.iter().map(arrow).collect();
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for module in arrows.keys() {
        let Some(circle) = way_back(module, &arrows) else { continue };
        if told.insert(circle.iter().cloned().collect::<BTreeSet<Path>>()) {
            let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
            found.push(names.join(" -> "));
        }
    }
    found
}

/// The shortest way from a module back to itself, if there is one.
fn way_back(from: &Path, arrows: &BTreeMap<Path, BTreeSet<Path>>) -> Option<Vec<Path>> {
    let mut ways = vec![vec![from.clone()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in &arrows[way.last()?] {
                let on = || way.iter().cloned().chain([next.clone()]).collect::<Vec<Path>>();
                if next == from {
                    return Some(on());
                }
                if seen.insert(next.clone()) {
                    longer.push(on());
                }
            }
        }
        ways = longer;
    }
    None
}

fn files(sources: &[Source]) -> BTreeMap<Path, File> {
    let own = |source: &Source| -> Option<Path> {
        let module = module_path(&source.path);
        let counts = !source.is_test_file() && !module.is_empty() && module != ["lib"];
        counts.then(|| module.into_iter().map(str::to_owned).collect())
    };
    let modules: BTreeSet<Path> = sources.iter().filter_map(own).collect();
    let read = |source: &Source| {
        let module = own(source)?;
        let file = file_of(source.code_to_ship(), &module, &modules);
        Some((module, file))
    };
    sources.iter().filter_map(read).collect()
}

/// Reads a file. `modules` are all there are, by which a path that begins with a child is known.
fn file_of(code: &str, own: &Path, modules: &BTreeSet<Path>) -> File {
    let mut file = File::default();
    let mut rest = String::with_capacity(code.len());
    for statement in code.split_inclusive(';') {
        let Some((before, tree)) = import_in(statement) else {
            rest.push_str(statement);
            continue;
        };
        rest.push_str(before);
        let passes_on = before.trim_end().rsplit('\n').next().unwrap_or_default().contains("pub");
        for (path, name) in branches(tree) {
            let path = absolute(&path, own);
            file.stands_for.insert(name, path.clone());
            if !passes_on {
                file.uses.push(path);
            }
        }
    }
    let rest = without_places(&rest);
    let words = rest.split(|letter| !in_name(letter) && letter != ':');
    for word in words.filter(|word| word.contains("::")) {
        let path: Path = word.split("::").map(str::to_owned).collect();
        let child: Path = own.iter().cloned().chain([path[0].clone()]).collect();
        let climbs = ["crate", "super", "self"].contains(&path[0].as_str());
        if climbs || modules.contains(&child) {
            file.uses.push(absolute(&path, own));
        }
    }
    file
}

/// The code without the places of `pub(in ...)`, which name whom an item is for, and use nothing.
fn without_places(code: &str) -> String {
    let mut parts = code.split("(in ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once(')').map_or(part, |(_, rest)| rest))
}

/// The import at the end of a statement: what stands before it, and its tree of names.
fn import_in(statement: &str) -> Option<(&str, &str)> {
    let at = statement.rfind("use ")?;
    let line = statement[..at].rsplit('\n').next().unwrap_or_default().trim();
    let tree = statement[at + 4..].strip_suffix(';')?;
    (line.is_empty() || line.starts_with("pub")).then_some((&statement[..at], tree))
}

/// The paths of a tree such as `a::{b, c as d}`, each with the name that it goes by.
fn branches(tree: &str) -> Vec<(Path, String)> {
    let tree = tree.trim();
    let Some((stem, group)) = tree.strip_suffix('}').and_then(|tree| tree.split_once('{')) else {
        let (path, renamed) = tree.split_once(" as ").unwrap_or((tree, ""));
        let mut path: Path = path.split("::").map(|name| name.trim().to_owned()).collect();
        if path.len() > 1 && path.last().is_some_and(|name| name == "self") {
            path.pop();
        }
        let name = if renamed.is_empty() { path.last().cloned() } else { Some(renamed.into()) };
        return vec![(path, name.unwrap_or_default())];
    };
    let mut depth = 0;
    let parts = group.split(|letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && depth == 0
    });
    let parts = parts.filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| branches(&format!("{stem}{}", part.trim()))).collect()
}

/// A path as it is from the root of the crate.
fn absolute(path: &[String], own: &[String]) -> Path {
    let first = path.first().map(String::as_str);
    let climbs = path.iter().take_while(|name| *name == "super").count();
    match first {
        Some("crate") => path[1..].to_vec(),
        Some("self") => [own, &path[1..]].concat(),
        Some("super") => [&own[..own.len().saturating_sub(climbs)], &path[climbs..]].concat(),
        _ => [own, path].concat(),
    }
}

/// The file that holds what a path names. `depth` ends names that stand for one another.
fn home_of(path: &[String], files: &BTreeMap<Path, File>, depth: usize) -> Option<Path> {
    let length = (1..=path.len()).rev().find(|length| files.contains_key(&path[..*length]))?;
    let (module, rest) = path.split_at(length);
    let elsewhere = rest.first().and_then(|name| files[module].stands_for.get(name));
    match elsewhere {
        Some(other) if depth < 8 => {
            home_of(&[other, &rest[1..]].concat(), files, depth + 1).or(Some(module.to_vec()))
        }
        _ => Some(module.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::circles;
    use crate::tidy::source::Source;

    fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source::new(path, text);
        circles(&files.iter().map(source).collect::<Vec<_>>())
    }

    #[test]
    fn two_files_that_import_each_other_are_a_circle_whatever_the_way() {
        let circle = "x::a -> x::b -> x::a";
        let b = ("src/x/b.rs", "use super::a::A;\npub struct B;");
        for a in [
            "use super::b::B;\npub struct A;",
            "use crate::x::{self, b::{B as Other}};\npub struct A;",
            "pub struct A;\nfn f() { crate::x::b::B; }",
            "pub struct A;\nfn f() { super::b::B; }",
            "use super::B;\npub struct A;",
        ] {
            let mod_rs = ("src/x/mod.rs", "mod a;\nmod b;\npub use b::B;");
            assert_eq!(circles_of(&[mod_rs, ("src/x/a.rs", a), b]), [circle], "{a}");
        }
        let over_two = [
            ("src/a.rs", "use crate::b::B;"),
            ("src/b.rs", "use crate::c::C;"),
            ("src/c.rs", "use crate::a::A;"),
        ];
        assert_eq!(circles_of(&over_two), ["a -> b -> c -> a"]);
    }

    #[test]
    fn a_folder_that_uses_its_child_must_hold_nothing_that_the_child_uses() {
        let child = ("src/x/a.rs", "use super::Own;\npub fn f() {}");
        let uses = "mod a;\npub struct Own;\nfn g() { a::f(); }";
        assert_eq!(circles_of(&[("src/x/mod.rs", uses), child]), ["x -> x::a -> x"]);
        let passes_on = "mod a;\npub use a::f;\npub struct Own;";
        assert_eq!(circles_of(&[("src/x/mod.rs", passes_on), child]), Vec::<String>::new());
    }

    #[test]
    fn tests_comments_and_names_that_only_look_alike_make_no_circle() {
        let b = ("src/b.rs", "pub struct B;\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}");
        let c = (
            "src/c.rs",
            "// As `crate::a::A`.\nfn f() { other::a::A; }\npub(in crate::a) fn g() {}",
        );
        let a = ("src/a.rs", "use crate::b::B;\nuse crate::c;\npub struct A;");
        assert_eq!(circles_of(&[a, b, c]), Vec::<String>::new());
    }
}
