//! The command that goes on with a campaign or runs a plan, whole, so that it can be copied: with
//! the settings that were typed and that a later process would not find by itself. It never holds a
//! secret, since no flag does.

use std::path::{Path, PathBuf};

use super::args::{RunArgs, SpeedArgs};
use crate::domain::quota::duration_text;
use crate::domain::text::printable;
use crate::domain::{CampaignName, FileDigest};

/// The command that goes on with this campaign; nothing if its store goes with this process.
pub(super) fn resume_command(campaign: &CampaignName, typed: &RunArgs) -> Option<String> {
    if typed.emulator.emulator && typed.output.store.is_none() {
        return None;
    }
    let mut line = Line(format!("fleetsweep resume {campaign}"));
    line.settings(typed);
    // Without its windows the campaign would go on at once.
    let SpeedArgs { hours, time_scale, .. } = &typed.speed;
    hours.windows.iter().for_each(|window| line.flag("window", Some(&window.to_string())));
    // A start is one run's alone, and without windows nothing is left for a zone to say.
    line.flag("tz", hours.tz.as_deref().filter(|_| !hours.windows.is_empty()));
    let last_order = hours.last_order.map(|at| format!("{:02}:{:02}", at / 60, at % 60));
    line.flag("last-order", last_order.as_deref());
    line.flag("max-failures", typed.rules.max_failures.map(|most| most.to_string()).as_deref());
    let scale = (*time_scale > 1).then(|| time_scale.to_string());
    line.flag("time-scale", scale.as_deref());
    if hours.expire_pending && !hours.windows.is_empty() {
        line.0.push_str(" --expire-pending");
    }
    line.after(typed);
    Some(line.0)
}

/// The command that runs an approved plan; what the plan itself says is not in it.
pub(super) fn plan_command(plan: &Path, digest: &FileDigest, typed: &RunArgs) -> String {
    let mut line = Line("fleetsweep scan".to_owned());
    line.flag("plan", plan.to_str());
    line.flag("approve-plan", Some(&digest.to_string()));
    line.settings(typed);
    line.after(typed);
    line.0
}

/// A command line under way.
struct Line(String);

impl Line {
    fn flag(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.0.push_str(&format!(" --{name} {}", quoted(value)));
        }
    }

    /// Store, tenant, sign-in and reports.
    fn settings(&mut self, typed: &RunArgs) {
        let RunArgs { output, connect, .. } = typed;
        self.flag("store", output.store.as_deref());
        self.flag("config", connect.config.as_deref().and_then(Path::to_str));
        self.flag("profile", connect.profile.as_deref());
        // A profile says the rest, and nothing that was typed differs from it.
        if connect.profile.is_none() {
            self.flag("tenant", connect.tenant.as_deref());
            self.flag("client-id", connect.client_id.as_deref());
            self.flag("auth", connect.auth.as_deref());
            self.flag("client-secret-file", text(connect.client_secret_file.as_ref()));
            self.flag("client-certificate", text(connect.client_certificate.as_ref()));
            self.flag("token-file", text(connect.token_file.as_ref()));
            self.flag("cloud", connect.cloud.as_deref());
            self.flag("api-url", connect.api_url.as_deref());
            self.flag("login-url", connect.login_url.as_deref());
            self.flag("ca-file", text(connect.ca_file.as_ref()));
        }
        output.reports.iter().for_each(|path| self.flag("report", path.to_str()));
    }

    /// What comes after the last order, and the emulator.
    fn after(&mut self, typed: &RunArgs) {
        let RunArgs { after, emulator, .. } = typed;
        self.flag("on-finish", after.on_finish.as_deref());
        self.flag("follow-for", after.follow_for.map(duration_text).as_deref());
        self.flag("follow-every", after.follow_every.map(duration_text).as_deref());
        self.flag("scenario", emulator.scenario.as_deref());
        if after.follow {
            self.0.push_str(" --follow");
        }
        if emulator.emulator {
            self.0.push_str(" --emulator");
        }
    }
}

fn text(path: Option<&PathBuf>) -> Option<&str> {
    path.and_then(|path| path.to_str())
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
        assert_eq!(command_after(rules), Some(format!("fleetsweep resume c1 {rules}")));
        let words = ["fleetsweep", "scan", "l.csv", "--type=full", "--comment=x"].into_iter();
        let words = words.chain(kept.split_whitespace()).chain(rules.split_whitespace());
        let Command::Scan(args) = Cli::parse_from(words).command else { unreachable!("a scan") };
        let digest = FileDigest::of(b"");
        let command = plan_command(Path::new("/p.json"), &digest, &args.run);
        assert_eq!(command, format!("fleetsweep scan --plan /p.json --approve-plan {digest}"));
    }

    #[test]
    fn a_temporary_store_has_no_command_that_goes_on() {
        assert_eq!(command_after("--emulator"), None);
    }
}
