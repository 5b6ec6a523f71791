//! The real binary: its commands, messages and exit codes, its files, and what it does when it is
//! interrupted, killed or started twice. The server is the emulator, whose ledger judges.

pub(crate) mod campaigns;
mod canary;
mod cancel;
mod completion;
mod doctor;
mod ends;
mod failover;
mod follow;
mod help;
mod hook;
mod init;
mod judged;
mod kept;
mod limits;
mod lists;
mod messages;
mod names;
mod network;
mod nights;
mod order;
mod plan_file;
mod priority;
mod prune;
mod readme;
mod reads;
mod refusals;
mod reports;
mod retry;
mod schedule;
mod screen;
mod settings;
mod several;
mod several_hosts;
mod sign_in;
mod start;
mod tenant;
mod ticket;
mod usage;
mod watch;
mod waves;
mod windows;
mod work;
mod zone;

use crate::kit::program::*;
use crate::kit::support::device;
