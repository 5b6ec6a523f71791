//! How help is arranged: which option stands under which heading, by what people think of, and
//! which of them `-h` shows. What an option means stands where it is defined.

use clap::{Arg, Command};

/// The headings, and their options by their long names. An option that is not here stands under
/// `Options`, with those that every command has.
const HEADINGS: [(&str, &str); 8] = [
    (
        "What to scan",
        "from-tenant type comment campaign names strict-names column skip-bad-rows max-rows keep \
         skip busy first order",
    ),
    (
        "Which of the tenant's devices",
        "health onboarding os tag group seen-within not-seen-for device-value name filter",
    ),
    (
        "Safety",
        "dry-run approve-max check no-check canary canary-tag canary-file canary-random \
         canary-seed canary-wait waves wave-wait max-failures ticket plan-out plan approve-plan",
    ),
    ("When", "window tz last-order start-at until max-duration expire-pending due series detach"),
    ("How fast", "limit leave pace concurrency priority max-wait time-scale"),
    (
        "Reports and state",
        "report force json metrics store on-finish on-event follow follow-for follow-every",
    ),
    (
        "Tenant and sign-in",
        "profile tenant client-id auth client-secret-file client-secret-credential \
         client-certificate token-file identity-client-id cloud api-url login-url ca-file \
         all-profiles profiles",
    ),
    ("Emulator", "emulator scenario seed"),
];

/// What `-h` shows of a command with many options: what most people need on most days.
const OF_EVERY_DAY: &str = "type comment dry-run approve-max canary window profile \
                            client-secret-file report follow emulator help";

/// What it shows beside these of some commands.
const ALSO_OF: [(&str, &str); 4] = [
    ("resume", "until limit"),
    ("devices", "health os tag group seen-within"),
    ("work", "all-profiles store"),
    ("doctor", "all-profiles json"),
];

/// The options of a command that fit onto one screen with all their texts.
const FEW: usize = 15;

fn has(options: &str, long: &str) -> bool {
    options.split(' ').any(|option| option == long)
}

/// The command with its options under their headings. Where they are many, `-h` shows those of
/// every day, and where the others are.
pub(super) fn arranged(command: Command) -> Command {
    if command.get_opts().count() <= FEW {
        return command.mut_args(under_heading);
    }
    let name = command.get_name().to_owned();
    let also = ALSO_OF.iter().find(|(of, _)| *of == name).map_or("", |(_, options)| *options);
    let more =
        format!("All options and examples: fleetsweep {name} --help. Topics: fleetsweep help.");
    let end = match command.get_after_help() {
        Some(end) => format!("{end}\n{more}"),
        None => more,
    };
    let whole = command.get_after_long_help().cloned().unwrap_or_default();
    let command = command.after_help(end).after_long_help(whole);
    command.mut_args(|option| short_or_long(option, also))
}

/// The option under its heading, unless it says its own.
fn under_heading(option: Arg) -> Arg {
    match option.get_help_heading() {
        // Said by one that shares its name with an option of a heading.
        Some("Options") => return option.help_heading(None::<&str>),
        Some(_) => return option,
        None => {}
    }
    let long = option.get_long().unwrap_or_default();
    let heading = HEADINGS.iter().find(|(_, options)| has(options, long));
    match heading.map(|(heading, _)| *heading) {
        Some(heading) => option.help_heading(heading),
        None => option,
    }
}

/// The option under its heading, and hidden from `-h` if it is one of many commands that most
/// people need on few days.
fn short_or_long(option: Arg, also: &str) -> Arg {
    let is_shared = |long: &str| HEADINGS.iter().any(|(_, options)| has(options, long));
    let is_rare = |long: &str| is_shared(long) && !has(OF_EVERY_DAY, long) && !has(also, long);
    let is_rare = option.get_long().is_some_and(is_rare);
    under_heading(option).hide_short_help(is_rare)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Cli;

    #[test]
    fn every_option_of_scan_has_a_heading_and_every_heading_its_options() {
        let program = Cli::command();
        let scan = program.find_subcommand("scan").unwrap();
        let of = |command: &Command| -> BTreeSet<String> {
            command.get_arguments().filter_map(Arg::get_long).map(str::to_owned).collect()
        };
        let listed = HEADINGS.iter().flat_map(|(_, options)| options.split(' '));
        let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
        assert_eq!(of(scan), listed);
        let mut shown = OF_EVERY_DAY.split(' ');
        assert!(shown.all(|option| option == "help" || listed.contains(option)));
        for (command, also) in ALSO_OF {
            let command = program.find_subcommand(command).unwrap();
            assert!(also.split(' ').all(|option| of(command).contains(option)), "{also}");
        }
    }
}
