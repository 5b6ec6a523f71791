//! The client of the API and its sign-in, against servers that answer byte by byte as a test wants.

pub(crate) mod http;
mod list;
#[cfg(unix)]
mod sign_in;
