//! How values are spelled for programs: on the command line, in JSON, in the store. Enums of which
//! each value is one word have value and word side by side, so that none can be forgotten; other
//! types are serialised by their text. What people read in longer words is each type's own.

use std::fmt::Display;

/// Defines an enum, with all its values, their words, and the value of a word.
macro_rules! worded {
    ($(#[$outer:meta])* $name:ident {
        $($(#[$inner:meta])* $value:ident = $word:literal,)*
    }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$inner])* $value,)*
        }

        impl $name {
            /// All of them, in their order.
            pub const ALL: [$name; [$($word),*].len()] = [$($name::$value),*];

            /// The word on the command line, in JSON and in the store.
            pub fn name(self) -> &'static str {
                match self {
                    $($name::$value => $word,)*
                }
            }

            /// The value of a word, whatever its case.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|value| value.name().eq_ignore_ascii_case(word))
            }
        }
    };
}
pub(super) use worded;

/// Shows the values of such enums by their words.
macro_rules! shown_by_word {
    ($($name:ident),*) => {$(
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    )*};
}
pub(super) use shown_by_word;

/// Serialises types as people write them, by their `Display` and `FromStr`. `$told` makes an error
/// of a text and of what is wrong with it.
macro_rules! serialised_as_text {
    ($($type:ty),*; $told:path) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                text.parse().map_err(|error| serde::de::Error::custom($told(&text, &error)))
            }
        }
    )*};
}
pub(super) use serialised_as_text;

/// Of an error that repeats the text itself.
pub(super) fn as_told(_text: &str, error: &dyn Display) -> String {
    error.to_string()
}

/// Of an error that does not.
pub(super) fn with_text(text: &str, error: &dyn Display) -> String {
    format!("`{text}` is not understood: {error}")
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use crate::domain::preflight::Group;
    use crate::domain::{
        BusyPolicy, Cloud, Operation, OrderBy, PaceKind, Priority, ScanType, SignInKind,
    };

    #[test]
    fn the_word_of_a_value_is_the_one_in_json() {
        fn check<T: Serialize>(
            all: impl IntoIterator<Item = T>,
            name: impl Fn(&T) -> &'static str,
        ) {
            for one in all {
                assert_eq!(serde_json::to_value(&one).unwrap(), name(&one));
            }
        }
        check(Cloud::ALL, |one| one.name());
        check(BusyPolicy::ALL, |one| one.name());
        check(Group::ALL, |one| one.name());
        check(Operation::ALL, |one| one.name());
        check(OrderBy::ALL, |one| one.name());
        check(PaceKind::ALL, |one| one.name());
        check(Priority::ALL, |one| one.name());
        check(ScanType::ALL, |one| one.name());
        check(SignInKind::ALL, |one| one.name());
    }
}
