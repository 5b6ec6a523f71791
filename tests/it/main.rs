//! All integration tests in one binary, so that they link once. A module of `src` has its tests in
//! the folder of its name, and those of `ops`, which need a face, are in `cli`; `crash`, `hostile`,
//! `output`, `secrets` and `storage` go through all.
//!
//! What takes longer than a gate may is run by hand, before a release and after a change to what it
//! goes through:
//!
//! ```sh
//! # Beside a bare HTTP client.
//! cargo bench
//! # The long simulation; stores that are damaged.
//! FLEETSWEEP_SEEDS=100000 cargo test --release --locked --test it whatever_fails
//! FLEETSWEEP_SEEDS=1000 cargo test --locked --test it whatever_is_damaged
//! # A kill and each fault at every call of the system; runners and workers under minutes of kills.
//! FLEETSWEEP_SWEEP=all cargo test --locked --test it crash::
//! FLEETSWEEP_STORM=long cargo test --locked --test it a_storm
//! # A thousand tenants in one worker, and a host that dies, in real time.
//! cargo test --release --locked --test it many_tenants -- --ignored \
//!     --test-threads=1 --nocapture
//! # The seeds over the durable stores; another version of the server.
//! FLEETSWEEP_DURABLE_SEEDS=200 cargo test --locked --test it chaos::durable
//! FLEETSWEEP_TEST_POSTGRES=/opt/pg18/bin cargo test --locked --test it postgres::
//! # 100,000 devices; ten nights.
//! FLEETSWEEP_LONG=1 cargo test --locked --test it engine::
//! # Or another of its targets.
//! cargo +nightly fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz intake
//! # The program for Windows: built, its tests, and a kill with resume, under wine.
//! .ci/windows
//! # The pictures of the README, made again: of the terminal, and of the page.
//! FLEETSWEEP_PICTURE=make cargo test --locked --test it the_readmes_picture
//! FLEETSWEEP_PICTURE=make .ci/pages
//! ```
//!
//! Modules that need a Unix are left out elsewhere; `.ci/windows` says why.

#![cfg_attr(windows, expect(dead_code, reason = "what only tests on a Unix use of the kit"))]

#[cfg(unix)]
mod cli;
#[cfg(unix)]
mod crash;
mod defender;
mod domain;
mod emulator;
mod engine;
#[cfg(unix)]
mod hostile;
mod intake;
mod kit;
#[cfg(unix)]
mod output;
#[cfg(unix)]
mod page;
mod report;
#[cfg(unix)]
mod secrets;
#[cfg(unix)]
mod storage;
mod store;
#[cfg(unix)]
mod tidy;
