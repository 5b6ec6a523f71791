//! All integration tests in one binary, so that they link once. A room of `src` has its tests in
//! the folder of its name; `crash`, `hostile`, `output`, `secrets` and `storage` go through all.

mod cli;
mod crash;
mod defender;
mod domain;
mod emulator;
mod engine;
mod hostile;
mod intake;
mod kit;
mod output;
mod page;
mod report;
mod secrets;
mod storage;
mod store;
mod tidy;
