//! Values of flags that come from a list of words: parsed as ever, and known to the shells that
//! complete them.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, Error};

/// A parser, and the words that a shell offers for it.
#[derive(Clone)]
pub(super) struct Words<P> {
    parser: P,
    words: Vec<&'static str>,
}

/// The parser, with these words for the shells. It decides alone: other words may be right too.
pub(super) fn words<P>(parser: P, words: impl IntoIterator<Item = &'static str>) -> Words<P> {
    Words { parser, words: words.into_iter().collect() }
}

impl<P: TypedValueParser> TypedValueParser for Words<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<P::Value, Error> {
        self.parser.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.words.iter().copied().map(PossibleValue::new)))
    }
}
