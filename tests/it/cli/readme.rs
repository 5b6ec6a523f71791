//! What README.md says is so: its sizes, its commands, its exit codes. Its first command and its
//! test command are run as they stand by whoever checks the whole.

use fleetsweep::domain::Exit;

use super::*;
use crate::kit::child::tool;

fn readme() -> String {
    std::fs::read_to_string("README.md").unwrap()
}

/// The lines in fenced blocks of shell commands.
fn command_lines(readme: &str) -> Vec<String> {
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let joined = blocks.map(|block| block.replace("\\\n", " ")).collect::<String>();
    joined.lines().map(str::to_owned).collect()
}

#[test]
fn it_is_short_and_so_are_its_sentences() {
    let readme = readme();
    assert!(readme.len() <= 9_000, "{} bytes", readme.len());
    let prose = readme.split("```").step_by(2).collect::<String>();
    let prose = prose.lines().filter(|line| !line.starts_with(['|', '#', '<']));
    // A blank line and an item end a sentence too.
    let prose: String = prose
        .map(|line| if line.is_empty() { ". ".to_owned() } else { format!("{line} ") })
        .collect();
    for sentence in prose.replace(": ", ". ").split(". ") {
        let words = sentence.split_whitespace().count();
        assert!(words <= 30, "{words} words: {sentence}");
    }
}

#[test]
fn its_exit_codes_are_those_of_the_program() {
    let readme = readme();
    for exit in Exit::ALL {
        let row = format!("| {} | {} |", exit.code(), exit.meaning());
        assert!(readme.contains(&row), "{row}");
    }
}

#[test]
fn every_command_that_it_shows_is_one_that_the_program_takes() {
    let place = Place::new();
    let lines = command_lines(&readme());
    let ours: Vec<&str> =
        lines.iter().filter_map(|line| line.strip_prefix("fleetsweep ")).collect();
    assert!(ours.len() >= 8, "{lines:?}");
    for line in ours {
        let line = line.split('>').next().unwrap();
        let line = line.replace("sha256:...", &format!("sha256:{}", "0".repeat(64)));
        // The shell makes words of it.
        let words = tool("sh").args(["-c", &format!("printf '%s\\n' {line}")]).output().unwrap();
        let words = String::from_utf8(words.stdout).unwrap();
        let told = run(place.fleetsweep(&words.lines().collect::<Vec<_>>()));
        assert!(!told.err.contains("--help`"), "{line}: {}", told.err);
    }
}
