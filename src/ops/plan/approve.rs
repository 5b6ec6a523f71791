//! Asking before anything is ordered: the user types the number of devices. A bare y would be
//! muscle memory, and a wrong scan of thousands of machines cannot be undone.

use async_trait::async_trait;

use crate::domain::Caught;
use crate::domain::text::printable;
use crate::ops::context::Context;
use crate::ops::failure::Failure;
use crate::ops::ui::{Question, Unasked};
use crate::report::cancels::CancelPlan;
use crate::report::human::{count, counted};
use crate::report::plan::Plan;

/// Devices of the canary that is proposed.
pub(crate) const PROPOSED: u64 = 20;

/// How often it is asked before the plan is given up.
const TRIES: usize = 3;

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Go.
    Go,
    /// Not like this: plan it with the canary that was proposed.
    Canary,
}

/// Who is shown the plan of a scan, and says whether it is carried out: a person beside this one
/// run, or whoever says it for the runs of several tenants at once.
#[async_trait]
pub(crate) trait Approver: Send + Sync {
    /// Whether somebody is asked to confirm a new campaign, unless its plan is an approved one.
    fn asks(&self) -> bool;

    /// Whether a new campaign may begin over devices that another one has: somebody looks at the
    /// plan, or has said that it is to be a new one.
    fn may_repeat(&self) -> bool;

    /// Takes in the plan, before anything is asked.
    ///
    /// # Errors
    /// `Failure` if it cannot be shown.
    fn show(&self, plan: &Plan) -> Result<(), Failure>;

    /// Whether a new campaign begins. If a canary is `proposed`, that can be answered too.
    ///
    /// # Errors
    /// `Failure` with exit code 6 if nobody confirms.
    async fn begins(&self, plan: &Plan, proposed: bool) -> Result<Answer, Failure>;

    /// Whether a campaign that was confirmed before goes on.
    ///
    /// # Errors
    /// `Failure` with exit code 6 if it does not.
    async fn goes_on(&self, plan: &Plan) -> Result<(), Failure>;
}

/// Who is shown the plan of a cancellation, and says whether it is carried out.
#[async_trait]
pub(crate) trait CancelApprover: Send + Sync {
    /// Takes in the plan, before anything is asked.
    ///
    /// # Errors
    /// `Failure` if it cannot be shown.
    fn show(&self, plan: &CancelPlan) -> Result<(), Failure>;

    /// Whether it is carried out.
    ///
    /// # Errors
    /// `Failure` with exit code 6 if nobody confirms.
    async fn approve(&self, plan: &CancelPlan) -> Result<(), Failure>;
}

/// The person beside this run.
pub(crate) struct Beside<'a> {
    /// What surrounds the run.
    pub cx: &'a Context<'a>,
    /// As many devices need not be asked for.
    pub approve_max: Option<u64>,
    /// The campaign was given a name.
    pub named: bool,
}

#[async_trait]
impl Approver for Beside<'_> {
    fn asks(&self) -> bool {
        self.approve_max.is_none()
    }

    fn may_repeat(&self) -> bool {
        self.asks() || self.named
    }

    fn show(&self, plan: &Plan) -> Result<(), Failure> {
        self.cx.ui.show(plan)
    }

    async fn begins(&self, plan: &Plan, proposed: bool) -> Result<Answer, Failure> {
        confirm(self.cx, &plan.headline(), plan.devices, self.approve_max, proposed).await
    }

    async fn goes_on(&self, plan: &Plan) -> Result<(), Failure> {
        // It was confirmed as a whole; what is left of it must still be what is meant.
        within(plan.open, self.approve_max)
    }
}

#[async_trait]
impl CancelApprover for Beside<'_> {
    fn show(&self, plan: &CancelPlan) -> Result<(), Failure> {
        self.cx.ui.show(plan)
    }

    async fn approve(&self, plan: &CancelPlan) -> Result<(), Failure> {
        if plan.concerned() == 0 {
            return Ok(());
        }
        confirm_cancel(self.cx, plan, self.approve_max).await
    }
}

/// A plan that is to be confirmed.
struct ToConfirm<'a> {
    /// What is not done if nobody confirms it.
    undone: &'a str,
    headline: String,
    prompt: String,
    /// What is to be typed, after "it is not".
    wanted: String,
    /// The devices that it is about, and how many of them need not be asked for.
    devices: u64,
    approve_max: Option<u64>,
    /// That these are more than may go unasked.
    too_many: String,
}

impl ToConfirm<'_> {
    /// What is meant by what was typed. Returns `None` if no question is needed. Who types
    /// something else is asked again, so that the plan need not be made again for a slip.
    async fn confirmed<T>(
        &self,
        cx: &Context<'_>,
        meant: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        if self.approve_max.is_some_and(|most| self.devices <= most) {
            return Ok(None);
        }
        let mut headline = self.headline.clone();
        for _ in 1..TRIES {
            let typed = self.asked(cx, headline).await?;
            if let Some(meant) = meant(&typed) {
                return Ok(Some(meant));
            }
            headline = format!("Not confirmed: {}. Ctrl-C ends it.", self.wrong(&typed));
        }
        let typed = self.asked(cx, headline).await?;
        meant(&typed).map(Some).ok_or_else(|| {
            let wrong = self.wrong(&typed);
            self.refusal(format!("{wrong}, and it was asked {TRIES} times"))
        })
    }

    /// What is wrong with what was typed.
    fn wrong(&self, typed: &str) -> String {
        match typed {
            "" => "nothing was typed".to_owned(),
            yes if is_a_yes(yes) => format!("`{yes}` alone is not enough"),
            typed => format!("`{}` is not {}", printable(typed), self.wanted),
        }
    }

    async fn asked(&self, cx: &Context<'_>, headline: String) -> Result<String, Failure> {
        let answer = answer(cx, headline, self.prompt.clone()).await;
        match answer.map_err(|why| self.refusal(why))? {
            Ok(typed) => Ok(typed),
            Err(unasked) => Err(self.refusal(match self.approve_max {
                Some(most) => format!(
                    "{}, which is more than --approve-max {most}, and {}",
                    self.too_many,
                    unasked.text()
                ),
                None => unasked.text().to_owned(),
            })),
        }
    }

    fn refusal(&self, why: String) -> Failure {
        let next = format!(
            "look at the plan, then run it again on a terminal and type what is asked for, or add \
             --approve-max {} to go without asking",
            self.devices
        );
        Failure::refused(format!("{}: the plan is not confirmed", self.undone), why, next)
    }
}

