//! `init`: asks for what a tenant needs and writes it into the settings file. Secrets are neither
//! asked for nor written, only where they are; that all of it works is `doctor`'s to say.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::args::InitArgs;
use crate::cli::settings::config::usual_place;
use crate::cli::settings::env::variable;
use crate::cli::settings::first::{Profile, added, may_be_added};
use crate::cli::settings::sign_in::{check_certificate, unusable};
use crate::defender::read_value;
use crate::domain::SignInKind;
use crate::domain::service::{is_domain, unbraced};
use crate::domain::text::{is_guid, printable};
use crate::ops::connection::origin;
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::ui::Question;
use crate::system::shell;

/// Writes a profile, and returns the words of the command that checks it.
///
/// # Errors
/// `Failure` if something is not said and nobody can be asked, if it cannot be right, or if the
/// file cannot be read or written.
pub(super) async fn init(
    cx: &Context<'_>,
    args: InitArgs,
    config: Option<&Path>,
) -> Result<Vec<String>, Failure> {
    let path = place(config)?;
    let stays = |why| Failure::usage(format!("{} stays as it is", path.display()), why, OTHER);
    let before = std::fs::read_to_string(&path).ok();
    may_be_added(before.as_deref(), &args.name).map_err(stays)?;
    let profile = asked_for(cx, args).await?;
    let text = added(before.as_deref(), &profile).map_err(stays)?;
    write(&path, &text).map_err(|error| {
        let next = "check the folder's owner and rights, or name another file with --config";
        Failure::failed(format!("{} cannot be written", path.display()), error, next)
    })?;
    let mut check = vec!["doctor".to_owned(), "--profile".to_owned(), profile.name];
    if let Some(config) = config {
        check.extend(["--config".to_owned(), config.display().to_string()]);
    }
    let words: Vec<_> = check.iter().map(|word| shell::word(word)).collect();
    cx.ui.say(&format!(
        "The settings are in {}. Checking them, as `fleetsweep {}` does:",
        path.display(),
        words.join(" ")
    ));
    Ok(check)
}

/// The profile, of what is typed and what is asked for.
async fn asked_for(cx: &Context<'_>, args: InitArgs) -> Result<Profile, Failure> {
    let tenant = answer(cx, args.tenant, &TENANT).await?;
    // Who names a file and no kind means a client secret, as before there was a choice.
    let secret = args.file.as_ref().map(|_| SignInKind::Secret.name().to_owned());
    let kind = answer(cx, args.auth.or(secret), &AUTH).await?;
    let kind = SignInKind::named(&kind).unwrap_or(SignInKind::Secret);
    let client_id = match kind {
        kind if kind.is_bound() => Some(answer(cx, args.client_id, &APPLICATION).await?),
        _ => args.client_id,
    };
    let file = match file_of(kind) {
        Some(asked) => Some(answer(cx, args.file, asked).await?),
        None => args.file,
    };
    let api_url = address(args.api_url, "--api-url")?;
    let login_url = address(args.login_url, "--login-url")?;
    Ok(Profile { name: args.name, tenant, kind, client_id, file, api_url, login_url })
}

const OTHER: &str = "name another profile with --profile, or edit the file";

/// Something that is asked for: the option that says it too, the question, and what is wrong with
/// an answer.
struct Asked {
    option: &'static str,
    question: &'static str,
    wrong: fn(&str) -> Option<String>,
}

const TENANT: Asked = Asked {
    option: "--tenant",
    question: "Directory (tenant) ID, from the application's overview page: ",
    wrong: |text| {
        let is_one = is_guid(text) || is_domain(text);
        if is_one { None } else { Some("it is no GUID and no domain".to_owned()) }
    },
};

const AUTH: Asked = Asked {
    option: "--auth",
    question: "Way to sign in: secret (a client secret in a file), certificate, managed-identity,\n\
               federated-identity, workload, azure-cli, device-code or token-file [secret]: ",
    wrong: |text| {
        let is_known = text.is_empty() || SignInKind::named(text).is_some();
        if is_known { None } else { Some("there is no such way to sign in".to_owned()) }
    },
};

