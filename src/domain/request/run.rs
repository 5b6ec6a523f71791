//! How a campaign is to be run, whichever operation runs it.

use std::path::PathBuf;

use jiff::Timestamp;

use super::said::{Length, OrNone, limits, request};
use crate::domain::{Cloud, MaxFailures, PaceKind, Priority, Quota, SignInKind, Window};

request! {
    /// How a campaign is run.
    RunRequest {
        /// How fast, and until when.
        speed: SpeedRequest,
        /// What stops it.
        max_failures: Option<OrNone<MaxFailures>>,
        /// Where reports go.
        output: OutputRequest,
        /// After the last order.
        after: AfterRequest,
        /// Where the API is and who calls it.
        connect: ConnectRequest,
        /// The embedded emulator.
        emulator: EmulatorRequest,
    }
}

impl RunRequest {
    /// From how many failures on it stops, if that is to hold.
    pub fn most_failures(&self) -> Option<MaxFailures> {
        self.max_failures.as_ref().and_then(|most| most.as_ref().copied())
    }
}

request! {
    /// Where the API is and who calls it. It holds no secret: only where one is.
    ConnectRequest {
        /// The tenant's settings in the settings file, by their name.
        profile: Option<String>,
        /// The tenant's id, or one of its domains.
        tenant: Option<String>,
        /// The application's id.
        client_id: Option<String>,
        /// How to sign in.
        auth: Option<SignInKind>,
        /// The file of the client secret.
        client_secret_file: Option<PathBuf>,
        /// The name under which Windows keeps the client secret.
        client_secret_credential: Option<String>,
        /// The PEM file of a certificate and its key.
        client_certificate: Option<PathBuf>,
        /// The file of an access token.
        token_file: Option<PathBuf>,
        /// The client id of this machine's identity that vouches for the application.
        identity_client_id: Option<String>,
        /// Microsoft's cloud.
        cloud: Option<Cloud>,
        /// Another address of the API.
        api_url: Option<String>,
        /// Another address to sign in at.
        login_url: Option<String>,
        /// More certificate authorities.
        ca_file: Option<PathBuf>,
    }
}

request! {
    /// The embedded emulator.
    EmulatorRequest {
        /// It is run against it.
        emulator: bool,
        /// What it plays: a name, or a file.
        scenario: Option<String>,
        /// The seed of what it draws.
        seed: Option<u64>,
    }
}

request! {
    /// How fast, and until when.
    SpeedRequest {
        /// Other limits than the API's; an empty list stands for the API's own.
        #[serde(with = "limits")]
        limits: Option<Vec<Quota>>,
        /// The share of the limits that is left to others, in percent.
        leave: Option<u8>,
        /// How bursts are spread.
        pace: Option<PaceKind>,
        /// Calls in flight at most.
        concurrency: Option<u16>,
        /// What durations and windows are divided by.
        time_scale: Option<u32>,
        /// No order after this time of day, or this moment.
        until: Option<OrNone<String>>,
        /// No order after this long from the start of the run.
        max_duration: Option<OrNone<Length>>,
        /// How long an API that cannot be reached is waited for.
        max_wait: Option<Length>,
        /// When orders may leave.
        hours: HoursRequest,
        /// Whether the campaign goes before others.
        priority: Option<Priority>,
    }
}

impl SpeedRequest {
    /// Forgets the zone of the times of day where none is left that it could be the zone of.
    pub fn forget_zone_of_nothing(&mut self) {
        let hours = &mut self.hours;
        let ends = self.until.as_ref().is_some_and(|until| until.as_ref().is_some());
        let windows = hours.windows.as_ref().is_some_and(|windows| !windows.is_empty());
        if !ends && !windows && hours.start().is_none() {
            hours.tz = None;
        }
    }
}

request! {
    /// When orders may leave.
    HoursRequest {
        /// In these windows; an empty list stands for any time.
        windows: Option<Vec<Window>>,
        /// The zone of the windows and of the start.
        tz: Option<String>,
        /// No order after this time of day in the window, in minutes from midnight.
        last_order: Option<i32>,
        /// No order before this time of day, or this moment.
        start_at: Option<OrNone<String>>,
        /// What still waits for its device at the end of the window is cancelled.
        expire_pending: bool,
    }
}

impl HoursRequest {
    /// Before which time of day, or which moment, no order leaves, if that is to hold.
    pub fn start(&self) -> Option<&str> {
        self.start_at.as_ref().and_then(|start| start.as_ref()).map(String::as_str)
    }

    /// Forgets a start that has come: it holds nothing back any more. A time of day, of which
    /// nobody knows the day any more, neither.
    pub fn forget_past_start(&mut self, now: Timestamp) {
        let start = self.start().and_then(|text| text.parse::<Timestamp>().ok());
        if start.is_none_or(|start| start <= now) {
            self.start_at = None;
        }
    }
}

request! {
    /// Where reports go.
    OutputRequest {
        /// Files, in which `{campaign}` stands for the name.
        reports: Vec<PathBuf>,
        /// A file that is not this campaign's is overwritten.
        force: bool,
        /// Metrics of the whole store are written to this file.
        metrics: Option<PathBuf>,
    }
}

request! {
    /// What is done beside the orders and after the last one.
    AfterRequest {
        /// This command is run by the shell.
        on_finish: Option<String>,
        /// This command is run by the shell at each event that is worth a message.
        on_event: Option<String>,
        /// The ordered scans are followed to their end.
        follow: bool,
        /// For this long at most.
        follow_for: Option<Length>,
        /// With this time between two looks.
        follow_every: Option<Length>,
    }
}
