//! A table of text for people. What stands in its cells is its caller's, who makes it printable.

use super::human::{NARROW, columns, wrapped_to};

/// The last column is broken beside the others where it has as much room; else it stands below.
const ROOM: usize = 30;

/// A table for people: the first and the last column to the left, the numbers between to the right.
pub struct Table<const N: usize> {
    headers: [String; N],
    rows: Vec<Row<N>>,
}

enum Row<const N: usize> {
    /// A cell for each column.
    Cells([String; N]),
    /// A first cell, and a text in the place of the others.
    Told(String, String),
}

impl<const N: usize> Table<N> {
    /// One with these headers.
    pub fn new(headers: &[&str; N]) -> Self {
        Self { headers: headers.map(str::to_owned), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn add(&mut self, row: [String; N]) {
        self.rows.push(Row::Cells(row));
    }

    /// Adds a row that has a text in the place of its numbers.
    pub fn tell(&mut self, first: String, text: String) {
        self.rows.push(Row::Told(first, text));
    }

    /// Its lines, which fit where they are shown.
    pub fn text(&self) -> String {
        self.in_columns(columns())
    }

    fn in_columns(&self, columns: usize) -> String {
        let lines: Vec<String> = if columns < NARROW {
            self.rows.iter().map(|row| self.below_each_other(row, columns)).collect()
        } else {
            let widths = self.widths(columns);
            let rows = self.rows.iter().map(|row| match row {
                Row::Cells(row) => cells(row, &widths, columns),
                Row::Told(first, text) => told(first, text, widths[0], columns),
            });
            std::iter::once(cells(&self.headers, &widths, columns)).chain(rows).collect()
        };
        lines.join("\n")
    }

    /// How wide each column is; a first cell that is wider has a line of its own.
    fn widths(&self, columns: usize) -> [usize; N] {
        let of = |row: &[String; N]| row.each_ref().map(|cell| cell.chars().count());
        let mut widths = of(&self.headers);
        for row in &self.rows {
            match row {
                Row::Cells(row) => {
                    let wider = of(row).into_iter().zip(&mut widths);
                    wider.for_each(|(cell, width)| *width = cell.max(*width));
                }
                Row::Told(first, _) => widths[0] = widths[0].max(first.chars().count()),
            }
        }
        let between: usize = widths[1..N - 1].iter().map(|width| width + 2).sum();
        widths[0] = widths[0].min(columns.saturating_sub(between + 2)).max(self.headers[0].len());
        widths
    }

    fn below_each_other(&self, row: &Row<N>, columns: usize) -> String {
        let (first, rest) = match row {
            Row::Told(first, text) => (first, vec![text.clone()]),
            Row::Cells(row) => {
                let named = self.headers.iter().zip(row).skip(1);
                let named = named.filter(|(_, cell)| !cell.is_empty());
                let named = named.map(|(header, cell)| match header.as_str() {
                    "" => cell.clone(),
                    header => format!("{header}: {cell}"),
                });
                (&row[0], named.collect())
            }
        };
        let rest = rest.iter().map(|text| wrapped_to(&format!("    {text}"), 4, columns));
        std::iter::once(format!("  {first}")).chain(rest).collect::<Vec<_>>().join("\n")
    }
}

fn cells<const N: usize>(row: &[String; N], widths: &[usize; N], columns: usize) -> String {
    let mut text = String::new();
    for (column, (cell, &width)) in row.iter().zip(widths).enumerate() {
        match column {
            0 if cell.chars().count() > width => {
                text.push_str(&format!("  {cell}\n  {:width$}", ""));
            }
            0 => text.push_str(&format!("  {cell:<width$}")),
            _ if column + 1 == N => {
                let used: usize = widths[..column].iter().map(|width| width + 2).sum();
                return last(&text, cell, used + 2, columns);
            }
            _ => text.push_str(&format!("  {cell:>width$}")),
        }
    }
    text
}

/// A line with its last cell, which begins after `used` characters where it has room there.
fn last(line: &str, cell: &str, used: usize, columns: usize) -> String {
    let room = columns.saturating_sub(used);
    if cell.chars().count() <= room {
        format!("{line}  {cell}").trim_end().to_owned()
    } else if room >= ROOM {
        let (above, line) = line.split_at(line.rfind('\n').map_or(0, |at| at + 1));
        above.to_owned() + &wrapped_to(&format!("{line}  {cell}"), used, columns)
    } else {
        format!("{}\n{}", line.trim_end(), wrapped_to(&format!("      {cell}"), 6, columns))
    }
}

fn told(first: &str, text: &str, width: usize, columns: usize) -> String {
    let used = width + 4;
    if first.chars().count() <= width && columns.saturating_sub(used) >= ROOM {
        return wrapped_to(&format!("  {first:<width$}  {text}"), used, columns);
    }
    format!("  {first}\n{}", wrapped_to(&format!("      {text}"), 6, columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> Table<4> {
        let mut table = Table::new(&["tenant", "devices", "to the last call", "why"]);
        let why = "stopped by a safety rule: 25 devices in a row were refused by the server";
        table.add([name, "1,500", "14 min", why].map(str::to_owned));
        table.add(["cust-b", "20", "10 s", "finished"].map(str::to_owned));
        table.tell("cust-c".to_owned(), format!("nobody can sign in: {why}"));
        table
    }

    #[test]
    fn a_table_fits_where_it_is_shown_and_breaks_between_words() {
        let (short, long) = ("cust-a", "a-customer-with-a-name-of-more-than-forty-letters");
        for (name, columns) in [(short, 80), (long, 80), (short, 60), (long, 60), (short, 40)] {
            let text = table(name).in_columns(columns);
            let fits = text.lines().all(|line| line.chars().count() <= columns);
            assert!(fits, "{columns}:\n{text}");
            let words: Vec<_> = text.split_whitespace().collect();
            let told = "refused by the server";
            assert_eq!(words.join(" ").matches(told).count(), 2, "{columns}:\n{text}");
        }
    }

    #[test]
    fn a_last_cell_is_broken_beside_the_others_where_there_is_room_and_else_below() {
        let text = table("cust-a").in_columns(80);
        assert_eq!(
            text.lines().take(4).collect::<Vec<_>>(),
            [
                "  tenant  devices  to the last call  why",
                "  cust-a    1,500            14 min  stopped by a safety rule: 25 devices in a",
                "                                     row were refused by the server",
                "  cust-b       20              10 s  finished",
            ],
        );
        let text = table("cust-a").in_columns(60);
        let told = "\n      stopped by a safety rule: 25 devices in a row were\n      refused by";
        assert!(text.contains(told), "{text}");
    }
}
