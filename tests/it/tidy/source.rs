//! One source file as the rules see it: its code without comments and without what stands in
//! literals, and its comments alone. Lines and columns stay where they were. It is no parser: it
//! knows just enough of Rust to tell code, comments and literals apart.

use super::Finding;

/// A file, its code and its comments; all three have the same lines.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root of the package, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Comments are spaces, and what stands in literals is `_`.
    pub(crate) code: String,
    /// Only the comments; everything else is spaces.
    pub(crate) comments: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let kinds = kinds(&chars);
        let only = |blank: fn(Kind) -> Option<char>| -> String {
            let show = |(letter, kind): (&char, &Kind)| match blank(*kind) {
                Some(blank) if *letter != '\n' => blank,
                _ => *letter,
            };
            chars.iter().zip(&kinds).map(show).collect()
        };
        let code = only(|kind| match kind {
            Kind::Code => None,
            Kind::Comment => Some(' '),
            Kind::Literal => Some('_'),
        });
        let comments = only(|kind| (kind != Kind::Comment).then_some(' '));
        Self { path: path.to_owned(), text: text.to_owned(), code, comments }
    }

    /// The same file as plain text: everything counts as a comment.
    pub(crate) fn plain(source: &Source) -> Self {
        let (path, text) = (source.path.clone(), source.text.clone());
        Self { path, comments: text.clone(), text, code: String::new() }
    }

    /// A finding on a line, counted from 1.
    pub(crate) fn finding(&self, line: usize, what: String) -> Finding {
        Finding { path: self.path.clone(), line, what }
    }

    /// The line of a byte of `code`, from 1.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Whether the whole file is test code.
    pub(crate) fn is_test_file(&self) -> bool {
        !self.path.starts_with("src/") || self.path.ends_with("/tests.rs")
    }

    /// The code before the module of unit tests; nothing for a file that is test code.
    pub(crate) fn code_to_ship(&self) -> &str {
        if self.is_test_file() { "" } else { &self.code[..self.tests_begin()] }
    }

    /// The byte of `code` at which the module of unit tests begins. Other items behind
    /// `#[cfg(test)]` do not count, so that one at the top cannot hide a file.
    pub(crate) fn tests_begin(&self) -> usize {
        let marks = self.code.match_indices("#[cfg(test)]");
        let module = marks.map(|(at, mark)| (at, self.code[at + mark.len()..].trim_start()));
        let mut module = module.filter(|(_, rest)| {
            // Tests may be for one kind of system.
            let mut lines = rest.lines().skip_while(|line| line.starts_with("#[cfg("));
            let item = lines.next().unwrap_or_default();
            item.starts_with("mod ") && item.ends_with('{')
        });
        module.next().map_or(self.code.len(), |(at, _)| at)
    }
}

/// Whether a character can be part of a name.
pub(crate) fn in_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn kinds(chars: &[char]) -> Vec<Kind> {
    let mut kinds = vec![Kind::Code; chars.len()];
    let mut at = 0;
    while at < chars.len() {
        let (kind, end) = piece(chars, at);
        let end = end.min(chars.len());
        // The quotes of a literal stay, so that it still looks like one.
        let (from, to) = if kind == Kind::Literal { (at + 1, end - 1) } else { (at, end) };
        kinds[from..to.max(from)].fill(kind);
        at = end;
    }
    kinds
}

/// What begins at a place, and where it ends.
fn piece(chars: &[char], at: usize) -> (Kind, usize) {
    let next = chars.get(at + 1).copied();
    let after_name = at > 0 && in_name(chars[at - 1]);
    match chars[at] {
        '/' if next == Some('/') => (Kind::Comment, find(chars, at, &['\n'])),
        '/' if next == Some('*') => (Kind::Comment, block_end(chars, at)),
        '"' => (Kind::Literal, quoted_end(chars, at, '"')),
        'r' | 'b' | 'c' if !after_name => match raw_end(chars, at) {
            Some(end) => (Kind::Literal, end),
            None => (Kind::Code, at + 1),
        },
        // A lifetime has no second quote after one character.
        '\'' if next == Some('\\') || chars.get(at + 2) == Some(&'\'') => {
            (Kind::Literal, quoted_end(chars, at, '\''))
        }
        _ => (Kind::Code, at + 1),
    }
}

fn find(chars: &[char], from: usize, what: &[char]) -> usize {
    let found = chars[from..].windows(what.len()).position(|window| window == what);
    found.map_or(chars.len(), |found| from + found)
}

fn block_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut end) = (1, at + 2);
    while depth > 0 && end < chars.len() {
        match (chars[end], chars.get(end + 1)) {
            ('/', Some('*')) => (depth, end) = (depth + 1, end + 2),
            ('*', Some('/')) => (depth, end) = (depth - 1, end + 2),
            _ => end += 1,
        }
    }
    end
}

fn quoted_end(chars: &[char], at: usize, quote: char) -> usize {
    let mut end = at + 1;
    while end < chars.len() && chars[end] != quote {
        end += if chars[end] == '\\' { 2 } else { 1 };
    }
    end + 1
}

/// The end of a raw literal that begins here, if one does.
fn raw_end(chars: &[char], at: usize) -> Option<usize> {
    let letters = chars[at..].iter().take_while(|letter| letter.is_ascii_alphabetic()).count();
    let raw = chars[at..at + letters].last() == Some(&'r') && letters <= 2;
    let hashes = chars[at + letters..].iter().take_while(|letter| **letter == '#').count();
    let open = at + letters + hashes;
    if !raw || chars.get(open) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    Some(find(chars, open + 1, &close) + close.len())
}

#[test]
fn code_comments_and_literals_are_told_apart() {
    let text = "let a = \"// \\\" no\"; // yes \"\n\
                let b = r#\"/* \" */\"#; /* two /* deep */ x */ c\n\
                let q = '\"'; let l: &'a str = b\"x\"; let e = '\\''; d";
    let source = Source::new("src/x.rs", text);
    assert_eq!(source.code.lines().count(), 3);
    for (there, gone) in [("let a", "no"), ("; ", "yes"), ("c\n", "deep"), ("d", "/*")] {
        assert!(source.code.contains(there) && !source.code.contains(gone), "{}", source.code);
    }
    assert!(source.code.contains("&'a str"), "a lifetime is code: {}", source.code);
    assert!(source.comments.contains("// yes \"") && source.comments.contains("deep */ x */"));
    assert!(!source.comments.contains("let"), "{}", source.comments);
}

#[test]
fn only_the_module_of_tests_ends_the_code() {
    let text = "#[cfg(test)]\nuse a::b;\nfn f() {}\n#[cfg(test)]\nmod tests {\n fn g() {}\n}\n";
    let source = Source::new("src/x.rs", text);
    assert!(source.code_to_ship().contains("fn f") && !source.code_to_ship().contains("fn g"));
    assert_eq!(Source::new("tests/it/x.rs", text).code_to_ship(), "");
    let of_unix = "fn f() {}\n#[cfg(test)]\n#[cfg(unix)]\nmod tests {\n fn g() {}\n}\n";
    assert!(!Source::new("src/x.rs", of_unix).code_to_ship().contains("fn g"));
}
