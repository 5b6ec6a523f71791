//! The number of a change request or an incident, as the user's own system writes it. It is shown
//! and compared; nobody is asked whether there is such a ticket.

use std::fmt;
use std::str::FromStr;

use super::spelling::{as_told, serialised_as_text};

/// A ticket: 1 to 64 printable ASCII characters without brackets, since it stands in brackets in
/// each action's comment, where a bracket of its own could be taken for their end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket(String);

/// Why a text is no ticket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be a ticket: write 1 to {max} letters, digits, spaces and signs of ASCII without \
     brackets, such as CHG0031337",
    max = Ticket::MAX
)]
pub struct NotATicket(String);

impl Ticket {
    /// The most characters of a ticket.
    pub const MAX: usize = 64;

    /// The ticket.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Ticket {
    type Err = NotATicket;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim_matches(' ');
        let fits = |c: char| matches!(c, ' '..='~') && !"[]".contains(c);
        if !trimmed.is_empty() && trimmed.len() <= Self::MAX && trimmed.chars().all(fits) {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(NotATicket(super::text::printable(text)))
        }
    }
}

serialised_as_text!(Ticket; as_told);

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_printable_ascii_without_brackets_and_of_bounded_length() {
        let longest = "x".repeat(Ticket::MAX);
        for fine in ["CHG0031337", "INC-4711/2", "a b", "#1 (urgent)", &longest] {
            assert_eq!(fine.parse::<Ticket>().unwrap().as_str(), fine);
        }
        assert_eq!(" CHG1 ".parse::<Ticket>().unwrap().as_str(), "CHG1");
        let too_long = "x".repeat(Ticket::MAX + 1);
        for wrong in ["", " ", "[1]", "a]b", "a\tb", "a\nb", "ä", "a\u{7f}", "1\u{200b}", &too_long]
        {
            assert!(wrong.parse::<Ticket>().is_err(), "{wrong:?}");
        }
    }
}
