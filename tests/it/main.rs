//! The integration tests, one module a subject.

mod canned;
mod defender;
mod sign_in;
mod verdict;
