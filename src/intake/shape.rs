//! What shape a text has: its delimiter, where its header stands below titles, and whether it is a
//! table that a program printed for people. It is handed the first lines and reads no further.

use csv::{ByteRecord, ReaderBuilder};

use super::options::Options;
use super::rule::is_rule;
use super::{blocks, cell, columns, header};

/// The delimiters that are tried, the likeliest first, and what a list with them is called.
const DELIMITERS: [(u8, &str); 4] = [
    (b',', "comma-separated"),
    (b';', "semicolon-separated"),
    (b'\t', "tab-separated"),
    (b'|', "bar-separated"),
];

/// What stands between the cells of a table that is drawn with lines.
const DRAWN_BARS: [char; 3] = ['│', '┃', '║'];

/// The shape of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One row a line.
    Table {
        /// What stands between two cells, once the form is applied.
        delimiter: u8,
        /// How a line becomes one with delimiters.
        form: Form,
        /// The line before which there are only titles.
        start: u64,
    },
    /// One field a line.
    Blocks,
}

/// How a line becomes one with delimiters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// It has them.
    AsItStands,
    /// It is drawn with lines, which become bars.
    Drawn,
    /// Each cell begins at a character of its own; tabs are put between.
    Fixed(Vec<usize>),
    /// So many spaces or more stand between cells, and become a tab.
    Spaced(usize),
}

impl Form {
    /// Whether lines stay as they are.
    pub(super) fn is_as_it_stands(&self) -> bool {
        *self == Self::AsItStands
    }

    /// What such a list is called.
    pub(super) fn name(&self, delimiter: u8) -> &'static str {
        match self {
            Self::AsItStands => {
                DELIMITERS.iter().find(|(known, _)| *known == delimiter).map_or("", |(_, n)| n)
            }
            Self::Drawn | Self::Fixed(_) | Self::Spaced(_) => "a printed table",
        }
    }

    /// Writes the line, which ends with LF, with delimiters between its cells.
    pub(super) fn apply(&self, line: &[u8], into: &mut Vec<u8>) {
        if self.is_as_it_stands() {
            return;
        }
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        match self {
            Self::AsItStands => {}
            Self::Drawn => into.extend_from_slice(text.replace(DRAWN_BARS, "|").as_bytes()),
            Self::Fixed(starts) => into.extend_from_slice(at(text, starts).join("\t").as_bytes()),
            Self::Spaced(least) => {
                into.extend_from_slice(words(text, *least).join("\t").as_bytes())
            }
        }
        into.push(b'\n');
    }
}

/// Tells the shape by the first lines and their numbers.
pub(super) fn of(lines: &[(u64, String)], options: &Options) -> Shape {
    let rows: Vec<(u64, &str)> = lines
        .iter()
        .map(|(number, text)| (*number, text.as_str()))
        .filter(|(_, text)| {
            let text = text.trim_start();
            !text.is_empty() && !text.starts_with('#') && !is_rule(text.as_bytes())
        })
        .collect();
    let Some(first) = rows.first() else { return as_it_stands(b',', 0) };
    let is_header = |text: &str| is_header(text, options);
    // Excel keeps the delimiter in a first line of its own.
    if let Some(delimiter) = excel_delimiter(first.1) {
        let found = delimited(&rows[1..], &[delimiter], &is_header);
        return found.unwrap_or_else(|| as_it_stands(delimiter, first.0 + 1));
    }
    if let Some(fixed) = fixed(lines, &is_header) {
        return fixed;
    }
    if blocks::are_blocks(rows.iter().map(|(_, text)| *text), &is_header) {
        return Shape::Blocks;
    }
    let all: Vec<u8> = DELIMITERS.iter().map(|(delimiter, _)| *delimiter).collect();
    delimited(&rows, &all, &is_header)
        .or_else(|| spaced(&rows, &is_header))
        .unwrap_or_else(|| as_it_stands(best(first.1, &all, &is_header).0, 0))
}

fn as_it_stands(delimiter: u8, start: u64) -> Shape {
    Shape::Table { delimiter, form: Form::AsItStands, start }
}

/// Whether a cell is the header of the column that is looked for.
fn is_header(text: &str, options: &Options) -> bool {
    let wanted = options.column.as_deref().map(header::normalised);
    header::id_rank(text).is_some()
        || wanted.is_some_and(|wanted| header::is_header(text, &wanted))
        || options.names.is_some() && header::name_rank(text).is_some()
}

