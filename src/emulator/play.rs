//! What one call meets: a word of a script, or what was drawn for it. It says nothing about
//! devices; those have their own class.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What one call meets. In a scenario each is written as the word in backticks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Play {
    /// `normal` or `201`: nothing special.
    #[default]
    Normal,
    /// `null_machine`: as normal, but the answer has no machine id and no name yet.
    NullMachine,
    /// `existing` or `200`: an action that a stranger ordered is open, and is the answer.
    Existing,
    /// `busy`: an action is open, and the answer is 400 with code and message.
    Busy,
    /// `busy_message`: the same, only the message says why.
    BusyMessage,
    /// `busy_code`: the same, only the code says why.
    BusyCode,
    /// `unsupported` or `400`: `OsPlatformNotSupported`.
    Unsupported,
    /// `client_version`: `ClientVersionNotSupported`.
    ClientVersion,
    /// `401`: the token is refused.
    Unauthorized,
    /// `403`: the application has no right.
    Forbidden,
    /// `404`: the machine was not found.
    NotFound,
    /// `gateway_404`: a 404 in the gateway's form.
    GatewayNotFound,
    /// `429`: as the scenario tells a 429.
    Throttled,
    /// `429:VALUE`: this `Retry-After`, whatever it is; the message names no wait. `429:` has
    /// neither.
    ThrottledRaw(String),
    /// `500`, `502`, `503`, `504`: an empty error, nothing was processed.
    ServerError(u16),
    /// `500_after`: an empty error although the call was processed.
    ServerErrorAfter(u16),
    /// `html`: 200 with a page of HTML, nothing was processed.
    Html,
    /// `redirect`: 302 to another path, nothing was processed.
    Redirect,
    /// `other_device`: 201 with an action of another device, nothing was processed.
    OtherDevice,
    /// `wrong_json`: processed, but the body ends too early although the length is right.
    WrongJson,
    /// `empty`: processed, but the body is empty.
    Empty,
    /// `huge`: processed, but the body is 4 MiB long.
    Huge,
    /// `timeout_before`: not processed and never answered.
    TimeOutBefore,
    /// `timeout`: processed and never answered.
    TimeOut,
    /// `cut_before`: not processed, the connection is cut.
    CutBefore,
    /// `cut_after`: processed, the connection is cut before the first byte.
    CutAfter,
    /// `cut_head` or `cut_head:N`: processed, cut after N bytes of the answer (drawn if not said).
    CutHead(Option<usize>),
    /// `cut_body` or `cut_body:N`: processed, cut after N bytes of the body (drawn if not said).
    CutBody(Option<usize>),
}

/// The words that stand for one play each; the first of a play is the one that is written.
const WORDS: [(&str, Play); 32] = [
    ("normal", Play::Normal),
    ("201", Play::Normal),
    ("null_machine", Play::NullMachine),
    ("existing", Play::Existing),
    ("200", Play::Existing),
    ("busy", Play::Busy),
    ("busy_message", Play::BusyMessage),
    ("busy_code", Play::BusyCode),
    ("unsupported", Play::Unsupported),
    ("400", Play::Unsupported),
    ("client_version", Play::ClientVersion),
    ("401", Play::Unauthorized),
    ("403", Play::Forbidden),
    ("404", Play::NotFound),
    ("gateway_404", Play::GatewayNotFound),
    ("429", Play::Throttled),
    ("500", Play::ServerError(500)),
    ("502", Play::ServerError(502)),
    ("503", Play::ServerError(503)),
    ("504", Play::ServerError(504)),
    ("500_after", Play::ServerErrorAfter(500)),
    ("html", Play::Html),
    ("redirect", Play::Redirect),
    ("other_device", Play::OtherDevice),
    ("wrong_json", Play::WrongJson),
    ("empty", Play::Empty),
    ("huge", Play::Huge),
    ("timeout_before", Play::TimeOutBefore),
    ("timeout", Play::TimeOut),
    ("cut_before", Play::CutBefore),
    ("cut_after", Play::CutAfter),
    ("cut_head", Play::CutHead(None)),
];

impl FromStr for Play {
    type Err = String;

    fn from_str(word: &str) -> Result<Play, String> {
        if let Some((_, play)) = WORDS.iter().find(|(known, _)| *known == word) {
            return Ok(play.clone());
        }
        let number = |text: &str| text.parse().ok();
        let play = match word.split_once(':') {
            None if word == "cut_body" => Some(Play::CutBody(None)),
            Some(("cut_head", n)) => number(n).map(|n| Play::CutHead(Some(n))),
            Some(("cut_body", n)) => number(n).map(|n| Play::CutBody(Some(n))),
            Some(("429", value)) if value.bytes().all(|b| (32..127).contains(&b)) => {
                Some(Play::ThrottledRaw(value.to_owned()))
            }
            _ => None,
        };
        play.ok_or_else(|| {
            let known: Vec<&str> = WORDS.iter().map(|(known, _)| *known).collect();
            format!(
                "{word:?} is not an answer that can be played; known are {}, cut_body, \
                 cut_head:N, cut_body:N and 429:VALUE",
                known.join(", ")
            )
        })
    }
}

impl TryFrom<String> for Play {
    type Error = String;

    fn try_from(word: String) -> Result<Play, String> {
        word.parse()
    }
}

impl From<Play> for String {
    fn from(play: Play) -> String {
        play.to_string()
    }
}

impl fmt::Display for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Play::CutHead(Some(n)) => write!(f, "cut_head:{n}"),
            Play::CutBody(Some(n)) => write!(f, "cut_body:{n}"),
            Play::ThrottledRaw(value) => write!(f, "429:{value}"),
            Play::ServerErrorAfter(status) => write!(f, "{status}_after"),
            Play::ServerError(status) => write!(f, "{status}"),
            other => {
                let word = WORDS.iter().find(|(_, play)| play == other);
                f.write_str(word.map_or("cut_body", |(word, _)| word))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_and_written_as_the_same_play() {
        let more = ["cut_body", "cut_body:3", "cut_head:0", "429:-1", "429:"];
        for word in WORDS.iter().map(|(word, _)| *word).chain(more) {
            let play: Play = word.parse().expect("it is a known word");
            assert_eq!(play.to_string().parse(), Ok(play), "{word}");
        }
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_known_ones() {
        let error = "cut_tail".parse::<Play>().unwrap_err();
        assert!(error.contains("\"cut_tail\"") && error.contains("cut_after"), "{error}");
        assert!("429:\r\nX: y".parse::<Play>().is_err(), "no header can be smuggled in");
    }
}
