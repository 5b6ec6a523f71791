//! All integration tests in one binary, so that they link once.

mod canned;
mod defender;
mod emulator;
mod emulator_fixtures;
mod emulator_http;
mod emulator_lists;
mod fake_server;
mod intake;
mod list;
mod progress;
mod report;
mod report_text;
mod sign_in;
mod simulation;
mod support;
mod verdict;
