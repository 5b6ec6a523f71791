//! Messages about runs, to people and programs that do not watch them. They hold nothing up and
//! change no end: each way has a queue and a task of its own, and what cannot be delivered is told
//! and nothing else. What is worth a message is `domain::news`', how it is written
//! `report::message`'s.

mod channel;
mod channels;
mod not_begun;
mod teller;

pub use channel::{Channel, Service, Takes};
pub use channels::Channels;
pub(in crate::ops) use not_begun::{NotBegunThere, message, not_begun_of};
pub use not_begun::{Unwatched, not_begun};
pub(in crate::ops) use teller::Teller;
