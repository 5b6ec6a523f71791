//! Reads whole lists outside of a campaign's run: the tenant's machines, and the scans there. How a
//! page is asked for is `pages`'.

pub use super::pages::Patience;
use super::pages::{Actions, List, Machines, PAGES, Read, ReadEnd, Reader, Slots, said};
use crate::defender::{ActionQuery, Inventory, MachineFilter, SignInError};
use crate::domain::refusal::means_the_right;
use crate::domain::{Action, BudgetKey, Machine, Quota, Timing};
use crate::store::{Result, Store};

/// Who reads, and within which limits.
#[derive(Debug)]
pub struct Lists<'a, S, A> {
    /// The store whose journal the calls go into.
    pub store: &'a S,
    /// The client.
    pub api: &'a A,
    /// The budget of these calls.
    pub budget: BudgetKey,
    /// The quotas that are kept on it.
    pub quotas: Vec<Quota>,
    /// Every duration.
    pub timing: Timing,
    /// What the lists are worth waiting for.
    pub patience: Patience,
}

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
        self.read(&Machines { api: self.api, filter }, take).await
    }

    /// Reads the scans of the tenant that a question asks for, newest first.
    ///
    /// # Errors
    /// As `machines`.
    pub async fn scans(&self, query: &ActionQuery, take: impl FnMut(Action)) -> Result<Listed> {
        self.read(&Actions { api: self.api, query }, take).await
    }

    async fn read<L: List>(&self, list: &L, take: impl FnMut(L::Item)) -> Result<Listed> {
        let reader = Reader {
            store: self.store,
            api: self.api,
            slots: Slots::Budget(self.budget.clone(), self.quotas.clone()),
            timing: self.timing,
            patience: self.patience,
        };
        let Read { end, calls, .. } = reader.read(list, PAGES, take).await?;
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
