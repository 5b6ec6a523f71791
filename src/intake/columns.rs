//! Which column of a table holds the id and which the name, told by headers and by values. It reads
//! no input itself; it is handed the first rows.

use std::borrow::Cow;

use csv::ByteRecord;

use super::cell;
use super::error::Fault;
use super::facts::{Fact, fact_of};
use super::header::{PLAIN_ID, id_rank, is_header, is_of_alerts, name_rank, normalised};
use super::row::Column;
use crate::domain::NotADeviceId;

/// Parts of headers under which 40 hexadecimal characters are something else: the SHA-1 of a file.
const HASH_HEADERS: [&str; 6] = ["sha1", "hash", "thumbprint", "checksum", "digest", "fingerprint"];

/// What each column of a table is for.
#[derive(Debug)]
pub(super) struct Layout {
    /// Whether the first row is a header.
    pub(super) has_header: bool,
    /// Where the id is, counted from 0.
    pub(super) id: usize,
    /// It has a header that does not say that it holds ids; what stands in it looks like some.
    pub(super) guessed: bool,
    /// What the column of the id is called.
    pub(super) id_column: Column,
    /// Where the name is, counted from 0.
    pub(super) name: Option<usize>,
    /// Which columns tell something more, counted from 0.
    pub(super) facts: Vec<(usize, Fact)>,
    /// How many columns are known, by a header or by the user's word. An id in any other cell is
    /// one that nobody would take.
    pub(super) known: usize,
}

/// Whether a first row has a header of an id or a name.
pub(super) fn is_known_header(first: &ByteRecord) -> bool {
    texts(first).any(|header| id_rank(&header).is_some() || name_rank(&header).is_some())
}

/// Chooses the columns from the first row and the sample of rows after it.
pub(super) fn choose(
    first: &ByteRecord,
    sample: &[&ByteRecord],
    wanted: Option<&str>,
    names: bool,
) -> Result<Layout, Fault> {
    match wanted {
        Some(wanted) => {
            let layout = by_wish(first, wanted)?;
            match guids_in(first, sample, layout.id) {
                Some(fault) if !names => Err(fault),
                _ => Ok(layout),
            }
        }
        None if names && first.len() == 1 && !is_known_header(first) => Ok(numbered(0)),
        None if names && !texts(first).any(|text| cell::is_entry(&text)) => {
            by_header_of_names(first, sample)
        }
        None if texts(first).any(|text| cell::is_entry(&text)) => Ok(without_header(first, sample)),
        None => by_header(first, sample),
    }
}

/// The columns from a header in the middle of a list, as when files were put one after the other;
/// `None` if the record is no header.
pub(super) fn again(record: &ByteRecord, wanted: Option<&str>) -> Option<Layout> {
    if texts(record).any(|text| cell::is_entry(&text)) {
        return None;
    }
    let is_known = |text: &str| {
        id_rank(text).is_some() || name_rank(text).is_some() || fact_of(text).is_some()
    };
    let known = texts(record).filter(|text| is_known(text)).count();
    if let Some(wanted) = wanted {
        let wanted = normalised(wanted);
        let id = texts(record).position(|text| is_header(&text, &wanted))?;
        return if known > 0 { Some(with_header(record, id)) } else { None };
    }
    let ranked = texts(record).enumerate().filter_map(|(i, text)| Some((id_rank(&text)?, i)));
    let (_, id) = ranked.min()?;
    if known > 1 || record.len() == 1 { Some(with_header(record, id)) } else { None }
}

/// The cells of a record as text.
pub(super) fn texts(record: &ByteRecord) -> impl Iterator<Item = Cow<'_, str>> + Clone {
    record.iter().map(String::from_utf8_lossy)
}

fn by_wish(first: &ByteRecord, wanted: &str) -> Result<Layout, Fault> {
    let headers: Vec<String> = texts(first).map(|text| cell::name(&text).to_owned()).collect();
    let has_header = is_known_header(first) || !headers.iter().any(|text| cell::is_entry(text));
    let exact = headers.iter().position(|header| header == cell::trim(wanted));
    let named = exact.or_else(|| {
        let wanted = normalised(wanted);
        headers.iter().position(|header| is_header(header, &wanted))
    });
    if has_header && let Some(id) = named {
        return Ok(with_header(first, id));
    }
    match wanted.trim().parse::<usize>() {
        Ok(number) if (1..=headers.len()).contains(&number) && has_header => {
            Ok(with_header(first, number - 1))
        }
        Ok(number) if (1..=headers.len()).contains(&number) => {
            Ok(Layout { known: headers.len(), ..numbered(number - 1) })
        }
        _ => Err(Fault::UnknownColumn { wanted: wanted.to_owned(), columns: headers }),
    }
}

