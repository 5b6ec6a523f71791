//! Completion in a shell: what the program answers when a shell asks, and bash itself asking.

use super::{Place, emulate, run};
use crate::kit::child::through;

/// What a shell is offered for the last of these words.
fn offered(place: &Place, words: &[&str]) -> Vec<String> {
    let mut asked = place.fleetsweep(&["--", "fleetsweep"]);
    asked.env("FLEETSWEEP_COMPLETE", "fish").args(words);
    let config = place.path("settings.toml");
    if config.exists() {
        asked.env("FLEETSWEEP_CONFIG", config);
    }
    let said = run(asked);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{words:?}");
    said.out.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn options_values_topics_and_commands_are_offered() {
    let place = Place::new();
    assert_eq!(offered(&place, &["scan", "--type", ""]), ["quick", "full"]);
    for (words, name) in [
        (&["scan", "--approve"][..], "--approve-max"),
        (&["scan", "--cloud", ""], "gcc-high"),
        (&["scan", "--skip", ""], "not-onboarded"),
        (&["scan", "--scenario", ""], "throttled"),
        (&["doctor", "--auth", ""], "device-code"),
        (&["retry", "--outcome", ""], "not_attempted"),
        (&["help", ""], "change-requests"),
        (&["help", ""], "scan"),
    ] {
        assert!(offered(&place, words).iter().any(|one| one == name), "{words:?} offers {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_campaigns_and_profiles_are_offered_and_asking_makes_no_store() {
    let place = Place::new();
    assert_eq!(offered(&place, &["status", "inc"]), Vec::<String>::new());
    assert!(!place.path(".local/state/fleetsweep").exists());
    let emulator = emulate("quiet", &[], 1.0).await;
    place.list(2);
    for name in ["incident-7", "incident-8"] {
        let scan = ["scan", "list.txt", "--type=quick", "--comment=x", "--approve-max=2"];
        let said = run(place.towards(&emulator, &[&scan[..], &["--campaign", name]].concat()));
        assert_eq!(said.code, 0, "{}", said.err);
    }
    for command in ["resume", "status", "report", "pause", "cancel", "follow", "retry"] {
        let latest_first = ["incident-8", "incident-7"];
        assert_eq!(offered(&place, &[command, "inc"]), latest_first, "{command}");
    }
    let profiles =
        "[profiles.cust-a]\ntenant = \"a.example\"\n[profiles.b]\ntenant = \"b.example\"\n";
    std::fs::write(place.path("settings.toml"), profiles).unwrap();
    assert_eq!(offered(&place, &["doctor", "--profile", "cu"]), ["cust-a"]);
}

#[test]
fn each_shell_is_told_to_ask_the_program_and_bash_does() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(place.fleetsweep(&["completions", shell]));
        assert_eq!(script.code, 0, "{}", script.err);
        assert!(script.out.contains("FLEETSWEEP_COMPLETE"), "{shell}: {}", script.out);
    }
    for (words, offer) in [
        ("fleetsweep scan --type ''", "quick full"),
        ("fleetsweep scan --type = q", "quick"),
        ("fleetsweep scan --type = quick --cloud gcc-", "gcc-high"),
        ("fleetsweep help wav", "waves"),
    ] {
        let tab = format!(
            "PATH=$(dirname \"$1\"):$PATH; . <(\"$1\" completions bash); \
             COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             $(complete -p fleetsweep | sed 's/.*-F \\([^ ]*\\).*/\\1/') \
             fleetsweep \"${{COMP_WORDS[COMP_CWORD]}}\"; echo \"${{COMPREPLY[@]}}\""
        );
        let said = run(through("bash", &["-c", &tab, "bash"], &place.fleetsweep(&[])));
        assert_eq!((said.out.trim(), said.code), (offer, 0), "{words}: {}", said.err);
    }
}

#[test]
fn in_powershell_a_tab_runs_nothing_that_was_typed_and_an_empty_word_is_not_lost() {
    let place = Place::new();
    let script = run(place.fleetsweep(&["completions", "powershell"])).out;
    assert!(!script.contains("Invoke-Expression"), "{script}");
    assert!(script.contains("Register-ArgumentCompleter -Native -CommandName fleetsweep "));
    // An older PowerShell passes this on as an empty word, and an empty word not at all.
    assert!(script.contains("{ '\"\"' } else { '' }"), "{script}");
    let ask = |words: &[&str]| {
        let mut asked = place.fleetsweep(&["--", "fleetsweep"]);
        asked.env("FLEETSWEEP_COMPLETE", "powershell").args(words);
        run(asked).out
    };
    assert_eq!(ask(&["scan", "--type", ""]), "quick\nfull\n");
    assert!(ask(&["scan", "--type"]).starts_with("--type\tType of the scan"));
}

/// What a shell offers for this line by its own means. Returns `None` if the shell is not there.
fn offered_by(shell: &str, script: &str, line: &str) -> Option<String> {
    offered_by_in(&Place::new(), shell, script, line)
}

/// The same, in this place.
fn offered_by_in(place: &Place, shell: &str, script: &str, line: &str) -> Option<String> {
    let asked = format!("command -v {shell} || true");
    let found = run(through("sh", &["-c", &asked, "sh"], &place.fleetsweep(&[])));
    if found.out.is_empty() {
        return None;
    }
    let name = if shell == "fish" { "--no-config" } else { "--no-rcs" };
    let said = run(through(shell, &[name, "-c", script, shell, line], &place.fleetsweep(&[])));
    assert_eq!(said.code, 0, "{shell}: {}", said.err);
    Some(said.out)
}

#[test]
fn zsh_and_fish_offer_values_where_they_are() {
    // Instead of drawing a menu, zsh's own function here prints what it would draw.
    let zsh = "PATH=${2:h}:$PATH; compdef() { asked=$1 }; \
               _describe() { print -l -- ${(P)3} }; source <($2 completions zsh); \
               words=(${(z)1}); [[ $1 == *' ' ]] && words+=(''); CURRENT=$#words; $asked";
    let fish = "set PATH (dirname $argv[3]) $PATH; $argv[3] completions fish | source; \
                complete -C $argv[2]";
    for (line, offer) in [
        ("fleetsweep scan --type ", "quick"),
        ("fleetsweep scan --emulator --scenario thr", "throttled"),
        ("fleetsweep sc", "schedule"),
        ("fleetsweep help wav", "waves"),
    ] {
        for (shell, script) in [("zsh", zsh), ("fish", fish)] {
            let Some(told) = offered_by(shell, script, line) else { continue };
            let is_offered = |one: &str| one.split(['\t', ':']).next() == Some(offer);
            assert!(told.lines().any(is_offered), "{shell}, `{line}`: {told}");
        }
    }
}

#[test]
fn zsh_is_answered_at_the_first_tab_from_a_file_of_its_fpath() {
    let place = Place::new();
    let script = run(place.fleetsweep(&["completions", "zsh"])).out;
    assert!(script.contains("[[ $funcstack[1] == _fleetsweep ]]"), "{script}");
    std::fs::write(place.path("_fleetsweep"), script).unwrap();
    let zsh = "_describe() { print -l -- ${(P)3} }; compdef() { print never }; \
               PATH=${2:h}:$PATH; fpath=(.); autoload -U _fleetsweep; \
               words=(fleetsweep help wav); CURRENT=3; _fleetsweep";
    if let Some(told) = offered_by_in(&place, "zsh", zsh, "") {
        assert_eq!(told.trim(), "waves");
    }
}
