//! Writing a report so that nobody ever sees half of one: a temporary file in the same folder,
//! flushed to the disk, then renamed. Whether a report may be written at all is `target`'s.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::csv::CsvRows;
use super::error::{ReportError, shown};
use super::gathered::Gathered;
use super::jsonl::JsonRows;
use super::record::{ReportHead, record};
use super::xlsx::XlsxRows;
use super::{html, markdown};
use crate::domain::Row;
use crate::system::files;

/// A format of reports; the ending of the file chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, for people.
    Csv,
    /// JSON lines, for programs.
    JsonLines,
}

impl Format {
    /// The format that the ending of a path names, in any case.
    ///
    /// # Errors
    /// `ReportError::Ending` lists the endings that are known.
    pub fn of(path: &Path) -> Result<Self, ReportError> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "csv" => Ok(Format::Csv),
            "jsonl" | "ndjson" => Ok(Format::JsonLines),
            _ => Err(ReportError::ending(path)),
        }
    }
}

/// A kind of reports; the ending of the file chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// A line for each row.
    Rows(Format),
    /// Cells with types, for spreadsheets.
    Workbook,
    /// A page that people open and print.
    Html,
    /// A screen of text for a ticket.
    Markdown,
}

impl ReportKind {
    /// The kind that the ending of a path names, in any case.
    ///
    /// # Errors
    /// `ReportError::Ending` lists the endings that are known.
    pub fn of(path: &Path) -> Result<Self, ReportError> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "xlsx" => Ok(ReportKind::Workbook),
            "html" | "htm" => Ok(ReportKind::Html),
            "md" => Ok(ReportKind::Markdown),
            _ => Format::of(path).map(ReportKind::Rows),
        }
    }

    /// Whether it tells what happened, beside the rows.
    pub fn tells_a_story(self) -> bool {
        matches!(self, ReportKind::Html | ReportKind::Markdown)
    }
}

/// A report that is being written. Until `finish` the file of its name is the old one; dropped
/// before, it leaves nothing behind.
pub struct ReportWriter {
    rows: Rows,
    head: ReportHead,
    path: PathBuf,
    temporary: Temporary,
}

enum Rows {
    Csv(Box<CsvRows<BufWriter<File>>>),
    Json(JsonRows<BufWriter<File>>),
    Workbook(Box<XlsxRows>, BufWriter<File>),
    /// All of it is written at the end.
    Gathered(Box<Gathered>, ReportKind, BufWriter<File>),
}

impl ReportWriter {
    /// Begins a report in the format of its ending. Whose the file of that name is, if there is
    /// one, is not asked again: see `check_writable`.
    ///
    /// # Errors
    /// `ReportError` if the ending is not known, if the path is a link or no file, or if nothing
    /// can be written in its folder.
    pub fn create(path: &Path, head: ReportHead) -> Result<Self, ReportError> {
        let kind = ReportKind::of(path)?;
        refuse_kind(path)?;
        let (temporary, file) = Temporary::beside(path)?;
        let file = BufWriter::with_capacity(1 << 16, file);
        let rows = match kind {
            ReportKind::Rows(Format::Csv) => {
                let rows = CsvRows::new(file).map_err(|error| ReportError::write(path, &error))?;
                Rows::Csv(Box::new(rows))
            }
            ReportKind::Rows(Format::JsonLines) => Rows::Json(JsonRows::new(file)),
            ReportKind::Workbook => {
                let rows = XlsxRows::new(&head, &folder_of(path));
                let rows = rows.map_err(|error| ReportError::write(path, &error))?;
                Rows::Workbook(Box::new(rows), file)
            }
            ReportKind::Html | ReportKind::Markdown => Rows::Gathered(Box::default(), kind, file),
        };
        Ok(Self { rows, head, path: path.to_owned(), temporary })
    }

    /// The rows from now on are those of another campaign.
    pub fn turn_to(&mut self, head: ReportHead) {
        self.head = head;
    }

    /// Writes the next row, in input order.
    ///
    /// # Errors
    /// `ReportError` if the disk does not take it.
    pub fn row(&mut self, row: &Row) -> Result<(), ReportError> {
        let written = match &mut self.rows {
            Rows::Csv(rows) => rows.row(&record(row, &self.head)),
            Rows::Json(rows) => rows.row(&record(row, &self.head)),
            Rows::Workbook(rows, _) => rows.row(&record(row, &self.head)),
            Rows::Gathered(gathered, ..) => {
                gathered.add(row, &self.head);
                Ok(())
            }
        };
        written.map_err(|error| ReportError::write(&self.path, &error))
    }

    /// Flushes to the disk and gives the report its name.
    ///
    /// # Errors
    /// `ReportError` if the disk fails, or if something that is no file has that name by now.
    pub fn finish(self) -> Result<(), ReportError> {
        let failed = |error: &io::Error| ReportError::write(&self.path, error);
        let file = match self.rows {
            Rows::Csv(rows) => rows.into_inner(),
            Rows::Json(rows) => rows.into_inner(),
            Rows::Workbook(rows, file) => rows.into_inner(file),
            Rows::Gathered(gathered, kind, mut file) => {
                let text = match kind {
                    ReportKind::Html => html::draw(&self.head, &gathered).0,
                    _ => markdown::draw(&self.head, &gathered),
                };
                file.write_all(text.as_bytes()).map(|()| file)
            }
        };
        let file = file.and_then(|file| file.into_inner().map_err(io::IntoInnerError::into_error));
        file.and_then(|file| file.sync_all()).map_err(|error| failed(&error))?;
        refuse_kind(&self.path)?;
        // A rename replaces a name and follows no link.
        self.temporary.rename_to(&self.path).map_err(|error| failed(&error))?;
        // Where a folder cannot be flushed, the report itself is on the disk.
        files::flush_folder(&folder_of(&self.path)).ok();
        Ok(())
    }
}

/// A file that is removed unless it was renamed.
pub(super) struct Temporary {
    path: Option<PathBuf>,
}

impl Temporary {
    /// Creates a new file beside `path`, readable by its owner and group alone.
    pub(super) fn beside(path: &Path) -> Result<(Self, File), ReportError> {
        // Other runners and what a killed one left are stepped around.
        const NAMES: u32 = 1_000;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut number = 0;
        loop {
            let own = format!(".{name}.{}-{number}.tmp", std::process::id());
            let own = folder_of(path).join(own);
            match files::create_new(&own) {
                Ok(file) => return Ok((Self { path: Some(own) }, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < NAMES => {
                    number += 1;
                }
                Err(error) => return Err(ReportError::folder(path, &error)),
            }
        }
    }

    pub(super) fn rename_to(mut self, path: &Path) -> io::Result<()> {
        if let Some(own) = &self.path {
            files::replace(own, path)?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(own) = &self.path {
            // Nothing more can be done about a temporary file that does not go away.
            drop(fs::remove_file(own));
        }
    }
}

/// The folder that holds the path.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Refuses a path that holds anything but a plain file; whether there is one.
pub(super) fn refuse_kind(path: &Path) -> Result<bool, ReportError> {
    let kind = match fs::symlink_metadata(path) {
        Ok(there) if there.is_file() => return Ok(true),
        Ok(there) if there.is_symlink() => "a symbolic link",
        Ok(there) if there.is_dir() => "a folder",
        Ok(_) => "a device, a pipe or a socket",
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(ReportError::folder(path, &error)),
    };
    Err(ReportError::Kind { path: shown(path), kind })
}
