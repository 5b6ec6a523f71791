//! Where the exports of the portal and of advanced hunting are cut off: a list of exactly so many
//! rows most likely lacks devices, and nothing in it says so.

/// Rows at which an export ends: advanced hunting in the portal (10,000 and 30,000), the list of
/// devices and queries over several tenants (50,000), queries through the API (100,000).
pub const CUTS: [u64; 4] = [10_000, 30_000, 50_000, 100_000];

/// What the tenants of one query share.
const SHARED: u64 = 50_000;

/// How many rows of a list look as if it was cut off after them, if any do: all of them, or those
/// of one tenant of several.
pub fn cut_after(rows: u64, by_tenant: &[u64]) -> Option<u64> {
    if CUTS.contains(&rows) {
        return Some(rows);
    }
    let tenants = by_tenant.len() as u64;
    let share = if tenants > 1 { SHARED / tenants } else { return None };
    by_tenant.iter().copied().find(|rows| *rows == share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_number_of_rows_may_be_a_cut_and_one_more_or_less_is_none() {
        for rows in [10_000, 30_000, 50_000, 100_000] {
            assert_eq!(cut_after(rows, &[]), Some(rows));
            assert_eq!(cut_after(rows - 1, &[]), None);
            assert_eq!(cut_after(rows + 1, &[rows + 1]), None);
        }
        for rows in [0, 1, 1_000, 20_000, 40_000] {
            assert_eq!(cut_after(rows, &[rows]), None, "{rows}");
        }
    }

    #[test]
    fn several_tenants_share_fifty_thousand_rows() {
        assert_eq!(cut_after(26_234, &[25_000, 1_234]), Some(25_000));
        assert_eq!(cut_after(16_670, &[1, 16_666, 3]), Some(16_666));
        assert_eq!(cut_after(25_000, &[25_000]), None, "one tenant shares with nobody");
        assert_eq!(cut_after(25_001, &[24_999, 2]), None);
    }
}
