//! Words that code must not use in some place, and names of places that no text may hold. Clippy
//! refuses some of these by their types; this list also holds where a lint was switched off.

use super::Finding;
use super::source::{Source, in_name};

/// Words that are refused in some files.
struct Ban {
    words: &'static [&'static str],
    /// Folders or files to which it applies.
    inside: &'static [&'static str],
    /// Folders or files within them to which it does not.
    except: &'static [&'static str],
    /// It holds in unit tests and test files too.
    in_tests: bool,
    instead: &'static str,
}

const EVERYWHERE: &[&str] = &["src/", "tests/", "benches/"];

const BANS: &[Ban] = &[
    Ban {
        words: &[
            "Instant::now",
            "SystemTime::now",
            "Timestamp::now",
            "Zoned::now",
            "ZonedDateTime::now",
            "UtcDateTime::now",
            "clock_gettime",
        ],
        inside: EVERYWHERE,
        except: &["src/clock.rs", "src/emulator/clock.rs", "src/system/unix/boot.rs"],
        in_tests: true,
        instead: "take a `Clock`: time that tests cannot set cannot be tested",
    },
    Ban {
        words: &["Command::new"],
        inside: &["tests/"],
        except: &["tests/it/kit/child.rs"],
        in_tests: true,
        instead: "`kit::child`: what is started goes by nothing that surrounds the test run",
    },
    Ban {
        words: &["reqwest::get", "Client::new"],
        inside: &["tests/"],
        except: &["tests/it/kit/support.rs"],
        in_tests: true,
        instead: "`kit::support::http`: the proxy of the machine has no part in tests",
    },
    Ban {
        words: &["todo!", "unimplemented!", "dbg!"],
        inside: EVERYWHERE,
        except: &[],
        in_tests: true,
        instead: "finish it",
    },
    Ban {
        words: &["#[allow", "#![allow"],
        inside: EVERYWHERE,
        except: &[],
        in_tests: true,
        instead: "`#[expect(..., reason = \"...\")]`, which complains when it is no longer needed",
    },
    Ban {
        words: &["println!", "eprintln!", "print!", "eprint!"],
        inside: &["src/"],
        except: &[],
        in_tests: false,
        instead: "return the text, or hand it to `cli::say`: these panic where a pipe is closed",
    },
    Ban {
        words: &["try_contains_id", "try_get_one", "try_get_many", "try_get_raw"],
        inside: &["src/"],
        except: &[],
        in_tests: true,
        instead: "`Command::get_arguments`: matches know their arguments in debug builds alone",
    },
    Ban {
        words: &[
            "clap",
            "indicatif",
            "std::env",
            "env::var",
            "std::process",
            "tokio::process",
            "tokio::signal",
            "stdout",
            "stderr",
            "IsTerminal",
            "rustix",
        ],
        inside: &["src/ops/"],
        except: &[],
        in_tests: false,
        instead: "`ops::context`: an operation has no command line, no environment, no terminal",
    },
    Ban {
        words: &[
            "cfg(unix",
            "cfg(windows",
            "cfg(target_",
            "os::unix",
            "os::windows",
            "os::fd",
            "signal::unix",
            "signal::windows",
            "rustix",
            "windows_sys",
            "etcetera",
        ],
        inside: &["src/"],
        except: &["src/system/"],
        in_tests: false,
        instead: "`system`: the rest of the program knows no kind of system",
    },
    Ban {
        words: &["HashMap", "HashSet"],
        inside: &["src/domain/", "src/engine/", "src/store/", "src/gate.rs"],
        except: &[],
        in_tests: false,
        instead: "`BTreeMap` or `BTreeSet`: a seed must give the same run, so order is part of it",
    },
    Ban {
        words: &[
            "async",
            ".await",
            "tokio",
            "reqwest",
            "sqlx",
            "fastrand",
            "getrandom",
            "std::env",
            "std::fs",
            "std::io",
            "std::net",
            "std::process",
            "std::thread",
        ],
        inside: &["src/domain/"],
        except: &[],
        in_tests: false,
        instead: "`domain` is pure: hand the value in",
    },
];

/// A word that is let through in one file, and why.
struct Exception {
    path: &'static str,
    word: &'static str,
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[];

/// Folders that exist on one machine only, and hosts that only one network has. A registry other
/// than the public one is chosen outside the package.
const PLACES: &[&str] = &[
    "/home/",
    "/root/",
    "/Users/",
    "\\Users\\",
    "artifactory",
    "jfrog",
    "replace-with",
    "index.crates.io",
    ".internal/",
    ".lan/",
];

/// First names of absolute paths that every machine or the API has. Comments and plain texts may
/// use these alone.
const COMMON_ROOTS: &[&str] = &[
    "api", "bin", "common", "machines", "dev", "etc", "lib", "metadata", "oauth2", "opt", "proc",
    "run", "srv", "sys", "tmp", "usr", "var",
];

pub(crate) fn banned(source: &Source) -> Vec<Finding> {
    BANS.iter().flat_map(|ban| broken(ban, source)).collect()
}

fn broken(ban: &Ban, source: &Source) -> Vec<Finding> {
    let within = |places: &[&str]| places.iter().any(|place| source.path.starts_with(place));
    if !within(ban.inside) || within(ban.except) {
        return Vec::new();
    }
    let code = if ban.in_tests { source.code.as_str() } else { source.code_to_ship() };
    let words = ban
        .words
        .iter()
        .filter(|word| !EXCEPTIONS.iter().any(|one| one.path == source.path && one.word == **word));
    words
        .flat_map(|word| {
            let what = format!("`{word}` is banned here; instead: {}", ban.instead);
            let found = places_of(code, word);
            found.map(move |at| source.finding(source.line_of(at), what.clone()))
        })
        .collect()
}

/// Where a word stands by itself and not within a longer name.
pub(crate) fn places_of<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let goes_on_before = word.starts_with(in_name) && code[..*at].ends_with(in_name);
        let after = &code[at + word.len()..];
        let goes_on_after = word.ends_with(in_name) && after.starts_with(in_name);
        !goes_on_before && !goes_on_after
    })
}

