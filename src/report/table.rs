//! A table of text for people. What stands in its cells is its caller's, who makes it printable.

/// A table for people: the first and the last column to the left, the numbers between to the right.
pub struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// One with these headers.
    pub fn new(headers: &[&str; N]) -> Self {
        Self { rows: vec![headers.map(str::to_owned)] }
    }

    /// Adds a row.
    pub fn add(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    /// Its lines; the last column is broken where it is too wide.
    pub fn text(&self) -> String {
        let width = |column: usize| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        };
        let widths: [usize; N] = std::array::from_fn(width);
        let line = |row: &[String; N]| {
            let mut text = String::new();
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                text.push_str("  ");
                match column {
                    0 => text.push_str(&format!("{cell:<width$}")),
                    _ if column + 1 == N => text.push_str(cell),
                    _ => text.push_str(&format!("{cell:>width$}")),
                }
            }
            text.trim_end().to_owned()
        };
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
