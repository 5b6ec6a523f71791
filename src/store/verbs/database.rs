//! A database that holds a store: how its verbs read and write in one transaction. What they do in
//! it stands beside this file.

use std::future::Future;
use std::pin::Pin;

use crate::clock::Clock;
use crate::domain::CampaignId;
use crate::store::tables::{Subject, Tables};
use crate::store::{Result, StoreError};

/// The future of what is done in one transaction.
pub(crate) type Work<'t, R, F> =
    Pin<Box<dyn Future<Output = std::result::Result<R, F>> + Send + 't>>;

/// A database that holds a store. What is written is durable when `write` returns.
pub trait Database: Send + Sync + 'static {
    /// The clock that stamps come from.
    type Clock: Clock;
    /// What can go wrong in a transaction.
    type Fault: From<StoreError> + Send + 'static;
    /// The rows of one transaction.
    type Tables<'c>: Tables<Fault = Self::Fault>;

    /// The clock that stamps come from.
    fn clock(&self) -> &Self::Clock;

    /// Where the store is, for people.
    fn place(&self) -> String;

    /// What is waited for is asked again by who asks, or is no more: see `Store::is_asked_again`.
    fn is_asked_again(&self, again: bool);

    /// Reads in one transaction; `what` says what is being done, for people.
    fn read<R, W>(&self, what: &'static str, work: W) -> impl Future<Output = Result<R>> + Send
    where
        R: Send + 'static,
        W: for<'t, 'c> FnOnce(&'t mut Self::Tables<'c>) -> Work<'t, R, Self::Fault>
            + Clone
            + Send
            + 'static;

    /// Writes in one transaction, whole or not at all; it goes on if the caller stops waiting. Work
    /// is done again where the database undid it.
    fn write<R, W>(
        &self,
        what: &'static str,
        subject: Subject,
        work: W,
    ) -> impl Future<Output = Result<R>> + Send
    where
        R: Send + 'static,
        W: for<'t, 'c> FnOnce(&'t mut Self::Tables<'c>) -> Work<'t, R, Self::Fault>
            + Clone
            + Send
            + 'static;

    /// Whether all that the next call of a campaign would go by is whole. It may look at every row,
    /// so a runner asks once.
    fn check(&self, campaign: CampaignId) -> impl Future<Output = Result<()>> + Send;
}
