//! All integration tests in one binary, so that they link once.

mod canned;
mod certificates;
mod cli;
mod defender;
mod emulator;
mod emulator_fixtures;
mod emulator_http;
mod emulator_lists;
mod engine;
mod fake_server;
mod intake;
mod lifecycle;
mod list;
mod progress;
mod report;
mod report_text;
mod sign_in;
mod simulation;
mod store;
mod store_kit;
mod store_model;
mod store_sqlite;
mod support;
mod tidy;
mod verdict;
mod watched_store;
