//! What surrounds an operation: its face, who may stop it, where its store is, who can sign in, and
//! how the commands read that it proposes. It is handed in, so that an operation reads neither an
//! environment nor a terminal.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::failure::Failure;
use super::messages::Channels;
use super::named_tenant::{NamedTenant, name_of};
use super::stop::Stop;
use super::ui::Ui;
use crate::defender::{Credential, HttpClients};
use crate::domain::request::{ConnectRequest, RunRequest};
use crate::domain::{Campaign, CampaignName, FileDigest, SignInKind, Target};
use crate::report::human::wrapped;
pub use crate::store::any::StorePlace;
use crate::system::shell;

/// What surrounds an operation.
pub struct Context<'a> {
    /// Its face.
    pub ui: &'a dyn Ui,
    /// Who may stop it.
    pub stop: &'a Stop,
    /// Where its store is.
    pub store: &'a StoreChoice,
    /// Who can sign in.
    pub credentials: &'a dyn Credentials,
    /// How a person on this face types a command.
    pub commands: &'a Commands,
    /// The process and who started it.
    pub host: &'a Host,
    /// The HTTP clients that all its tenants share.
    pub http: &'a HttpClients,
    /// Where messages about its runs go.
    pub channels: &'a Channels,
}

impl Context<'_> {
    /// Says something to people, in lines that fit a terminal.
    pub(crate) fn say(&self, text: &str) {
        self.ui.say(&wrapped(text, 2));
    }
}

/// Where a store is.
#[derive(Clone, Debug)]
pub struct StoreChoice {
    /// The file or the server.
    ///
    /// # Errors
    /// `Failure` if there is no place for it; who needs no store need not know.
    pub place: Result<StorePlace, Failure>,
    /// Somebody named it; else the emulator has one of its own, which is temporary.
    pub named: bool,
    /// What people should know of another store.
    pub warning: Option<String>,
}

/// Who can sign in.
pub trait Credentials: Send + Sync {
    /// How is signed in. Returns `None` if nothing says how.
    ///
    /// # Errors
    /// `Failure` if two settings say different things.
    fn kind(&self, connect: &ConnectRequest) -> Result<Option<SignInKind>, Failure>;

    /// What proves who signs in.
    ///
    /// # Errors
    /// `Failure` names what is missing, or the file that cannot be used.
    fn credential(
        &self,
        kind: SignInKind,
        connect: &ConnectRequest,
        target: &Target,
    ) -> Result<Credential, Failure>;
}

/// How a person on this face types a command of the program, whole, so that it can be copied: with
/// the options that were typed and that a later process would not find by itself. It never holds a
/// secret, since no option does.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    /// The store, if it was named.
    pub store: String,
    /// The settings file, if it was named.
    pub settings: String,
    /// The profile, if it was named, or if the command is about one of several.
    pub profile: String,
    /// Tenant, sign-in and emulator, as far as they were named and no profile says them.
    pub connect: String,
    /// Reports, and what comes after the last order.
    pub after: String,
    /// What people call tenants: their profiles. Each of a thousand tenants has commands of its
    /// own, which share these.
    pub tenants: Arc<[NamedTenant]>,
    /// Whose campaign is meant, once it is known that several have its name.
    pub whose: OnceLock<String>,
}

impl Commands {
    /// A command that reads the store alone, such as `status NAME`.
    pub fn of_store(&self, words: &str) -> String {
        format!("fleetsweep {words}{}{}", self.whose(), self.store)
    }

    /// A command that signs in for a campaign, which keeps what it was begun with: `resume NAME`.
    pub fn of_campaign(&self, words: &str) -> String {
        let Self { store, settings, profile, .. } = self;
        // A profile says whose it is.
        let whose = if profile.is_empty() { self.whose() } else { "" };
        format!("fleetsweep {words}{whose}{store}{settings}{profile}")
    }

