//! What can be asked of a list of devices or of a campaign.

use std::path::PathBuf;

use super::run::{
    AfterRequest, ConnectRequest, EmulatorRequest, OutputRequest, RunRequest, SpeedRequest,
};
use super::said::{Length, Wait, request};
use crate::domain::facts::KeptFacts;
use crate::domain::preflight::Group;
use crate::domain::{
    BusyPolicy, CampaignName, DeviceId, FileDigest, OnlyOf, OrderBy, ScanType, SeriesName, Ticket,
};

/// A device that is already known by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedDevice {
    /// Its id.
    pub id: DeviceId,
    /// Its name, if that is known.
    pub name: Option<String>,
    /// What an earlier campaign kept of it.
    pub facts: KeptFacts,
}

request! {
    /// Ordering a scan on every device of a list.
    ScanRequest {
        /// Files of device ids; `-` stands for standard input.
        devices: Vec<PathBuf>,
        /// Devices that need not be read from anywhere.
        #[serde(skip)]
        ids: Vec<ListedDevice>,
        /// The rows that are taken of a list of several tenants.
        #[serde(skip)]
        only_of: Option<OnlyOf>,
        /// The tenant's own devices are the list.
        from_tenant: bool,
        /// Which of them.
        machines: MachineFilters,
        /// The header of the column of ids.
        column: Option<String>,
        /// The list may hold names, which are looked up in the tenant.
        names: bool,
        /// A name that several records share is refused.
        strict_names: bool,
        /// Rows that hold no id are passed over.
        skip_bad_rows: bool,
        /// Rows that a list may have.
        max_rows: Option<u64>,
        /// The type of the scan.
        scan_type: Option<ScanType>,
        /// Why.
        comment: Option<String>,
        /// The number of the change request or incident.
        ticket: Option<Ticket>,
        /// The name of the campaign.
        campaign: Option<CampaignName>,
        /// The plan is shown, and nothing is ordered.
        dry_run: bool,
        /// Nobody is asked if the plan has at most so many devices.
        approve_max: Option<u64>,
        /// The campaign is handed over to the workers.
        detach: bool,
        /// Groups that are ordered though they would not be.
        keep: Vec<Group>,
        /// Groups that are skipped.
        skip: Vec<Group>,
        /// The tenant is asked about the devices also where it would not be.
        check: bool,
        /// It is not asked.
        no_check: bool,
        /// What is done with busy devices.
        busy: Option<BusyPolicy>,
        /// The plan as a file.
        plan_file: PlanFileRequest,
        /// A canary and waves.
        waves: WaveRequest,
        /// Night after night.
        due: DueRequest,
        /// Who goes first.
        order: OrderRequest,
        /// How it is run.
        run: RunRequest,
    }
}

request! {
    /// Which of the tenant's machines; different fields all hold, of several values of one any.
    MachineFilters {
        /// Health states.
        health: Vec<String>,
        /// Onboarding states.
        onboarding: Vec<String>,
        /// Operating systems, or families of them.
        os: Vec<String>,
        /// Tags.
        tags: Vec<String>,
        /// Device groups.
        groups: Vec<String>,
        /// Reported within this time.
        seen_within: Option<Length>,
        /// Not reported for this time.
        not_seen_for: Option<Length>,
        /// Device values.
        device_value: Vec<String>,
        /// DNS names, in which `*` stands for any characters.
        dns_names: Vec<String>,
        /// More, in the API's own language.
        filter: Option<String>,
    }
}

request! {
    /// A plan that is written to a file, or was.
    PlanFileRequest {
        /// It is written to this file.
        #[serde(skip)]
        write_to: Option<PathBuf>,
        /// It is read from this file.
        #[serde(skip)]
        read_from: Option<PathBuf>,
        /// The digest of the file as it was approved.
        #[serde(skip)]
        approved: Option<FileDigest>,
    }
}

request! {
    /// A canary and waves.
    WaveRequest {
        /// The canary has at most so many devices.
        canary: Option<u64>,
        /// It is devices with this tag.
        canary_tag: Option<String>,
        /// It is the devices of this list.
        canary_file: Option<PathBuf>,
        /// It is drawn by lot.
        canary_random: bool,
        /// It is drawn with this seed.
        canary_seed: Option<u64>,
        /// How long is waited after it.
        canary_wait: Option<Wait>,
        /// The sizes of waves; the last one takes the rest.
        waves: Vec<u64>,
        /// How long is waited after each of them.
        wave_wait: Option<Wait>,
    }
}

impl WaveRequest {
    /// Whether there is to be a canary.
    pub fn has_canary(&self) -> bool {
        self.canary.is_some() || self.canary_tag.is_some() || self.canary_file.is_some()
    }
}

