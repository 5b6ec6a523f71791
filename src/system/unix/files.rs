//! Files and folders: who may use them, which file one is, and that names are on the disk.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Access, FileType, Mode, OFlags, access, fstat, open};

pub use super::network::network_kind;

/// Makes a folder, and those above it, that its user alone may use.
///
/// # Errors
/// As of the system.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a file, unless it is there, that its user alone may use, or with the user's group.
///
/// # Errors
/// As of the system.
pub fn make_private_file(path: &Path, with_group: bool) -> io::Result<()> {
    let mode = if with_group { 0o660 } else { 0o600 };
    match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        // The umask may have taken the group's part away.
        Ok(_) => fs::set_permissions(path, Permissions::from_mode(mode)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Creates a file that was not there, for its user to write and the user's group to read: neither a
/// file nor a link of that name is ever opened.
///
/// # Errors
/// As of the system.
pub fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o640).open(path)
}

/// Makes a temporary file one that the user's group may read, as `create_new` does.
pub fn let_group_read(file: &mut tempfile::Builder<'_, '_>) {
    file.permissions(Permissions::from_mode(0o640));
}

/// Lets everybody read a file.
///
/// # Errors
/// As of the system.
pub fn let_all_read(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(0o644))
}

/// Gives a file beside another one the rights of that: a link, or somebody else's file, is left as
/// it is, and what cannot be done is left. No file is opened for reading or writing.
pub fn give_rights_of(path: &Path, side: &Path) {
    // Closing a file that was opened by its path alone drops no locks.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let (Ok(meta), Ok(held)) = (fs::metadata(path), open(side, flags, Mode::empty())) else {
        return;
    };
    let Ok(there) = fstat(&held) else { return };
    let wanted = meta.permissions().mode() & 0o666;
    let ours = FileType::from_raw_mode(there.st_mode).is_file() && there.st_uid == meta.uid();
    if ours && wanted & !there.st_mode != 0 {
        let held = format!("/proc/self/fd/{}", held.as_raw_fd());
        fs::set_permissions(held, Permissions::from_mode(wanted)).ok();
    }
}

/// Whether files in this folder may be looked at.
///
/// # Errors
/// Why not.
pub fn may_read(folder: &Path) -> io::Result<()> {
    Ok(access(folder, Access::READ_OK | Access::EXEC_OK)?)
}

/// Whether files may be made in this folder.
///
/// # Errors
/// Why not.
pub fn may_write(folder: &Path) -> io::Result<()> {
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// How many names a file has.
///
/// # Errors
/// As of the system.
pub fn names(path: &Path) -> io::Result<u64> {
    Ok(fs::metadata(path)?.nlink())
}

/// The numbers of a file's disk and of the file on it, which tell it from every other one there.
///
/// # Errors
/// As of the system.
pub fn numbers(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Gives a file the name of another one, in whose place it comes, whoever has that open.
///
/// # Errors
/// As of the system.
pub fn replace(new: &Path, old: &Path) -> io::Result<()> {
    fs::rename(new, old)
}

/// Puts the names of the files in a folder on the disk.
///
/// # Errors
/// As of the system, unless its disk flushes no folders: nothing more could be done then.
pub fn flush_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_data()) {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Ok(())
        }
        flushed => flushed,
    }
}

/// Whether this process has the file open and would lose the locks on it if it opened the file once
/// more and closed that (howtocorrupt.html, section 2.2).
pub fn would_lose_locks(path: &Path) -> bool {
    let Ok(path) = fs::canonicalize(path) else { return false };
    let Ok(files) = fs::read_dir("/proc/self/fd") else { return true };
    files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == path))
}