/// A folder or a host that only one machine has. Own bytes are not looked at: they list the names.
pub(crate) fn names_a_place(source: &Source) -> Vec<Finding> {
    if source.path == "tests/it/tidy/bans.rs" {
        return Vec::new();
    }
    let lines = source.text.lines().zip(source.comments.lines()).enumerate();
    let named = lines.filter_map(|(at, (text, comment))| {
        let place = PLACES.iter().find(|place| text.contains(**place)).copied();
        Some((at, place.or_else(|| uncommon_path(comment))?))
    });
    let what = |place| {
        format!("`{place}` names one machine or network: say it in general (or see COMMON_ROOTS)")
    };
    named.map(|(at, place)| source.finding(at + 1, what(place))).collect()
}

/// An absolute path of two names or more that does not begin as paths do everywhere.
fn uncommon_path(comment: &str) -> Option<&str> {
    let words = comment.split(|letter: char| letter.is_whitespace() || "`\"'()=,".contains(letter));
    let mut paths = words.filter(|word| {
        let mut names = word.strip_prefix('/').unwrap_or_default().split('/');
        let first = names.next().unwrap_or_default();
        let plain = !first.is_empty() && first.chars().all(in_name);
        plain && names.next().is_some() && !COMMON_ROOTS.contains(&first)
    });
    paths.next()
}

#[cfg(test)]
mod tests {
    use super::{BANS, EXCEPTIONS, names_a_place};
    use crate::tidy::found_in;
    use crate::tidy::source::Source;

    /// A file to which a ban applies and that has no other duties.
    fn file_in(place: &str) -> String {
        let name = if place == "src/" { "intake/x.rs" } else { "x.rs" };
        if place.ends_with(".rs") { place.to_owned() } else { format!("{place}{name}") }
    }

    #[test]
    fn every_banned_word_is_refused_in_code_and_not_in_comments_or_literals() {
        for ban in BANS {
            for (word, place) in
                ban.words.iter().flat_map(|w| ban.inside.iter().map(move |p| (w, p)))
            {
                if !ban.in_tests && !place.starts_with("src/") {
                    continue;
                }
                let path = file_in(place);
                let refused = found_in(&path, &format!("fn f() {{\n    a; {word};\n}}"));
                assert!(!refused.is_empty(), "{word} in {path}");
                assert!(refused[0].starts_with(&format!("{path}:3: ")), "{refused:?}");
                let quoted = format!("// As in {word}.\nconst A: &str = r#\"{word}\"#;");
                assert_eq!(found_in(&path, &quoted), Vec::<String>::new(), "{word}");
                let longer = format!("fn f() {{ x{word}x; }}");
                if word.chars().all(super::in_name) {
                    assert_eq!(found_in(&path, &longer), Vec::<String>::new(), "{longer}");
                }
            }
            for place in ban.except {
                let path = file_in(place);
                let word = ban.words[0];
                let fine = found_in(&path, &format!("fn f() {{ {word}; }}"));
                assert_eq!(fine, Vec::<String>::new(), "{word} in {path}");
            }
        }
    }

    #[test]
    fn bans_reach_into_unit_tests_only_where_they_say_so() {
        let in_tests = |code: &str| format!("#[cfg(test)]\nmod tests {{\n    {code}\n}}");
        assert_eq!(found_in("src/gate.rs", &in_tests("Instant::now();")).len(), 1);
        assert_eq!(found_in("src/gate.rs", &in_tests("println!();")), Vec::<String>::new());
        assert_eq!(found_in("src/gate.rs", "fn f() { println!(); }").len(), 1);
        assert_eq!(found_in("tests/it/x.rs", "fn f() { println!(); }"), Vec::<String>::new());
    }

    #[test]
    fn every_exception_has_a_reason_and_a_ban() {
        for one in EXCEPTIONS {
            assert!(one.reason.len() > 20, "{} in {}: why?", one.word, one.path);
            assert!(BANS.iter().any(|ban| ban.words.contains(&one.word)), "{}", one.word);
        }
    }

    #[test]
    fn a_place_that_one_machine_has_is_refused_and_a_common_one_is_not() {
        let refused = [
            "// See /home/someone/notes.",
            "const A: &str = \"/root/x\";",
            "// Built in `/somewhere/else`.",
            "// registry = https://artifactory.example",
        ];
        for text in refused {
            assert_eq!(found_in("src/clock.rs", text).len(), 1, "{text}");
        }
        let fine =
            "// POST /api/machines/{id}, either/or, /var/lib/fleetsweep, https://a.b/c/d, 1/2.";
        assert_eq!(found_in("src/clock.rs", fine), Vec::<String>::new());
        let readme = Source::plain(&Source::new("README.md", "run it in /somewhere/else\n"));
        assert_eq!(names_a_place(&readme).len(), 1);
    }
}
