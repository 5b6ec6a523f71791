//! Why a whole list is refused. What is wrong with a single row is a `RowError` instead.

use std::io;

use super::limits::{MAX_LINE, MAX_SKIPPED};
use crate::domain::TenantId;
use crate::domain::text::{cut, in_words, printable};

/// A list that cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", printable(input))]
pub struct IntakeError {
    /// The name of the list: the path, or what stands for standard input.
    pub input: String,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No row at all.
    #[error(
        "the list holds no device: {}",
        if *.header { "it has only a header" } else { "it has not a single row" }
    )]
    Empty {
        /// Whether a header was found.
        header: bool,
    },
    /// No column fits by its header or by its values.
    #[error(
        "no column holds Defender machine ids (40 hexadecimal characters); the columns are {}; \
         name the right one with --column, or export again from Defender portal > Assets > Devices",
        listed(.columns)
    )]
    NoIdColumn {
        /// The headers, or the first row where there was no header.
        columns: Vec<String>,
    },
    /// Words in which no id stands, one a row and without a header.
    #[error(
        "no row holds a Defender machine id (40 hexadecimal characters); they look like device \
         names, the first is \"{}\"",
        printable(&cut(.first, 60))
    )]
    OnlyNames {
        /// The first of them.
        first: String,
    },
    /// Alerts or incidents in which no device stands.
    #[error(
        "these are alerts or incidents without their devices (evidence[].mdeDeviceId, \
         devices[].mdatpDeviceId); ask Graph for incidents with $expand=alerts, write them in \
         PowerShell with ConvertTo-Json -Depth 10, or export the devices themselves"
    )]
    NoDeviceInAlerts,
    /// The report of a campaign.
    #[error(
        "this is fleetsweep's own report{}, with every row of its list, also those that were \
         accepted or skipped",
        campaign_text(campaign.as_deref())
    )]
    OwnReport {
        /// The campaign, if a row names it.
        campaign: Option<String>,
    },
    /// What stands around devices names their tenant only behind them.
    #[error(
        "it names its tenant, {tenant}, behind its devices, and that is another one than this \
         run's; scan that tenant with its own settings"
    )]
    LateTenant {
        /// The tenant.
        tenant: TenantId,
    },
    /// An answer that says what went wrong.
    #[error("this is the error answer of a server ({}), not a list", printable(.message))]
    ErrorAnswer {
        /// What the answer says.
        message: String,
    },
    /// The column that the user named is not there.
    #[error("there is no column \"{}\"; the columns are {}", printable(.wanted), listed(.columns))]
    UnknownColumn {
        /// What the user named.
        wanted: String,
        /// The columns that are there.
        columns: Vec<String>,
    },
    /// No header says which of several columns with ids is meant.
    #[error("several columns hold device ids: {}", listed(.columns))]
    AmbiguousColumn {
        /// The columns that hold ids.
        columns: Vec<String>,
    },
    /// A line without an end.
    #[error(
        "line {line} is longer than {} KiB, so this is no list of devices",
        MAX_LINE / 1024
    )]
    LineTooLong {
        /// The line, counted from 1.
        line: u64,
    },
    /// A quoted cell that never ends or swallows other rows.
    #[error(
        "the quote that opens in the row at line {line} is not closed where it should be, and \
         swallows the rows after it; close or remove it"
    )]
    OpenQuote {
        /// The line, counted from 1, on which the row begins.
        line: u64,
    },
    /// More rows than the user allows.
    #[error("it has more than {limit} rows")]
    TooManyRows {
        /// The limit.
        limit: u64,
    },
    /// An endless run of nothing.
    #[error("more than {MAX_SKIPPED} blank or comment lines, so this is no list of devices")]
    TooManySkipped,
    /// Not text at all.
    #[error("line {line} has NUL bytes, so this is no text")]
    Binary {
        /// The line, counted from 1.
        line: u64,
    },
    /// A file of a known other kind.
    #[error("this is {kind}")]
    Container {
        /// What it is.
        kind: &'static str,
        /// What to do next.
        remedy: &'static str,
    },
    /// Text in an encoding that is not supported, or damaged.
    #[error("line {line} is not valid UTF-8 or UTF-16")]
    NotText {
        /// The line, counted from 1.
        line: u64,
    },
    /// JSON with a mistake.
    #[error(
        "it begins like JSON and cannot be read as such: {}; save it again, whole",
        printable(.message)
    )]
    Json {
        /// What the parser says, with line and column.
        message: String,
    },
    /// A JSON element that is no device.
    #[error(
        "the JSON element at line {line} is larger than any device; expected an array of devices, \
         an object with an array \"value\", \"results\" or \"records\", or one device a line"
    )]
    JsonElementTooLarge {
        /// The line, counted from 1, on which the element begins.
        line: u64,
    },
    /// The right header with the wrong ids under it.
    #[error(
        "it holds GUIDs ({rows} of {rows} ids), as an Intune or Entra export does, and no Defender \
         machine id"
    )]
    OnlyGuids {
        /// How many rows there are.
        rows: u64,
    },
    /// The ids of another service, in a list that has nothing else.
    #[error(
        "the column \"{}\" holds GUIDs, by which Entra and Intune name devices, and no Defender \
         machine ids (40 hexadecimal characters); {}",
        printable(.column),
        instead_of_guids(.ids.as_deref(), .names.as_deref())
    )]
    GuidColumn {
        /// The column with the GUIDs.
        column: String,
        /// The column that holds the machine ids.
        ids: Option<String>,
        /// The column that holds names.
        names: Option<String>,
    },
    /// Ids stand among other text alone.
    #[error(
        "the column \"{}\" holds device ids among other text; give each device a row of its own, \
         in a query with mv-expand, or export the devices themselves",
        printable(.column)
    )]
    IdsAmongText {
        /// The column with them.
        column: String,
    },
    /// No such file.
    #[error("there is no such file")]
    NotFound,
    /// A directory in place of a file.
    #[error("this is a directory")]
    Directory,
    /// Reading failed.
    #[error("{}; nothing of the list was used", in_words(.0))]
    Io(#[from] io::Error),
}

