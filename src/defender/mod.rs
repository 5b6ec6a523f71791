//! The client of the Defender for Endpoint API: the trait that the engine calls, its implementation
//! over HTTP, sign-in, wire formats and clouds. It judges nothing (`domain::verdict`), counts
//! nothing (`store`) and repeats nothing: one call of a method is at most one request.

pub mod claims;
mod client;
mod credential;
pub mod hosts;
mod http;
mod kept_secret;
mod machine_filter;
mod proxy;
mod reach;
pub mod retry_after;
mod secret_file;
mod secret_text;
mod shallow;
mod sign_in;
mod sign_in_arc;
mod sign_in_certificate;
mod sign_in_codes;
mod sign_in_device;
mod sign_in_errors;
mod sign_in_federated;
mod sign_in_local;
mod sign_in_proof;
mod sign_in_wire;
mod text;
mod token;
mod webhook;
pub mod wire;

use std::future::Future;

use jiff::Timestamp;

use crate::domain::{Action, DeviceId, Machine, Reply, ScanType};

pub use claims::Claims;
pub use client::{ClientError, HttpClients};
pub use credential::{Credential, FederatedIdentity};
pub use hosts::{HostError, Origin};
pub use http::{HttpApi, HttpSettings};
pub use kept_secret::read_kept;
pub use machine_filter::{MachineFilter, RawFilterError};
pub use reach::{Reached, reach};
pub use secret_file::{SecretFileError, read_secret, read_value};
pub use secret_text::{FormError, bare_value};
pub use sign_in::{SignIn, SignInSettings};
pub use sign_in_certificate::{Certificate, CertificateError};
pub use token::{Fetch, Token, TokenSource, WallClock};
pub use webhook::{NotPosted, Post, Webhook};

/// One scan to order.
#[derive(Clone, Debug)]
pub struct ScanOrder {
    /// The device.
    pub device: DeviceId,
    /// The type of the scan.
    pub scan_type: ScanType,
    /// The whole comment, mark included.
    pub comment: String,
}

/// Which scan actions are asked for. All are of type `RunAntiVirusScan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionQuery {
    /// Those created at or after this server time, whatever their status.
    CreatedSince(Timestamp),
    /// Those that are pending or in progress.
    Open,
    /// Those of these devices, at most 10 of them, whatever their status.
    OfDevices(Vec<DeviceId>),
}

/// The rest of a list: what `@odata.nextLink` of the page before named, checked to lie on the same
/// origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextPage(pub String);

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListPage<T> {
    /// What stands on it: of machines, those that a call can name.
    pub items: Vec<T>,
    /// The rest, if there is one.
    pub next: Option<NextPage>,
    /// The server's `Date`.
    pub date: Option<Timestamp>,
}

/// A page, or what came in its place: judged like a scan's answer by its status.
pub type ListReply<T> = Result<ListPage<T>, Reply>;

/// Why no token is at hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The sign-in service refuses these credentials; trying again does not help.
    #[error("{0}")]
    Refused(String),
    /// The sign-in service could not be reached, or failed; trying again may help.
    #[error("{0}")]
    Unavailable(String),
}

/// The calls that the engine makes.
pub trait ScanApi: Send + Sync + 'static {
    /// Makes sure that a token is at hand, so that the next call needs no other request first.
    ///
    /// # Errors
    /// `SignInError` says whether trying again may help.
    fn ready(&self) -> impl Future<Output = Result<(), SignInError>> + Send;

    /// Drops the token at hand after a 401, so that `ready` gets a new one. Calls that come in
    /// close together for the same token drop it once.
    fn token_refused(&self) -> impl Future<Output = ()> + Send;

    /// Orders one scan: one request.
    fn scan(&self, order: &ScanOrder) -> impl Future<Output = Reply> + Send;

    /// Reads one page of the list of scan actions, newest first: one request.
    fn actions(
        &self,
        query: &ActionQuery,
        next: Option<&NextPage>,
    ) -> impl Future<Output = ListReply<Action>> + Send;
}

/// The call that takes an order back.
pub trait CancelApi: Inventory {
    /// Cancels one action: one request. Asking twice does no harm: an action in its final state is
    /// left as it is, and the second answer says so (Cancel machine action API page: it cancels
    /// what "isn't yet in final state").
    fn cancel(&self, id: &str, comment: &str) -> impl Future<Output = Reply> + Send;
}

/// The tenant's inventory, for those who may read it.
pub trait Inventory: ScanApi {
    /// Whether the token at hand says that machines and actions may be read. Returns `None` if it
    /// does not tell. The server decides.
    fn may_read(&self) -> Option<bool>;

    /// Reads one page of the list of machines: one request.
    fn machines(
        &self,
        filter: &MachineFilter,
        next: Option<&NextPage>,
    ) -> impl Future<Output = ListReply<Machine>> + Send;
}
