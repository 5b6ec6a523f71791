//! Reading lists of the tenant for an operation: with which patience, and what is said where one
//! cannot be read. The reading itself is the engine's.

use super::failure::Failure;
use super::limits::Speed;
use crate::defender::{Inventory, SignInError};
use crate::domain::{Operation, Target};
use crate::engine::lists::{ListEnd, Lists, Patience, Slots};
use crate::store::Store;

/// The permission that reading needs, for messages.
const RIGHT: &str = "Machine.Read.All";

/// The reader of lists towards a target.
pub(super) fn lists<'a, S: Store, A: Inventory>(
    store: &'a S,
    api: &'a A,
    target: &Target,
    speed: &Speed,
    patience: Patience,
) -> Lists<'a, S, A> {
    Lists {
        store,
        api,
        slots: Slots::Budget(target.budget(Operation::Read), speed.quotas.clone()),
        timing: speed.timing,
        patience,
    }
}

/// Spares the call that the token itself says is in vain.
pub(super) async fn forbidden_by_token<A: Inventory>(api: &A) -> Option<ListEnd> {
    match api.ready().await {
        Err(error) => Some(ListEnd::SignIn(error)),
        Ok(()) if api.may_read() == Some(false) => {
            Some(ListEnd::Forbidden(format!("the token does not hold {RIGHT}")))
        }
        Ok(()) => None,
    }
}

/// Why a list was not read to its end. Returns `None` if it was.
pub(super) fn not_read(end: &ListEnd) -> Option<String> {
    match end {
        ListEnd::Whole => None,
        ListEnd::Forbidden(_) => Some(format!(
            "the application may not read them ({RIGHT} is missing); what the list itself says \
             was checked"
        )),
        ListEnd::Rejected(why) => Some(format!("the API did not take the question: {why}")),
        ListEnd::SignIn(error) => Some(error.to_string()),
        ListEnd::Failed(why) | ListEnd::Late(why) => Some(why.clone()),
    }
}

/// What an operation wanted a list for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The tenant's devices, or how far ordered scans are.
    Reading,
    /// What is open and whose it is: without that nothing is cancelled.
    Cancelling,
}

/// The failure of an operation that needs a list which could not be read.
pub(super) fn unreadable(wanted: Wanted, end: &ListEnd, why: String) -> Failure {
    let what = match wanted {
        Wanted::Reading => "the tenant's devices cannot be read",
        Wanted::Cancelling => "nothing was cancelled: the list of actions cannot be read",
    };
    match end {
        ListEnd::Forbidden(said) => {
            let (why, or) = match wanted {
                Wanted::Reading => (
                    format!("the application lacks the permission {RIGHT}: {said}"),
                    "export the list from Defender portal > Assets > Devices",
                ),
                Wanted::Cancelling => (
                    format!("only the list tells what is open and whose it is: {said}"),
                    "cancel in the Action center of the Defender portal",
                ),
            };
            let grant = "application permission, with admin consent";
            let next = format!("grant {RIGHT} ({grant}), or {or}");
            Failure::sign_in(what, why, next)
        }
        ListEnd::Rejected(_) if wanted == Wanted::Reading => {
            Failure::usage(what, why, "check the filters, --filter first of all")
        }
        ListEnd::SignIn(SignInError::Refused(_)) => {
            let next = "fix the sign-in, then run the same command again";
            Failure::sign_in(what, why, next)
        }
        _ => Failure::failed(what, why, "run the same command again later"),
    }
}

/// The failure of a list that was read, if it was not read to its end.
pub(super) fn failure_of(wanted: Wanted, end: &ListEnd) -> Option<Failure> {
    let why = match end {
        ListEnd::Rejected(why) if wanted == Wanted::Cancelling => Some(why.clone()),
        end => not_read(end),
    };
    why.map(|why| unreadable(wanted, end, why))
}

/// Whether what waits could be told when its time is over, as the token at hand says.
///
/// # Errors
/// `Failure` if the application may not read what waits.
pub(super) fn check_expiry_rights<A: Inventory>(speed: &Speed, api: &A) -> Result<(), Failure> {
    if !speed.expire_pending || api.may_read() != Some(false) {
        return Ok(());
    }
    Err(Failure::sign_in(
        "nothing was ordered: --expire-pending cannot be kept",
        "the application may not read the list of actions (Machine.Read.All is missing), so nobody \
         could tell what waits still when the window closes",
        "grant Machine.Read.All (application permission, with admin consent), or leave \
         --expire-pending out",
    ))
}
