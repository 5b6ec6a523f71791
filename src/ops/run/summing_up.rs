//! What there is to tell of a run that ended: the summary, the exit code, and why.

use super::Run;
use super::ends::{is_as_planned, is_time, left_nothing};
use super::over::{Ended, Over};
use super::reports;
use crate::clock::{Clock, wall_clock};
use crate::defender::CancelApi;
use crate::domain::{Campaign, Ending, Exit, LastRun, Stop, Tally};
use crate::engine::Ran;
use crate::ops::failure::Failure;
use crate::ops::happenings::followed;
use crate::ops::kept::resume_now;
use crate::ops::process::looked_at;
use crate::ops::stop::Stopping;
use crate::report::summary::Summary;
use crate::report::totals::Totals;
use crate::store::Store;

/// What others did with a campaign while a run of it was at work.
struct Meanwhile {
    there: Campaign,
    /// It is open, and held.
    paused: bool,
    /// The next run of its series has what is left.
    handed_on: bool,
}

impl<S: Store, A: CancelApi> Run<'_, S, A> {
    /// Tells how the run ended, also where its report could not be written.
    pub(super) async fn summarise(
        &self,
        campaign: &Campaign,
        run: &LastRun,
        ended: Ended,
        stopping: &mut Stopping<'_>,
    ) -> Result<Over, Failure> {
        let Ended { ran, written, calls_before, took, in_vain, left, caught } = ended;
        let (store, patience) = (&self.store, self.patience());
        let tally = patience.ask(stopping, || store.tally(campaign.id)).await?;
        let campaign_calls = patience.ask(stopping, || store.calls(campaign.id)).await?;
        let since = campaign_calls.saturating_sub(calls_before);
        let Meanwhile { there, paused, handed_on } = self.meanwhile(campaign, stopping).await?;
        // The next run does not go on with one that is paused.
        let planned = !paused && self.is_planned(&ran.ending, since, &tally);
        let now = self.store.clock().shared_utc();
        let alive = |last: &LastRun| last.alive_but(&run.id, now, &self.speed.timing);
        let nothing = written
            .as_ref()
            .is_ok_and(|totals| left_nothing(&tally, totals.skipped(), self.series));
        let (totals, reports, exit) = match &written {
            Ok(totals) => {
                let ending = if planned { &Ending::Finished } else { &ran.ending };
                let exit = ending.exit(tally.uncovered() > 0 || nothing);
                let exit = match left {
                    Some(left) if *ending == Ending::Finished || left == Exit::LeftAtOnce => left,
                    _ => exit,
                };
                (totals.clone(), self.reports.paths(), exit)
            }
            Err(failure) => (Totals::default(), Vec::new(), failure.kind),
        };
        let summary = Summary {
            head: reports::head(&campaign.name, &campaign.order, campaign.emulated),
            ending: ran.ending.clone(),
            caught,
            planned,
            cancelled: there.called_off && !handed_on,
            handed_on,
            paused,
            others: there.last_run.as_ref().map_or(0, alive),
            tally,
            groups: totals.groups(),
            skipped: totals.skipped().clone(),
            nothing,
            actions: totals.actions(),
            calls: own_calls(&ran, since),
            campaign_calls,
            throttled: ran.throttled,
            duration: took,
            in_vain,
            rule_met: rule_met(&ran),
            resume: self.resume_now(),
            retry: self.again("retry", campaign),
            // Nothing of an embedded emulator is left when its process ends.
            follow: self.again("follow", campaign).filter(|_| !campaign.emulated),
            reports,
            exit,
        };
        let printed = self.print(&there, written.is_ok()).await;
        let said = self.cx.ui.show(&summary).and(printed);
        let why = match &written {
            Ok(_) => summary.why(),
            Err(failure) => format!("{}; {}", summary.why(), failure.what),
        };
        let ended = written.and(said).map(|()| exit);
        let exit = ended.as_ref().map_or_else(|failure| failure.kind, |exit| *exit);
        let for_workers = self.worker && ran.ending.goes_on_unasked();
        Ok(Over { summary: Summary { exit, ..summary }, why, exit: ended, for_workers })
    }

    /// What others did with its campaign while it ran.
    async fn meanwhile(
        &self,
        campaign: &Campaign,
        stopping: &mut Stopping<'_>,
    ) -> Result<Meanwhile, Failure> {
        let patience = self.patience();
        let there = patience.ask(stopping, || self.store.campaign(campaign.id)).await?;
        let there = looked_at(there.unwrap_or_else(|| campaign.clone()));
        let paused = there.paused && there.may_order();
        // A run that was taken for dead can live.
        let handed_on = followed(&*patience.store(), &there).await?;
        Ok(Meanwhile { there, paused, handed_on })
    }

    /// Whether a series stopped as it was to: its time was over, with as many orders as the plan
    /// saw, or with none left.
    fn is_planned(&self, ending: &Ending, calls: u64, tally: &Tally) -> bool {
        let is_whole = self.series && is_time(ending) && tally.open() == 0;
        is_whole || self.foreseen.is_some_and(|orders| is_as_planned(ending, orders, calls))
    }

    /// Prints the report if that was asked for, once it could be written.
    async fn print(&self, campaign: &Campaign, is_written: bool) -> Result<(), Failure> {
        if !is_written {
            return Ok(());
        }
        self.reports.print(self.cx.ui, &*self.patience().store(), campaign).await
    }

    /// The command that goes on with the campaign after this run.
    fn resume_now(&self) -> Option<String> {
        let until = self.speed.until.as_ref();
        let is_over = until.is_some_and(|until| until.timestamp() <= wall_clock());
        self.resume.as_deref().map(|resume| resume_now(resume, is_over))
    }

    /// A command about the campaign for after the run. Returns `None` if its store goes with this
    /// process, as `resume` does.
    fn again(&self, verb: &str, campaign: &Campaign) -> Option<String> {
        self.resume.as_ref()?;
        Some(self.cx.commands.of_campaign(&format!("{verb} {}", campaign.name)))
    }
}

/// The figures of the rule of `--max-failures` that was met when nothing was left to stop.
fn rule_met(ran: &Ran) -> Option<String> {
    match &ran.needless {
        Some(Stop::Failures(figures)) => Some(figures.clone()),
        _ => None,
    }
}

/// The calls that a run made itself. Of an engine that was left only those of all runs since then
/// are known.
fn own_calls(ran: &Ran, since: u64) -> u64 {
    if *ran == Ran::left() { since } else { ran.calls }
}
