//! Whether a folder lies on another machine, by the file system that it is on.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::statfs;

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

/// The network file system that a folder lies on, by its name.
pub fn network_kind(folder: &Path) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
