//! The page of the real binary over real HTTP: who is let in, what is shown, and that nothing of
//! the store changes.

mod beside;
mod browser;
mod door;
mod kit;
mod many;
mod metrics;
mod seen;
mod show;
mod shown;
mod told;
