//! What README.md says is so: its sizes, its commands, its exit codes. Its first command and its
//! test command are run as they stand by whoever checks the whole.

use fleetsweep::domain::Exit;

use std::path::Path;
use std::process::Command;

use super::*;
use crate::kit::child::{around, tool};
use crate::kit::pair::Pair;
use crate::kit::postgres::programs;

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
    let typed = |line: &'_ String| {
        let built = line.strip_prefix("cargo run ").and_then(|line| line.split_once(" -- "));
        let words = built.map(|(_, words)| words).or(line.strip_prefix("fleetsweep "));
        words.map(str::to_owned)
    };
    let ours: Vec<String> = lines.iter().filter_map(typed).collect();
    assert!(ours.len() >= 10, "{lines:?}");
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

/// Runs these lines in a shell that finds PostgreSQL's programs and ours.
fn shell(command: &Command, lines: &str) -> Command {
    let ours = Path::new(command.get_program()).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [programs(), ours].into_iter().chain(std::env::split_paths(&path));
    let mut shell = around("sh", command);
    shell.env("PATH", std::env::join_paths(folders).unwrap()).args(["-euc", lines]);
    shell
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_commands_for_several_hosts_lead_from_an_empty_database_to_two_workers() {
    let pair = beside(Pair::asynchronous).await;
    let roles = "CREATE ROLE postgres LOGIN SUPERUSER; CREATE ROLE fleet LOGIN";
    pair.primary.connect("postgres").await.batch_execute(roles).await.unwrap();
    let readme = readme();
    let block = readme.split("<!-- ci: hosts -->\n```sh\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    assert_eq!(block.lines().count(), 5);
    // The two servers are here, and nobody is there to say yes.
    let [one, other] = [&pair.primary, &pair.standby].map(|one| one.folder.display().to_string());
    let url = |folder: &str| folder.replace('/', "%2F");
    let block = block
        .replace("-h db1", &format!("-h {one}"))
        .replace("db1,db2", &format!("{},{}", url(&one), url(&other)))
        .replace("--detach", "--detach --approve-max 30");
    let lines: Vec<&str> = block.lines().collect();
    let emulator = emulate("quiet", &[(100, 60.0), (1_500, 3_600.0)], 1.0).await;
    let hosts = [Place::new(), Place::new()];
    std::fs::copy(hosts[0].path(&hosts[0].list(30)), hosts[0].path("devices.csv")).unwrap();
    let on = |host: &Place, lines: &[&str]| shell(&host.towards(&emulator, &[]), &lines.join("\n"));
    let first = on(&hosts[0], &lines[..4]);
    let said = beside(move || run(first)).await;
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("an asynchronous standby"), "{}", said.out);
    let workers = hosts.each_ref().map(|host| start(on(host, &[lines[1], lines[4]])));
    let ended = beside(move || workers.map(wait)).await;
    for said in &ended {
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    }
    let ledger = emulator.ledger();
    assert!(ledger.accepted_twice.is_empty(), "{:?}", ledger.accepted_twice);
    assert_eq!(ledger.accepted, 30);
}
