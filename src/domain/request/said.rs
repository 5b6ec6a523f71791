//! What was said and what was not, so that several sources can fill one request: a command line, a
//! campaign that keeps its request, a plan file, settings. It knows no field and no source.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::domain::quota::{duration_text, parse_duration};
use crate::domain::spelling::{serialised_as_text, with_text};
use crate::domain::{Cloud, Window};

/// A part of a request that a source may say nothing about.
pub trait Said {
    /// Whether nothing was said.
    fn is_unsaid(&self) -> bool;

    /// What was said here, or else there.
    #[must_use]
    fn or(self, other: Self) -> Self;
}

impl<T> Said for Option<T> {
    fn is_unsaid(&self) -> bool {
        self.is_none()
    }

    fn or(self, other: Self) -> Self {
        Option::or(self, other)
    }
}

impl<T> Said for Vec<T> {
    fn is_unsaid(&self) -> bool {
        self.is_empty()
    }

    fn or(self, other: Self) -> Self {
        if self.is_empty() { other } else { self }
    }
}

/// A switch can only be turned on.
impl Said for bool {
    fn is_unsaid(&self) -> bool {
        !*self
    }

    fn or(self, other: Self) -> Self {
        self || other
    }
}

/// Defines a request: a plain value that can be written down and read back, and that is filled from
/// several sources field by field. No field can be forgotten where two are folded.
macro_rules! request {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$outer])*
        #[derive(
            Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize,
        )]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[$inner])*
                #[serde(skip_serializing_if = "crate::domain::request::Said::is_unsaid")]
                pub $field: $type,
            )*
        }

        impl crate::domain::request::Said for $name {
            fn is_unsaid(&self) -> bool {
                $(crate::domain::request::Said::is_unsaid(&self.$field))&&*
            }

            fn or(self, other: Self) -> Self {
                Self { $($field: crate::domain::request::Said::or(self.$field, other.$field),)* }
            }
        }
    };
}
pub(super) use request;

/// How long something lasts, read and shown as `5h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub Duration);

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match parse_duration(text) {
            Some(Duration::ZERO) => Err("write a time that is longer than nothing".to_owned()),
            Some(length) => Ok(Self(length)),
            None => Err("write a time with its unit, such as 90s, 30m or 5h30m".to_owned()),
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&duration_text(self.0))
    }
}

/// A wait, which may be none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait(pub Duration);

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wait = parse_duration(text).map(Self);
        wait.ok_or_else(|| "write a time with its unit, such as 0s or 30m".to_owned())
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&duration_text(self.0))
    }
}

/// What may be taken away again by the word `none`, which is something else than saying nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrNone<T> {
    /// It is not to hold any more.
    None,
    /// This is to hold.
    Is(T),
}

impl<T> OrNone<T> {
    /// What is to hold, if anything is.
    pub fn as_ref(&self) -> Option<&T> {
        match self {
            OrNone::None => None,
            OrNone::Is(value) => Some(value),
        }
    }
}

impl<T: FromStr<Err: fmt::Display>> FromStr for OrNone<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(OrNone::None);
        }
        text.parse().map(OrNone::Is).map_err(|error| format!("{error}"))
    }
}

impl<T: fmt::Display> fmt::Display for OrNone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrNone::None => f.write_str("none"),
            OrNone::Is(value) => value.fmt(f),
        }
    }
}

/// Written down as people write it.
impl<T: fmt::Display> Serialize for OrNone<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for OrNone<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

serialised_as_text!(Length, Wait, Window, Cloud; with_text);

/// Limits as people write them, for `#[serde(with = "limits")]`.
pub(super) mod limits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::domain::Quota;

    pub(in crate::domain::request) fn serialize<S: Serializer>(
        limits: &Option<Vec<Quota>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let texts = limits.iter().flatten().map(Quota::to_string);
        texts.collect::<Vec<_>>().serialize(to)
    }

    pub(in crate::domain::request) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Vec<Quota>>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let limits: Result<Vec<Quota>, _> = texts.iter().map(|text| text.parse()).collect();
        limits.map(Some).map_err(serde::de::Error::custom)
    }
}
