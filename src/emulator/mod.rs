//! The Defender for Endpoint API, emulated on loopback: to try the program out, and to judge it in
//! tests. It shares no code with the client; the recorded answers in `fixtures/api` judge both.
//!
//! [`World`] is the service as a plain value that takes the time as an argument; [`start`] puts it
//! behind HTTP. A [`Scenario`] says what the service is like, and the [`Ledger`] what really
//! arrived.
//!
//! ```
//! use fleetsweep::emulator::{Config, Moment, Request, World};
//!
//! let mut world = World::new(Config::named("quiet").expect("it comes with the program"))?;
//! let now = Moment::default();
//! let token = world.issue_token(now, "tenant", "application");
//! let device = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";
//! let request = Request::scan(device, "why", "Quick").bearer(&token);
//! let plan = world.plan(now, &request);
//! let arrival = Moment { mono: now.mono + plan.before, ..now };
//! let answer = world.arrive(arrival, &request, &plan);
//! assert_eq!((answer.status, world.entries()[0].accepted), (201, true));
//! # Ok::<(), fleetsweep::emulator::ConfigError>(())
//! ```
//!
//! It is no model of how Microsoft builds the service: where the documentation is silent, scenarios
//! play every way that clients have reported.

use std::time::Duration;

mod aadsts;
mod actions;
mod assertion;
mod clock;
mod cut;
mod dice;
mod http;
mod ledger;
mod listing;
mod machines;
mod message;
mod meter;
mod odata;
mod plan;
mod play;
mod process;
mod reply;
mod route;
mod scenario;
mod scenarios;
mod token;
mod world;

pub use clock::Moment;
pub use http::{Emulator, start};
pub use ledger::{Entry, Ledger, Throttled};
pub use machines::Class;
pub use message::{Answer, Fault, Operation, Plan, Request};
pub use meter::Peak;
pub use play::Play;
pub use scenario::{
    Actions, BusyForm, CommentChange, Devices, Enforce, Faults, Latency, List, Machines, Outage,
    RetryAfter, Scenario, Script, Throttle, Tokens,
};
pub use scenarios::ScenarioError;
pub use token::{App, DEFAULT_SECRET};
pub use world::World;

/// So many calls in any window of that length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Calls.
    pub calls: u32,
    /// The window, before it is divided by the speed.
    pub window: Duration,
}

/// The settings of an emulator.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the service is like.
    pub scenario: Scenario,
    /// The limits, for each operation and application on its own.
    pub limits: Vec<Limit>,
    /// Divides the limits' windows, the ages of actions, outages, and the lag of lists. Stamps,
    /// latency, the life of tokens and `Retry-After` stay real.
    pub speed: f64,
    /// Seeds everything that is drawn.
    pub seed: u64,
    /// The applications that may sign in.
    pub apps: Vec<App>,
}

impl Default for Config {
    /// The scenario `calm`, the API's limits (page "Run antivirus scan API"), real speed, and any
    /// application with the secret [`DEFAULT_SECRET`].
    fn default() -> Config {
        Config {
            scenario: Scenario::named("calm").expect("calm comes with the program"),
            limits: vec![
                Limit { calls: 100, window: Duration::from_secs(60) },
                Limit { calls: 1500, window: Duration::from_secs(3600) },
            ],
            speed: 1.0,
            seed: 1,
            apps: vec![App::default()],
        }
    }
}

/// Why an emulator cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The speed is not a number above zero.
    #[error("the emulator's speed is {0}; it must be between 0.001 and 1000000")]
    Speed(f64),
    /// A limit allows nothing, or its window has no length.
    #[error("the emulator's limit is {calls} calls in {window:?}; both must be above zero")]
    Limit {
        /// Its calls.
        calls: u32,
        /// Its window.
        window: Duration,
    },
    /// The scenario makes no sense.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
}

impl Config {
    /// These settings with a scenario of the program; `None` if there is none of that name.
    pub fn named(scenario: &str) -> Option<Config> {
        Some(Config { scenario: Scenario::named(scenario)?, ..Config::default() })
    }

    /// Says what makes no sense.
    ///
    /// # Errors
    /// [`ConfigError`] for the first setting that is out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(0.001..=1e6).contains(&self.speed) {
            return Err(ConfigError::Speed(self.speed));
        }
        let empty = |limit: &&Limit| limit.calls == 0 || limit.window.is_zero();
        if let Some(&Limit { calls, window }) = self.limits.iter().find(empty) {
            return Err(ConfigError::Limit { calls, window });
        }
        Ok(self.scenario.check()?)
    }
}
