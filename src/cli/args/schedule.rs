//! What the user typed for `schedule`: which kind of timer, when, and the command line that it
//! starts.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

/// `schedule`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:
  Every night when its window opens, by systemd; prints both units:
    fleetsweep schedule --systemd -- scan /srv/fleet.csv --type full \\
      --comment nightly --approve-max 15000 --window 22:00-06:00
  The same as files, as a line of a crontab, for Kubernetes, for WSL:
    fleetsweep schedule --systemd --folder . --at 22:00 -- scan ...
    fleetsweep schedule --cron --at 22:00 -- scan ...
    fleetsweep schedule --kubernetes --at \"Mon-Fri 22:00\" -- scan ...
    fleetsweep schedule --windows --at 22:00 -- scan ...
  A worker for all customers, as a service:
    fleetsweep schedule --systemd --name fleetsweep-worker \\
      -- work --all-profiles")]
#[command(override_usage = "fleetsweep schedule --systemd|--cron|--kubernetes|--windows
       [OPTIONS] -- <COMMAND>...")]
#[command(group = ArgGroup::new("kind").required(true)
    .args(["systemd", "cron", "kubernetes", "windows"]))]
pub struct ScheduleArgs {
    /// A service and its timer, hardened; the client secret as a systemd credential. For `work` the
    /// service alone, which says when it is ready
    #[arg(long)]
    pub systemd: bool,

    /// A line of a crontab
    #[arg(long)]
    pub cron: bool,

    /// A CronJob
    #[arg(long)]
    pub kubernetes: bool,

    /// A task of the Windows scheduler that starts fleetsweep; written on Linux, it does so in WSL
    #[arg(long)]
    pub windows: bool,

    /// When to start: a time of day, with days if not daily, such as 22:00 or "Mon-Fri 22:00";
    /// repeatable [default: when a --window of the command line opens]
    #[arg(long = "at", value_name = "TIME")]
    pub starts: Vec<String>,

    /// Name of the units, the job or the task
    #[arg(long, value_name = "NAME", default_value = "fleetsweep", help_heading = "Options")]
    pub name: String,

    /// Write files into this folder instead of printing them
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,

    /// The command line to start: scan, resume or work, and its options
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}
