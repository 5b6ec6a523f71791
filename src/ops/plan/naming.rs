//! What a run is called, and what its comment may hold: both stand in every order. Which names of a
//! series are free is `series`'s.

use jiff::ZonedDateTime;

use crate::domain::campaign::{COMMENT_MAX, text_of};
use crate::domain::request::ScanRequest;
use crate::domain::{CampaignName, Mark, ScanType};
use crate::ops::failure::Failure;

/// The name of the campaign: the one that was typed, or a new one.
///
/// # Errors
/// `Failure` if the system gives no random numbers.
pub fn name_of(request: &ScanRequest, now: &ZonedDateTime) -> Result<CampaignName, Failure> {
    match (&request.campaign, &request.due.series) {
        (Some(name), _) => Ok(name.clone()),
        (None, Some(series)) => series.names(now.date()).next().ok_or_else(|| {
            Failure::usage("no run can be named", series.to_string(), "give a shorter --series")
        }),
        (None, None) => default_name(request, now),
    }
}

/// The type of the scan.
///
/// # Errors
/// `Failure` if neither a person nor a plan said it.
pub fn scan_type(request: &ScanRequest) -> Result<ScanType, Failure> {
    request.scan_type.ok_or_else(|| {
        let next = "add --type quick or --type full";
        Failure::usage("no type is given", "neither --type nor --plan says it", next)
    })
}

/// Refuses a comment that the API would not take.
///
/// # Errors
/// `Failure` says what is wrong with it.
pub fn check_comment(request: &ScanRequest, name: &CampaignName) -> Result<(), Failure> {
    let next = "say why the scan is run, such as --comment \"Incident 4711\"";
    let text = request.comment.as_deref().unwrap_or_default().trim();
    if text.is_empty() {
        return Err(Failure::usage("the comment is empty", "the API requires one", next));
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        let why = format!("it holds the control character {}", c.escape_unicode());
        return Err(Failure::usage("the comment cannot be used", why, next));
    }
    let text = text_of(request.ticket.as_ref(), text);
    let length = Mark::new(name, 0).comment(&text).chars().count();
    let most = COMMENT_MAX;
    if length > most {
        let with = if request.ticket.is_some() { "mark and ticket" } else { "mark" };
        let why = format!("with its {with} it has {length} characters, and {most} are allowed");
        return Err(Failure::usage("the comment is too long", why, "shorten it"));
    }
    Ok(())
}

/// Bits that nobody can foresee.
///
/// # Errors
/// `Failure` if the system gives no random numbers.
pub(crate) fn random() -> Result<u64, Failure> {
    getrandom::u64().map_err(|error| {
        let next = "check that the system gives random numbers";
        Failure::failed("no random number could be had", error, next)
    })
}

fn default_name(request: &ScanRequest, now: &ZonedDateTime) -> Result<CampaignName, Failure> {
    let letters = b"abcdefghijkmnpqrstuvwxyz";
    let mut bits = random()?;
    let suffix: String = (0..6)
        .map(|_| {
            let letter = letters[usize::try_from(bits % letters.len() as u64).unwrap_or(0)];
            bits /= letters.len() as u64;
            char::from(letter)
        })
        .collect();
    let date = now.timestamp().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let name = format!("{}-{date}-{suffix}", scan_type(request)?);
    name.parse().map_err(|error| {
        Failure::failed("no name could be made", format!("{error}"), "give one with --campaign")
    })
}
