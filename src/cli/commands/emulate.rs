//! `emulate`: the API's emulator on a loopback address, until a signal.

use crate::cli::args::EmulateArgs;
use crate::cli::terminal::say;
use crate::domain::Exit;
use crate::emulator::{self, Config, DEFAULT_SECRET};
use crate::ops::destination::{limit, scenario};
use crate::ops::failure::Failure;

/// Ids of a tenant and of an application, of which the emulator takes any.
const ANY_TENANT: &str = "11111111-2222-3333-4444-555555555555";
const ANY_APPLICATION: &str = "66666666-7777-8888-9999-000000000000";

/// Runs the emulator until a signal.
///
/// # Errors
/// `Failure` if it cannot start.
pub(super) async fn emulate(args: EmulateArgs) -> Result<Exit, Failure> {
    let mut config = Config {
        scenario: scenario(&args.scenario)?,
        speed: args.speed,
        seed: args.seed,
        ..Config::default()
    };
    if !args.limits.is_empty() {
        config.limits = args.limits.iter().map(limit).collect();
    }
    let emulator = emulator::start(config, args.listen).await.map_err(|error| {
        Failure::usage(
            format!("the emulator cannot listen on {}", args.listen),
            error,
            "name another loopback address and port with --listen",
        )
    })?;
    let url = emulator.base_url();
    // A client that keeps other limits than these meets 429, or wonders why it is slow.
    let limits: String = args.limits.iter().map(|quota| format!(" --limit {quota}")).collect();
    let scale = time_scale(args.speed);
    say::data(&url)?;
    say::note(&format!(
        "The emulator plays `{}` at {url}; nothing leaves this machine. Use it with:\n\
         \x20 export AZURE_TENANT_ID={ANY_TENANT}\n\
         \x20 export AZURE_CLIENT_ID={ANY_APPLICATION}\n\
         \x20 export AZURE_CLIENT_SECRET={DEFAULT_SECRET}\n\
         \x20 fleetsweep devices --api-url {url} --login-url {url} > devices.csv\n\
         \x20 fleetsweep scan devices.csv --type quick --comment test \\\n\
         \x20   --api-url {url} --login-url {url}{limits}{scale}\n\
         The calls that it got: {url}/emulator/ledger. Ctrl-C ends it.",
        args.scenario
    ));
    let ended = tokio::signal::ctrl_c().await;
    let ledger = emulator.ledger();
    say::note(&format!(
        "{} accepted, {} devices twice, {} answers with 429 for calls above the limit",
        ledger.accepted,
        ledger.accepted_twice.len(),
        ledger.throttled_by_excess
    ));
    for peak in &ledger.peaks {
        say::note(&format!(
            "{:?}: at most {} calls in any {} ms ({} in fixed windows); {} are allowed",
            peak.operation,
            peak.sliding_max,
            peak.window_us / 1000,
            peak.fixed_max,
            peak.calls
        ));
    }
    emulator.shutdown().await;
    ended.map(|()| Exit::Done).map_err(|error| {
        Failure::failed("signals cannot be received", error, "end it with SIGKILL")
    })
}

/// The option with which a client goes through the emulator's time as fast as that does.
fn time_scale(speed: f64) -> String {
    if speed < 2.0 {
        return String::new();
    }
    format!(" --time-scale {}", speed.min(1_000.0).round())
}
