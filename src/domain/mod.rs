//! The values and rules that everything else stands on. Pure: no async, no I/O, no clock, no
//! randomness; whatever of these a rule needs comes in as a value.

pub mod device;
pub mod text;

pub use device::{DeviceId, NotADeviceId};
