//! The digest of a plan file, by which people approve it. What the file holds is `plan_file`'s.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::campaign::hexadecimal;

/// The SHA-256 of a file, by which people approve it: `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDigest(String);

/// Why a text is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write sha256: and the 64 hexadecimal digits that --plan-out printed")]
pub struct NotADigest;

impl FileDigest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hexadecimal(&Sha256::digest(bytes)))
    }
}

impl FromStr for FileDigest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.trim().strip_prefix("sha256:").ok_or(NotADigest)?;
        let right = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if right { Ok(Self(digits.to_ascii_lowercase())) } else { Err(NotADigest) }
    }
}

impl fmt::Display for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_shown_and_nothing_else_is_one() {
        let digest = FileDigest::of(b"abc");
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.to_uppercase().replace("SHA", "sha").parse(), Ok(digest));
        for wrong in ["", "sha256:", &text[7..], &text[..70], &text.replace("ba", "bx"), "md5:ba"] {
            assert_eq!(wrong.parse::<FileDigest>(), Err(NotADigest), "{wrong}");
        }
    }
}
