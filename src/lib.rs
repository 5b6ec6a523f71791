//! fleetsweep starts Microsoft Defender antivirus scans on a whole fleet.

pub mod domain;
pub mod emulator;
