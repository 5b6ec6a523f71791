//! What a report for people carries, so that its file is known again: its campaign and its tenant.

use super::record::ReportHead;
use crate::domain::service::id_of;

const MARK: &str = "fleetsweep report ";

/// The mark, in signs that mean nothing to the text around them. The tenant is as every spelling of
/// it is compared.
pub(super) fn mark(head: &ReportHead) -> String {
    let tenant: String = id_of(&head.tenant).bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{MARK}{} of {tenant};", head.campaign)
}

/// The campaign and the tenant of the first mark in a text.
pub(super) fn marked_by(text: &str) -> Option<(String, String)> {
    let (campaign, rest) = text.split_once(MARK)?.1.split_once(" of ")?;
    let digits = rest.split_once(';')?.0;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let tenant: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    Some((campaign.to_owned(), String::from_utf8(tenant?).ok()?))
}
