//! Writing report files from the store, in pages, so that memory does not grow with the list.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::clock::{Clock, local_now};
use crate::domain::happening::HAPPENINGS_KEPT;
use crate::domain::request::OutputRequest;
use crate::domain::settle::Detail;
use crate::domain::{
    Begun, Campaign, CampaignId, CampaignName, CampaignState, Cloud, Ending, Life, Order, Outcome,
    Row, State, Tally, Target, Timing,
};
use crate::ops::context::{Commands, Context};
use crate::ops::failure::Failure;
use crate::ops::happenings::followed;
use crate::ops::metrics;
use crate::ops::process::looked_at;
use crate::ops::ui::Ui;
use crate::report::human::moment;
use crate::report::standing::taking_back_left;
use crate::report::stops::{before_resuming, stop_text};
use crate::report::story::{EndedEarly, Story};
use crate::report::totals::Totals;
use crate::report::{
    ReportError, ReportHead, ReportKind, ReportOwner, ReportWriter, check_writable, csv,
};
use crate::store::Store;

/// What a report shows: each order and each answer changes it. How far the ordered scans are is
/// not part of it: that is looked up for the report at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ops) struct Shows {
    tally: Tally,
    last_call_at: Option<Timestamp>,
}

/// Where the reports of a campaign go.
#[derive(Clone)]
pub(crate) struct Reports {
    paths: Vec<PathBuf>,
    /// Where the metrics of the store go, if anywhere.
    metrics: Option<PathBuf>,
    /// The rows go to where programs read them, too.
    pub(crate) prints: bool,
    /// How commands that a report proposes name the store, if it is not the usual one.
    store: String,
}

/// What stands for standard output in the place of a file.
pub const OUTPUT: &str = "-";

impl Reports {
    /// No files: what the summary tells is counted all the same.
    pub(in crate::ops) fn none() -> Self {
        Self { paths: Vec::new(), metrics: None, prints: false, store: String::new() }
    }

    /// The files that are asked for, or the default one; each is tried before the first call. Of
    /// which tenant they are is compared too, if that is known.
    ///
    /// # Errors
    /// `Failure` if a file cannot be written, or is not this campaign's report.
    pub(crate) fn new(
        asked: &OutputRequest,
        campaign: &CampaignName,
        target: Option<&Target>,
    ) -> Result<Self, Failure> {
        let tenant = target.map(|target| target.tenant.as_str());
        let owner = ReportOwner { campaign, tenant };
        let reports = Self::of_paths(asked.reports.clone(), asked.force, owner)?;
        reports.with_metrics(asked)
    }

    /// The files that are asked for of a campaign that is there, or the default one.
    ///
    /// # Errors
    /// As `new`.
    pub(crate) fn of(asked: &OutputRequest, campaign: &Campaign) -> Result<Self, Failure> {
        Self::new(asked, &campaign.name, Some(&campaign.order.target))
    }

    /// The files that are asked for, or else those of the latest run, or the default one.
    ///
    /// # Errors
    /// `Failure` if a file cannot be written, or is not this campaign's report.
    pub(crate) fn going_on_with(
        asked: &OutputRequest,
        campaign: &Campaign,
    ) -> Result<Self, Failure> {
        let mut paths = asked.reports.clone();
        if paths.is_empty() {
            paths = of_latest_run(campaign);
        }
        Self::of_paths(paths, asked.force, owner(campaign))?.with_metrics(asked)
    }

    /// The files of what a campaign has ordered here: those of its latest run, or, where none has
    /// written any yet, those that it was begun with. There are none where another host has them.
    pub(crate) fn kept(
        cx: &Context<'_>,
        campaign: &Campaign,
        begun: Option<&Begun>,
    ) -> Vec<PathBuf> {
        let latest = of_latest_run(campaign);
        if !latest.is_empty() {
            return latest;
        }
        let here = begun.filter(|begun| begun.host == cx.host.name);
        let paths = here.into_iter().flat_map(|begun| &begun.request.run.output.reports);
        paths.filter(|path| path.as_os_str() != OUTPUT).cloned().collect()
    }

    /// The same, which propose commands as they are typed on this face.
    pub(crate) fn proposing(self, commands: &Commands) -> Self {
        Self { store: commands.store.clone(), ..self }
    }

    fn with_metrics(self, asked: &OutputRequest) -> Result<Self, Failure> {
        if let Some(path) = &asked.metrics {
            metrics::file::check(path)?;
        }
        Ok(Self { metrics: asked.metrics.clone(), ..self })
    }