/// What the cells of a line show.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Nothing,
    Header,
    Entry,
}

/// The line with the header, or the first with an id, tells the delimiter. What stands before a
/// header are titles, unless an id stands there.
fn delimited(
    rows: &[(u64, &str)],
    delimiters: &[u8],
    is_header: &dyn Fn(&str) -> bool,
) -> Option<Shape> {
    let first = rows.first()?.0;
    rows.iter().find_map(|(number, text)| {
        let is_drawn = delimiters.contains(&b'|') && text.contains(DRAWN_BARS);
        let (form, (delimiter, sign)) = if is_drawn {
            (Form::Drawn, best(&text.replace(DRAWN_BARS, "|"), b"|", is_header))
        } else {
            (Form::AsItStands, best(text, delimiters, is_header))
        };
        let start = match sign {
            Sign::Nothing => return None,
            Sign::Header => *number,
            Sign::Entry => first,
        };
        Some(Shape::Table { delimiter, form, start })
    })
}

/// The delimiter that sets an id or a header apart, else the one that occurs most.
fn best(line: &str, delimiters: &[u8], is_header: &dyn Fn(&str) -> bool) -> (u8, Sign) {
    let score = |delimiter: u8| {
        let mut parser = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .from_reader(line.as_bytes());
        let mut record = ByteRecord::new();
        let parsed = parser.read_byte_record(&mut record).unwrap_or(false);
        let sign = if parsed { sign(columns::texts(&record), is_header) } else { Sign::Nothing };
        (sign != Sign::Nothing, record.len(), sign)
    };
    let scored = delimiters.iter().rev().map(|delimiter| (score(*delimiter), *delimiter));
    // Of equal scores `max_by_key` keeps the last, which is the likeliest of the reversed order.
    let best = scored.max_by_key(|((fits, cells, _), _)| (*fits, *cells));
    best.map_or((b',', Sign::Nothing), |((_, _, sign), delimiter)| (delimiter, sign))
}

fn sign<T: AsRef<str>>(cells: impl Iterator<Item = T>, is_header: &dyn Fn(&str) -> bool) -> Sign {
    let one = |text: &str| {
        if cell::is_entry(text) {
            Sign::Entry
        } else if is_header(text) {
            Sign::Header
        } else {
            Sign::Nothing
        }
    };
    cells.map(|text| one(text.as_ref())).max().unwrap_or(Sign::Nothing)
}

/// A table whose columns are underlined, as PowerShell and `az` print it.
fn fixed(lines: &[(u64, String)], is_header: &dyn Fn(&str) -> bool) -> Option<Shape> {
    lines.windows(2).find_map(|pair| {
        let [(number, header), (_, rule)] = pair else { return None };
        if !is_rule(rule.as_bytes()) || !rule.chars().all(|c| matches!(c, '-' | '=' | ' ')) {
            return None;
        }
        let begins = |(index, c): &(usize, char)| {
            *c != ' ' && (*index == 0 || rule.chars().nth(*index - 1) == Some(' '))
        };
        let starts: Vec<usize> =
            rule.chars().enumerate().filter(begins).map(|(index, _)| index).collect();
        if starts.len() < 2 || !at(header, &starts).iter().any(|text| is_header(text)) {
            return None;
        }
        let (delimiter, form, start) = (b'\t', Form::Fixed(starts), *number);
        Some(Shape::Table { delimiter, form, start })
    })
}

/// A table with nothing but spaces between its cells: two or more, else one.
fn spaced(rows: &[(u64, &str)], is_header: &dyn Fn(&str) -> bool) -> Option<Shape> {
    let first = rows.first()?.0;
    [2, 1].into_iter().find_map(|least| {
        rows.iter().find_map(|(number, text)| {
            let words = words(text, least);
            let sign = if words.len() < 2 { Sign::Nothing } else { sign(words.iter(), is_header) };
            let start = match sign {
                Sign::Nothing => return None,
                Sign::Header => *number,
                Sign::Entry => first,
            };
            Some(Shape::Table { delimiter: b'\t', form: Form::Spaced(least), start })
        })
    })
}

