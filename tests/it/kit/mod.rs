//! What several tests share: worlds, servers, stores, programs and values. It tests nothing but
//! that what it starts sees nothing of the machine.

pub(crate) mod apart;
pub(crate) mod away;
pub(crate) mod canned;
pub(crate) mod certificates;
pub(crate) mod child;
pub(crate) mod fake_server;
pub(crate) mod mistake;
pub(crate) mod older;
#[cfg(unix)]
pub(crate) mod pair;
pub(crate) mod postgres;
pub(crate) mod program;
#[cfg(unix)]
pub(crate) mod provider;
pub(crate) mod store;
pub(crate) mod support;
pub(crate) mod watched_clock;
pub(crate) mod watched_store;
#[cfg(unix)]
pub(crate) mod wire;