const APPLICATION: Asked = Asked {
    option: "--client-id",
    question: "Application (client) ID, from the same page: ",
    wrong: |text| if is_guid(text) { None } else { Some("it is no GUID".to_owned()) },
};

/// The file that this way to sign in needs. One that cannot be used is asked for again, before the
/// profile that names it is written.
fn file_of(kind: SignInKind) -> Option<&'static Asked> {
    const fn file(question: &'static str, wrong: fn(&str) -> Option<String>) -> Asked {
        Asked { option: "--file", question, wrong }
    }
    static SECRET: Asked = file("File with the client secret, which only you can read: ", |path| {
        wrong_file(path, |path| {
            read_value(path).map(drop).map_err(|error| unusable(path, "secret", error))
        })
    });
    static CERTIFICATE: Asked =
        file("PEM file with certificate and key, which only you can read: ", |path| {
            wrong_file(path, check_certificate)
        });
    static TOKEN: Asked = file("File in which another program keeps a token fresh: ", |path| {
        wrong_file(path, |_| Ok(()))
    });
    match kind {
        SignInKind::Secret => Some(&SECRET),
        SignInKind::Certificate => Some(&CERTIFICATE),
        SignInKind::TokenFile => Some(&TOKEN),
        _ => None,
    }
}

/// What is wrong with a file, if anything is.
fn wrong_file(text: &str, check: fn(&Path) -> Result<(), Failure>) -> Option<String> {
    match Path::new(text) {
        _ if text.is_empty() => Some("no file is named".to_owned()),
        path if !path.is_file() => Some("there is no such file".to_owned()),
        path => check(path).err().map(|Failure { why, next, .. }| format!("{why}; {next}")),
    }
}

/// What was said, or else is asked for, until it can be right.
async fn answer(cx: &Context<'_>, said: Option<String>, asked: &Asked) -> Result<String, Failure> {
    let mut said = said;
    loop {
        let was_typed = said.is_none();
        let text = match said.take() {
            Some(text) => text,
            None => {
                let (headline, prompt) = (String::new(), asked.question.to_owned());
                cx.ui.ask(Question { headline, prompt }).await.map_err(|unasked| {
                    let next = format!(
                        "run it on a terminal, or add {}; it asks for --tenant, --auth, \
                         --client-id and --file",
                        asked.option
                    );
                    Failure::usage(format!("{} is not given", asked.option), unasked.text(), next)
                })?
            }
        };
        let text = at_home(unbraced(text.trim()));
        let Some(why) = (asked.wrong)(&text) else { return Ok(text) };
        let what = format!("`{}` cannot be right", printable(&text));
        if !was_typed {
            let next = format!("run `fleetsweep init` again, with the right {}", asked.option);
            return Err(Failure::usage(what, why, next));
        }
        cx.ui.say(&format!("{what}: {why}."));
    }
}

/// An address that was typed, if it can be one.
fn address(said: Option<String>, option: &str) -> Result<Option<String>, Failure> {
    said.map(|text| origin(&text, option).map(|_| text)).transpose()
}

/// A path below the home folder as a shell would write it out: nobody else does for the file.
fn at_home(text: &str) -> String {
    let home = variable("HOME").filter(|home| !home.is_empty());
    match (text.strip_prefix("~/"), home) {
        (Some(below), Some(home)) => Path::new(&home).join(below).display().to_string(),
        _ => text.to_owned(),
    }
}

fn place(config: Option<&Path>) -> Result<PathBuf, Failure> {
    let named = config.map(Path::to_owned);
    let named = named.or_else(|| variable("FLEETSWEEP_CONFIG").map(PathBuf::from));
    named.or_else(usual_place).ok_or_else(|| {
        let why = "there is no home folder";
        Failure::usage("no place for settings is known", why, "name a file with --config")
    })
}

/// Writes the whole file at once: settings are there as before, or as they shall be.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
