//! How help is arranged: which option stands under which heading, by what people think of, and
//! which of them `-h` shows. What an option means stands where it is defined.

use clap::Arg;

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

/// What `scan -h` shows: what most people need on most days.
const OF_EVERY_DAY: &str = "type comment dry-run approve-max canary window profile \
                            client-secret-file report follow emulator help";

fn has(options: &str, long: &str) -> bool {
    options.split(' ').any(|option| option == long)
}

/// The option under its heading, unless it says its own.
pub(super) fn under_heading(option: Arg) -> Arg {
    if option.get_help_heading().is_some() {
        return option;
    }
    let long = option.get_long().unwrap_or_default();
    let heading = HEADINGS.iter().find(|(_, options)| has(options, long));
    match heading.map(|(heading, _)| *heading) {
        Some(heading) => option.help_heading(heading),
        None => option,
    }
}

/// The option under its heading, and hidden from `-h` if most people need it on few days.
pub(super) fn short_or_long(option: Arg) -> Arg {
    let long = option.get_long();
    let is_rare = long.is_some_and(|long| !has(OF_EVERY_DAY, long));
    under_heading(option).hide_short_help(is_rare)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Command, CommandFactory};

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
    }
}