    /// The files of the latest run, for what another run changed of its campaign. Returns `None` if
    /// they are not to be written any more.
    pub(crate) fn of_last_run(campaign: &Campaign) -> Option<Self> {
        let run = campaign.last_run.as_ref()?;
        let paths: Vec<PathBuf> = run.reports.iter().map(PathBuf::from).collect();
        if paths.is_empty() || !paths.iter().all(|path| path.exists()) {
            return None;
        }
        Self::of_paths(paths, false, owner(campaign)).ok()
    }

    fn of_paths(
        mut paths: Vec<PathBuf>,
        force: bool,
        owner: ReportOwner<'_>,
    ) -> Result<Self, Failure> {
        let campaign = owner.campaign;
        let asked = paths.len();
        paths.retain(|path| path.as_os_str() != OUTPUT);
        let prints = paths.len() < asked;
        if paths.is_empty() && !prints {
            paths.push(PathBuf::from(format!("fleetsweep-{campaign}.csv")));
        }
        paths.iter_mut().for_each(|path| *path = named(path, campaign));
        for path in &paths {
            check_writable(path, owner, force).map_err(|error| refused(&error))?;
        }
        Ok(Self { paths, metrics: None, prints, store: String::new() })
    }

    /// Whether any file is to be written while the campaign runs.
    pub(crate) fn has_files(&self) -> bool {
        !self.paths.is_empty() || self.metrics.is_some()
    }

    /// The files.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.paths.clone()
    }

    /// The files as a later process finds them, from whatever folder it is started in.
    pub(crate) fn places(&self) -> Vec<String> {
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        self.paths.iter().filter_map(|path| Some(absolute(path).to_str()?.to_owned())).collect()
    }

    /// Writes all files anew, and counts what the summary tells.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read or a file cannot be written.
    pub(crate) async fn write<S: Store>(
        &self,
        store: &S,
        campaign: &Campaign,
    ) -> Result<Totals, Failure> {
        self.write_at_end(store, campaign, None).await
    }

    /// The same at the end of a run, of which the store does not know yet how it ended.
    ///
    /// # Errors
    /// As `write`.
    pub(crate) async fn write_at_end<S: Store>(
        &self,
        store: &S,
        campaign: &Campaign,
        ending: Option<&Ending>,
    ) -> Result<Totals, Failure> {
        let mut head = head_of(store, campaign).await?;
        if self.paths.iter().any(|path| ReportKind::of(path).is_ok_and(ReportKind::tells_a_story)) {
            let mut story = story(store, campaign, &head).await?;
            story.store.clone_from(&self.store);
            // Nothing goes on with what somebody called off, however this run ended.
            if let Some(ending) = ending.filter(|_| !head.called_off) {
                story.ended = ended_by(ending);
            }
            head.story = Some(Box::new(story));
        }
        let mut writers = Writers::of(&self.paths, &head);
        let totals = each_row(store, campaign.id, |row| {
            writers.row(&row);
            Ok(())
        });
        let totals = totals.await.and_then(|totals| writers.finish().map(|()| totals));
        totals.map_err(|failure| failure.of_report(&campaign.name))
    }

    /// Writes all rows as CSV to where programs read them, if that is asked for.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read, or if nothing more can be written there.
    pub(crate) async fn print<S: Store>(
        &self,
        ui: &dyn Ui,
        store: &S,
        campaign: &Campaign,
    ) -> Result<(), Failure> {
        if !self.prints {
            return Ok(());
        }
        let head = head_of(store, campaign).await?;
        ui.write(&csv::header())?;
        each_row(store, campaign.id, |row| ui.write(&csv::lines(&[row], &head))).await.map(drop)
    }

    /// Writes the metrics of the whole store, if they go anywhere.
    pub(crate) async fn write_metrics<S: Store>(&self, store: &S) {
        if let Some(path) = &self.metrics {
            metrics::file::write(store, path).await;
        }
    }

    /// Writes all files anew, unless they show what stands in the store already.
    ///
    /// # Errors
    /// As `write`.
    pub(in crate::ops) async fn write_if_changed<S: Store>(
        &self,
        store: &S,
        campaign: &Campaign,
        before: Option<Shows>,
    ) -> Result<Shows, Failure> {
        // It is read first: what changes while the files are written is written the next time.
        let last_call_at = match store.campaign(campaign.id).await? {
            Some(there) => there.last_call_at,
            None => None,
        };
        let shows = Shows { tally: store.tally(campaign.id).await?, last_call_at };
        self.write_metrics(store).await;
        if before.as_ref() != Some(&shows) {
            self.write(store, campaign).await?;
        }
        Ok(shows)
    }

    /// Writes what a refused draft was: its bad rows with their reasons, the others not attempted.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read or a file cannot be written.
    pub(crate) async fn write_refused<S: Store>(
        &self,
        store: &S,
        draft: CampaignId,
        head: ReportHead,
    ) -> Result<(), Failure> {
        let mut writers = Writers::of(&self.paths, &head);
        each_row(store, draft, |mut row| {
            if row.life.state == State::Draft {
                row.life = Life::ended(Outcome::NotAttempted);
                let reason = "the list holds bad rows, so nothing was ordered".to_owned();
                row.detail = Detail { reason: Some(reason), ..Detail::default() };
            }
            writers.row(&row);
            Ok(())
        })
        .await?;
        writers.finish()
    }

    /// Begins files of rows that are in no campaign.
    ///
    /// # Errors
    /// `Failure` if one cannot be written.
    pub(in crate::ops) fn begin(&self, head: &ReportHead) -> Result<Writing, Failure> {
        let writers = Writers::of(&self.paths, head);
        match writers.failed {
            Some(failure) => Err(failure),
            None => Ok(Writing(writers)),
        }
    }
}

