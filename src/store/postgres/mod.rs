//! The store in PostgreSQL, for several hosts: any of them may be killed, and the limit holds on
//! the sum. It decides nothing: the verbs are `store::verbs`', and all SQL is in `sql`. What is its
//! own is how a transaction is begun, locked, dated and committed (`inner`), and what is checked of
//! a server before it is believed (`session`, `epoch`).

mod address;
mod carry;
mod clock;
mod epoch;
mod fault;
mod gather;
mod inner;
mod migrate;
mod passfile;
mod session;
mod sql;
mod store;
mod transaction;
mod upkeep;

pub use address::Address;
pub use clock::{ServerClock, SharedClock};
pub use epoch::{Durability, DurabilityLevel};
pub use store::PostgresStore;
