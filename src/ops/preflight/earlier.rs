//! What earlier orders say of the devices of a list, for `--due` and `--series`: asked of the
//! store, and of the tenant where it may be asked. What it means is `domain::history`'s.

use std::time::Duration;

use crate::clock::wall_clock;
use crate::defender::Inventory;
use crate::domain::ScanType;
use crate::domain::request::ScanRequest;
use crate::domain::text::is_guid;
use crate::engine::history::{History, Whose};
use crate::engine::lists::Lists;
use crate::ops::destination::Planned;
use crate::ops::failure::Failure;
use crate::ops::lists::not_read;
use crate::ops::preflight::judge::{Before, Preflight};
use crate::store::Store;

/// What is asked of earlier orders.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    wanted: ScanType,
    within: Option<Duration>,
    whose: Whose,
}

impl Question {
    /// What the flags ask. Returns `None` if earlier orders do not matter.
    pub(crate) fn of(request: &ScanRequest, planned: &Planned) -> Option<Self> {
        // A tenant that is told by its domain's name alone is not known by its id before the
        // sign-in; a device's id names it in any tenant.
        let tenant = Some(planned.target.tenant.clone()).filter(|id| is_guid(id));
        if !request.due.looks_back() {
            return None;
        }
        let whose = Whose { tenant, emulated: planned.emulated };
        // A line without a type is refused before it comes to this.
        Some(Self {
            wanted: request.scan_type?,
            within: request.due.due.map(|within| within.0),
            whose,
        })
    }

    /// Asks the store alone; `why` tells what keeps the tenant from being asked.
    ///
    /// # Errors
    /// `Failure` if the store cannot be read.
    pub(crate) async fn offline<S: Store>(
        &self,
        store: &S,
        why: Option<&str>,
        preflight: &mut Preflight,
    ) -> Result<(), Failure> {
        let mut history = History::new(self.wanted, wall_clock());
        history.read_store(store, &self.whose).await?;
        self.answered(history, why, preflight);
        Ok(())
    }

    /// There is no store yet, so nothing is known of earlier orders.
    pub(crate) fn without_store(&self, why: &str, preflight: &mut Preflight) {
        self.answered(History::new(self.wanted, wall_clock()), Some(why), preflight);
    }

    fn answered(&self, history: History, why: Option<&str>, preflight: &mut Preflight) {
        if let (Some(why), Some(_)) = (why, self.within) {
            preflight.not_checked.push(format!(
                "scans that others ordered in the tenant within the time of --due: {why}"
            ));
        }
        preflight.before = Some(Before { within: self.within, history });
    }

    /// Asks the tenant and the store.
    ///
    /// # Errors
    /// `Failure` if the store fails.
    pub(crate) async fn online<S: Store, A: Inventory>(
        &self,
        lists: &Lists<'_, S, A>,
        preflight: &mut Preflight,
    ) -> Result<(), Failure> {
        let mut history = History::new(self.wanted, wall_clock());
        let mut hindered = None;
        if let Some(within) = self.within {
            let listed = history.read_tenant(lists, within).await?;
            preflight.calls += listed.calls;
            hindered = not_read(&listed.end);
        }
        history.read_store(lists.store, &self.whose).await?;
        self.answered(history, hindered.as_deref(), preflight);
        Ok(())
    }
}
