//! Reads whole lists outside of a campaign's run: the tenant's machines, and the scans there. How a
//! page is asked for is `pages`'.

use super::pages::{Actions, List, Machines, PAGES, Read, ReadEnd, said};
pub use super::pages::{Lists, Patience, Slots};
use crate::defender::{ActionQuery, Inventory, MachineFilter, SignInError};
use crate::domain::refusal::means_the_right;
use crate::domain::{Action, Machine};
use crate::store::{Result, Store};

/// How a list was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// How it ended.
    pub end: ListEnd,
    /// Calls that it took.
    pub calls: u64,
}

/// How reading a list ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListEnd {
    /// All of it was read.
    Whole,
    /// It may not be read; what the API said.
    Forbidden(String),
    /// The API does not take the question; what it said.
    Rejected(String),
    /// No token.
    SignIn(SignInError),
    /// It could not be read, or not to its end.
    Failed(String),
    /// It was not read to its end in the time that it may take.
    Late(String),
}

impl<S: Store, A: Inventory> Lists<'_, S, A> {
    /// Reads the tenant's machines. What was taken before it failed is only a part.
    ///
    /// # Errors
    /// `StoreError` if the journal cannot be kept: nothing is sent that is not in it.
    pub async fn machines(
        &self,
        filter: &MachineFilter,
        take: impl FnMut(Machine),
    ) -> Result<Listed> {
        self.whole(&Machines { api: self.api, filter }, take).await
    }

    /// Reads the scans of the tenant that a question asks for, newest first.
    ///
    /// # Errors
    /// As `machines`.
    pub async fn scans(&self, query: &ActionQuery, take: impl FnMut(Action)) -> Result<Listed> {
        self.whole(&Actions { api: self.api, query }, take).await
    }

    async fn whole<L: List>(&self, list: &L, take: impl FnMut(L::Item)) -> Result<Listed> {
        let Read { end, calls, .. } = self.read(list, PAGES, take).await?;
        Ok(Listed { end: list_end(end), calls })
    }
}

fn list_end(end: ReadEnd) -> ListEnd {
    match end {
        ReadEnd::Whole => ListEnd::Whole,
        // Any other 403 names a reason that no permission mends.
        ReadEnd::Forbidden(refusal) if means_the_right(refusal.code.as_deref()) => {
            ListEnd::Forbidden(said(refusal))
        }
        ReadEnd::Rejected(refusal) => ListEnd::Rejected(said(refusal)),
        ReadEnd::SignIn(error) => ListEnd::SignIn(error),
        ReadEnd::Late(why) => ListEnd::Late(why),
        end => ListEnd::Failed(end.why()),
    }
}
