//! The Defender machine id: the one thing a call needs to name a device. It is not a name, a GUID
//! of Intune or of Entra, or anything that needs a look-up.

use std::fmt;
use std::str::FromStr;

use super::text::is_guid;

/// A Defender machine id: 40 hexadecimal characters, kept as 20 bytes and shown in lower case.
///
/// Only this form is ever put into a URL, so that no text from a list can reach another path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId([u8; 20]);

/// Why a text is not a Defender machine id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotADeviceId {
    /// Nothing but white space.
    #[error("the cell is empty; expected 40 hexadecimal characters")]
    Empty,
    /// A GUID, which Intune and Entra use and the Defender API does not.
    #[error("this is an Intune or Entra device id (a GUID), not a Defender machine id")]
    Guid,
    /// Hexadecimal, but not 40 characters long.
    #[error("{0} hexadecimal characters; a Defender machine id has exactly 40")]
    Length(usize),
    /// Anything else: a name, an address, a sentence.
    #[error("not a Defender machine id; expected 40 hexadecimal characters")]
    Other,
}

impl DeviceId {
    /// How many hexadecimal digits it has.
    pub const DIGITS: usize = 40;

    /// The id made of these bytes, as stores keep it.
    pub fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id, as stores keep it.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl FromStr for DeviceId {
    type Err = NotADeviceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(id) = of_digits(text.as_bytes()) {
            return Ok(id);
        }
        let text = text.trim();
        if text.is_empty() {
            return Err(NotADeviceId::Empty);
        }
        if is_guid(text.trim_start_matches('{').trim_end_matches('}')) {
            return Err(NotADeviceId::Guid);
        }
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotADeviceId::Other);
        }
        of_digits(text.as_bytes()).ok_or(NotADeviceId::Length(text.len()))
    }
}

/// The id that these digits are, if they are as many and nothing else.
fn of_digits(digits: &[u8]) -> Option<DeviceId> {
    if digits.len() != DeviceId::DIGITS {
        return None;
    }
    let (mut bytes, mut seen) = ([0; 20], 0);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (nibble(pair[0]), nibble(pair[1]));
        // One look at the end is faster than one at each digit of a million ids.
        seen |= high | low;
        *byte = high << 4 | low;
    }
    if seen < NO_DIGIT { Some(DeviceId(bytes)) } else { None }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceId({self})")
    }
}

/// More than any digit is worth, in a bit of its own.
const NO_DIGIT: u8 = 0x80;

/// The value of a hexadecimal digit; `NO_DIGIT` for any other character.
fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => NO_DIGIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOWER: &str = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";

    #[test]
    fn an_id_is_read_in_any_case_and_shown_in_lower_case() {
        let id: DeviceId = LOWER.to_uppercase().parse().unwrap();
        assert_eq!(id.to_string(), LOWER);
        assert_eq!(DeviceId::from_bytes(*id.as_bytes()), id);
        assert_eq!(format!("  {LOWER}\t").parse(), Ok(id));
    }

    #[test]
    fn what_is_not_an_id_is_refused_by_its_kind() {
        let refused = |text: &str| text.parse::<DeviceId>().unwrap_err();
        assert_eq!(refused(" "), NotADeviceId::Empty);
        assert_eq!(refused("82f42fca-e931-4f03-b54c-47af94bd394d"), NotADeviceId::Guid);
        assert_eq!(refused("{82F42FCA-E931-4F03-B54C-47AF94BD394D}"), NotADeviceId::Guid);
        assert_eq!(refused(&LOWER[1..]), NotADeviceId::Length(39));
        assert_eq!(refused("msedgewin10"), NotADeviceId::Other);
        assert_eq!(refused("../../etc/passwd"), NotADeviceId::Other);
        assert_eq!(refused(&format!("{}é", &LOWER[2..])), NotADeviceId::Other);
    }
}
