//! How the commands read that the program proposes, so that they can be copied into the same shell:
//! with what was typed and what a later process would not find by itself. They never hold a
//! secret, since no option does.

use std::path::{Path, PathBuf};

use super::args::{AfterArgs, Common, ConnectArgs, RunArgs};
use crate::ops::context::Commands;
use crate::system::shell;

/// What proposed commands have to say again of what was typed.
///
/// A profile that the settings file chooses is found again. One that was typed is said again, and
/// one of the environment where a campaign does not keep whose it is: a later shell may have
/// another, and a campaign of another tenant has nothing to do with it.
pub(super) fn commands(
    typed: &Common<'_>,
    config: Option<&Path>,
    of_environment: Option<&str>,
) -> Commands {
    let mut commands = Commands::default();
    option(&mut commands.store, "store", typed.store.map(String::as_str));
    option(&mut commands.settings, "config", config.and_then(Path::to_str));
    if let Some(connect) = typed.connect {
        option(&mut commands.profile, "profile", connect.profile.as_deref());
        // A profile says the rest, and nothing that was typed differs from it.
        match of_environment {
            _ if !commands.profile.is_empty() => {}
            Some(_) => option(&mut commands.connect, "profile", of_environment),
            None => commands.connect = connection(connect),
        }
    }
    if let Some(run) = typed.run {
        commands.after = afterwards(run);
    }
    commands
}

fn connection(typed: &ConnectArgs) -> String {
    let mut line = String::new();
    let path = |path: &Option<PathBuf>| path.as_deref().and_then(Path::to_str).map(str::to_owned);
    for (name, value) in [
        ("tenant", typed.tenant.clone()),
        ("client-id", typed.client_id.clone()),
        ("auth", typed.auth.clone()),
        ("client-secret-file", path(&typed.client_secret_file)),
        ("client-secret-credential", typed.client_secret_credential.clone()),
        ("client-certificate", path(&typed.client_certificate)),
        ("token-file", path(&typed.token_file)),
        ("identity-client-id", typed.identity_client_id.clone()),
        ("cloud", typed.cloud.clone()),
        ("api-url", typed.api_url.clone()),
        ("login-url", typed.login_url.clone()),
        ("ca-file", path(&typed.ca_file)),
    ] {
        option(&mut line, name, value.as_deref());
    }
    line
}

fn afterwards(run: &RunArgs) -> String {
    let mut line = String::new();
    run.output.reports.iter().for_each(|path| option(&mut line, "report", path.to_str()));
    option(&mut line, "metrics", run.output.metrics.as_deref().and_then(Path::to_str));
    let AfterArgs { on_finish, on_event, follow, follow_for, follow_every } = &run.after;
    option(&mut line, "on-finish", on_finish.as_deref());
    option(&mut line, "on-event", on_event.as_deref());
    option(&mut line, "follow-for", follow_for.map(|time| time.to_string()).as_deref());
    option(&mut line, "follow-every", follow_every.map(|time| time.to_string()).as_deref());
    option(&mut line, "scenario", run.emulator.scenario.as_deref());
    if *follow {
        line.push_str(" --follow");
    }
    if run.emulator.emulator {
        line.push_str(" --emulator");
    }
    line
}

