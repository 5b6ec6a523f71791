//! What the user typed about nights that follow one another: which devices are due, and the series
//! that a run belongs to.

use super::typed::typed;

use crate::domain::SeriesName;
use crate::domain::history::LOOKED_BACK;
use crate::domain::request::Length;

typed! {
    /// Which devices are due, and the series of this run.
    DueArgs => DueRequest {
        /// Skip devices for which a scan of this type or a wider one was ordered within this time,
        /// such as 7d (a nightly run takes a few hours less, 6d12h): by this store, and where the
        /// application may read them by the tenant's actions of that time. An order that ended as
        /// Failed, TimeOut or Cancelled does not count. Of the others, those that have waited
        /// longest go first
        #[arg(long, value_name = "TIME", value_parser = due)]
        due: Option<Length>,

        /// One command line for every night: each run is a campaign NAME-DATE of its own, and ends
        /// the one before it, whose waiting devices come first now. While that one still works
        /// nothing is ordered (exit 5). A window that closes as planned is exit 0
        #[arg(long, value_name = "NAME", conflicts_with_all = ["campaign", "plan", "plan_out"])]
        series: Option<SeriesName>,
    }
}

fn due(text: &str) -> Result<Length, String> {
    let time = text.parse::<Length>().ok().filter(|time| time.0 <= LOOKED_BACK);
    time.ok_or_else(|| "write a time of at most 90d with its unit, such as 7d or 12h".to_owned())
}
