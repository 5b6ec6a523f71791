//! The integration tests, one binary; each subject is a module.

mod intake;
