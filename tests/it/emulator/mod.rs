//! The emulated service: as a value, behind sockets, and beside recorded answers.

mod fixtures;
mod http;
mod listing;
mod world;
