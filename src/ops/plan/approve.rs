//! Asking before anything is ordered: the user types the number of devices. A bare y would be
//! muscle memory, and a wrong scan of thousands of machines cannot be undone.

use crate::domain::{CampaignName, Caught, Exit};
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::ui::{Question, Unasked};
use crate::report::human::count;

/// Devices of the canary that is proposed.
pub(in crate::ops) const PROPOSED: u64 = 20;

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Answer {
    /// Go.
    Go,
    /// Not like this: plan it with the canary that was proposed.
    Canary,
}

/// Asks, unless `approve_max` allows the plan. If a canary is `proposed`, that can be answered too.
///
/// # Errors
/// `Failure` with exit code 6 if nobody confirms.
pub(in crate::ops) async fn confirm(
    cx: &Context<'_>,
    headline: &str,
    devices: u64,
    approve_max: Option<u64>,
    proposed: bool,
) -> Result<Answer, Failure> {
    if approve_max.is_some_and(|most| devices <= most) {
        return Ok(Answer::Go);
    }
    let refusal = |why: String| {
        Failure::new(
            Exit::Refused,
            "nothing was ordered: the plan is not confirmed",
            why,
            format!(
                "look at the plan, then run it on a terminal, or add --approve-max {devices} to \
                 go without asking"
            ),
        )
    };
    let prompt = format!("Type the number of devices ({}) to start: ", count(devices));
    let question = match proposed {
        true => format!("{headline}\n{}", proposal()),
        false => headline.to_owned(),
    };
    let typed = match answer(cx, question, prompt).await.map_err(refusal)? {
        Ok(typed) => typed,
        Err(unasked) => {
            let unasked = unasked.text();
            return Err(refusal(match approve_max {
                Some(most) => format!(
                    "the plan has {} devices, which is more than --approve-max {most}, and \
                     {unasked}",
                    count(devices)
                ),
                None => unasked.to_owned(),
            }));
        }
    };
    if is_number(&typed, devices) {
        return Ok(Answer::Go);
    }
    if proposed && typed.eq_ignore_ascii_case("canary") {
        return Ok(Answer::Canary);
    }
    Err(refusal(match typed.is_empty() {
        true => "no number was typed".to_owned(),
        false => format!("`{typed}` is not the number of devices"),
    }))
}

/// Asks before orders are taken back: the user types the campaign's name, or the number of actions.
/// `approve_max` is for all devices that it concerns, those that wait for their turn included.
///
/// # Errors
/// `Failure` with exit code 6 if nobody confirms.
pub(in crate::ops) async fn confirm_cancel(
    cx: &Context<'_>,
    headline: &str,
    name: &CampaignName,
    (what, number): (&str, u64),
    concerned: u64,
    approve_max: Option<u64>,
) -> Result<(), Failure> {
    if approve_max.is_some_and(|most| concerned <= most) {
        return Ok(());
    }
    let refusal = |why: String| {
        let next = format!(
            "look at the plan, then run it on a terminal, or add --approve-max {concerned} to go \
             without asking"
        );
        Failure::new(Exit::Refused, "nothing was cancelled: the plan is not confirmed", why, next)
    };
    let prompt = format!(
        "Type the name of the campaign, or the number of {what} ({}), to cancel: ",
        count(number)
    );
    let typed = match answer(cx, headline.to_owned(), prompt).await.map_err(refusal)? {
        Ok(typed) => typed,
        Err(unasked) => {
            let unasked = unasked.text();
            return Err(refusal(match approve_max {
                Some(most) => format!(
                    "{} devices are concerned, which is more than --approve-max {most}, and \
                     {unasked}",
                    count(concerned)
                ),
                None => unasked.to_owned(),
            }));
        }
    };
    if typed == name.as_str() || is_number(&typed, number) {
        return Ok(());
    }
    Err(refusal(match typed.is_empty() {
        true => "nothing was typed".to_owned(),
        false => format!("`{typed}` is neither the name of the campaign nor the number of {what}"),
    }))
}

/// Whether a number was typed, with its thousands apart or not.
fn is_number(typed: &str, number: u64) -> bool {
    let digits: String = typed.chars().filter(|c| !matches!(c, ',' | '.' | ' ' | '\'')).collect();
    digits == number.to_string()
}

/// What is said to who is about to order very many full scans at once.
fn proposal() -> String {
    format!("Type `canary` to have it planned with {PROPOSED} devices first (--canary {PROPOSED}).")
}

/// Whether what is left of a campaign that was confirmed before is as much as was said now.
///
/// # Errors
/// `Failure` with exit code 6 if it is more.
pub(in crate::ops) fn within(open: u64, approve_max: Option<u64>) -> Result<(), Failure> {
    match approve_max {
        Some(most) if open > most => Err(Failure::new(
            Exit::Refused,
            "the campaign is not gone on with",
            format!(
                "{} of its devices are open, which is more than --approve-max {most}",
                count(open)
            ),
            format!("look at the plan, then raise it to {open}, or leave it out"),
        )),
        _ => Ok(()),
    }
}

/// What is answered, or why nobody was asked.
///
/// # Errors
/// Why there is no answer, if a signal came first.
async fn answer(
    cx: &Context<'_>,
    headline: String,
    prompt: String,
) -> Result<Result<String, Unasked>, String> {
    let mut stopping = cx.stop.listen().map_err(|failure| failure.why)?;
    match stopping.unless_stopped(cx.ui.ask(Question { headline, prompt })).await {
        Some(answer) => Ok(answer),
        None => {
            cx.ui.unanswered();
            Err(match stopping.caught() {
                Some(Caught::Interrupt) | None => "Ctrl-C came before anything was typed".into(),
                Some(caught) => format!("a signal came before anything was typed ({caught})"),
            })
        }
    }
}
