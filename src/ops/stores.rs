//! Opening the store of a command: the durable one, a temporary one for the emulator, or none for a
//! dry run, which only reads what an existing one says of the quota used.

use std::fmt;
use std::path::Path;

use super::context::{Commands, StoreChoice};
use super::failure::Failure;
use crate::domain::service::is_domain;
use crate::domain::{Campaign, CampaignName, Tally, Target, Timing};
use crate::store::any::{OpenedStore, StorePlace};
use crate::store::postgres::Address;
use crate::store::{Store, StoreError};

/// Where a command's store is.
pub struct Place {
    at: StorePlace,
    /// Removed with this value.
    temporary: Option<tempfile::TempDir>,
    /// Another store that would be used, if this user might.
    passed_over: Option<String>,
    /// Nothing was there when the command began.
    is_new: bool,
}

impl Place {
    /// The place for a run: a temporary one for the emulator, unless a store is named.
    ///
    /// # Errors
    /// `Failure` if there is no such place.
    pub fn new(choice: &StoreChoice, emulated: bool) -> Result<Self, Failure> {
        if emulated && !choice.named {
            let folder = tempfile::Builder::new().prefix("fleetsweep-emulated-").tempdir();
            let folder = folder.map_err(|error| {
                let next = "check the folder for temporary files (TMPDIR)";
                let what = "no temporary store can be made";
                Failure::failed(what, error, next)
            })?;
            let at = StorePlace::File(folder.path().join("fleetsweep.db"));
            return Ok(Self { at, temporary: Some(folder), passed_over: None, is_new: false });
        }
        Self::durable(choice)
    }

    /// The place that a run would have, with nothing made. Returns `None` where it would be
    /// temporary.
    ///
    /// # Errors
    /// `Failure` if there is no such place.
    pub fn planned(choice: &StoreChoice, emulated: bool) -> Result<Option<Self>, Failure> {
        if emulated && !choice.named {
            return Ok(None);
        }
        Self::durable(choice).map(Some)
    }

    /// Whether there is something already; a server is there.
    pub fn exists(&self) -> bool {
        match &self.at {
            StorePlace::File(path) => path.exists(),
            StorePlace::Server(_) => true,
        }
    }

    /// Whether nothing was there when the command began: it knows of no call that was made before.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// What the user should know of another store.
    pub fn warning(&self) -> Option<String> {
        self.passed_over.clone()
    }

    /// The durable place.
    ///
    /// # Errors
    /// `Failure` if the choice names no store, or no folder can be found.
    pub fn durable(choice: &StoreChoice) -> Result<Self, Failure> {
        let StoreChoice { place, named: _, warning } = choice;
        let at = place.clone()?;
        let is_new = matches!(&at, StorePlace::File(path) if !path.exists());
        Ok(Self { at, temporary: None, passed_over: warning.clone(), is_new })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.temporary {
            Some(_) => f.write_str("temporary, removed at the end"),
            None => write!(f, "{}", self.at),
        }
    }
}

/// Whether this names a server and no file.
pub fn names_a_server(url: &str) -> bool {
    Address::is_one(url)
}

/// Whether the URL of a server holds a password.
///
/// # Errors
/// `Failure` if it cannot be read.
pub fn holds_password(url: &str) -> Result<bool, Failure> {
    Ok(Address::parse(url)?.has_password())
}

/// The store on the server of this URL, with the password that this file has for it.
///
/// # Errors
/// `Failure` if it cannot be read, or holds a password where others see it.
pub fn server(
    url: &str,
    may_hold_password: bool,
    passwords: Option<&Path>,
) -> Result<StorePlace, Failure> {
    let mut address = Address::parse(url)?;
    if address.has_password() && !may_hold_password {
        return Err(Failure::usage(
            "the store's address holds a password",
            "everybody on this machine can read the arguments of a process",
            "take it out of --store; put the whole address into FLEETSWEEP_STORE, or the password \
             into the file that PGPASSFILE names (or ~/.pgpass), readable by you alone",
        ));
    }
    if let Some(file) = passwords {
        address = address.with_passwords_of(file)?;
    }
    Ok(StorePlace::Server(Box::new(address)))
}

