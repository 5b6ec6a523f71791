//! One row of a list as the rest of the program sees it: a device, a duplicate, or what is wrong
//! with it. It does not decide which; the sink does.

use std::fmt;
use std::mem::discriminant;
use std::sync::Arc;

use super::seen::Place;
use crate::domain::text::{cut, printable};
use crate::domain::{DeviceId, Facts, NotADeviceId};

/// One row of the input. Headers, blank lines and comments are not rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line, counted from 1, on which the row begins.
    pub line: u64,
    /// The id cell as it was read, cut to 200 characters; it is not escaped.
    pub input_text: String,
    /// The name of the device, where the list has one, cut to 256 characters; it is not escaped.
    pub device_name: Option<String>,
    /// What the row is.
    pub kind: RowKind,
    /// What further columns tell about the device.
    pub facts: Facts,
    /// How a name became its device.
    pub note: Option<String>,
}

/// What a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// A device that this run had not seen before.
    Device(DeviceId),
    /// A row that names another tenant than the one of the run; its device, if an id stands in it.
    Foreign(Option<DeviceId>),
    /// A device that this run had seen before.
    Duplicate {
        /// The device.
        of: DeviceId,
        /// Where it was seen first.
        first: Place,
    },
    /// No usable id.
    Bad(RowError),
}

/// What is wrong with one row. The report and the terminal show the same sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, {column}: {problem}{}", found_text(found))]
pub struct RowError {
    /// The line, counted from 1, on which the row begins.
    pub line: u64,
    /// The column that should hold the id.
    pub column: Column,
    /// What was found there, cut to 80 characters; the sentence shows it escaped.
    pub found: String,
    /// Why that is no id, and what was expected.
    pub problem: RowProblem,
}

/// Characters of what was found that the sentence in short has room for.
const SHORT: usize = 60;

impl RowError {
    /// The sentence in short: which row, what stands there, and what is wrong with it.
    pub fn in_short(&self) -> String {
        let found = if self.found.trim().is_empty() {
            String::new()
        } else {
            format!(", \"{}\"", cut(&printable(&self.found), SHORT))
        };
        format!("line {}{found}: {}", self.line, self.problem)
    }
}

impl RowProblem {
    /// Whether it is of the same kind, whatever stands in the row.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::NotAnId(one), Self::NotAnId(other)) => discriminant(one) == discriminant(other),
            _ => discriminant(self) == discriminant(other),
        }
    }
}

/// Why a row has no usable id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// The cell does not hold a Defender machine id.
    #[error(transparent)]
    NotAnId(#[from] NotADeviceId),
    /// The row ends before the column of the ids.
    #[error("the row ends after {cells} of its cells; expected 40 hexadecimal characters here")]
    Missing {
        /// How many cells the row has.
        cells: usize,
    },
    /// An id that a spreadsheet took for a number.
    #[error(
        "Excel turned this id into a number, and its digits are lost; export the list again and do \
         not save it from Excel, or import it there with this column as text"
    )]
    ExcelNumber,
    /// An id that was cut off where it was printed.
    #[error(
        "the id is cut off, as PowerShell does where it prints a table; write the list with \
         Export-Csv instead"
    )]
    CutOff,
    /// An object that PowerShell wrote as a text.
    #[error(
        "PowerShell wrote an object as a text here; select the id itself before Export-Csv, or use \
         ConvertTo-Json -Depth 10"
    )]
    ObjectAsText,
    /// An id and something else.
    #[error("a device id stands among other text here; leave the id alone in its place")]
    AmongText,
    /// A name that the tenant does not know.
    #[error("no device of the tenant has this name{}", nearest_text(nearest.as_deref()))]
    UnknownName {
        /// The name of the tenant's that is most like it.
        nearest: Option<String>,
    },
    /// A name that several records share.
    #[error(
        "{records} records of the tenant have this name; write the id of the one that is meant \
         (`fleetsweep devices --name` lists them)"
    )]
    AmbiguousName {
        /// How many.
        records: usize,
    },
    /// A line has ids outside of the columns that are known, and only one id could be taken.
    #[error("the line has more than one device id; put each on its own line")]
    SeveralIds,
    /// A JSON element has none of the fields that hold an id.
    #[error(
        "the element has no field that holds a device id (deviceId, machineId, id, mdeDeviceId, \
         mdatpDeviceId)"
    )]
    NoField,
    /// A JSON element does not have the field that the user named.
    #[error("the element has no such field")]
    NoWantedField,
    /// An alert or an incident without a device.
    #[error(
        "this alert or incident names no device (evidence[].mdeDeviceId, devices[].mdatpDeviceId)"
    )]
    NoDeviceInAlert,
    /// A device that Defender for Endpoint does not know.
    #[error("this device has no Defender machine id; it is not onboarded, or not read whole")]
    NoDefenderId,
    /// An object with two ids under one name.
    #[error("the element has two device ids under one name; which one is meant is not told")]
    TwoIds,
}

/// A column, by its header or, without a header, by its number counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// The header as it stands in the list.
    Named(Arc<str>),
    /// The number, counted from 1.
    Number(usize),
}

impl Column {
    /// The header or number alone, escaped.
    pub fn label(&self) -> String {
        match self {
            Self::Named(name) => printable(name),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "column \"{}\"", printable(name)),
            Self::Number(number) => write!(f, "column {number}"),
        }
    }
}

fn nearest_text(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; the nearest is \"{}\"", printable(name)))
}

fn found_text(found: &str) -> String {
    if found.trim().is_empty() {
        String::new()
    } else {
        format!(" (found \"{}\")", printable(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_error_is_one_sentence_that_cannot_steer_a_terminal() {
        let error = RowError {
            line: 7,
            column: Column::Named("Device\u{1b} ID".into()),
            found: "pc\r\n7".into(),
            problem: NotADeviceId::Other.into(),
        };
        assert_eq!(
            error.to_string(),
            "line 7, column \"Device\\u{1b} ID\": not a Defender machine id; \
             expected 40 hexadecimal characters (found \"pc\\u{d}\\u{a}7\")"
        );
    }
}
