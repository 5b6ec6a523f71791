//! Fuzzes lists of devices. What must hold of any input stands in `entries`; this
//! file only hands it on.

#![no_main]

#[expect(dead_code, reason = "each target calls one of its functions")]
#[path = "../../it/hostile/entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entries::intake(bytes));
