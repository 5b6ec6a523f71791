//! The form of a report for spreadsheets: cells with types, so that times are times, numbers are
//! numbers, and no text can become a formula or lose its letters. Rows are written as they come and
//! not held in memory.

use std::io::{self, Read, Seek, Write};
use std::path::Path;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::mark::mark;
use super::record::{COLUMNS, Record, ReportHead, Value};
use crate::domain::text::{cut, printable};

/// Rows of a sheet, with its header ("Excel specifications and limits" page).
const ROWS: u32 = 1_048_576;

/// Characters of a cell (same page).
const CELL: usize = 32_767;

/// Where the properties of a document are in its archive, and as much of them as is read.
const PROPERTIES: &str = "docProps/core.xml";
const PROPERTIES_MOST: u64 = 1 << 20;

/// Writes records as sheets of a workbook.
pub(super) struct XlsxRows {
    book: Workbook,
    time: Format,
    /// The sheet, from 0, and its next row.
    sheet: usize,
    next: u32,
    rows_of_a_sheet: u32,
}

impl XlsxRows {
    /// Begins with the header.
    ///
    /// Rows that were written wait in files of this folder, which have no name and go with this.
    pub(super) fn new(head: &ReportHead, folder: &Path) -> io::Result<Self> {
        Self::with_sheets_of(ROWS, head, folder)
    }

    fn with_sheets_of(rows_of_a_sheet: u32, head: &ReportHead, folder: &Path) -> io::Result<Self> {
        let mut book = Workbook::new();
        book.set_tempdir(folder).map_err(failed)?;
        // No clock: two reports of one store are the same bytes.
        let epoch = ExcelDateTime::from_timestamp(0).map_err(failed)?;
        let properties = DocProperties::new()
            .set_title(format!("fleetsweep: {}", head.campaign))
            .set_comment(mark(head))
            .set_creation_datetime(&epoch);
        book.set_properties(&properties);
        let time = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
        let mut rows = Self { book, time, sheet: 0, next: 0, rows_of_a_sheet };
        rows.begin_sheet().map_err(failed)?;
        Ok(rows)
    }

    fn begin_sheet(&mut self) -> Result<(), XlsxError> {
        let bold = Format::new().set_bold();
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        let name = if self.sheet == 0 { "devices" } else { &format!("devices {}", self.sheet + 1) };
        sheet.set_name(name)?.set_freeze_panes(1, 0)?;
        for (column, name) in (0..).zip(COLUMNS) {
            sheet.set_column_width(column, width(name))?;
            sheet.write_string_with_format(0, column, name, &bold)?;
        }
        self.next = 1;
        Ok(())
    }

    /// Writes one row.
    pub(super) fn row(&mut self, record: &Record<'_>) -> io::Result<()> {
        if self.next == self.rows_of_a_sheet {
            self.end_sheet().map_err(failed)?;
            self.sheet += 1;
            self.begin_sheet().map_err(failed)?;
        }
        let (row, time) = (self.next, self.time.clone());
        let sheet = self.book.worksheet_from_index(self.sheet).map_err(failed)?;
        for (column, value) in (0..).zip(record) {
            cell(sheet, row, column, value, &time).map_err(failed)?;
        }
        self.next += 1;
        Ok(())
    }

    fn end_sheet(&mut self) -> Result<(), XlsxError> {
        let (last, columns) = (self.next - 1, COLUMNS.len() as u16 - 1);
        let sheet = self.book.worksheet_from_index(self.sheet)?;
        sheet.autofilter(0, 0, last, columns).map(drop)
    }

    /// Writes the workbook, and gives the output back.
    pub(super) fn into_inner<W: Write + Seek + Send>(mut self, mut out: W) -> io::Result<W> {
        self.end_sheet().map_err(failed)?;
        self.book.save_to_writer(&mut out).map_err(failed)?;
        Ok(out)
    }
}

fn cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    value: &Value<'_>,
    time: &Format,
) -> Result<(), XlsxError> {
    match value {
        Value::Empty => {}
        Value::Text(text) => {
            sheet.write_string(row, column, cut(&printable(text), CELL))?;
        }
        Value::Number(number) => {
            sheet.write_number(row, column, *number as f64)?;
        }
        Value::Time(at) => match ExcelDateTime::from_timestamp(at.as_second()) {
            Ok(moment) => {
                sheet.write_datetime_with_format(row, column, &moment, time)?;
            }
            // A year that no spreadsheet knows.
            Err(_) => {
                sheet.write_string(row, column, at.to_string())?;
            }
        },
    }
    Ok(())
}

/// How wide a column is, in characters.
fn width(column: &str) -> f64 {
    match column {
        "device_id" | "action_id" | "server_correlation_id" | "tenant" => 42.0,
        "device_name" | "reason" | "message" | "comment" => 32.0,
        name if name.ends_with("_at") => 20.0,
        name => name.len() as f64 + 4.0,
    }
}

/// The text in which a report's mark stands, if a file is a workbook.
pub(super) fn properties(file: impl Read + Seek) -> Option<String> {
    let mut archive = zip::ZipArchive::new(file).ok()?;
    let mut text = String::new();
    let properties = archive.by_name(PROPERTIES).ok()?;
    properties.take(PROPERTIES_MOST).read_to_string(&mut text).ok()?;
    Some(text)
}

fn failed(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) => error,
        other => io::Error::other(other),
    }
}
