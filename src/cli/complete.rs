//! Completion in a shell: the options and values of the definition that parses them, and what
//! stands in the store and in the settings file. The shell asks the program at each Tab, by a
//! variable of the environment; the program then answers, and does nothing else.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use super::args::Cli;
use super::parse::read_other;
use super::settings::paths;
use super::topics::TOPICS;
use crate::clock::local_now;
use crate::domain::Doing;
use crate::domain::record::Campaign;
use crate::ops::stores::{Place, latest_campaigns};

/// The variable by which a shell asks; its value is the shell's name.
const ASKED_BY: &str = "FLEETSWEEP_COMPLETE";

/// How long a shell waits for the store at most: people who pressed Tab wait with it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers a shell that asks, and then ends the process; otherwise does nothing.
pub fn if_asked() {
    CompleteEnv::with_factory(completable).var(ASKED_BY).complete();
}

/// What a shell has to run so that it asks the program `fleetsweep`.
///
/// # Errors
/// Why a shell is not known.
pub(super) fn registration(shell: Shell) -> std::io::Result<Vec<u8>> {
    if shell == Shell::PowerShell {
        return Ok(IN_POWERSHELL.into());
    }
    let name = shell.to_string();
    let known = Shells::builtins();
    let of_shell = known.completer(&name).ok_or(std::io::ErrorKind::Unsupported)?;
    let mut script = Vec::new();
    let program = "fleetsweep";
    of_shell.write_registration(ASKED_BY, program, program, program, &mut script)?;
    let (clap_says, said_here) = match shell {
        Shell::Bash => (BASH_ASKS, BASH_JOINS_AND_ASKS),
        Shell::Zsh => (ZSH_REGISTERS, ZSH_ANSWERS_OR_REGISTERS),
        _ => return Ok(script),
    };
    Ok(String::from_utf8_lossy(&script).replacen(clap_says, said_here, 1).into_bytes())
}

/// Instead of clap's script, which hands what was typed to `Invoke-Expression`: redirections and
/// commands in brackets would be carried out at a Tab.
const IN_POWERSHELL: &str = include_str!("complete.ps1");

/// Where bash asks. It takes `--type=quick` for three words, of which the program makes nothing.
const BASH_ASKS: &str = "    COMPREPLY=( $( \\\n";
const BASH_JOINS_AND_ASKS: &str = "    local joined=() word
    for word in \"${!words[@]}\"; do
        if [[ \"${words[word]}\" == = ]]; then
            ((word < COMP_CWORD)) && ((_CLAP_COMPLETE_INDEX -= 1))
        else
            joined+=(\"${words[word]}\")
        fi
    done
    words=(\"${joined[@]}\")
    COMPREPLY=( $( \\\n";

/// Where zsh is told whom to ask. It reads a file of its `fpath` at the first Tab, as the function
/// that answers it.
const ZSH_REGISTERS: &str = "compdef _clap_dynamic_completer_fleetsweep fleetsweep\n";
const ZSH_ANSWERS_OR_REGISTERS: &str = "if [[ $funcstack[1] == _fleetsweep ]]; then
    _clap_dynamic_completer_fleetsweep \"$@\"
else
    compdef _clap_dynamic_completer_fleetsweep fleetsweep
fi
";

/// The command line, with what its arguments can be where that is known only here and now.
fn completable() -> Command {
    Cli::command().mut_subcommands(|command| command.mut_args(with_candidates))
}

fn with_candidates(argument: Arg) -> Arg {
    let is_named =
        |name| argument.get_value_names().is_some_and(|names| names.iter().any(|one| *one == name));
    if is_named("CAMPAIGN") {
        argument.add(ArgValueCandidates::new(campaigns))
    } else if argument.get_id() == "profile" {
        argument.add(ArgValueCandidates::new(profiles))
    } else if is_named("TOPIC|COMMAND") {
        argument.add(ArgValueCandidates::new(subjects))
    } else {
        argument
    }
}

/// The campaigns of the usual store, the newest first, each with what it does. A store that is not
/// there, or does not answer soon, has none: there is no place for an error here.
fn campaigns() -> Vec<CompletionCandidate> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return Vec::new() };
    let read = runtime.block_on(async { tokio::time::timeout(PATIENCE, read_campaigns()).await });
    let Ok(Some(campaigns)) = read else { return Vec::new() };
    let now = local_now().timestamp();
    let candidate = |(at, campaign): (usize, &Campaign)| {
        CompletionCandidate::new(campaign.name.as_str())
            .help(Some(Doing::of(campaign, now).word().into()))
            .display_order(Some(at))
    };
    campaigns.iter().enumerate().map(candidate).collect()
}

async fn read_campaigns() -> Option<Vec<Campaign>> {
    let parsed = read_other(&["status".to_owned()]).ok()?;
    let place = Place::durable(&paths::store_choice(parsed.store.as_ref())).ok()?;
    latest_campaigns(&place).await.ok()
}

fn profiles() -> Vec<CompletionCandidate> {
    let parsed = read_other(&["status".to_owned(), "--all-profiles".to_owned()]);
    let tenants = parsed.map(|parsed| parsed.tenants).unwrap_or_default();
    tenants.into_iter().filter_map(|tenant| tenant.profile).map(CompletionCandidate::new).collect()
}

fn subjects() -> Vec<CompletionCandidate> {
    let topics = TOPICS.iter().map(|topic| OsString::from(topic.name));
    let program = Cli::command();
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set());
    let commands = shown.map(|command| OsString::from(command.get_name()));
    commands.chain(topics).map(CompletionCandidate::new).collect()
}
