//! The program: parse, run, exit code. Nothing is decided here.

use std::process::ExitCode;

use fleetsweep::cli;

/// Tests that stop the program at its n-th system call set this variable: the tracer counts each
/// thread's calls on its own, so all of the program but the database must run on one thread. It
/// changes nothing else, and the help does not name it.
const ONE_THREAD: &str = "FLEETSWEEP_ONE_THREAD";

fn main() -> ExitCode {
    ExitCode::from(cli::with_room(run).unwrap_or_else(|error| cli::no_runtime(&error)))
}

fn run() -> u8 {
    cli::complete::if_asked();
    let parsed = match cli::parse::parse() {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let mut builder = match std::env::var_os(ONE_THREAD) {
        Some(_) => tokio::runtime::Builder::new_current_thread(),
        None => tokio::runtime::Builder::new_multi_thread(),
    };
    match builder.enable_all().build() {
        Ok(runtime) => runtime.block_on(cli::run(parsed)),
        Err(error) => cli::no_runtime(&error),
    }
}