/// Takes the column with the most ids; a list in which none is right is still a list.
fn without_header(first: &ByteRecord, sample: &[&ByteRecord]) -> Layout {
    let rows: Vec<&ByteRecord> = std::iter::once(first).chain(sample.iter().copied()).collect();
    let counts = Counts::of(&rows);
    let most = counts.ids.iter().copied().max().unwrap_or(0);
    let id = match most {
        0 => texts(first).position(|text| cell::is_entry(&text)),
        _ => counts.ids.iter().position(|ids| *ids == most),
    };
    numbered(id.unwrap_or(0))
}

fn by_header(first: &ByteRecord, sample: &[&ByteRecord]) -> Result<Layout, Fault> {
    let of_alerts = texts(first).any(|header| is_of_alerts(&header));
    let of_the_alert = |header: &str| of_alerts && is_header(header, PLAIN_ID);
    let mut counts = Counts::of(sample);
    for (index, _) in texts(first).enumerate().filter(|(_, header)| of_the_alert(header)) {
        if let Some(ids) = counts.ids.get_mut(index) {
            *ids = 0;
        }
    }
    let ids = |index: usize| counts.ids.get(index).copied().unwrap_or(0);
    let named = texts(first)
        .enumerate()
        .filter(|(_, header)| !of_the_alert(header))
        .filter_map(|(index, header)| Some((index, id_rank(&header)?)))
        .max_by_key(|(index, rank)| {
            (ids(*index), std::cmp::Reverse(*rank), std::cmp::Reverse(*index))
        })
        .map(|(index, _)| index);
    if let Some(index) = named.filter(|index| ids(*index) > 0) {
        return Ok(with_header(first, index));
    }
    let most = (0..counts.ids.len()).filter(|i| is_filled(first, &counts, *i)).map(ids).max();
    let fitting: Vec<usize> = (0..counts.ids.len())
        .filter(|index| is_filled(first, &counts, *index) && Some(ids(*index)) == most)
        .collect();
    match (fitting.as_slice(), named) {
        // A cell with digits over a column of ids is rather a bad entry than a header.
        ([index], _) if !is_known_header(first) && looks_like_a_name(first, *index) => {
            Ok(without_header(first, sample))
        }
        ([index], _) => {
            let layout = with_header(first, *index);
            Ok(Layout { guessed: !says_device(first, *index), ..layout })
        }
        ([], Some(index)) => Ok(with_header(first, index)),
        ([], None) => Err(without_ids(first, sample, of_alerts)),
        (several, _) => Err(Fault::AmbiguousColumn {
            columns: several.iter().map(|index| label(first, *index)).collect(),
        }),
    }
}

/// Why no column is the one of the ids.
fn without_ids(first: &ByteRecord, sample: &[&ByteRecord], of_alerts: bool) -> Fault {
    if let Some(fault) = (0..first.len()).find_map(|index| guids_in(first, sample, index)) {
        return fault;
    }
    let among_text = |index: &usize| {
        let mut cells = sample.iter().filter_map(|row| row.get(*index));
        let is_among_text = |cell: &[u8]| {
            cell::holds_an_id(cell) && !cell::holds_ids(&String::from_utf8_lossy(cell))
        };
        let header = first.get(*index).map(String::from_utf8_lossy).unwrap_or_default();
        let of_the_alert = of_alerts && is_header(&header, PLAIN_ID);
        !of_the_alert && !is_of_hashes(first, *index) && cells.any(is_among_text)
    };
    if let Some(index) = (0..first.len()).find(among_text) {
        return Fault::IdsAmongText { column: label(first, index) };
    }
    if of_alerts {
        return Fault::NoDeviceInAlerts;
    }
    let columns: Vec<String> = texts(first).map(|text| text.into_owned()).collect();
    let mut rows = std::iter::once(first).chain(sample.iter().copied());
    match &columns[..] {
        [name] if !is_known_header(first) && rows.all(is_a_name) => {
            Fault::OnlyNames { first: name.clone() }
        }
        _ => Fault::NoIdColumn { columns },
    }
}

/// Whether a row is one word that can be the name of a device.
fn is_a_name(row: &ByteRecord) -> bool {
    let is_of_a_name = |c: char| c.is_alphanumeric() || "-._$".contains(c);
    let mut cells = texts(row);
    let is_name = |text: Cow<'_, str>| {
        let text = cell::trim(&text);
        !text.is_empty() && text.chars().all(is_of_a_name)
    };
    cells.next().is_some_and(is_name) && cells.next().is_none()
}

/// What is wrong with a column that holds GUIDs alone; `None` if it holds anything else.
fn guids_in(first: &ByteRecord, sample: &[&ByteRecord], index: usize) -> Option<Fault> {
    let mut cells = sample.iter().filter_map(|row| row.get(index)).map(String::from_utf8_lossy);
    let mut some = false;
    let all = cells.all(|text| {
        let is_empty = cell::trim(&text).is_empty();
        some |= !is_empty;
        is_empty || cell::parse(&text) == Err(NotADeviceId::Guid)
    });
    if !some || !all || tenant_of(first, index) {
        return None;
    }
    let counts = Counts::of(sample);
    let ids = (0..first.len()).filter(|one| is_filled(first, &counts, *one));
    let ids = ids.max_by_key(|one| counts.ids[*one]).map(|one| label(first, one));
    let names = texts(first).enumerate();
    let names = names.filter_map(|(one, header)| Some((name_rank(&header)?, one)));
    let names = names.min().map(|(_, one)| label(first, one));
    Some(Fault::GuidColumn { column: label(first, index), ids, names })
}

