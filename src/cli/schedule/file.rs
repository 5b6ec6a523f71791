//! One file of a schedule, before it is printed or written.

/// A file of a schedule.
pub(super) struct ScheduleFile {
    pub name: String,
    pub text: String,
}
