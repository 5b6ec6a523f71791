//! The room of the system: what each kind of system does in its own way, behind plain functions.
//! The rest of the program knows no kind: no file outside names one, but in tests. It decides
//! nothing about devices, limits or stores.
//!
//! Each function is there for every kind, under one name: `unix` (Linux) and `windows`.

#[cfg(unix)]
mod unix;
mod values;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{
    boot, command, files, hints, host, open_files, places, process, secrets, service, shell,
    signals, socket, stack, terminal,
};
#[cfg(windows)]
pub use windows::{
    boot, command, files, hints, host, open_files, places, process, secrets, service, shell,
    signals, socket, stack, terminal,
};
