//! Whether a campaign is whole, before a runner joins it: every row against its checksum, the
//! counts against the rows, the journals' lengths against their calls. It only reads; whether the
//! file is sound as a file is `integrity_check`'s.

use sqlx::{Row as _, SqliteConnection};

use super::campaign::{self, tally};
use super::device::lives;
use super::journal::counted_calls;
use super::select::campaigns;
use crate::domain::{CampaignFilter, CampaignId, Operation, Seq, Tally};
use crate::store::sqlite::fault::{Fault, broken};

/// Rows that are read at once.
const PAGE: i64 = 10_000;

/// Looks at all that the campaign's next call would go by.
pub(in super::super) async fn audit(
    conn: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<(), Fault> {
    let own = campaign::campaign(conn, campaign).await?;
    let own = own.ok_or_else(|| broken("a campaign vanished"))?;
    // The limits of every open campaign on its budget can hold the next call.
    let budget = own.order.target.budget(Operation::Scan);
    campaigns(conn, &CampaignFilter::open_on(&budget)).await?;
    let (mut counted, mut last): (Tally, Seq) = (Tally::default(), 0);
    loop {
        let page = lives(conn, campaign, last, PAGE).await?;
        for row in &page {
            if row.seq != last + 1 {
                return Err(broken(format!("row {} of campaign {} is gone", last + 1, campaign.0)));
            }
            last = row.seq;
            counted.add(row.life.state, 1);
        }
        if (page.len() as i64) < PAGE {
            break;
        }
    }
    let sql = "SELECT row_count FROM campaign WHERE id = ?";
    let row = sqlx::query(sql).bind(campaign.0).fetch_one(&mut *conn).await?;
    let rows: i64 = row.try_get("row_count")?;
    let differs = rows != last || tally(conn, campaign).await?.as_ref() != Some(&counted);
    if differs && own.pruned_at.is_none() {
        return Err(broken(format!("the rows of campaign {} do not match its counts", campaign.0)));
    }
    let budgets = counted_calls(conn, campaign).await?;
    // That of its orders, and that of its looks at the list of actions.
    if budgets.len() != 2 {
        return Err(broken(format!("a budget of campaign {} is gone", campaign.0)));
    }
    for (budget, said, calls) in budgets {
        if said != calls {
            return Err(broken(format!("budget {budget} holds {calls} calls instead of {said}")));
        }
    }
    Ok(())
}
