//! The program: parse, run, exit code. Nothing is decided here.

use std::process::ExitCode;

use fleetsweep::cli;

#[tokio::main]
async fn main() -> ExitCode {
    ExitCode::from(match cli::misuse::parse() {
        Ok((command, settings)) => cli::run(command, settings).await,
        Err(code) => code,
    })
}
