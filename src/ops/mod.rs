//! What the program does, apart from who asks: a request comes in, an operation plans it, asks its
//! face, runs it and tells the end. It knows no command line, no environment and no terminal; what
//! it needs of them stands in `context`.

pub mod campaigns;
pub mod cancel;
mod client;
pub(crate) mod connection;
pub mod consent;
pub mod context;
pub mod coverage;
pub mod destination;
pub mod devices;
pub mod doctor;
pub mod failure;
pub mod follow;
pub(crate) mod happenings;
mod hours;
mod kept;
mod lazy_client;
pub mod limits;
mod lists;
mod meanwhile;
pub mod messages;
pub mod metrics;
pub mod named_tenant;
mod not_begun;
pub mod pause;
pub mod plan;
pub mod plan_file;
pub mod preflight;
pub(crate) mod process;
pub mod prune;
pub mod report;
pub mod resume;
pub mod retry;
pub mod run;
pub mod scan;
pub mod schedule;
pub(crate) mod secrets;
pub mod series;
mod standings;
pub mod status;
pub mod stop;
pub mod stores;
pub mod tenants;
pub mod ui;
pub mod waves;
pub mod work;