/// Asks, unless `approve_max` allows the plan. If a canary is `proposed`, that can be answered too.
///
/// # Errors
/// `Failure` with exit code 6 if nobody confirms.
pub(crate) async fn confirm(
    cx: &Context<'_>,
    headline: &str,
    devices: u64,
    approve_max: Option<u64>,
    proposed: bool,
) -> Result<Answer, Failure> {
    let proposal = format!(
        "\nType `canary` to have it planned with {PROPOSED} devices first (--canary {PROPOSED})."
    );
    let plan = ToConfirm {
        undone: "nothing was ordered",
        headline: format!("{headline}{}", if proposed { &proposal } else { "" }),
        prompt: format!("Type the number of devices ({}) to start: ", count(devices)),
        wanted: "the number of devices".to_owned(),
        devices,
        approve_max,
        too_many: format!("the plan has {}", counted(devices, "device")),
    };
    let meant = |typed: &str| match typed {
        number if is_number(number, devices) => Some(Answer::Go),
        word if proposed && word.eq_ignore_ascii_case("canary") => Some(Answer::Canary),
        _ => None,
    };
    Ok(plan.confirmed(cx, meant).await?.unwrap_or(Answer::Go))
}

/// Asks before orders are taken back: the user types the campaign's name, or the number of actions.
/// `approve_max` is for all devices that it concerns, those that wait for their turn included.
///
/// # Errors
/// `Failure` with exit code 6 if nobody confirms.
pub(crate) async fn confirm_cancel(
    cx: &Context<'_>,
    plan: &CancelPlan,
    approve_max: Option<u64>,
) -> Result<(), Failure> {
    let concerned = plan.concerned();
    let (what, number) = match (&plan.actions, plan.to_cancel()) {
        (None, _) => ("waiting devices", concerned),
        (Some(_), 0) => ("devices concerned", concerned),
        (Some(_), scans) => ("scans", scans),
    };
    let asked = ToConfirm {
        undone: "nothing was cancelled",
        headline: plan.headline(),
        prompt: format!(
            "Type the name of the campaign, or the number of {what} ({}), to cancel: ",
            count(number)
        ),
        wanted: format!("the name of the campaign or the number of {what}"),
        devices: concerned,
        approve_max,
        too_many: format!("it concerns {}", counted(concerned, "device")),
    };
    let is_it = |typed: &str| typed == plan.campaign.as_str() || is_number(typed, number);
    asked.confirmed(cx, |typed| is_it(typed).then_some(())).await.map(drop)
}

/// Asks before the orders of several tenants are taken back: the user types the campaigns' name, or
/// the number of devices that it concerns.
///
/// # Errors
/// `Failure` with exit code 6 if nobody confirms.
pub(crate) async fn confirm_cancel_of_all(
    cx: &Context<'_>,
    name: &str,
    headline: String,
    concerned: u64,
    approve_max: Option<u64>,
) -> Result<(), Failure> {
    let asked = ToConfirm {
        undone: "nothing was cancelled",
        headline,
        prompt: format!(
            "Type the name of the campaigns, or the number of devices ({}), to cancel: ",
            count(concerned)
        ),
        wanted: "the name of the campaigns or the number of devices".to_owned(),
        devices: concerned,
        approve_max,
        too_many: format!("it concerns {}", counted(concerned, "device")),
    };
    let is_it = |typed: &str| typed == name || is_number(typed, concerned);
    asked.confirmed(cx, |typed| is_it(typed).then_some(())).await.map(drop)
}

/// Whether somebody typed what confirms elsewhere.
fn is_a_yes(typed: &str) -> bool {
    ["y", "yes", "ok", "j", "ja"].iter().any(|yes| typed.eq_ignore_ascii_case(yes))
}

/// Whether a number was typed, with its thousands apart or not.
fn is_number(typed: &str, number: u64) -> bool {
    let digits: String = typed.chars().filter(|c| !matches!(c, ',' | '.' | ' ' | '\'')).collect();
    digits == number.to_string()
}

fn is_open(devices: u64) -> String {
    let are = if devices == 1 { "is" } else { "are" };
    format!("{} of it {are}", counted(devices, "device"))
}

/// Whether what is left of a campaign that was confirmed before is as much as was said now.
///
/// # Errors
/// `Failure` with exit code 6 if it is more.
pub(crate) fn within(open: u64, approve_max: Option<u64>) -> Result<(), Failure> {
    match approve_max {
        Some(most) if open > most => Err(Failure::refused(
            "the campaign is not gone on with",
            format!("{} open, which is more than --approve-max {most}", is_open(open)),
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
                Some(Caught::Interrupt) | None => "Ctrl-C came before it was confirmed".into(),
                Some(caught) => format!("a signal came before it was confirmed ({caught})"),
            })
        }
    }
}
