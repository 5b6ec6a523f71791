//! The integration tests, one module a subject.

mod canned;
mod defender;
mod list;
mod sign_in;
mod verdict;