/// Reports on their way. One that cannot be written keeps the others from nothing.
struct Writers {
    all: Vec<ReportWriter>,
    /// Why the first of those could not be written that could not.
    failed: Option<Failure>,
}

impl Writers {
    fn of(paths: &[PathBuf], head: &ReportHead) -> Self {
        let mut begun = Self { all: Vec::with_capacity(paths.len()), failed: None };
        for path in paths {
            match ReportWriter::create(path, head.clone()) {
                Ok(writer) => begun.all.push(writer),
                Err(error) => begun.fail(&error),
            }
        }
        begun
    }

    fn row(&mut self, row: &Row) {
        let Self { all, failed } = self;
        all.retain_mut(|writer| match writer.row(row) {
            Ok(()) => true,
            Err(error) => {
                failed.get_or_insert_with(|| unwritten(&error));
                false
            }
        });
    }

    /// The rows that follow are of this campaign.
    fn turn_to(&mut self, head: &ReportHead) {
        self.all.iter_mut().for_each(|writer| writer.turn_to(head.clone()));
    }

    /// Gives all their names, and tells the first that could not be written.
    fn finish(mut self) -> Result<(), Failure> {
        for writer in std::mem::take(&mut self.all) {
            if let Err(error) = writer.finish() {
                self.fail(&error);
            }
        }
        self.failed.map_or(Ok(()), Err)
    }

    fn fail(&mut self, error: &ReportError) {
        self.failed.get_or_insert_with(|| unwritten(error));
    }
}

/// Rows that are in no campaign, on their way into reports.
pub(in crate::ops) struct Writing(Writers);

impl Writing {
    /// Writes the next row.
    pub(in crate::ops) fn row_of(&mut self, head: &ReportHead, row: &Row) {
        self.0.turn_to(head);
        self.0.row(row);
    }

    /// Gives the files their names.
    ///
    /// # Errors
    /// `Failure` if one cannot have it, or if the disk did not take its rows.
    pub(in crate::ops) fn finish(self) -> Result<(), Failure> {
        self.0.finish()
    }
}

/// Writes the rows of several campaigns into one report, for who may see all of them.
///
/// # Errors
/// `Failure` if the store cannot be read or a file cannot be written.
pub(in crate::ops) async fn write_together<S: Store>(
    reports: &Reports,
    store: &S,
    campaigns: &[Campaign],
) -> Result<(), Failure> {
    let Some(first) = campaigns.first() else { return Ok(()) };
    let mut writers = Writers::of(&reports.paths, &head_of(store, first).await?);
    for campaign in campaigns {
        writers.turn_to(&head_of(store, campaign).await?);
        each_row(store, campaign.id, |row| {
            writers.row(&row);
            Ok(())
        })
        .await?;
    }
    // What stands above all rows is of no single tenant.
    if let [first, _, ..] = campaigns {
        let tenant = format!("{} tenants", campaigns.len());
        let head = ReportHead { tenant, ..head(&first.name, &first.order, first.emulated) };
        writers.turn_to(&head);
    }
    writers.finish()
}

