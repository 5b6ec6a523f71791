//! The command that goes on with a campaign, whole, so that it can be copied: with the settings
//! that were typed and that a later process would not find by itself. It never holds a secret,
//! since no flag does.

use std::path::Path;

use super::args::{RunArgs, SpeedArgs};
use crate::domain::CampaignName;
use crate::domain::text::printable;

/// The command that goes on with this campaign; nothing if its store goes with this process.
pub(super) fn resume_command(campaign: &CampaignName, typed: &RunArgs) -> Option<String> {
    let RunArgs { speed, rules, output, after, connect, emulator } = typed;
    if emulator.emulator && output.store.is_none() {
        return None;
    }
    let mut command = format!("fleetsweep resume {campaign}");
    let mut flag = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            command.push_str(&format!(" --{name} {}", quoted(value)));
        }
    };
    flag("store", output.store.as_deref());
    flag("config", connect.config.as_deref().and_then(Path::to_str));
    flag("profile", connect.profile.as_deref());
    // A profile says the rest, and nothing that was typed differs from it.
    if connect.profile.is_none() {
        flag("tenant", connect.tenant.as_deref());
        flag("client-id", connect.client_id.as_deref());
        flag("auth", connect.auth.as_deref());
        flag("client-secret-file", connect.client_secret_file.as_deref().and_then(Path::to_str));
        flag("client-certificate", connect.client_certificate.as_deref().and_then(Path::to_str));
        flag("token-file", connect.token_file.as_deref().and_then(Path::to_str));
        flag("cloud", connect.cloud.as_deref());
        flag("api-url", connect.api_url.as_deref());
        flag("login-url", connect.login_url.as_deref());
        flag("ca-file", connect.ca_file.as_deref().and_then(Path::to_str));
    }
    output.reports.iter().for_each(|path| flag("report", path.to_str()));
    // Without its windows the campaign would go on at once.
    let SpeedArgs { hours, time_scale, .. } = speed;
    hours.windows.iter().for_each(|window| flag("window", Some(&window.to_string())));
    flag("tz", hours.tz.as_deref());
    let last_order = hours.last_order.map(|at| format!("{:02}:{:02}", at / 60, at % 60));
    flag("last-order", last_order.as_deref());
    flag("max-failures", rules.max_failures.map(|most| most.to_string()).as_deref());
    flag("on-finish", after.on_finish.as_deref());
    flag("scenario", emulator.scenario.as_deref());
    let scale = (*time_scale > 1).then(|| time_scale.to_string());
    flag("time-scale", scale.as_deref());
    if emulator.emulator {
        command.push_str(" --emulator");
    }
    Some(command)
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", printable(word).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Cli, Command};

    fn command_after(args: &str) -> Option<String> {
        let args = ["fleetsweep", "scan", "list.csv", "--type=full", "--comment=x"]
            .into_iter()
            .chain(args.split_whitespace());
        let Command::Scan(args) = Cli::parse_from(args).command else { unreachable!("it is scan") };
        let name = "c1".parse().unwrap();
        resume_command(&name, &args.run)
    }

    #[test]
    fn the_command_that_goes_on_repeats_what_was_typed_and_a_shell_reads_it_back() {
        assert_eq!(command_after("").as_deref(), Some("fleetsweep resume c1"));
        let typed = "--on-finish ./tell.sh --tenant t1 --client-secret-file a'b \
                     --store sqlite:/x/y.db --report r.csv";
        assert_eq!(
            command_after(typed).as_deref(),
            Some(
                "fleetsweep resume c1 --store sqlite:/x/y.db --tenant t1 \
                 --client-secret-file 'a'\\''b' --report r.csv --on-finish \
                 ./tell.sh"
            )
        );
        let nights = ["--window", "Mon-Fri 22:00-06:00", "--tz", "UTC", "--last-order", "03:00"];
        let words = ["fleetsweep", "scan", "l.csv", "--type=full", "--comment=x"];
        let Command::Scan(args) = Cli::parse_from(words.into_iter().chain(nights)).command else {
            unreachable!("it is scan")
        };
        let name = "c1".parse().unwrap();
        let again = resume_command(&name, &args.run);
        let windows = "--window 'Mon-Fri 22:00-06:00' --tz UTC --last-order 03:00";
        assert_eq!(again, Some(format!("fleetsweep resume c1 {windows}")));
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
    fn a_temporary_store_has_no_command_that_goes_on() {
        assert_eq!(command_after("--emulator"), None);
    }
}
