//! Sizes and headers: what a file, a function and a line may measure. Formatting is rustfmt's.

use super::Finding;
use super::source::{Source, in_name};

const MOST_LINES_IN_FILE: usize = 400;
const MOST_LINES_IN_FUNCTION: usize = 70;
const MOST_COLUMNS: usize = 100;

pub(crate) fn no_header(source: &Source) -> Vec<Finding> {
    let what = "begin the file with `//!`: what it is for, and what it is not";
    let first = source.text.lines().next().unwrap_or_default();
    let missing = !first.starts_with("//! ");
    missing.then(|| source.finding(1, what.to_owned())).into_iter().collect()
}

pub(crate) fn long_file(source: &Source) -> Vec<Finding> {
    let lines = lines_of_code(&source.code[..source.tests_begin()]);
    let what = format!("{lines} lines of code, at most {MOST_LINES_IN_FILE}: split the file");
    (lines > MOST_LINES_IN_FILE).then(|| source.finding(1, what)).into_iter().collect()
}

pub(crate) fn long_function(source: &Source) -> Vec<Finding> {
    let long = functions(&source.code).filter_map(|(name, from, to)| {
        let lines = lines_of_code(&source.code[from..to]);
        let what =
            format!("`{name}` has {lines} lines, at most {MOST_LINES_IN_FUNCTION}: split it");
        (lines > MOST_LINES_IN_FUNCTION).then(|| source.finding(source.line_of(from), what))
    });
    long.collect()
}

pub(crate) fn long_line(source: &Source) -> Vec<Finding> {
    let wide = source.text.lines().map(|line| line.chars().count()).enumerate();
    let wide = wide.filter(|(_, columns)| *columns > MOST_COLUMNS);
    let what = |columns| format!("{columns} columns, at most {MOST_COLUMNS}: break the line");
    wide.map(|(at, columns)| source.finding(at + 1, what(columns))).collect()
}

/// Lines that are neither blank nor comments, in code whose comments are blank.
fn lines_of_code(code: &str) -> usize {
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

/// Every function with a body: its name, and from where to where it goes.
fn functions(code: &str) -> impl Iterator<Item = (&str, usize, usize)> {
    code.match_indices("fn ").filter_map(|(at, word)| {
        let rest = &code[at + word.len()..];
        let name = &rest[..rest.find(|letter| !in_name(letter))?];
        let is_word = !code[..at].ends_with(in_name) && !name.is_empty();
        is_word.then_some((name, at, at + body_end(&code[at..])?))
    })
}

/// Where the body ends of a function that begins here; nothing if it has none.
fn body_end(code: &str) -> Option<usize> {
    let (mut brackets, mut braces) = (0_usize, 0_usize);
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            '{' => braces += 1,
            '}' if braces <= 1 => return Some(at + 1),
            '}' => braces -= 1,
            ';' if brackets == 0 && braces == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Whether cargo finds this file by itself.
pub(crate) fn is_crate_root(path: &str) -> bool {
    let flat = ["benches/", "tests/fuzz/targets/"]
        .iter()
        .any(|folder| path.strip_prefix(folder).is_some_and(|name| !name.contains('/')));
    flat || matches!(path, "src/lib.rs" | "src/main.rs" | "tests/it/main.rs")
}

/// The files that can name this one in a `mod` line, and by what name.
pub(crate) fn declared_in(path: &str) -> (Vec<String>, &str) {
    let stem = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let roots = ["mod.rs", "lib.rs", "main.rs"].map(|root| format!("{folder}/{root}"));
    let parents = roots.into_iter().chain([format!("{folder}.rs")]);
    (parents.collect(), name)
}

#[cfg(test)]
mod tests {
    use crate::tidy::found_in;
    use crate::tidy::source::Source;

    #[test]
    fn a_file_without_a_header_is_refused() {
        for text in ["use a::b;\n", "\n//! Too late.\n", "/// For an item.\n", "//!\n", ""] {
            assert_eq!(super::no_header(&Source::new("src/clock.rs", text)).len(), 1, "{text}");
        }
        assert_eq!(super::no_header(&Source::new("src/clock.rs", "//! What for.\n")), []);
    }

    #[test]
    fn a_file_over_400_lines_of_code_is_refused_and_tests_and_comments_do_not_count() {
        let lines = |count: usize| "const A: u8 = 1;\n".repeat(count);
        assert_eq!(found_in("src/clock.rs", &lines(400)), Vec::<String>::new());
        let found = found_in("src/clock.rs", &lines(401));
        assert_eq!(found, ["src/clock.rs:1: 401 lines of code, at most 400: split the file"]);
        let comments = "// Why.\n\n".repeat(300);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", lines(300));
        let whole = format!("{comments}{}{tests}", lines(400));
        assert_eq!(found_in("src/clock.rs", &whole), Vec::<String>::new());
    }

    #[test]
    fn a_function_over_70_lines_is_refused_wherever_it_stands() {
        let function = |lines: usize| {
            format!("fn f(a: [u8; 2]) {{\n{}}}\n", "    // Why.\n    g(\"}\");\n".repeat(lines))
        };
        for path in ["src/clock.rs", "tests/it/x.rs", "benches/x.rs"] {
            assert_eq!(found_in(path, &function(68)), Vec::<String>::new());
            let found = found_in(path, &format!("fn g() {{}}\n{}", function(69)));
            assert_eq!(found, [format!("{path}:3: `f` has 71 lines, at most 70: split it")]);
        }
        // Without a body there is nothing to measure.
        let bodiless = format!("trait T {{\n    fn f(&self);\n{}}}\n", "const A: u8;\n".repeat(80));
        assert_eq!(found_in("src/clock.rs", &bodiless), Vec::<String>::new());
    }

    #[test]
    fn a_line_over_100_columns_is_refused_and_columns_are_characters() {
        let comment = |columns: usize| format!("// {}", "\u{e9}".repeat(columns - 3));
        assert_eq!(found_in("src/clock.rs", &comment(100)), Vec::<String>::new());
        assert_eq!(found_in("src/clock.rs", &comment(101)).len(), 1);
    }
}
