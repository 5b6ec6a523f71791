//! The part of OData's `$filter` that the API's users need: comparisons, `in`, `any` over a field
//! with several texts, `and`, `or` and parentheses over named fields. What it does not know is an
//! error, as it is at the API.

use std::borrow::Cow;
use std::cmp::Ordering;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Time,
    /// Several texts, of which `any` can be asked for.
    Texts,
}

/// The value of a field of one row, or what it is compared with; times are ticks of 100 ns since
/// 1970.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field<'a> {
    Null,
    Text(Cow<'a, str>),
    Time(i64),
    Texts(&'a [String]),
}

impl<'a> Field<'a> {
    /// A text.
    pub(super) fn text(text: &'a str) -> Self {
        Field::Text(Cow::Borrowed(text))
    }
}

/// Something that can be filtered and sorted.
pub(super) trait Row {
    /// The name of the entity in error messages.
    const ENTITY: &'static str;
    /// The fields that may be named.
    const FIELDS: &'static [(&'static str, Kind)];
    /// The value of a field of [`Row::FIELDS`].
    fn field(&self, name: &str) -> Field<'_>;
}

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Compare(&'static str, Comparison, Field<'static>),
    Has(&'static str, String),
}

/// A comparison operator, by the orders in which it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal(bool),
    Ordered(&'static [Ordering]),
}

impl Comparison {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Comparison::Equal(true),
            "ne" => Comparison::Equal(false),
            "gt" => Comparison::Ordered(&[Ordering::Greater]),
            "ge" => Comparison::Ordered(&[Ordering::Greater, Ordering::Equal]),
            "lt" => Comparison::Ordered(&[Ordering::Less]),
            "le" => Comparison::Ordered(&[Ordering::Less, Ordering::Equal]),
            _ => return None,
        })
    }
}