/// Whether a column names the tenant, which is a GUID as well.
fn tenant_of(first: &ByteRecord, index: usize) -> bool {
    let header = first.get(index).map(String::from_utf8_lossy).unwrap_or_default();
    matches!(fact_of(&header), Some(Fact::Tenant | Fact::TenantId | Fact::Workspace))
}

fn label(first: &ByteRecord, index: usize) -> String {
    with_header(first, index).id_column.label()
}

/// A column of ids if there is one, else one whose header says id or name.
fn by_header_of_names(first: &ByteRecord, sample: &[&ByteRecord]) -> Result<Layout, Fault> {
    let counts = Counts::of(sample);
    let with_ids = by_header(first, sample);
    match with_ids {
        Ok(layout) if counts.ids.get(layout.id).is_some_and(|ids| *ids > 0) => Ok(layout),
        other => {
            let filled = |index: &usize| counts.filled.get(*index).is_some_and(|some| *some > 0);
            let ranked = texts(first).enumerate().filter_map(|(index, header)| {
                let rank = name_rank(&header).or_else(|| Some(10 + id_rank(&header)?))?;
                Some((rank, index))
            });
            let best = ranked.filter(|(_, index)| filled(index)).min();
            best.map_or(other, |(_, index)| Ok(with_header(first, index)))
        }
    }
}

/// Whether at least half of what stands in a column are ids, and its header does not say that they
/// are something else.
fn is_filled(first: &ByteRecord, counts: &Counts, index: usize) -> bool {
    let counts_of = |all: &[usize]| all.get(index).copied().unwrap_or(0);
    let (ids, filled) = (counts_of(&counts.ids), counts_of(&counts.filled));
    !is_of_hashes(first, index) && ids > 0 && ids * 2 >= filled
}

/// Whether a header says that 40 hexadecimal characters are something else.
fn is_of_hashes(first: &ByteRecord, index: usize) -> bool {
    let header = normalised(&String::from_utf8_lossy(first.get(index).unwrap_or_default()));
    header == "sha" || HASH_HEADERS.iter().any(|part| header.contains(part))
}

/// Whether a header speaks of devices.
fn says_device(first: &ByteRecord, index: usize) -> bool {
    const WORDS: [&str; 6] = ["device", "machine", "computer", "host", "endpoint", "defender"];
    let header = normalised(&String::from_utf8_lossy(first.get(index).unwrap_or_default()));
    WORDS.iter().any(|word| header.contains(word))
}

fn looks_like_a_name(first: &ByteRecord, index: usize) -> bool {
    let text = first.get(index).unwrap_or_default();
    text.is_empty() || text.iter().any(|byte| byte.is_ascii_digit() || *byte == b'.')
}

fn with_header(first: &ByteRecord, id: usize) -> Layout {
    let header = first.get(id).map(String::from_utf8_lossy).unwrap_or_default();
    let header = cell::bare(&header);
    let name = texts(first)
        .enumerate()
        .filter(|(index, _)| *index != id)
        .filter_map(|(index, header)| Some((name_rank(&header)?, index)))
        .min()
        .map(|(_, index)| index);
    let facts = texts(first)
        .enumerate()
        .filter(|(index, _)| *index != id)
        .filter_map(|(index, header)| Some((index, fact_of(&header)?)))
        .collect();
    let id_column = match &*header {
        "" => Column::Number(id + 1),
        header => Column::Named(header.into()),
    };
    Layout { has_header: true, id, guessed: false, id_column, name, facts, known: first.len() }
}

fn numbered(id: usize) -> Layout {
    let (id_column, facts) = (Column::Number(id + 1), Vec::new());
    Layout { has_header: false, id, guessed: false, id_column, name: None, facts, known: 0 }
}

/// For each column, how many cells of a sample are ids and how many are not empty.
struct Counts {
    ids: Vec<usize>,
    filled: Vec<usize>,
}

impl Counts {
    fn of(rows: &[&ByteRecord]) -> Self {
        let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let mut counts = Self { ids: vec![0; width], filled: vec![0; width] };
        for (index, text) in rows.iter().flat_map(|row| texts(row).enumerate()) {
            let is_id = cell::holds_ids(&text) || cell::is_excel_number(&text);
            counts.ids[index] += usize::from(is_id);
            counts.filled[index] += usize::from(!cell::trim(&text).is_empty());
        }
        counts
    }
}
