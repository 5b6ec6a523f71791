//! All integration tests in one binary, so that they link once.

mod fake_server;
mod simulation;
mod support;
