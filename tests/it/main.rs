//! All integration tests in one binary, so that they link once.

mod engine;
mod fake_server;
mod intake;
mod lifecycle;
mod simulation;
mod support;
mod watched_store;