impl Fault {
    /// What to do about a list that is no such list, where its kind tells it.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::Container { remedy, .. } => remedy,
            Self::Empty { .. } => {
                "export the list again, and see that it has rows: a filter can leave none"
            }
            Self::LineTooLong { .. } | Self::TooManySkipped => LIST_INSTEAD,
            Self::Binary { .. } | Self::NotText { .. } => {
                "save or export the list as CSV in UTF-8 (in Excel \"CSV UTF-8\"), and name that \
                 file"
            }
            Self::OnlyGuids { .. } => {
                "export the list from Defender portal > Assets > Devices > Export, and name that \
                 file"
            }
            Self::TooManyRows { .. } => "raise --max-rows if all of them are meant",
            _ => return None,
        })
    }
}

/// For what is no list at all.
pub(super) const LIST_INSTEAD: &str = "name a list of devices instead: the portal's export (Assets \
                                       > Devices > Export), CSV, JSON, or ids alone";

impl IntakeError {
    pub(super) fn new(input: &str, fault: Fault) -> Self {
        Self { input: input.to_owned(), fault }
    }
}

fn campaign_text(campaign: Option<&str>) -> String {
    campaign.map_or_else(String::new, |name| format!(" of campaign {}", printable(name)))
}

/// Where the machine ids are in place of GUIDs.
fn instead_of_guids(ids: Option<&str>, names: Option<&str>) -> String {
    match (ids, names) {
        (Some(ids), _) => format!("those stand in the column \"{}\"", printable(ids)),
        (None, Some(names)) => format!(
            "export the list from Defender portal > Assets > Devices, or add --names, so that the \
             devices are looked up by their \"{}\"",
            printable(names)
        ),
        (None, None) => "export the list from Defender portal > Assets > Devices".to_owned(),
    }
}

/// At most this many columns are listed in a message.
const LISTED: usize = 40;

fn listed(columns: &[String]) -> String {
    let shown =
        columns.iter().take(LISTED).map(|name| format!("\"{}\"", printable(&cut(name, 60))));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if columns.len() > LISTED {
        text.push_str(&format!(" and {} more", columns.len() - LISTED));
    }
    text
}
