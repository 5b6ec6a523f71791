//! The same with the nights of a series. It tests nothing.

use std::path::Path;

use fleetsweep::clock::Clock;
use fleetsweep::domain::{FailedStart, Happened, StartOf, Target};
use fleetsweep::store::Store;
use jiff::SignedDuration;
use jiff::civil::Date;

use super::{Act, DAY, HOUR, Show, UTC, good, mixed, windows};
use crate::kit::store::opening;

impl Show {
    /// One with five weeks of a series.
    pub(in crate::page) async fn of_nights(path: &Path) -> Self {
        let mut show = Self::empty(path).await;
        show.nights().await;
        show
    }

    /// One with a series in two tenants, of which one began no run in the latest night, that of an
    /// hour ago. Its last one was so many hours ago, and why it began none may be known. Returns
    /// that night.
    pub(in crate::page) async fn of_a_missed_night(
        path: &Path,
        hours: u32,
        why: Option<&str>,
    ) -> Date {
        let mut show = Self::empty(path).await;
        show.answers = good;
        let latest = (show.now - HOUR).to_zoned_datetime(UTC).date();
        let (both, mut last) = (["here.example", "gone.example"], None);
        // The night before is named by the day before, whatever the hour is.
        for (hours, day, tenants) in
            [(hours, latest.yesterday().unwrap(), &both[..]), (1, latest, &both[..1])]
        {
            show.ago(HOUR * hours);
            let name = format!("nightly-{day}");
            for tenant in tenants {
                let campaign = show.open(&Act { name: &name, tenant, rows: 5..7 }, |_| {}).await;
                show.order(campaign, 2, show.now).await;
                show.ends(campaign, 0, "every row has its outcome").await;
                if *tenant == "gone.example" {
                    last = Some(campaign);
                }
            }
        }
        if let Some((why, last)) = why.zip(last) {
            let target = show.store.campaign(last).await.unwrap().unwrap().order.target;
            show.refused("nightly", target, latest, why).await;
        }
        show.store.close().await.unwrap();
        latest
    }

    /// One of a series of which no run ever began, in two tenants, on two days. Returns the latest.
    pub(in crate::page) async fn of_nights_that_never_began(path: &Path, why: &str) -> Date {
        let mut show = Self::empty(path).await;
        let latest = show.now.to_zoned_datetime(UTC).date();
        for (tenant, day) in [
            ("new.example", latest.yesterday().unwrap()),
            ("new.example", latest),
            ("other.example", latest.yesterday().unwrap()),
        ] {
            let target = Target { tenant: tenant.to_owned(), ..opening("c", &[]).order.target };
            show.refused("first", target, day, why).await;
        }
        // In a tenant with a campaign of another kind.
        let campaign = show.open(&Act { name: "inc", tenant: "busy.example", rows: 5..7 }, |_| {});
        let campaign = campaign.await;
        show.order(campaign, 2, show.now).await;
        show.ends(campaign, 0, "every row has its outcome").await;
        let target = Target { tenant: "busy.example".to_owned(), ..opening("c", &[]).order.target };
        show.refused("second", target, latest, why).await;
        show.store.close().await.unwrap();
        latest
    }

    /// A night on which no run of a series could begin.
    async fn refused(&mut self, series: &str, target: Target, day: Date, why: &str) {
        let start = FailedStart {
            of: StartOf::Series(series.parse().unwrap()),
            target,
            day,
            at: self.clock.utc(),
            why: why.to_owned(),
            exit_code: 7,
            by: "m.weber".to_owned(),
            host: "jump-01".to_owned(),
        };
        self.store.note_failed_starts(vec![start]).await.unwrap();
    }

    /// Five weeks of a series, with a night that was stopped, one that never began, and weekends.
    pub(super) async fn nights(&mut self) {
        let mut last = None;
        let now = self.now;
        let day = |night: u32| {
            let day = now - SignedDuration::from_hours(24 * i64::from(night));
            day.to_zoned_datetime(UTC)
        };
        let is_weekend = |night| day(night).weekday().to_monday_zero_offset() >= 5;
        // The one before it, where the series has no window that night.
        let workday = |night: u32| (night..).find(|night| !is_weekend(*night)).unwrap();
        let (missed, stopped) = (workday(22), workday(15));
        for night in (1..=35_u32).rev() {
            let zoned = day(night);
            if is_weekend(night) || night == missed {
                continue;
            }
            self.ago(DAY * night);
            let name = format!("nightly-{}", zoned.date());
            let first = night % 3 * 15;
            let act = Act { name: &name, tenant: "northwind.example", rows: first..first + 24 };
            let campaign = self.open(&act, |opening| windows(opening, "Mon-Fri 22:00-06:00")).await;
            if let Some(last) = last.replace(campaign) {
                let ended = self.store.hand_on(last).await.unwrap().ended;
                self.happened(last, Happened::Followed { devices: ended }).await;
            }
            self.answers = good;
            let (most, code, why) = if night == stopped {
                (6, 4, "4 of 6 answers are 404")
            } else {
                (16, 0, "the window closed")
            };
            self.order(campaign, most, self.now).await;
            self.happened(campaign, Happened::WindowClosed).await;
            self.ends(campaign, code, why).await;
        }
        self.answers = mixed;
    }
}
