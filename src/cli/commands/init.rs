//! `init`: asks for what a tenant needs and writes it into the settings file. Secrets are neither
//! asked for nor written, only where they are; that all of it works is `doctor`'s to say.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::args::InitArgs;
use crate::cli::settings::changed::{changed, said_before};
use crate::cli::settings::config::usual_place;
use crate::cli::settings::env::variable;
use crate::cli::settings::first::{Profile, added, has_profile};
use crate::cli::settings::sign_in::{check_certificate, unusable};
use crate::defender::read_value;
use crate::domain::SignInKind;
use crate::domain::service::{is_domain_name, unbraced};
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
    let unchanged = |why| Failure { next: CHANGED.to_owned(), ..stays(why) };
    let before = std::fs::read_to_string(&path).ok();
    let is_there = has_profile(before.as_deref(), &args.name).map_err(stays)?;
    let before = before.unwrap_or_default();
    if is_there {
        may_be_changed(cx, &path, &args.name).await.map_err(unchanged)?;
    }
    // What it says already need not be typed again.
    let profile = asked_for(cx, args, Some(before.as_str()).filter(|_| is_there)).await?;
    let text = if is_there {
        changed(&before, &profile)
    } else {
        added(Some(before.as_str()).filter(|text| !text.is_empty()), &profile)
    };
    let text = text.map_err(stays)?;
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

/// Asks whether a profile that is there is to say something else.
///
/// # Errors
/// Why it stays, as a sentence, if nobody can be asked or says so.
async fn may_be_changed(cx: &Context<'_>, path: &Path, name: &str) -> Result<(), String> {
    let there = format!("it has a profile `{}` already", printable(name));
    let headline = format!(
        "{} has a profile `{}` already. Its settings are asked for again; other profiles and \
         comments stay.",
        path.display(),
        printable(name)
    );
    let prompt = "Type `change` to change it: ".to_owned();
    match cx.ui.ask(Question { headline, prompt }).await {
        Ok(typed) if typed.eq_ignore_ascii_case("change") => Ok(()),
        _ => Err(there),
    }
}

/// The profile, of what is typed and what is asked for; `before` is the text of a file that has it
/// already, and what it says there need not be typed again.
async fn asked_for(
    cx: &Context<'_>,
    args: InitArgs,
    before: Option<&str>,
) -> Result<Profile, Failure> {
    let kept = |setting| said_before(before?, &args.name, setting);
    let tenant = answer(cx, args.tenant, &TENANT, kept("tenant")).await?;
    // Who names a file and no kind means a client secret, as before there was a choice.
    let secret = args.file.as_ref().map(|_| SignInKind::Secret.name().to_owned());
    let kind = answer(cx, args.auth.or(secret), &AUTH, kept("auth")).await?;
    let kind = SignInKind::named(&kind).unwrap_or(SignInKind::Secret);
    let client_id = match kind {
        kind if kind.is_bound() => {
            Some(answer(cx, args.client_id, &APPLICATION, kept("client-id")).await?)
        }
        _ => args.client_id,
    };
    let file = match file_of(kind) {
        Some((asked, setting)) => {
            let file = answer(cx, args.file, asked, kept(setting)).await?;
            // The program is run from other folders too.
            Some(std::path::absolute(&file).map_or(file, |path| path.display().to_string()))
        }
        None => args.file,
    };
    let api_url = address(args.api_url, "--api-url")?;
    let login_url = address(args.login_url, "--login-url")?;
    Ok(Profile { name: args.name, tenant, kind, client_id, file, api_url, login_url })
}

const CHANGED: &str = "to change it, run `fleetsweep init` on a terminal and type `change`; or \
                       name another profile with --profile";

const OTHER: &str = "name another profile with --profile, or edit the file";

/// Something that is asked for: the option that says it too, what it is, the question, what is to
/// be typed, and what is wrong with an answer.
struct Asked {
    option: &'static str,
    about: &'static str,
    question: &'static str,
    wanted: &'static str,
    /// What is meant by no answer.
    usual: Option<&'static str>,
    wrong: fn(&str) -> Option<String>,
}

const TENANT: Asked = Asked {
    option: "--tenant",
    about: "The Directory (tenant) ID, from the application's overview page, or a domain.",
    question: "Tenant",
    wanted: "a GUID or the name of a domain",
    usual: None,
    wrong: |text| {
        let is_one = is_guid(text) || is_domain_name(text);
        if is_one { None } else { Some("it is no GUID and no name of a domain".to_owned()) }
    },
};