fn owner(campaign: &Campaign) -> ReportOwner<'_> {
    let tenant = Some(campaign.order.target.tenant.as_str());
    ReportOwner { campaign: &campaign.name, tenant }
}

/// What stands in every row of a campaign's report.
pub(crate) fn head(campaign: &CampaignName, order: &Order, emulated: bool) -> ReportHead {
    ReportHead {
        campaign: campaign.clone(),
        tenant: order.target.tenant.clone(),
        scan_type: order.scan_type,
        emulated,
        ticket: order.ticket.clone(),
        comment: order.comment.clone(),
        handed_on: false,
        called_off: false,
        cancel_left: None,
        portal: Cloud::named(&order.target.cloud).filter(|_| !emulated).map(Cloud::portal),
        story: None,
    }
}

/// What stands in every row of the report of a campaign in this store.
///
/// # Errors
/// `Failure` if the store cannot be read.
pub(crate) async fn head_of<S: Store>(
    store: &S,
    campaign: &Campaign,
) -> Result<ReportHead, Failure> {
    // Whoever calls it off writes its report too.
    let there = store.campaign(campaign.id).await?;
    let campaign = there.as_ref().unwrap_or(campaign);
    let (handed_on, called_off) = (followed(store, campaign).await?, campaign.called_off);
    let head = head(&campaign.name, &campaign.order, campaign.emulated);
    let cancel_left = cancel_left(store, campaign);
    Ok(ReportHead { handed_on, called_off, cancel_left, ..head })
}

/// That somebody began to take back what it ordered and did not come to an end.
fn cancel_left<S: Store>(store: &S, campaign: &Campaign) -> Option<String> {
    let run = looked_at(campaign.clone()).last_run?;
    let left = run.cancelling_left(store.clock().shared_utc(), &Timing::default())?;
    let zone = local_now().time_zone().clone();
    let at = |at: Timestamp| moment(&at.to_zoned_datetime(zone.clone()));
    Some(taking_back_left(left, at, at))
}

/// Why a campaign did not come to its end by itself, as its latest run left it.
fn ended_early(campaign: &Campaign, head: &ReportHead) -> Option<EndedEarly> {
    if head.handed_on {
        return Some(EndedEarly::HandedOn(campaign.last_run.clone().map(Box::new)));
    }
    if head.called_off {
        return Some(EndedEarly::Cancelled);
    }
    let end = campaign.last_run.as_ref()?.ended.as_ref()?;
    if campaign.state == CampaignState::Finished {
        return None;
    }
    Some(EndedEarly::Stopped { why: end.why.clone(), before: end.before.clone() })
}

/// The same of a run that ends now.
fn ended_by(ending: &Ending) -> Option<EndedEarly> {
    match ending {
        Ending::Finished => None,
        Ending::Stopped(stop) => {
            let before = Some(before_resuming(stop).to_owned());
            Some(EndedEarly::Stopped { why: stop_text(stop), before })
        }
    }
}

/// The files that the latest run of a campaign wrote.
fn of_latest_run(campaign: &Campaign) -> Vec<PathBuf> {
    let run = campaign.last_run.iter();
    run.flat_map(|run| &run.reports).map(PathBuf::from).collect()
}

/// What happened in a campaign.
async fn story<S: Store>(
    store: &S,
    campaign: &Campaign,
    head: &ReportHead,
) -> Result<Story, Failure> {
    let happenings = store.happenings(campaign.id, 0, HAPPENINGS_KEPT).await?;
    Ok(Story {
        opened_at: campaign.opened_at,
        finished_at: campaign.finished_at,
        ended: ended_early(campaign, head),
        last_call_at: campaign.last_call_at,
        calls: store.calls(campaign.id).await?,
        quotas: campaign.quotas.clone(),
        minutes: store.minutes(campaign.id).await?,
        happenings: happenings.into_iter().map(|one| one.happening).collect(),
        zone: local_now().time_zone().clone(),
        store: String::new(),
    })
}

/// Hands over every row as reports show it, and counts what the summary tells.
async fn each_row<S: Store>(
    store: &S,
    campaign: CampaignId,
    mut use_row: impl FnMut(Row) -> Result<(), Failure> + Send,
) -> Result<Totals, Failure> {
    let mut totals = Totals::default();
    let rows = store.each_row(campaign, |row| {
        totals.add(&row);
        use_row(row)
    });
    rows.await?;
    Ok(totals)
}

