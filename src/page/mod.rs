//! The page, for whoever would rather look than read: it shows what a store holds, and changes
//! nothing. Every request goes through the door (`door`, `tickets`) first; then the store is read
//! into values (`model`), and the values are drawn (`view`). No other address is asked for
//! anything, and nothing on a page needs a script.

mod address;
mod answer;
mod door;
mod model;
mod query;
mod route;
mod scraper;
mod serve;
mod shared;
mod tickets;
mod view;

pub use address::Listen;
pub use serve::{ServeRequest, serve};
