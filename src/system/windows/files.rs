//! Files and folders: who may use them, which file one is, and that names are on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Component, Path, Prefix};
use std::thread;
use std::time::Duration;

use super::win32;

/// Its owner, the system and the administrators; what is made inside inherits it (SDDL). SQLite
/// gives its side files no rights of their own here, so that the folder must be private.
const PRIVATE: &str = "D:P(A;OICI;FA;;;OW)(A;OICI;FA;;;CO)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";

/// Opens folders as well (`FILE_FLAG_BACKUP_SEMANTICS`).
const ALSO_FOLDERS: u32 = 0x0200_0000;

/// `ERROR_SHARING_VIOLATION`.
const SHARING_VIOLATION: i32 = 32;

/// How often a file that is held is tried, and the time between.
const TRIES: u32 = 8;
const BETWEEN: Duration = Duration::from_millis(250);

const HELD: &str =
    "another program has it open, as Excel has a report that it shows; close it there";

/// Makes a folder, and those above it, that its user alone may use. One that is there stays as it
/// is.
///
/// # Errors
/// As of the system.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        fs::create_dir_all(above)?;
    }
    match win32::make_folder(folder, PRIVATE) {
        // Somebody was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

/// Makes a file, unless it is there, with the rights of its folder.
///
/// # Errors
/// As of the system.
pub fn make_private_file(path: &Path, _with_group: bool) -> io::Result<()> {
    match create_new(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// Creates a file that was not there, with the rights of its folder: neither a file nor a link of
/// that name is ever opened.
///
/// # Errors
/// As of the system.
pub fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Nothing: a temporary file has the rights of its folder.
pub fn let_group_read(_file: &mut tempfile::Builder<'_, '_>) {}

/// Nothing: who may read a file is its folder's to say.
///
/// # Errors
/// None.
pub fn let_all_read(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Nothing: files in one folder inherit one set of rights.
pub fn give_rights_of(_path: &Path, _side: &Path) {}

/// Whether files in this folder may be looked at.
///
/// # Errors
/// Why not.
pub fn may_read(folder: &Path) -> io::Result<()> {
    fs::read_dir(folder).map(drop)
}

/// Whether files may be made in this folder: one is made, and goes away by itself.
///
/// # Errors
/// Why not.
pub fn may_write(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder).map(drop)
}

fn opened(path: &Path) -> io::Result<File> {
    // No rights are needed to ask about a file.
    OpenOptions::new().access_mode(0).custom_flags(ALSO_FOLDERS).open(path)
}

/// How many names a file has.
///
/// # Errors
/// As of the system.
pub fn names(path: &Path) -> io::Result<u64> {
    Ok(win32::about(&opened(path)?)?.names)
}

/// The numbers of a file's disk and of the file on it, which tell it from every other one there.
///
/// # Errors
/// As of the system.
pub fn numbers(path: &Path) -> io::Result<(u64, u64)> {
    let about = win32::about(&opened(path)?)?;
    Ok((about.volume, about.index))
}

/// Gives a file the name of another one, in whose place it comes. A file that another program has
/// open cannot be replaced; virus scanners and what copies files to a cloud let go of it soon.
///
/// # Errors
/// As of the system; `ResourceBusy` if a program keeps it open.
pub fn replace(new: &Path, old: &Path) -> io::Result<()> {
    for _ in 1..TRIES {
        match fs::rename(new, old) {
            Err(_) if is_held(old) => thread::sleep(BETWEEN),
            done => return done,
        }
    }
    match fs::rename(new, old) {
        Err(_) if is_held(old) => Err(io::Error::new(ErrorKind::ResourceBusy, HELD)),
        done => done,
    }
}

/// Whether a program has the file open in a way that keeps others from writing it.
fn is_held(path: &Path) -> bool {
    let alone = OpenOptions::new().write(true).share_mode(0).open(path);
    alone.is_err_and(|error| error.raw_os_error() == Some(SHARING_VIOLATION))
}

/// Nothing: NTFS keeps names in a journal of its own.
///
/// # Errors
/// None.
pub fn flush_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// `false`: a lock belongs to the handle that took it, and closing another one drops none.
pub fn would_lose_locks(_path: &Path) -> bool {
    false
}

/// The share of another machine that a folder lies on. A drive that was mapped leads to its share.
pub fn network_kind(folder: &Path) -> Option<String> {
    let whole = fs::canonicalize(folder).ok()?;
    let Some(Component::Prefix(prefix)) = whole.components().next() else { return None };
    match prefix.kind() {
        Prefix::UNC(..) | Prefix::VerbatimUNC(..) => Some("a network share".to_owned()),
        _ => None,
    }
}
