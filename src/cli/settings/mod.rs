//! What holds where nobody types it: the settings file, the environment, the usual places. It opens
//! no store and sends nothing.

pub(in crate::cli) mod config;
pub(in crate::cli) mod env;
mod file;
mod keys;
pub(in crate::cli) mod paths;
pub(in crate::cli) mod proxy;
pub(in crate::cli) mod shown;
pub(in crate::cli) mod sign_in;
