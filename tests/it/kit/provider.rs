//! A provider's settings for several tenants, each with a world of its own, and the real program
//! under them. It tests nothing.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;

use fleetsweep::emulator::{self, Emulator};

use super::program::{Place, Said, beside, emulate, run};
use super::support::device;

/// The application that all tenants gave the right to scan.
pub(crate) const APPLICATION: &str = "66666666-7777-8888-9999-000000000000";

/// The id of the n-th tenant.
pub(crate) fn tenant(n: usize) -> String {
    format!("{n:08}-2222-3333-4444-555555555555")
}

/// A provider's settings: so many tenants, each with a world of its own.
pub(crate) struct Provider {
    pub(crate) place: Place,
    pub(crate) emulators: Vec<Arc<Emulator>>,
    /// The store, unless it is a file in its place.
    store: Option<String>,
}

impl Provider {
    pub(crate) async fn of(tenants: usize) -> Self {
        Self::with_limits(tenants, &[(50, 1.0), (1000, 60.0)]).await
    }

    pub(crate) async fn with_limits(tenants: usize, limits: &[(u32, f64)]) -> Self {
        Self::of_worlds(tenants, "quiet", limits, 1.0).await
    }

    /// Worlds of this scenario, whose time goes so much faster.
    pub(crate) async fn of_worlds(
        tenants: usize,
        scenario: &str,
        limits: &[(u32, f64)],
        speed: f64,
    ) -> Self {
        let mut emulators = Vec::new();
        for _ in 0..tenants {
            emulators.push(Arc::new(emulate(scenario, limits, speed).await));
        }
        Self::in_worlds(emulators)
    }

    fn in_worlds(emulators: Vec<Arc<Emulator>>) -> Self {
        let place = Place::new();
        secret(&place, "secret", emulator::DEFAULT_SECRET);
        let all = Self { place, emulators, store: None };
        let tenants = 0..all.emulators.len();
        let profiles = tenants.map(|n| all.profile(n, "secret")).collect::<String>();
        std::fs::write(all.place.path("c.toml"), profiles).unwrap();
        all
    }

    /// With its campaigns in the store at this URL.
    pub(crate) fn over(self, url: String) -> Self {
        Self { store: Some(url), ..self }
    }

    pub(crate) fn profile(&self, n: usize, secret: &str) -> String {
        let (id, url) = (tenant(n), self.emulators[n].base_url());
        format!(
            "[profiles.cust-{n}]\ntenant = \"{id}\"\nclient-id = \"{APPLICATION}\"\n\
             client-secret-file = \"{secret}\"\napi-url = \"{url}\"\nlogin-url = \"{url}\"\n"
        )
    }

    /// A list in which these devices are these tenants'.
    pub(crate) fn list(&self, rows: &[(u64, &str)]) {
        let rows = rows.iter().map(|(n, tenant)| format!("{},{tenant}\n", device(*n)));
        let text = format!("Device ID,Tenant\n{}", rows.collect::<String>());
        std::fs::write(self.place.path("list.csv"), text).unwrap();
    }

    /// The program without these settings.
    pub(crate) fn bare(&self, words: &[&str]) -> Command {
        let mut command = self.place.fleetsweep(words);
        command.envs(self.store.iter().map(|url| ("FLEETSWEEP_STORE", url)));
        command
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        self.bare(&[words, &["--config=c.toml"]].concat())
    }

    pub(crate) async fn run(&self, command: Command) -> Said {
        beside(move || run(command)).await
    }

    /// Orders that were accepted in all tenants.
    pub(crate) fn all_ordered(&self) -> u64 {
        (0..self.emulators.len()).map(|n| self.ordered(n)).sum()
    }

    pub(crate) fn ordered(&self, n: usize) -> u64 {
        self.emulators[n].ledger().accepted
    }
}

/// Writes a file that only its owner may read.
pub(crate) fn secret(place: &Place, name: &str, text: &str) {
    let path = place.path(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
