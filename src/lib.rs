//! fleetsweep starts Microsoft Defender antivirus scans on a whole fleet.

pub mod cli;
pub mod clock;
pub mod defender;
pub mod domain;
pub mod emulator;
pub mod engine;
pub mod gate;
pub mod intake;
pub mod report;
pub mod store;
