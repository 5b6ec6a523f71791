//! The errors of what is not there.

use crate::domain::CallId;
use crate::store::StoreError;

pub(super) fn unknown_call(call: CallId) -> StoreError {
    StoreError::Broken(format!("call {} is not in the journal", call.0))
}

pub(super) fn unknown_campaign() -> StoreError {
    StoreError::Broken("a campaign vanished".to_owned())
}