/// Opens the store for a run of this campaign, or for one that has none, making it if need be.
///
/// # Errors
/// `Failure` if it cannot be used; it tells how far the campaign is, if it is there already.
pub(super) async fn open(
    place: &Place,
    timing: Timing,
    campaign: Option<(&CampaignName, &Commands)>,
) -> Result<OpenedStore, Failure> {
    match OpenedStore::open(&place.at, timing).await {
        Ok(store) => Ok(store),
        Err(error) => {
            let failure = Failure::from(error);
            let Some((campaign, commands)) = campaign else { return Err(failure) };
            Err(match how_far(place, campaign).await {
                Some(tally) => {
                    let resume = commands.going_on(campaign);
                    failure.of_campaign(campaign, Some(&tally), Some(&resume))
                }
                None => failure,
            })
        }
    }
}

/// Lets go of the store after a run whose end is known. What made the run fail matters more
/// than a log that stays beside the file.
///
/// # Errors
/// `Failure` of the run, or of the disk.
pub(super) async fn close<T>(store: &OpenedStore, ran: Result<T, Failure>) -> Result<T, Failure> {
    let closed = store.close().await;
    let done = ran?;
    closed.map(|()| done).map_err(|error| {
        Failure::failed(
            "the run is over, but the store's log could not be written back into its file",
            error,
            "nothing is lost as long as the file and its -wal file stay together: fix the cause, \
             then see `fleetsweep status`",
        )
    })
}

/// What can still be read of a campaign in a store that cannot be used.
async fn how_far(place: &Place, campaign: &CampaignName) -> Option<Tally> {
    let store = OpenedStore::open_read_only(&place.at, Timing::default()).await.ok()??;
    let named = store.named(campaign).await.ok()?;
    // Of several it is not known here which one is meant.
    let [campaign] = &named[..] else { return None };
    store.tally(campaign.id).await.ok()
}

/// Opens the store for reading where there is one, making nothing.
///
/// # Errors
/// `Failure` if it is there and cannot be used.
pub(super) async fn open_if_there(place: Option<&Place>) -> Result<Option<OpenedStore>, Failure> {
    let Some(place) = place else { return Ok(None) };
    Ok(OpenedStore::open_read_only(&place.at, Timing::default()).await?)
}

/// Opens the store for a command that goes on with a campaign, making none where there is none. One
/// of an older version is brought up to date.
///
/// # Errors
/// `Failure` if there is none, or if it cannot be used.
pub(super) async fn open_to_go_on(place: &Place) -> Result<OpenedStore, Failure> {
    match OpenedStore::open_read_only(&place.at, Timing::default()).await {
        Err(StoreError::Older(_)) => Ok(OpenedStore::open(&place.at, Timing::default()).await?),
        opened => opened?.ok_or_else(|| no_store(place)),
    }
}

/// Opens the store for reading, making nothing.
///
/// # Errors
/// `Failure` if there is none, or if it cannot be used.
pub(crate) async fn open_to_read(place: &Place) -> Result<OpenedStore, Failure> {
    let store = OpenedStore::open_read_only(&place.at, Timing::default()).await?;
    store.ok_or_else(|| no_store(place))
}

/// The campaigns of the store at a place, the latest first.
///
/// # Errors
/// `Failure` if there is none, or if it cannot be read.
pub(crate) async fn latest_campaigns(place: &Place) -> Result<Vec<Campaign>, Failure> {
    Ok(open_to_read(place).await?.campaigns().await?)
}

fn no_store(place: &Place) -> Failure {
    let other = place.warning().map(|other| format!("; {other}")).unwrap_or_default();
    Failure::usage(
        "there are no campaigns yet",
        format!("there is no store at {}{other}", place.at),
        "start one with `fleetsweep scan`, or name its store with --store",
    )
}

/// The target with the id of its tenant, as far as a store knows the id of a domain.
///
/// # Errors
/// `Failure` if the store is there and cannot be read.
pub(super) async fn with_tenant_id(
    place: Option<&Place>,
    target: Target,
) -> Result<Target, Failure> {
    let (true, Some(place)) = (is_domain(&target.tenant), place) else { return Ok(target) };
    let store = OpenedStore::open_read_only(&place.at, Timing::default()).await?;
    let Some(store) = store else { return Ok(target) };
    Ok(with_tenant_id_of(&store, target).await?)
}

/// The target with the id of its tenant, as far as this store knows the id of a domain.
///
/// # Errors
/// `StoreError` if the store fails.
pub(super) async fn with_tenant_id_of<S: Store>(
    store: &S,
    target: Target,
) -> Result<Target, StoreError> {
    if !is_domain(&target.tenant) {
        return Ok(target);
    }
    let id = store.tenant_named(&target.api_origin, &target.tenant).await?;
    let tenant = id.unwrap_or_else(|| target.tenant.clone());
    Ok(Target { tenant, ..target })
}
