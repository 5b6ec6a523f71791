//! The program: parse, run, exit code. Nothing is decided here.

use std::process::ExitCode;

use clap::Parser;
use fleetsweep::cli;

#[tokio::main]
async fn main() -> ExitCode {
    ExitCode::from(cli::run(cli::args::Cli::parse()).await)
}