fn option(line: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        line.push_str(&format!(" --{name} {}", shell::word(value)));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Cli, Command};
    use crate::domain::FileDigest;
    use crate::system::shell::word;

    fn resumed(command: Command) -> Option<String> {
        let proposed = commands(&command.common(), None, None);
        let Command::Scan(args) = command else { unreachable!("it is scan") };
        let request = args.one.request().unwrap();
        proposed.resume(&"c1".parse().unwrap(), &request.run)
    }

    fn command_after(args: &str) -> Option<String> {
        let args = ["fleetsweep", "scan", "list.csv", "--type=full", "--comment=x"]
            .into_iter()
            .chain(args.split_whitespace());
        resumed(Cli::parse_from(args).command)
    }

    #[test]
    fn the_command_that_goes_on_repeats_what_was_typed_and_a_shell_reads_it_back() {
        assert_eq!(command_after("").as_deref(), Some("fleetsweep resume c1"));
        let typed = "--on-finish ./tell.sh --tenant t1 --client-secret-file a'b \
                     --store sqlite:/x/y.db --report r.csv";
        let again = format!(
            "fleetsweep resume c1 --store sqlite:/x/y.db --tenant t1 --client-secret-file {} \
             --report r.csv --on-finish ./tell.sh",
            word("a'b")
        );
        assert_eq!(command_after(typed), Some(again));
        let nights = ["--window", "Mon-Fri 22:00-06:00", "--tz", "UTC", "--last-order", "03:00"];
        let words = ["fleetsweep", "scan", "l.csv", "--type=full", "--comment=x"];
        let again = resumed(Cli::parse_from(words.into_iter().chain(nights)).command);
        let window = word("Mon-Fri 22:00-06:00");
        let nights = format!("--window {window} --tz UTC --last-order 03:00");
        assert_eq!(again, Some(format!("fleetsweep resume c1 {nights}")));
        let follow = "--follow-for 4h --follow-every 1m30s --follow";
        assert_eq!(command_after(follow), Some(format!("fleetsweep resume c1 {follow}")));
        assert_eq!(
            command_after("--start-at 22:00 --tz UTC").as_deref(),
            Some("fleetsweep resume c1")
        );
        let certificate = "--auth certificate --client-certificate c.pem --cloud commercial-eu";
        assert_eq!(command_after(certificate), Some(format!("fleetsweep resume c1 {certificate}")));
        let token = "--auth token-file --token-file t.jwt";
        assert_eq!(command_after(token), Some(format!("fleetsweep resume c1 {token}")));
        let there = command_after("--emulator --store sqlite:s.db --time-scale 10");
        assert_eq!(
            there.as_deref(),
            Some("fleetsweep resume c1 --store sqlite:s.db --time-scale 10 --emulator")
        );
    }

    #[test]
    fn what_decides_who_is_ordered_is_in_no_command_that_finds_it_kept_and_in_each_that_does_not() {
        // The campaign keeps who goes first, its waves and its priority; a plan's file all of it.
        let kept = "--first hit.csv --order value --priority high --canary 5 --canary-wait 0s \
                    --waves 10,rest --wave-wait 1m --due 7d";
        assert_eq!(command_after(kept).as_deref(), Some("fleetsweep resume c1"));
        let rules = "--window 22:00-06:00 --max-failures 3% --expire-pending";
        let quoted = rules.replace("3%", &word("3%"));
        assert_eq!(command_after(rules), Some(format!("fleetsweep resume c1 {quoted}")));
        let words = ["fleetsweep", "scan", "l.csv", "--type=full", "--comment=x"].into_iter();
        let words = words.chain(kept.split_whitespace()).chain(rules.split_whitespace());
        let typed = Cli::parse_from(words).command;
        let digest = FileDigest::of(b"");
        let command = commands(&typed.common(), None, None).of_plan(Path::new("/p.json"), &digest);
        assert_eq!(command, format!("fleetsweep scan --plan /p.json --approve-plan {digest}"));
    }

    #[test]
    fn a_campaign_is_gone_on_with_as_it_was_begun_whatever_profile_the_environment_has() {
        let proposed = |args: &str| {
            let words = "fleetsweep scan list.csv --type=full --comment=x".split(' ');
            let typed = Cli::parse_from(words.chain(args.split_whitespace())).command;
            commands(&typed.common(), None, Some("lab"))
        };
        let (name, digest) = ("c1".parse().unwrap(), FileDigest::of(b""));
        let plan = |args: &str| proposed(args).of_plan(Path::new("/p.json"), &digest);
        assert_eq!(proposed("").going_on(&name), "fleetsweep resume c1");
        assert!(plan("").ends_with(" --profile lab"), "{}", plan(""));
        let typed = "--profile prod";
        assert_eq!(proposed(typed).going_on(&name), "fleetsweep resume c1 --profile prod");
        assert!(plan(typed).ends_with(" --profile prod"), "{}", plan(typed));
    }

    #[test]
    fn a_temporary_store_has_no_command_that_goes_on() {
        assert_eq!(command_after("--emulator"), None);
    }
}
