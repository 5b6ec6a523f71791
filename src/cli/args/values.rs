//! From the words that were typed to the values that they stand for.

use crate::domain::preflight::Group;
use crate::domain::request::OrNone;
use crate::domain::{BusyPolicy, Cloud, PaceKind, Priority, ScanType, SignInKind};
use crate::ops::failure::Failure;

/// The types of a scan.
pub(super) const TYPES: [&str; 2] = ["quick", "full"];

/// How bursts are spread.
pub(super) const PACES: [&str; 2] = ["fast", "even"];

/// What is done with busy devices.
pub(super) const BUSY: [&str; 2] = ["report", "retry"];

/// Several values, which may be taken away by the word `none`. Returns `None` if none was typed.
pub(super) fn all<T>(typed: Vec<OrNone<T>>) -> Result<Option<Vec<T>>, Failure> {
    if typed.is_empty() {
        return Ok(None);
    }
    let values = typed.into_iter().map(|one| match one {
        OrNone::None => None,
        OrNone::Is(value) => Some(value),
    });
    Ok(Some(values.collect::<Option<Vec<T>>>().unwrap_or_default()))
}

/// The kind of sign-in that was typed.
pub(super) fn auth(word: Option<String>) -> Result<Option<SignInKind>, Failure> {
    word.as_deref().map(sign_in_kind).transpose()
}

/// The kind of sign-in of a word.
///
/// # Errors
/// `Failure` if there is none.
pub(in crate::cli) fn sign_in_kind(word: &str) -> Result<SignInKind, Failure> {
    SignInKind::named(word).ok_or_else(|| {
        let known: Vec<&str> = SignInKind::ALL.into_iter().map(SignInKind::name).collect();
        Failure::usage(
            format!("there is no kind of sign-in `{word}`"),
            "--auth or FLEETSWEEP_AUTH names it",
            format!("use one of {}", known.join(", ")),
        )
    })
}

/// The cloud that was typed.
pub(super) fn cloud(name: Option<String>) -> Result<Option<Cloud>, Failure> {
    let Some(name) = name else { return Ok(None) };
    Cloud::named(&name).map(Some).ok_or_else(|| {
        let known: Vec<&str> = Cloud::ALL.into_iter().map(Cloud::name).collect();
        Failure::usage(
            format!("there is no cloud `{name}`"),
            "--cloud or FLEETSWEEP_CLOUD names it",
            format!("use one of {}", known.join(", ")),
        )
    })
}

pub(super) fn scan_type(text: &str) -> Result<ScanType, String> {
    text.parse().map_err(|()| "write quick or full".to_owned())
}

pub(super) fn group(text: &str) -> Result<Group, String> {
    Group::named(text)
        .ok_or_else(|| format!("write one of {}", groups().collect::<Vec<_>>().join(", ")))
}

/// The groups of which the user may say what is done with them.
pub(super) fn groups() -> impl Iterator<Item = &'static str> {
    Group::ALL.into_iter().filter(|group| group.is_the_users()).map(Group::name)
}

pub(super) fn pace(text: &str) -> Result<PaceKind, String> {
    let all = [PaceKind::Fast, PaceKind::Even];
    all.into_iter().find(|one| one.name() == text).ok_or_else(|| "write fast or even".to_owned())
}

pub(super) fn busy(text: &str) -> Result<BusyPolicy, String> {
    let all = [BusyPolicy::Report, BusyPolicy::Retry];
    let one = all.into_iter().find(|one| one.name() == text);
    one.ok_or_else(|| "write report or retry".to_owned())
}

pub(super) fn priority(text: &str) -> Result<Priority, String> {
    text.parse().map_err(|()| "write normal or high".to_owned())
}

pub(super) fn percent(text: &str) -> Result<u8, String> {
    let number = text.trim_end_matches('%').parse().ok().filter(|percent| *percent < 100);
    number.ok_or_else(|| "write a share from 0% to 99%".to_owned())
}
