//! What can be asked of the program, as plain values: whoever asks fills one, whether by a command
//! line, a settings file, a plan file or a campaign that keeps what it was begun with. Nothing is
//! decided here, and no default holds: what was not said is told from what was.

mod run;
mod said;
mod scan;

pub use run::{
    AfterRequest, ConnectRequest, EmulatorRequest, HoursRequest, OutputRequest, RunRequest,
    SpeedRequest,
};
pub use said::{Length, OrNone, Said, Wait};
pub use scan::{
    CancelRequest, DevicesRequest, DoctorRequest, DueRequest, FollowRequest, ListedDevice,
    MachineFilters, OrderRequest, PauseRequest, PlanFileRequest, ReportRequest, ResumeRequest,
    RetryRequest, ScanRequest, StatusRequest, WaveRequest, WorkRequest,
};
