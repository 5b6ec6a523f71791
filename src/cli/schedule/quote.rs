//! Writing a word so that each kind of schedule reads it back as it was: systemd, a POSIX shell,
//! cron, Kubernetes in YAML, Windows, XML. Words hold no control characters; `schedule` refuses
//! them.

use std::fmt::Write as _;

/// A word of `ExecStart=`: systemd takes `%` for a specifier and `$` for a variable.
pub(super) fn systemd_word(word: &str) -> String {
    systemd_value(word).replace('$', "$$")
}

/// A word of a setting of systemd that is split at spaces and has specifiers.
pub(super) fn systemd_value(word: &str) -> String {
    let doubled = word.replace('%', "%%");
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@+,%$".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return doubled;
    }
    format!("\"{}\"", doubled.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A value of systemd that is taken to the end of its line, but for specifiers.
pub(super) fn systemd_rest(text: &str) -> String {
    text.replace('%', "%%")
}

/// A word as a POSIX shell takes it, without a backslash of its own.
pub(super) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\"'\"'"))
}

/// A word of a crontab's command. `%` ends a command there unless a backslash stands before it; and
/// whether two backslashes are one differs between the crons, so none stands beside another or a
/// `%`.
pub(super) fn cron_word(word: &str) -> String {
    let mut quoted = shell_word(word);
    for next in ['\\', '%'] {
        // The quotes end and begin again between the two.
        while quoted.contains(&format!("\\{next}")) {
            quoted = quoted.replace(&format!("\\{next}"), &format!("\\''{next}"));
        }
    }
    quoted.replace('%', "\\%")
}

/// A string of YAML, which takes those of JSON.
pub(super) fn yaml(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A word of a container's command: Kubernetes puts a variable in the place of `$(NAME)`.
pub(super) fn kubernetes_word(word: &str) -> String {
    yaml(&word.replace('$', "$$"))
}

/// A word of a Windows command line.
pub(super) fn windows_word(word: &str) -> String {
    if !word.is_empty() && !word.contains([' ', '\t', '"']) {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    let mut backslashes = 0;
    for letter in word.chars() {
        match letter {
            '\\' => backslashes += 1,
            '"' => {
                // Those before a quotation mark are doubled, and one more is for the mark.
                quoted.extend(std::iter::repeat_n('\\', backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        quoted.push(letter);
    }
    quoted.extend(std::iter::repeat_n('\\', backslashes));
    quoted.push('"');
    quoted
}

/// Text in XML, in ASCII so that the file's encoding does not matter.
pub(super) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '<' | '>' | '"' | '\'' => write_reference(&mut escaped, letter),
            letter if letter.is_ascii() => escaped.push(letter),
            letter => write_reference(&mut escaped, letter),
        }
    }
    escaped
}

fn write_reference(text: &mut String, letter: char) {
    write!(text, "&#{};", u32::from(letter)).unwrap_or_default();
}

// A shell is asked.
#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// What `sh` makes of one quoted word.
    fn by_sh(quoted: &str) -> String {
        let script = format!("printf '%s.' {quoted}");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        said.strip_suffix('.').unwrap_or_default().to_owned()
    }

    /// A crontab's command as the shell gets it; nothing where its rest goes to standard input.
    /// Some crons make one backslash of two.
    fn by_cron(line: &str, two_are_one: bool) -> Option<String> {
        let mut command = String::new();
        let mut letters = line.chars().peekable();
        while let Some(letter) = letters.next() {
            match (letter, letters.peek()) {
                ('\\', Some('%')) => command.extend(letters.next()),
                ('\\', Some('\\')) if two_are_one => command.extend(letters.next()),
                ('\\', Some(_)) => {
                    command.push(letter);
                    command.extend(letters.next());
                }
                ('%', _) => return None,
                _ => command.push(letter),
            }
        }
        Some(command)
    }

    /// A Windows command line of one word, by the rules of Microsoft's C runtime.
    fn by_windows(line: &str) -> String {
        let (mut word, mut quoted, mut backslashes) = (String::new(), false, 0);
        for letter in line.chars().chain(['\0']) {
            if letter == '\\' {
                backslashes += 1;
                continue;
            }
            let halved = letter == '"';
            let kept = if halved { backslashes / 2 } else { backslashes };
            word.extend(std::iter::repeat_n('\\', kept));
            match letter {
                '"' if backslashes % 2 == 1 => word.push('"'),
                '"' => quoted = !quoted,
                '\0' => {}
                ' ' if !quoted => panic!("{line} is two words"),
                other => word.push(other),
            }
            backslashes = 0;
        }
        word
    }

    const HARD: &str = r#"[a-z %$"'\\;&<>!*~`(){}#|=:@üß-]{0,12}"#;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn a_shell_and_every_cron_give_a_word_back(word in HARD) {
            prop_assert_eq!(by_sh(&shell_word(&word)), word.clone());
            let line = cron_word(&word);
            for two_are_one in [false, true] {
                let command = by_cron(&line, two_are_one);
                prop_assert_eq!(command.map(|command| by_sh(&command)), Some(word.clone()));
            }
        }
    }

    proptest! {
        #[test]
        fn windows_gives_a_word_back(word in HARD) {
            prop_assert_eq!(by_windows(&windows_word(&word)), word);
        }

        #[test]
        fn yaml_xml_and_kubernetes_give_a_word_back(word in HARD) {
            prop_assert_eq!(serde_json::from_str::<String>(&yaml(&word)).unwrap(), word.clone());
            let seen: String = serde_json::from_str(&kubernetes_word(&word)).unwrap();
            prop_assert!(!seen.replace("$$", "").contains('$'));
            prop_assert_eq!(seen.replace("$$", "$"), word.clone());
            prop_assert!(xml(&word).is_ascii() && !xml(&word).contains(['<', '>', '"', '\'']));
        }
    }
}