request! {
    /// Which devices are due, and the series that a run belongs to.
    DueRequest {
        /// Devices are skipped for which a scan was ordered within this time.
        due: Option<Length>,
        /// The series.
        series: Option<SeriesName>,
    }
}

impl DueRequest {
    /// Whether earlier orders matter.
    pub fn looks_back(&self) -> bool {
        self.due.is_some() || self.series.is_some()
    }
}

request! {
    /// Who goes first.
    OrderRequest {
        /// The devices of these lists.
        first: Vec<PathBuf>,
        /// What the order of the others goes by.
        by: Option<OrderBy>,
    }
}

request! {
    /// Going on with a campaign.
    ResumeRequest {
        /// Its name; it can be left out if only one is open.
        campaign: Option<CampaignName>,
        /// After a wave that failed nobody is asked if at most so many devices are left.
        approve_max: Option<u64>,
        /// It is handed over to the workers.
        detach: bool,
        /// How it is run.
        run: RunRequest,
    }
}

request! {
    /// Running whatever is open.
    WorkRequest {
        /// What is said of each tenant whose campaigns are run.
        tenants: Vec<ConnectRequest>,
        /// It ends when nothing is open that it could run.
        until_idle: bool,
        /// Where the metrics of the store are kept.
        metrics: Option<PathBuf>,
        /// What durations and windows are divided by.
        time_scale: Option<u32>,
    }
}

request! {
    /// Ordering again what a campaign left uncovered.
    RetryRequest {
        /// Its name; it can be left out if there is only one.
        campaign: Option<CampaignName>,
        /// Devices that ended so, by the names of outcomes; all that need attention if none is
        /// named.
        outcomes: Vec<String>,
        /// What is said anew of the order; what is not is as it was.
        scan: ScanRequest,
    }
}

request! {
    /// Cancelling what a campaign ordered.
    CancelRequest {
        /// Its name; it can be left out if there is only one.
        campaign: Option<CampaignName>,
        /// Only the waiting devices are taken out of the queue, and nobody is called.
        queue_only: bool,
        /// The waiting devices stay in the queue.
        keep_queue: bool,
        /// What runs is left alone.
        pending_only: bool,
        /// The plan is shown, and nothing is cancelled.
        dry_run: bool,
        /// Nobody is asked if at most so many devices are concerned.
        approve_max: Option<u64>,
        /// How fast.
        speed: SpeedRequest,
        /// Where reports go.
        output: OutputRequest,
        /// Where the API is and who calls it.
        connect: ConnectRequest,
    }
}

request! {
    /// Following ordered scans to their end.
    FollowRequest {
        /// The campaign; it can be left out if there is only one.
        campaign: Option<CampaignName>,
        /// For this long at most, with this time between two looks.
        after: AfterRequest,
        /// Where reports go.
        output: OutputRequest,
        /// Where the API is and who calls it.
        connect: ConnectRequest,
    }
}

request! {
    /// Listing the tenant's devices.
    DevicesRequest {
        /// Which of them.
        machines: MachineFilters,
        /// Where the API is and who calls it.
        connect: ConnectRequest,
        /// The embedded emulator.
        emulator: EmulatorRequest,
    }
}

request! {
    /// Holding a campaign.
    PauseRequest {
        /// Its name; it can be left out if only one is open.
        campaign: Option<CampaignName>,
        /// Whose it is, where several have that name.
        whose: ConnectRequest,
    }
}

request! {
    /// Telling where campaigns stand.
    StatusRequest {
        /// Only this one.
        campaign: Option<CampaignName>,
        /// Whose it is, where several have that name.
        whose: ConnectRequest,
        /// Also those that ended long ago.
        all: bool,
        /// How much of the fleet has had a scan.
        coverage: bool,
        /// Only those of this series.
        series: Option<SeriesName>,
        /// It is told anew until somebody has seen enough.
        watch: bool,
        /// The runs of series, a line a night.
        nights: bool,
    }
}

request! {
    /// Checking everything that a campaign stands on.
    DoctorRequest {
        /// Limits.
        speed: SpeedRequest,
        /// Where the API is and who calls it.
        connect: ConnectRequest,
    }
}

request! {
    /// Writing a campaign's report again.
    ReportRequest {
        /// Its name; it can be left out if there is only one.
        campaign: Option<CampaignName>,
        /// Whose it is, where several have that name.
        whose: ConnectRequest,
        /// Where the report goes.
        output: OutputRequest,
        /// It is opened once it is written.
        open: bool,
    }
}
