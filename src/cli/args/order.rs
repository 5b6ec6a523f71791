//! What the user typed about the order of a list.

use std::path::PathBuf;

use super::typed::typed;

use crate::domain::OrderBy;

typed! {
    /// Who goes first.
    OrderArgs => OrderRequest {
        /// The devices of this list go before all others, in its order; repeatable. They must be in
        /// DEVICES too: name the file there as well to add them
        #[arg(long = "first", value_name = "FILE")]
        first: Vec<PathBuf>,

        /// Order of the others: file (as in the list), last-seen (the most recently seen first, as
        /// they are most likely online) or value (high, normal, low), by the tenant's inventory or
        /// the list's own columns; devices of which nothing is known come last [default: file]
        #[arg(long = "order", value_name = "ORDER", value_parser = order_by)]
        by: Option<OrderBy>,
    }
}

fn order_by(name: &str) -> Result<OrderBy, String> {
    OrderBy::named(name).ok_or_else(|| "write file, last-seen or value".to_owned())
}