/// The cells that begin at these characters. No word is cut in two: one that runs over the end of
/// its cell belongs to it, and one that begins too early, after letters of double width, does not.
fn at<'t>(text: &'t str, starts: &[usize]) -> Vec<&'t str> {
    let byte = |start: usize| text.char_indices().nth(start).map_or(text.len(), |(at, _)| at);
    let (mut cells, mut begin) = (Vec::new(), 0);
    for start in starts.iter().skip(1) {
        let start = byte(*start).max(begin);
        let is_within = !text[..start].ends_with(' ') && !text[start..].starts_with(' ');
        let word = text[..start].rfind(' ').map_or(0, |space| space + 1);
        let end = match (is_within, word > begin) {
            (false, _) => start,
            (true, true) => word,
            (true, false) => text[start..].find(' ').map_or(text.len(), |space| start + space),
        };
        cells.push(text[begin..end].trim());
        begin = end;
    }
    cells.push(text[begin..].trim());
    cells
}

/// The cells between runs of at least so many white spaces.
fn words(text: &str, least: usize) -> Vec<&str> {
    let text = text.trim();
    let (mut words, mut begin, mut run) = (Vec::new(), 0, None);
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            let (_, length) = run.unwrap_or((at, 0));
            run = Some((run.map_or(at, |(from, _)| from), length + 1));
        } else if let Some((from, length)) = run.take()
            && length >= least
        {
            words.push(&text[begin..from]);
            begin = at;
        }
    }
    words.push(&text[begin..]);
    words
}

fn excel_delimiter(line: &str) -> Option<u8> {
    let delimiter = match line.trim_matches('"').as_bytes() {
        // A tab is trimmed away as white space.
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'='] => b'\t',
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] => *delimiter,
        _ => return None,
    };
    let is_known = DELIMITERS.iter().any(|(known, _)| *known == delimiter);
    if is_known { Some(delimiter) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";

    fn shape(text: &str) -> Shape {
        let lines: Vec<(u64, String)> = (1..).zip(text.lines().map(str::to_owned)).collect();
        of(&lines, &Options::default())
    }

    #[test]
    fn the_line_with_the_header_or_an_id_tells_the_delimiter() {
        assert_eq!(shape("Device ID;a,b,c\n"), as_it_stands(b';', 1));
        assert_eq!(shape(&format!("a,b;c|{ID}|d")), as_it_stands(b'|', 1));
        assert_eq!(shape("Report, of, today\n\n\"Made by\"\nx;Device ID\n"), as_it_stands(b';', 4));
        assert_eq!(shape(&format!("a;b;c\n{ID},x\nDevice ID,y\n")), as_it_stands(b',', 1));
        assert_eq!(shape("sep=;\nReport\nx;Device ID\n"), as_it_stands(b';', 3));
        assert_eq!(shape("a,b;c;d\n"), as_it_stands(b';', 0));
    }

    #[test]
    fn printed_tables_are_told_by_their_lines_and_gaps() {
        let table = |form, start| Shape::Table { delimiter: b'\t', form, start };
        let underlined = format!("\nDeviceId   Name\n--------   ----\n{ID} pc\n");
        assert_eq!(shape(&underlined), table(Form::Fixed(vec![0, 11]), 2));
        assert_eq!(shape(&format!("DeviceId   Name\n{ID}   pc\n")), table(Form::Spaced(2), 1));
        assert_eq!(shape(&format!("{ID} pc\n")), table(Form::Spaced(1), 1));
        let drawn = format!("┌───┬───┐\n│ DeviceId │ x │\n├───┼───┤\n│ {ID} │ y │\n");
        let form = Form::Drawn;
        assert_eq!(shape(&drawn), Shape::Table { delimiter: b'|', form, start: 2 });
    }

    #[test]
    fn a_cell_of_a_printed_table_holds_whole_words() {
        let starts = [0, 5, 10];
        assert_eq!(at("ab   cd   ef", &starts), ["ab", "cd", "ef"]);
        assert_eq!(at("abcdefg x ef", &starts), ["abcdefg", "x", "ef"]);
        assert_eq!(at("日本  cdefgh ij", &starts), ["日本", "cdefgh", "ij"]);
        assert_eq!(at("a b  c", &starts), ["a b", "c", ""]);
        assert_eq!(at("", &starts), ["", "", ""]);
    }
}
