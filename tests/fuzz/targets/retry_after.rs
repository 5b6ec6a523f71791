//! Fuzzes Retry-After headers. What must hold of any input stands in `entries`; this
//! file only hands it on.

#![no_main]

#[expect(dead_code, reason = "each target calls one of its functions")]
#[path = "../../it/hostile/entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entries::retry_after_is_sound(bytes));
