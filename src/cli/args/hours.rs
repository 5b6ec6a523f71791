//! What the user typed about the hours in which orders may leave.

use super::typed::typed;

use crate::domain::Window;
use crate::domain::hours::clock_time;
use crate::domain::request::OrNone;

typed! {
    /// When orders may leave.
    HoursArgs => HoursRequest {
        /// Order only in these hours, such as "Mon-Fri 22:00-06:00"
        ///
        /// Days are those on which a window begins; repeatable. Before the window opens the run
        /// waits; when it closes the run stops, and can be resumed
        #[arg(long = "window", value_name = "HOURS")]
        windows: Vec<OrNone<Window>> => super::values::all,

        /// Time zone of all times of day, such as Europe/Berlin [default: the system's]
        #[arg(long, value_name = "ZONE")]
        tz: Option<String>,

        /// Order nothing after this time of day in the window, such as 03:00
        #[arg(long, value_name = "TIME", value_parser = time_of_day)]
        last_order: Option<i32>,

        /// Order nothing before this time of day, such as 22:00, or this moment (RFC 3339); until
        /// then the run waits, and one that goes on with its campaign waits too
        #[arg(long, value_name = "TIME")]
        start_at: Option<OrNone<String>>,

        /// When the window closes, or --until passes, cancel what this campaign ordered and what
        /// still waits for its device; that has a limit of its own and goes on after the close
        #[arg(long)]
        expire_pending: bool,
    }
}

fn time_of_day(text: &str) -> Result<i32, String> {
    clock_time(text).ok_or_else(|| "write a time of day such as 03:00".to_owned())
}
