//! Linux.

pub mod boot;
pub mod command;
pub mod files;
pub mod hints;
pub mod host;
mod ignored_signals;
mod network;
pub mod open_files;
pub mod places;
pub mod process;
pub mod secrets;
pub mod service;
pub mod shell;
pub mod signals;
pub mod socket;
pub mod stack;
pub mod terminal;