const AUTH: Asked = Asked {
    option: "--auth",
    about: "The way to sign in: secret (a client secret in a file), certificate,\n\
            managed-identity, federated-identity, workload, azure-cli, device-code or\n\
            token-file.",
    question: "Way to sign in",
    wanted: "one of these words",
    usual: Some("secret"),
    wrong: |text| match SignInKind::named(text) {
        Some(_) => None,
        None => Some("there is no such way to sign in".to_owned()),
    },
};

const APPLICATION: Asked = Asked {
    option: "--client-id",
    about: "The Application (client) ID, from the same page.",
    question: "Application",
    wanted: "a GUID",
    usual: None,
    wrong: |text| if is_guid(text) { None } else { Some("it is no GUID".to_owned()) },
};

/// The file that this way to sign in needs, and the setting that names it. One that cannot be used
/// is asked for again, before the profile that names it is written.
fn file_of(kind: SignInKind) -> Option<(&'static Asked, &'static str)> {
    const fn file(about: &'static str, wrong: fn(&str) -> Option<String>) -> Asked {
        Asked {
            option: "--file",
            about,
            question: "File",
            wanted: "the path of a file",
            usual: None,
            wrong,
        }
    }
    static SECRET: Asked =
        file("The file with the client secret, which only you can read.", |path| {
            wrong_file(path, |path| {
                read_value(path).map(drop).map_err(|error| unusable(path, "secret", error))
            })
        });
    static CERTIFICATE: Asked =
        file("The PEM file with certificate and key, which only you can read.", |path| {
            wrong_file(path, check_certificate)
        });
    static TOKEN: Asked = file("The file in which another program keeps a token fresh.", |path| {
        wrong_file(path, |_| Ok(()))
    });
    match kind {
        SignInKind::Secret => Some((&SECRET, "client-secret-file")),
        SignInKind::Certificate => Some((&CERTIFICATE, "client-certificate")),
        SignInKind::TokenFile => Some((&TOKEN, "token-file")),
        _ => None,
    }
}

/// What is wrong with a file, if anything is.
fn wrong_file(text: &str, check: fn(&Path) -> Result<(), Failure>) -> Option<String> {
    let path = Path::new(text);
    if !path.is_file() {
        return Some("there is no such file".to_owned());
    }
    check(path).err().map(|Failure { why, next, .. }| format!("{why}; {next}"))
}

/// What was said, or else is asked for, until it can be right; `kept` is what holds already.
async fn answer(
    cx: &Context<'_>,
    said: Option<String>,
    asked: &Asked,
    kept: Option<String>,
) -> Result<String, Failure> {
    let mut said = said;
    let usual = kept.or_else(|| asked.usual.map(str::to_owned));
    loop {
        let was_typed = said.is_none();
        let text = match said.take() {
            Some(text) => text,
            None => ask(cx, asked, usual.as_deref()).await?,
        };
        let text = at_home(unbraced(text.trim()));
        let text = match (text.as_str(), &usual) {
            ("", Some(usual)) if was_typed => usual.clone(),
            _ => text,
        };
        let (what, why) = match (asked.wrong)(&text) {
            None => return Ok(text),
            Some(_) if text.is_empty() => {
                ("Nothing was typed".to_owned(), format!("{} is needed", asked.wanted))
            }
            Some(why) => (format!("`{}` cannot be right", printable(&text)), why),
        };
        if !was_typed {
            let next = format!("run `fleetsweep init` again, with the right {}", asked.option);
            return Err(Failure::usage(what, why, next));
        }
        cx.ui.say(&format!("{what}: {why}."));
    }
}

async fn ask(cx: &Context<'_>, asked: &Asked, usual: Option<&str>) -> Result<String, Failure> {
    let usual = usual.map(|text| format!("\nEnter alone takes {}.", printable(text)));
    let headline = format!("\n{}{}", asked.about, usual.unwrap_or_default());
    let prompt = format!("{}: ", asked.question);
    cx.ui.ask(Question { headline, prompt }).await.map_err(|unasked| {
        let next = format!(
            "run it on a terminal, or add {}; it asks for --tenant, --auth, --client-id and --file",
            asked.option
        );
        Failure::usage(format!("{} is not given", asked.option), unasked.text(), next)
    })
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
