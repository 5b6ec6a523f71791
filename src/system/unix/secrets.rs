//! Whether a file of a secret is its user's alone, by its mode.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{StatVfsMountFlags, fstatvfs};
use rustix::process::{getegid, geteuid, getgroups};

use super::hints::{command_to_close, how_to_close};
pub use crate::system::values::NotKept;

/// Who may do what with a file.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    mode: u32,
    /// It belongs to this user.
    ours: bool,
    /// Its group is one of this process.
    our_group: bool,
    /// Nothing can be changed where it lies, neither by us nor its rights.
    read_only: bool,
}

impl Access {
    /// Asks the system about an open file.
    ///
    /// # Errors
    /// As of the system.
    pub fn of(file: &File) -> io::Result<Self> {
        let about = file.metadata()?;
        let group = about.gid();
        let others = getgroups()?;
        let our_group = getegid().as_raw() == group || others.iter().any(|id| id.as_raw() == group);
        let mount = fstatvfs(file)?;
        Ok(Self {
            mode: about.mode() & 0o777,
            ours: about.uid() == geteuid().as_raw(),
            our_group,
            read_only: mount.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }

    /// Whether nobody reads it who is not meant to. A group may, where no mode of the owner alone
    /// can be had: on a read-only mount (Kubernetes adds the group's bit to the files of a pod with
    /// `fsGroup`), and where the group is what lets this user in at all.
    pub fn is_private(self) -> bool {
        let (group, others) = (self.mode & 0o070, self.mode & 0o007);
        let let_in = !self.ours && self.our_group && group & 0o020 == 0;
        others == 0 && (group == 0 || self.read_only || let_in)
    }

    /// What the user can do about a file that is not private.
    pub fn remedy(self, path: &Path) -> String {
        let shown = path.display();
        if self.read_only {
            // chmod fails here.
            "mount it with a mode that others cannot read, 0400 or 0440 (Kubernetes: `defaultMode: \
             0400` of the volume), or name its folder in CREDENTIALS_DIRECTORY"
                .to_owned()
        } else if self.ours || geteuid().is_root() {
            format!("run `{}`", command_to_close(path))
        } else {
            format!(
                "have its owner run `chmod 640 {shown}`, with a group that this user is in and \
                 nobody else"
            )
        }
    }
}

/// The secret that the system keeps for its user under this name: none does here.
///
/// # Errors
/// Always.
pub fn kept(_name: &str) -> Result<Vec<u8>, NotKept> {
    let close = how_to_close();
    Err(NotKept {
        why: "only Windows has a Credential Manager".to_owned(),
        next: format!(
            "write the secret into a file that only you can read ({close}) and name it with \
             --client-secret-file"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_reads_only_what_no_mode_of_the_owner_alone_could_hold() {
        let access = |mode, ours, our_group, read_only| Access { mode, ours, our_group, read_only };
        for (mode, ours, our_group, read_only, private) in [
            // The files of a pod: root's, on a read-only mount, with the group of `fsGroup`.
            (0o440, false, true, true, true),
            (0o440, true, false, true, true),
            (0o444, false, true, true, false),
            (0o644, true, true, true, false),
            // A service's user that gets in by its group.
            (0o440, false, true, false, true),
            (0o640, false, true, false, true),
            (0o660, false, true, false, false),
            (0o644, false, true, false, false),
            (0o641, false, true, false, false),
            // Somebody else's group, and a file whose rights this user can fix.
            (0o640, false, false, false, false),
            (0o640, true, true, false, false),
            (0o600, false, false, false, true),
        ] {
            let access = access(mode, ours, our_group, read_only);
            assert_eq!(access.is_private(), private, "{access:?}");
        }
        let remedy = |access: Access| access.remedy(Path::new("secret"));
        let mounted = remedy(access(0o444, false, true, true));
        assert!(
            mounted.contains("CREDENTIALS_DIRECTORY") && !mounted.contains("chmod"),
            "{mounted}"
        );
        assert_eq!(remedy(access(0o640, true, true, false)), "run `chmod 600 secret`");
    }
}
