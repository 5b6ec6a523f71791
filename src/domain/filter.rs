//! Which rows of a campaign are meant: by where they stand, by the API's error code, by a part of
//! the device's name or id. A store may look for them in its own way, and finds the same ones.

use super::lifecycle::State;
use super::outcome::Outcome;
use super::record::Row;
use super::rest::Rest;

/// Which rows are meant: all for which everything holds that is said here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowFilter {
    /// They stand so.
    pub stands: Option<Stands>,
    /// The API's error code is this one.
    pub code: Option<String>,
    /// The device's name or id contains this, in small or capital letters of ASCII.
    pub text: Option<String>,
}

/// Where rows stand, as people ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// They ended, and need somebody's attention in a campaign that was ended so.
    Attention(Rest),
    /// They have no outcome yet.
    Open,
    /// They wait for their turn.
    Waiting,
    /// Their call is out, or about to be.
    Sent,
    /// Their call was sent, and it is not known what became of it.
    NotKnown,
    /// They ended so.
    Ended(Outcome),
}

impl Stands {
    /// Those that are no outcome.
    const WIDER: [Stands; 5] = [
        Stands::Attention(Rest::Own),
        Stands::Open,
        Stands::Waiting,
        Stands::Sent,
        Stands::NotKnown,
    ];

    /// All that can be asked for, in the order in which people are shown them.
    pub fn all() -> impl Iterator<Item = Stands> {
        Self::WIDER.into_iter().chain(Outcome::ALL.map(Stands::Ended))
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Stands::Attention(_) => "attention",
            Stands::Open => "open",
            Stands::Waiting => "waiting",
            Stands::Sent => "sent",
            Stands::NotKnown => "not_known",
            Stands::Ended(Outcome::AlreadyInProgress { covered: true }) => "covered",
            Stands::Ended(Outcome::AlreadyInProgress { covered: false }) => "not_covered",
            Stands::Ended(outcome) => outcome.distinct_name(),
        }
    }

    /// What this word stands for.
    pub fn named(word: &str) -> Option<Stands> {
        Self::all().find(|one| one.word() == word)
    }

    /// Whether a row in this state stands so.
    pub fn has(self, state: State) -> bool {
        match (self, state) {
            (Stands::Attention(rest), State::Done(outcome)) => rest.needs_attention(outcome),
            (Stands::Ended(asked), State::Done(outcome)) => asked == outcome,
            (Stands::Open, state) => !matches!(state, State::Done(_)),
            (Stands::Waiting, state) => matches!(state, State::Draft | State::Queued(_)),
            (Stands::Sent, state) => matches!(state, State::Claimed(_)),
            (Stands::NotKnown, state) => matches!(state, State::Doubtful { .. }),
            (Stands::Attention(_) | Stands::Ended(_), _) => false,
        }
    }
}

impl RowFilter {
    /// Whether it lets every row through.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a row is meant.
    pub fn fits(&self, row: &Row) -> bool {
        let Self { stands, code, text } = self;
        stands.is_none_or(|stands| stands.has(row.life.state))
            && code.as_ref().is_none_or(|code| row.detail.error_code.as_ref() == Some(code))
            && text.as_ref().is_none_or(|text| names(row, &text.to_ascii_lowercase()))
    }
}

/// Whether the name or the id of a row's device contains this text of small letters.
fn names(row: &Row, text: &str) -> bool {
    let contains = |whole: String| whole.to_ascii_lowercase().contains(text);
    row.name.clone().is_some_and(contains)
        || row.device.is_some_and(|device| contains(device.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Detail, DeviceId, Life, Stamp};

    #[test]
    fn every_word_names_one_place_where_rows_stand_and_each_state_has_one() {
        for stands in Stands::all() {
            assert_eq!(Stands::named(stands.word()), Some(stands), "{}", stands.word());
        }
        assert_eq!(Stands::named("already_in_progress"), None);
        let looked = State::Doubtful { looks: 0, look_at: Stamp::ZERO, busy: false };
        for state in [State::Queued(Stamp::ZERO), State::Claimed(Stamp::ZERO), looked] {
            assert!(Stands::Open.has(state) && !Stands::Attention(Rest::Own).has(state));
        }
        for outcome in Outcome::ALL {
            let state = State::Done(outcome);
            let with = Stands::all().filter(|one| one.has(state)).count();
            assert_eq!(with, 1 + usize::from(Rest::Own.needs_attention(outcome)), "{outcome:?}");
        }
    }

    #[test]
    fn a_row_is_found_by_a_part_of_its_name_or_id_and_by_its_whole_code() {
        let row = Row {
            seq: 1,
            line: 2,
            device: Some(DeviceId::from_bytes([0xab; 20])),
            name: Some("BER-ws-1".to_owned()),
            input_text: None,
            life: Life::ended(Outcome::Rejected),
            detail: Detail { error_code: Some("OsNo".to_owned()), ..Detail::default() },
            turn: 0,
            wave: 0,
        };
        let text = |text: &str| RowFilter { text: Some(text.to_owned()), ..RowFilter::default() };
        assert!(text("ber-WS").fits(&row) && text("ABAB").fits(&row) && text("").fits(&row));
        assert!(!text("muc").fits(&row));
        let code = |code: &str| RowFilter { code: Some(code.to_owned()), ..RowFilter::default() };
        assert!(code("OsNo").fits(&row) && !code("Os").fits(&row));
        assert!(RowFilter::default().fits(&row) && RowFilter::default().is_plain());
    }
}
