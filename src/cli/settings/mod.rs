//! What holds where nobody types it: the settings file, the environment, the usual places. It opens
//! no store and sends nothing.

pub(crate) mod changed;
pub(crate) mod config;
pub(crate) mod env;
mod file;
pub(crate) mod first;
pub(crate) mod keys;
mod notify;
pub(crate) mod paths;
pub(crate) mod proxy;
pub(crate) mod schema;
pub(crate) mod settings_text;
pub(crate) mod sign_in;
