//! Secrets in files that have nothing to do with signing in: tokens and addresses that whoever
//! knows them may use. A file that others can read is refused.

use std::path::Path;

use secrecy::SecretString;

use super::failure::Failure;
use crate::defender::{SecretFileError, read_value};

/// The value of a file that nobody else can read and that holds nothing else; `what` says what it
/// is, for people.
///
/// # Errors
/// `Failure` says what is wrong with the file, and never what it holds.
pub(crate) fn value_in(path: &Path, what: &str) -> Result<SecretString, Failure> {
    read_value(path).map_err(|error| {
        let next = match &error {
            SecretFileError::Open { next, .. } => next.clone(),
            SecretFileError::Unreadable { .. } => "check the path and who may read it".to_owned(),
            SecretFileError::NoText { .. } | SecretFileError::Form { .. } => {
                format!("write the {what} anew into the file, as one line and nothing else")
            }
        };
        Failure::usage(format!("the file of the {what} cannot be used"), error, next)
    })
}
