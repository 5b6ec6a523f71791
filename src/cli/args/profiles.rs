//! What the user typed about several tenants in the place of one: for commands that do for each of
//! them what they do for one.

use clap::Args;

use crate::domain::request::{ConnectRequest, Said};
use crate::ops::failure::Failure;
use crate::ops::tenants::TenantsMeant;

use super::ConnectArgs;

/// Several tenants, each by its profile.
#[derive(Clone, Debug, Default, Args)]
pub struct ProfilesArgs {
    /// For every profile of the settings file, each by itself
    #[arg(long, conflicts_with_all = ["profile", "profiles", "tenant", "client_id"])]
    pub all_profiles: bool,

    /// For each profile with such a name; * stands for anything; repeatable
    #[arg(long, value_name = "PATTERN", conflicts_with_all = ["profile", "tenant", "client_id"])]
    pub profiles: Vec<String>,
}

impl ProfilesArgs {
    /// Which tenants are meant, given what the settings say of each; `None` if it is one.
    ///
    /// # Errors
    /// `Failure` if a word is not known.
    pub(in crate::cli) fn meant(
        &self,
        typed: &ConnectArgs,
        profiles: Vec<ConnectRequest>,
    ) -> Result<Option<TenantsMeant>, Failure> {
        if profiles.is_empty() {
            return Ok(None);
        }
        let typed = typed.clone().request()?;
        let connects = profiles.into_iter().map(|one| typed.clone().or(one)).collect();
        Ok(Some(TenantsMeant { connects, all: self.all_profiles }))
    }
}

/// A command for one tenant or for several.
#[derive(Clone, Debug, Args)]
pub struct Tenants<A: Args> {
    /// What was typed of the command itself.
    #[command(flatten)]
    pub one: A,
    /// Several tenants.
    #[command(flatten)]
    pub several: ProfilesArgs,
}
