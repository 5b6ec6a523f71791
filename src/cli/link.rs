//! The client of a run, made when it is first needed: before the plan if the tenant is asked
//! something, else when the first order leaves. One client, so that one token serves both.

use std::sync::Arc;

use super::connect::Destination;
use super::failure::Failure;
use super::settings::Speed;
use crate::defender::HttpApi;
use crate::emulator::Emulator;

/// A destination, or the client that it became.
#[derive(Default)]
pub(super) struct Link {
    destination: Option<Destination>,
    api: Option<Arc<HttpApi>>,
    emulator: Option<Emulator>,
}

impl Link {
    /// Not connected yet.
    pub(super) fn new(destination: Destination) -> Self {
        Self { destination: Some(destination), ..Self::default() }
    }

    /// The client.
    ///
    /// # Errors
    /// `Failure` if it, or the embedded emulator, cannot be set up.
    pub(super) async fn api(&mut self, speed: &Speed) -> Result<Arc<HttpApi>, Failure> {
        if let Some(destination) = self.destination.take() {
            let (api, emulator) = destination.connect(speed).await?;
            self.api = Some(Arc::new(api));
            self.emulator = emulator;
        }
        self.api.clone().ok_or_else(|| {
            let next = "report this as a defect";
            Failure::new(1, "there is no client", "it could not be set up before", next)
        })
    }

    /// Ends the embedded emulator, if there is one.
    pub(super) async fn end(self) {
        if let Some(emulator) = self.emulator {
            emulator.shutdown().await;
        }
    }
}