    /// What people call the tenant of a target, if they call it anything.
    pub(super) fn tenant_name(&self, target: &Target) -> Option<String> {
        name_of(&self.tenants, &target.tenant).map(str::to_owned)
    }

    /// The commands about the campaign of one of several tenants.
    pub(super) fn of_tenant(&self, profile: Option<&str>, tenant: &str) -> Self {
        let option = |name: &str, value: &str| format!(" --{name} {}", shell::word(value));
        let own = Self {
            profile: profile.map(|profile| option("profile", profile)).unwrap_or_default(),
            whose: OnceLock::new(),
            ..self.clone()
        };
        if !tenant.is_empty() {
            own.tell_apart(option("tenant", tenant));
        }
        own
    }

    /// The commands about a campaign, which say whose it is if others have its name: by the profile
    /// of its tenant, if these names tell one.
    pub(crate) fn told_apart(
        &self,
        names: &[NamedTenant],
        campaign: &Campaign,
        has_twins: bool,
    ) -> Self {
        if !has_twins {
            return self.clone();
        }
        let tenant = &campaign.order.target.tenant;
        self.of_tenant(name_of(names, tenant), tenant)
    }

    /// From now on commands say by these options whose campaign is meant.
    pub fn tell_apart(&self, options: String) {
        self.whose.set(options).ok();
    }

    fn whose(&self) -> &str {
        self.whose.get().map_or("", String::as_str)
    }

    /// The command that goes on with a campaign that keeps what it was begun with.
    pub fn going_on(&self, campaign: &CampaignName) -> String {
        self.of_campaign(&format!("resume {campaign}"))
    }

    /// The command that goes on with a campaign of a version that kept nothing. Returns `None` if
    /// its store goes with this process.
    pub fn resume(&self, campaign: &CampaignName, run: &RunRequest) -> Option<String> {
        if run.emulator.emulator && self.store.is_empty() {
            return None;
        }
        let Self { store, settings, profile, connect, after, tenants: _, whose: _ } = self;
        // What was typed of the tenant stands in `connect`, or the profile says it.
        let known = !connect.is_empty() || !profile.is_empty();
        let whose = if known { "" } else { self.whose() };
        let mut line =
            format!("fleetsweep resume {campaign}{whose}{store}{settings}{profile}{connect}");
        let mut option = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                line.push_str(&format!(" --{name} {}", shell::word(&value)));
            }
        };
        // Without its windows the campaign would go on at once.
        let hours = &run.speed.hours;
        let windows = hours.windows.as_deref().unwrap_or_default();
        windows.iter().for_each(|window| option("window", Some(window.to_string())));
        // A start is one run's alone, and without windows nothing is left for a zone to say.
        if !windows.is_empty() {
            option("tz", hours.tz.clone());
        }
        let clock = |at: i32| format!("{:02}:{:02}", at / 60, at % 60);
        option("last-order", hours.last_order.map(clock));
        option("max-failures", run.max_failures.map(|most| most.to_string()));
        option(
            "time-scale",
            run.speed.time_scale.filter(|scale| *scale > 1).map(|n| n.to_string()),
        );
        if hours.expire_pending && !windows.is_empty() {
            line.push_str(" --expire-pending");
        }
        Some(line + after)
    }

    /// The command that runs an approved plan; what the plan itself says is not in it.
    pub fn of_plan(&self, plan: &Path, digest: &FileDigest) -> String {
        let Self { store, settings, profile, connect, after, tenants: _, whose: _ } = self;
        let plan = shell::word(&plan.display().to_string());
        format!(
            "fleetsweep scan --plan {plan} --approve-plan {digest}{store}{settings}{profile}\
             {connect}{after}"
        )
    }
}

/// The process and who started it.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// The user, as the system names them.
    pub user: String,
    /// The machine.
    pub name: String,
    /// How many files and connections the process may have open, if that is limited.
    pub open_files: Option<u64>,
}
