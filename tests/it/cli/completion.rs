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
    let tab = "PATH=$(dirname \"$1\"):$PATH; . <(\"$1\" completions bash); \
               COMP_WORDS=(fleetsweep scan --type ''); COMP_CWORD=3; \
               $(complete -p fleetsweep | sed 's/.*-F \\([^ ]*\\).*/\\1/') fleetsweep '' --type; \
               echo \"${COMPREPLY[@]}\"";
    let said = run(through("bash", &["-c", tab, "bash"], &place.fleetsweep(&[])));
    assert_eq!((said.out.as_str(), said.code), ("quick full\n", 0), "{}", said.err);
}
