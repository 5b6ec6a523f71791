//! fleetsweep starts Microsoft Defender antivirus scans on a whole fleet.

pub mod defender;
pub mod domain;