fn refused(error: &ReportError) -> Failure {
    Failure::usage("nothing was ordered: a report cannot be written", error, error.remedy())
}

fn unwritten(error: &ReportError) -> Failure {
    Failure::failed("a report cannot be written", error, error.remedy())
}

/// What stands for the campaign's name in a report's path.
pub const PLACE_OF_NAME: &str = "{campaign}";

fn named(path: &Path, campaign: &CampaignName) -> PathBuf {
    match path.to_str() {
        Some(text) => PathBuf::from(text.replace(PLACE_OF_NAME, campaign.as_str())),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::domain::{DeviceId, NewRow, Opened, Opening};
    use crate::store::ClaimAnswer;
    use crate::store::memory::MemoryStore;
    use crate::system::files;

    fn opening() -> Opening {
        Opening {
            name: "c".parse().unwrap(),
            order: Order {
                target: Target {
                    api_origin: "https://api.example".to_owned(),
                    tenant: "t".to_owned(),
                    application: "a".to_owned(),
                    cloud: "commercial".to_owned(),
                },
                scan_type: crate::domain::ScanType::Full,
                comment: "c".to_owned(),
                ticket: None,
                ids_hash: String::new(),
            },
            mark_bits: 1,
            busy: Default::default(),
            emulated: false,
            quotas: Vec::new(),
            priority: Default::default(),
            rollout: Default::default(),
            begun: Default::default(),
        }
    }

    #[tokio::test]
    async fn a_report_is_written_again_only_when_an_order_or_an_answer_has_changed_it() {
        let store = MemoryStore::new(ManualClock::default(), Timing::default());
        let draft = store.draft().await.unwrap();
        let row = NewRow {
            line: 1,
            device: Some(DeviceId::from_bytes([1; 20])),
            name: None,
            input_text: None,
            facts: Default::default(),
            life: Life::draft(),
            reason: None,
            turn: 0,
            wave: 0,
        };
        store.append(draft, vec![row]).await.unwrap();
        assert_eq!(store.open(draft, opening()).await.unwrap(), Opened::New(draft));
        let campaign = store.campaign(draft).await.unwrap().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        let reports = Reports {
            paths: vec![path.clone()],
            metrics: None,
            prints: false,
            store: String::new(),
        };
        // Each writing makes a new file in the place of the old one.
        let file = || files::numbers(&path).unwrap();
        let first = reports.write_if_changed(&store, &campaign, None).await.unwrap();
        let written = file();
        let same = reports.write_if_changed(&store, &campaign, Some(first.clone())).await.unwrap();
        assert_eq!((&same, file()), (&first, written));
        let claimed = store.claim(draft, true).await.unwrap();
        assert!(matches!(claimed, ClaimAnswer::Call(_)));
        // The old file is kept, so that its number is not given again.
        std::fs::hard_link(&path, folder.path().join("old")).unwrap();
        let next = reports.write_if_changed(&store, &campaign, Some(same)).await.unwrap();
        assert!(next != first && file() != written);
    }

    #[test]
    fn a_run_writes_while_it_goes_on_if_it_has_a_report_or_metrics_and_not_if_it_only_prints() {
        let path = || PathBuf::from("x");
        let prints = Reports { prints: true, ..Reports::none() };
        assert!(!prints.has_files() && !Reports::none().has_files());
        assert!(Reports { paths: vec![path()], ..prints.clone() }.has_files());
        assert!(Reports { metrics: Some(path()), ..Reports::none() }.has_files());
    }

    #[test]
    fn a_report_that_cannot_have_its_name_keeps_no_other_one_from_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let [bad, good] = ["bad.csv", "good.csv"].map(|name| folder.path().join(name));
        let Opening { name, order, .. } = opening();
        let writer = |path| ReportWriter::create(path, head(&name, &order, false)).unwrap();
        let mut writers = Writers { all: vec![writer(&bad), writer(&good)], failed: None };
        let gone = folder.path().join("gone/r.csv");
        writers.fail(&ReportWriter::create(&gone, head(&name, &order, false)).err().unwrap());
        let told = writers.failed.take().unwrap().why;
        assert!(told.contains("gone"), "{told}");
        std::fs::create_dir(&bad).unwrap();
        let why = writers.finish().unwrap_err().why;
        assert!(why.contains("bad.csv") && why.contains("a folder"), "{why}");
        assert!(good.exists());
    }
}
