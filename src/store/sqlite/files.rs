//! The store's folder and file before SQLite sees them: who may read them, and whether the file
//! system keeps locks between processes. It opens no file that exists: closing one would drop the
//! locks that SQLite holds on it for this process (howtocorrupt.html, section 2.2).

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, FileType, Mode, OFlags, access, fstat, open, statfs};

use crate::store::StoreError;

/// The folder that packages make for a service and its group.
const SERVICE_FOLDER: &str = "/var/lib/fleetsweep";

/// File systems over a network, by the magic numbers of statfs(2). Their locks between hosts do not
/// hold what SQLite needs. Left out on purpose, as they are local or show a host's local folders:
/// overlay, 9p and virtiofs (containers, virtual machines, WSL), tmpfs, and FUSE unless its type
/// names a network.
const NETWORK: [(u32, &str); 11] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0000_564c, "NCP"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
];

/// FUSE, behind which anything can be.
const FUSE: u32 = 0x6573_5546;

/// FUSE types that reach over a network, as /proc/self/mountinfo names them.
const NETWORK_FUSE: [&str; 9] = [
    "fuse.sshfs",
    "fuse.glusterfs",
    "fuse.ceph",
    "fuse.ceph-fuse",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.gcsfuse",
    "fuse.blobfuse",
    "fuse.blobfuse2",
];

/// Makes the folder if it is missing (0700), refuses where a store cannot be kept, and makes the
/// file if it is missing (0600; 0660 in the folder of the service). SQLite gives its two side
/// files the mode and, as root, the owner of the file.
pub(super) fn prepare(path: &Path) -> Result<(), StoreError> {
    let folder = folder_of(path);
    let make = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    make.map_err(|error| {
        refused(format!(
            "the folder {} cannot be made ({error}); name another with --store sqlite:PATH",
            folder.display()
        ))
    })?;
    usable(path)?;
    create(path, mode_in(&folder))
}

/// Gives the side files the rights of their database. Whoever only reads a store that may not be
/// written leaves side files that may not either, and those stay so when the rights of the one file
/// that people know are mended. A link, or somebody else's file, is left as it is; what cannot be
/// mended is told when SQLite cannot write.
pub(super) fn mend_side_files(path: &Path) {
    ["-wal", "-shm"].iter().for_each(|ending| follow(path, &side_file(path, ending)));
}

fn follow(path: &Path, side: &Path) {
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

/// Refuses a folder that may not be written or that lies on a network, and a database that lost its
/// content.
pub(super) fn usable(path: &Path) -> Result<(), StoreError> {
    let folder = folder_of(path);
    access(&folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        refused(format!(
            "the folder {} may not be written ({error}), and SQLite keeps files beside its \
             database; change its rights or name another with --store sqlite:PATH",
            folder.display()
        ))
    })?;
    if let Some(kind) = network_kind(&folder) {
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
            "{} is empty and its log is not, so it was cut off; keep both files, restore a copy, \
             or name another store with --store sqlite:PATH",
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
        Ok(meta) if meta.is_file() => meta.nlink(),
        Ok(_) | Err(_) => 1,
    };
    if names <= 1 {
        return Ok(());
    }
    Err(refused(format!(
        "{} has {names} names (hard links), and each would have a log of its own, so that calls \
         under one are not counted under the other; remove the other names (`find / -samefile` \
         shows them), or name another store with --store sqlite:PATH",
        path.display()
    )))
}

/// Puts the names of a store's files on the disk: without its name a log is lost as a whole when
/// the power goes. SQLite does the same and takes no notice when it fails.
pub(super) fn flush_folder(path: &Path) -> Result<(), StoreError> {
    let folder = folder_of(path);
    match File::open(&folder).and_then(|folder| folder.sync_data()) {
        // Some file systems flush no folders; there is nothing more that could be done.
        Err(error) if !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Err(StoreError::Failed {
                what: "opening the store",
                why: format!("the folder {} cannot be flushed ({error})", folder.display()),
            })
        }
        _ => Ok(()),
    }
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

fn create(path: &Path, mode: u32) -> Result<(), StoreError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    match made {
        // The umask may have taken the group's part away.
        Ok(_) => fs::set_permissions(path, Permissions::from_mode(mode)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|error| {
        refused(format!(
            "{} cannot be made ({error}); name another store with --store sqlite:PATH",
            path.display()
        ))
    })
}

/// The rights of a new store: the service's group shares one, and otherwise only its owner has it.
fn mode_in(folder: &Path) -> u32 {
    if folder.starts_with(SERVICE_FOLDER) { 0o660 } else { 0o600 }
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

/// The network file system that a folder lies on, by its name.
fn network_kind(folder: &Path) -> Option<String> {
    // The kernel's word is as wide as the machine's; its magic numbers have 32 bits.
    let magic = statfs(folder).ok()?.f_type as u32;
    if magic == FUSE {
        let device = fs::metadata(folder).ok()?.dev();
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let kind = mounted_type(&mounts, device)?;
        return NETWORK_FUSE.contains(&kind).then(|| kind.to_owned());
    }
    network_name(magic).map(str::to_owned)
}

fn network_name(magic: u32) -> Option<&'static str> {
    NETWORK.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name)
}

/// The type of the file system with this device number in the text of /proc/self/mountinfo (see
/// proc_pid_mountinfo(5)): the third field is major:minor, the first after the dash is the type.
fn mounted_type(mountinfo: &str, device: u64) -> Option<&str> {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let wanted = format!("{major}:{minor}");
    mountinfo.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let here = mount.split(' ').nth(2)? == wanted;
        here.then(|| source.split(' ').next())?
    })
}

fn refused(why: String) -> StoreError {
    StoreError::Refused(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_folder_of_the_service_shares_its_store_with_a_group() {
        assert_eq!(mode_in(Path::new("/var/lib/fleetsweep")), 0o660);
        assert_eq!(mode_in(Path::new("/var/lib/fleetsweeper")), 0o600);
        assert_eq!(mode_in(Path::new("/srv/me/.local/state/fleetsweep")), 0o600);
    }

    #[test]
    fn network_file_systems_are_known_by_their_numbers_and_local_ones_pass() {
        assert_eq!(network_name(0x6969), Some("NFS"));
        assert_eq!(network_name(0xfe53_4d42), Some("SMB2"));
        for local in [0xef53, 0x0102_1994, 0x794c_7630, 0x0102_1997, 0x9123_683e] {
            assert_eq!(network_name(local), None, "{local:#x}");
        }
    }

    #[test]
    fn what_is_behind_fuse_is_read_from_the_list_of_mounts() {
        let mounts = "36 35 98:0 / /mnt rw - ext4 /dev/root rw\n\
                      41 35 0:52 / /mnt/far rw,nosuid shared:9 - fuse.sshfs host:/ rw\n";
        let far = rustix::fs::makedev(0, 52);
        assert_eq!(mounted_type(mounts, far), Some("fuse.sshfs"));
        assert_eq!(mounted_type(mounts, rustix::fs::makedev(0, 53)), None);
    }
}
