//! The store's folder and file before SQLite sees them: who may read them, and whether the file
//! system keeps locks between processes. It opens no file that exists: closing one would drop the
//! locks that SQLite holds on it for this process (howtocorrupt.html, section 2.2).

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::domain::text::in_words;
use crate::store::StoreError;
use crate::system::{files, places};

/// Makes the folder if it is missing (0700), refuses where a store cannot be kept, and makes the
/// file if it is missing (0600; 0660 in the folder of the service). SQLite gives its two side
/// files the mode and, as root, the owner of the file.
pub(super) fn prepare(path: &Path) -> Result<(), StoreError> {
    let folder = folder_of(path);
    files::make_private_folder(&folder).map_err(|error| {
        refused(format!("the folder {} cannot be made: {}", folder.display(), in_words(&error)))
    })?;
    usable(path)?;
    files::make_private_file(path, is_of_service(&folder)).map_err(|error| {
        refused(format!("{} cannot be made: {}", path.display(), in_words(&error)))
    })
}

/// Gives the side files the rights of their database. Whoever only reads a store that may not be
/// written leaves side files that may not either, and those stay so when the rights of the one file
/// that people know are mended. A link, or somebody else's file, is left as it is; what cannot be
/// mended is told when SQLite cannot write.
pub(super) fn mend_side_files(path: &Path) {
    ["-wal", "-shm"].iter().for_each(|ending| {
        files::give_rights_of(path, &side_file(path, ending));
    });
}

/// Refuses a folder that may not be written or that lies on a network, and a database that lost its
/// content.
pub(super) fn usable(path: &Path) -> Result<(), StoreError> {
    let folder = folder_of(path);
    files::may_write(&folder).map_err(|error| {
        refused(format!(
            "the folder {} may not be written ({}), and SQLite keeps files beside its database",
            folder.display(),
            in_words(&error)
        ))
    })?;
    if let Some(kind) = files::network_kind(&folder) {
        return Err(refused(format!(
            "{} lies on {kind}, where the locks between processes cannot be trusted, and with them \
             the limit; put the store on a local disk",
            folder.display()
        )));
    }
    one_name(path)?;
    let log = fs::metadata(side_file(path, "-wal")).map_or(0, |meta| meta.len());
    if fs::metadata(path).is_ok_and(|meta| meta.len() == 0) && log > 0 {
        return Err(refused(format!(
            "{} is empty and its log is not, so it was cut off; keep both files, and restore a \
             copy",
            path.display()
        )));
    }
    Ok(())
}

/// The one name under which SQLite keeps its log: links are followed, so that all who mean one file
/// share one log, and so that it is judged where it lies. What is not there yet stays as it is.
pub(super) fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Refuses a file with a second name: SQLite would keep a log for each, and neither would know the
/// calls of the other (howtocorrupt.html, section 2.5).
fn one_name(path: &Path) -> Result<(), StoreError> {
    let names = match fs::metadata(path) {
        Ok(meta) if meta.is_file() => files::names(path).unwrap_or(1),
        Ok(_) | Err(_) => 1,
    };
    if names <= 1 {
        return Ok(());
    }
    Err(refused(format!(
        "{} has {names} names (hard links), and each would have a log of its own, so that calls \
         under one are not counted under the other; remove the other names (`find / -samefile` \
         shows them)",
        path.display()
    )))
}

/// Puts the names of a store's files on the disk: without its name a log is lost as a whole when
/// the power goes. SQLite does the same and takes no notice when it fails.
pub(super) fn flush_folder(path: &Path) -> Result<(), StoreError> {
    let folder = folder_of(path);
    files::flush_folder(&folder).map_err(|error| StoreError::Failed {
        what: "opening the store",
        why: format!("the folder {} cannot be flushed ({error})", folder.display()),
    })
}

/// The file's length; nothing if there is no file.
pub(super) fn length(path: &Path) -> Result<Option<u64>, StoreError> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_file() => Ok(Some(meta.len())),
        Ok(_) => Err(refused(format!("{} is not a file; name one", path.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused(format!(
            "{} cannot be looked at ({error}); check the rights of its folders",
            path.display()
        ))),
    }
}

/// Whether a store is a service's, whose group shares it; any other is its owner's alone.
fn is_of_service(folder: &Path) -> bool {
    folder.starts_with(places::shared_folder())
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A file that SQLite keeps beside its database.
pub(super) fn side_file(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn refused(why: String) -> StoreError {
    StoreError::Refused(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_folder_of_the_service_shares_its_store_with_a_group() {
        let shared = places::shared_folder();
        assert!(is_of_service(&shared));
        assert!(!is_of_service(&PathBuf::from(format!("{}er", shared.display()))));
        assert!(!is_of_service(Path::new("me/.local/state/fleetsweep")));
    }
}
