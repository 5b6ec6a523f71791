//! All integration tests in one binary, so that they link once.

mod fake_server;
mod intake;
mod simulation;
mod support;
