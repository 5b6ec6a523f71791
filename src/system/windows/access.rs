//! Who may read or change a file, by its list of rights. Windows itself is asked in `win32`.

/// The system, the administrators, and whoever owns the file: none of them can be kept out
/// ("Well-known SIDs" in Microsoft's documentation).
const NOT_KEPT_OUT: [&str; 3] = ["S-1-5-18", "S-1-5-32-544", "S-1-3-4"];

/// An entry that allows or denies in the plain form (`ACCESS_ALLOWED_ACE_TYPE` and
/// `ACCESS_DENIED_ACE_TYPE` in winnt.h).
const ALLOWS: u8 = 0;
const DENIES: u8 = 1;
/// The other kinds that deny: for objects, with a condition, and both.
const DENIES_OTHERWISE: [u8; 3] = [6, 10, 12];

/// It is for what lies in a folder, and not for the folder (`INHERIT_ONLY_ACE`).
const ONLY_FOR_OTHERS: u8 = 8;

/// One line of a list of rights.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// `AceType`.
    pub(super) kind: u8,
    /// `AceFlags`.
    pub(super) flags: u8,
    /// What it is about, if it is plain.
    pub(super) mask: u32,
    /// Whom it is about, if it is plain.
    pub(super) who: String,
}

impl Entry {
    /// Whether its mask and its user stand in the plain form.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.kind, ALLOWS | DENIES)
    }

    fn lets_in(&self, owner: &str) -> bool {
        let denies = self.kind == DENIES || DENIES_OTHERWISE.contains(&self.kind);
        if denies || self.flags & ONLY_FOR_OTHERS != 0 {
            return false;
        }
        // A kind that is not understood may let anybody in.
        let known = self.who == owner || NOT_KEPT_OUT.contains(&self.who.as_str());
        self.kind != ALLOWS || (self.mask != 0 && !known)
    }
}

/// Whether somebody besides the owner, the system and the administrators is let in. Without a list
/// everybody is.
pub(super) fn lets_others_in(owner: &str, list: Option<&[Entry]>) -> bool {
    list.is_none_or(|list| list.iter().any(|entry| entry.lets_in(owner)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: u8, flags: u8, mask: u32, who: &str) -> Entry {
        Entry { kind, flags, mask, who: who.to_owned() }
    }

    #[test]
    fn only_the_owner_the_system_and_administrators_keep_a_file_private() {
        let own = "S-1-5-21-1-2-3-1001";
        let private = |list: &[Entry]| !lets_others_in(own, Some(list));
        let full = 0x001f_01ff;
        let mut list: Vec<Entry> =
            [own, "S-1-5-18", "S-1-5-32-544"].map(|who| entry(ALLOWS, 0, full, who)).into();
        assert!(private(&list));
        assert!(!lets_others_in(own, Some(&[])), "nobody is let in");
        assert!(lets_others_in(own, None), "everybody is let in");
        let users = "S-1-5-32-545";
        for harmless in [entry(DENIES, 0, full, users), entry(ALLOWS, 8, full, users)] {
            list.push(harmless);
            assert!(private(&list), "{list:?}");
        }
        for open in [
            entry(ALLOWS, 0, 0x0012_0089, users),
            entry(ALLOWS, 16, 1, "S-1-1-0"),
            entry(5, 0, 0, ""),
            entry(9, 0, 0, ""),
        ] {
            assert!(!private(&[&list[..], &[open.clone()]].concat()), "{open:?}");
        }
    }
}