impl Filter {
    /// Reads a filter over the fields of a row.
    pub(super) fn parse<R: Row>(text: &str) -> Result<Filter, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens, at: 0, entity: R::ENTITY, fields: R::FIELDS };
        let filter = parser.any(0)?;
        match parser.next() {
            None => Ok(filter),
            Some(token) => Err(format!("Syntax error: unexpected {token:?} in the filter.")),
        }
    }

    /// Whether a row passes.
    pub(super) fn passes(&self, row: &impl Row) -> bool {
        match self {
            Filter::All(parts) => parts.iter().all(|part| part.passes(row)),
            Filter::Any(parts) => parts.iter().any(|part| part.passes(row)),
            Filter::Has(name, text) => {
                matches!(row.field(name), Field::Texts(texts) if texts.contains(text))
            }
            Filter::Compare(name, comparison, literal) => {
                let value = row.field(name);
                match comparison {
                    Comparison::Equal(wanted) => (value == *literal) == *wanted,
                    // Nothing is before or after `null`.
                    Comparison::Ordered(orders) => {
                        value != Field::Null
                            && *literal != Field::Null
                            && orders.contains(&value.cmp(literal))
                    }
                }
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Word(String),
    Quoted(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(&first) = rest.peek() {
        let single = match first {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            ',' => Some(Token::Comma),
            _ => None,
        };
        if let Some(token) = single {
            tokens.push(token);
            rest.next();
        } else if first.is_whitespace() {
            rest.next();
        } else if first == '\'' {
            rest.next();
            tokens.push(Token::Quoted(quoted(&mut rest)?));
        } else {
            let mut word = String::new();
            while let Some(next) = rest.next_if(|c| c.is_alphanumeric() || "_:.+-/".contains(*c)) {
                word.push(next);
            }
            if word.is_empty() {
                return Err(format!("Syntax error: character {first:?} is not valid."));
            }
            tokens.push(Token::Word(word));
        }
    }
    Ok(tokens)
}

/// The rest of a quoted text; a doubled quote stands for one.
fn quoted(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    let mut text = String::new();
    while let Some(next) = rest.next() {
        if next != '\'' {
            text.push(next);
        } else if rest.next_if_eq(&'\'').is_some() {
            text.push('\'');
        } else {
            return Ok(text);
        }
    }
    Err("There is an unterminated string literal in the filter.".into())
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    entity: &'static str,
    fields: &'static [(&'static str, Kind)],
}

/// Parentheses may be nested so deep, since the parser calls itself for each.
const MAX_DEPTH: usize = 50;

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|t| *t == Token::Word(word.into()));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self, depth: usize) -> Result<Filter, String> {
        let mut parts = vec![self.all(depth)?];
        while self.take("or") {
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Any(parts) })
    }

    fn all(&mut self, depth: usize) -> Result<Filter, String> {
        let mut parts = vec![self.one(depth)?];
        while self.take("and") {
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::All(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Filter, String> {
        match self.next() {
            Some(Token::Open) if depth < MAX_DEPTH => {
                let inner = self.any(depth + 1)?;
                self.expect(&Token::Close)?;
                Ok(inner)
            }
            Some(Token::Open) => Err("The filter is nested too deep.".into()),
            Some(Token::Word(name)) => self.comparison(&name),
            _ => Err("Syntax error: a property name was expected in the filter.".into()),
        }
    }

    fn comparison(&mut self, name: &str) -> Result<Filter, String> {
        if let Some(name) = name.strip_suffix("/any") {
            return self.has(name);
        }
        let Some(&(name, kind)) = self.fields.iter().find(|(known, _)| *known == name) else {
            let entity = self.entity;
            return Err(format!("Could not find a property named '{name}' on type '{entity}'."));
        };
        let Some(Token::Word(word)) = self.next() else {
            return Err(format!("An operator was expected after '{name}'."));
        };
        if word == "in" {
            return self.list(name, kind);
        }
        let comparison = Comparison::named(&word)
            .ok_or_else(|| format!("The operator '{word}' is not supported."))?;
        Ok(Filter::Compare(name, comparison, self.literal(kind)?))
    }

    /// `(x: x eq 'text')` after `field/any`.
    fn has(&mut self, name: &str) -> Result<Filter, String> {
        let field = self.fields.iter().find(|(known, kind)| *known == name && *kind == Kind::Texts);
        let Some(&(name, _)) = field else {
            return Err(format!("'any' is not supported on the property '{name}'."));
        };
        self.expect(&Token::Open)?;
        let variable = match self.next() {
            Some(Token::Word(word)) => word.strip_suffix(':').map(str::to_owned),
            _ => None,
        };
        let variable = variable.ok_or("A variable was expected after 'any('.")?;
        self.expect(&Token::Word(variable))?;
        self.expect(&Token::Word("eq".into()))?;
        let Some(Token::Quoted(text)) = self.next() else {
            return Err("A text was expected in 'any'.".into());
        };
        self.expect(&Token::Close)?;
        Ok(Filter::Has(name, text))
    }

    fn list(&mut self, name: &'static str, kind: Kind) -> Result<Filter, String> {
        self.expect(&Token::Open)?;
        let mut any = Vec::new();
        loop {
            any.push(Filter::Compare(name, Comparison::Equal(true), self.literal(kind)?));
            match self.next() {
                Some(Token::Comma) => {}
                Some(Token::Close) => return Ok(Filter::Any(any)),
                _ => return Err("A comma or a closing parenthesis was expected.".into()),
            }
        }
    }

    fn literal(&mut self, kind: Kind) -> Result<Field<'static>, String> {
        match (self.next(), kind) {
            (Some(Token::Word(word)), _) if word == "null" => Ok(Field::Null),
            (Some(Token::Quoted(text)), Kind::Text) => Ok(Field::Text(text.into())),
            (Some(Token::Word(word)), Kind::Time) => ticks(&word)
                .map(Field::Time)
                .ok_or_else(|| format!("'{word}' is not a date and time with its offset.")),
            _ => Err("A binary operator with incompatible types was detected.".into()),
        }
    }

    fn expect(&mut self, token: &Token) -> Result<(), String> {
        if self.next().as_ref() == Some(token) {
            return Ok(());
        }
        Err(format!("Syntax error: {token:?} was expected in the filter."))
    }
}

/// A stamp in ticks of 100 ns since 1970.
fn ticks(text: &str) -> Option<i64> {
    let stamp: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(stamp.as_nanosecond().div_euclid(100)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sample(Option<&'static str>, i64);

    struct Tagged(Vec<String>);

    impl Row for Tagged {
        const ENTITY: &'static str = "Tagged";
        const FIELDS: &'static [(&'static str, Kind)] = &[("tags", Kind::Texts)];

        fn field(&self, _: &str) -> Field<'_> {
            Field::Texts(&self.0)
        }
    }

    impl Row for Sample {
        const ENTITY: &'static str = "Sample";
        const FIELDS: &'static [(&'static str, Kind)] = &[("name", Kind::Text), ("at", Kind::Time)];

        fn field(&self, name: &str) -> Field<'_> {
            match (name, self.0) {
                ("name", Some(name)) => Field::text(name),
                ("at", _) => Field::Time(self.1),
                _ => Field::Null,
            }
        }
    }

    fn passes(filter: &str, row: &Sample) -> bool {
        Filter::parse::<Sample>(filter).expect(filter).passes(row)
    }

    #[test]
    fn and_binds_tighter_than_or_and_parentheses_win() {
        let a = Sample(Some("a"), 10_000_000);
        assert!(passes("name eq 'a' or name eq 'b' and name eq 'c'", &a));
        assert!(!passes("(name eq 'a' or name eq 'b') and name eq 'c'", &a));
        assert!(passes("name in ('x', 'a')", &a));
        assert!(passes("name ne null", &a));
    }

    #[test]
    fn times_are_compared_to_the_tick_and_quotes_are_doubled() {
        let row = Sample(Some("it's"), 10_000_001);
        assert!(passes("at gt 1970-01-01T00:00:01Z", &row));
        assert!(passes("at ge 1970-01-01T00:00:01.0000001Z", &row));
        assert!(!passes("at gt 1970-01-01T00:00:01.0000001Z", &row));
        assert!(passes("at le 1970-01-01T01:00:02+01:00", &row));
        assert!(passes("name eq 'it''s'", &row));
    }

    #[test]
    fn any_asks_for_one_of_several_texts() {
        let row = Tagged(vec!["a b".into(), "it's".into()]);
        let passes = |filter: &str| Filter::parse::<Tagged>(filter).map(|f| f.passes(&row));
        assert_eq!(passes("tags/any(tag: tag eq 'a b')"), Ok(true));
        assert_eq!(passes("tags/any(t: t eq 'it''s')"), Ok(true));
        assert_eq!(passes("tags/any(tag: tag eq 'a')"), Ok(false));
        for wrong in [
            "tags eq 'a'",
            "tags/any(tag eq 'a')",
            "tags/any(tag: other eq 'a')",
            "tags/any(tag: tag ne 'a')",
            "tags/any(tag: tag eq 'a'",
            "other/any(tag: tag eq 'a')",
            "tags/all(tag: tag eq 'a')",
        ] {
            assert!(passes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn null_is_equal_to_nothing_else_and_has_no_order() {
        let row = Sample(None, 0);
        assert!(passes("name eq null", &row));
        assert!(!passes("name eq 'a'", &row) && !passes("name lt 'a'", &row));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let deep = format!("{}name eq 'a'{}", "(".repeat(60), ")".repeat(60));
        let wrong = [
            "",
            "name",
            "name eq",
            "name eq a",
            "name eq 'a",
            "name eq 'a' and",
            "(name eq 'a'",
            "name eq 'a')",
            "other eq 'a'",
            "contains(name,'a')",
            "at ge '2026-01-01T00:00:00Z'",
            "at ge yesterday",
            "name like 'a'",
            "name in ()",
            "name eq 'a' %",
            &deep,
        ];
        for filter in wrong {
            assert!(Filter::parse::<Sample>(filter).is_err(), "{filter}");
        }
    }
}
