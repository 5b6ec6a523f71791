//! What the user typed about the hours in which orders may leave.

use clap::Args;

use crate::domain::Window;
use crate::domain::hours::clock_time;
use crate::domain::request::OrNone;

/// When orders may leave.
#[derive(Clone, Debug, Default, Args)]
pub struct HoursArgs {
    /// Order only in these hours, such as 22:00-06:00 or "Mon-Fri 22:00-06:00", where days are
    /// those on which it begins; repeatable. Before the window opens it is waited for; when it
    /// closes the run stops, and can be resumed
    #[arg(long = "window", value_name = "HOURS")]
    pub windows: Vec<OrNone<Window>>,

    /// Time zone of --window and --start-at, such as Europe/Berlin [default: the system's]
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,

    /// Order nothing after this time of day in the window, such as 03:00
    #[arg(long, value_name = "TIME", value_parser = time_of_day)]
    pub last_order: Option<i32>,

    /// Order nothing before this time of day, such as 22:00, or this moment (RFC 3339); until then
    /// the run waits
    #[arg(long, value_name = "TIME")]
    pub start_at: Option<String>,

    /// When the window closes, or --until passes, cancel what this campaign ordered and what still
    /// waits for its device; that has a limit of its own and goes on after the close
    #[arg(long)]
    pub expire_pending: bool,
}

fn time_of_day(text: &str) -> Result<i32, String> {
    clock_time(text).ok_or_else(|| "write a time of day such as 03:00".to_owned())
}
