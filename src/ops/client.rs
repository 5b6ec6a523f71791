//! Making the client of the API and signing in with it; and what a sign-in must give before
//! anything is sent.

use std::path::Path;

use super::connection::Connection;
use super::context::Context;
use super::failure::{Failure, Reason};
use super::meanwhile::meanwhile;
use super::ui::Ui;
use crate::clock::wall_clock;
use crate::defender::{
    ClientError, HttpApi, HttpSettings, Origin, ScanApi, SignIn, SignInError, SignInSettings,
};
use crate::domain::{Exit, SignInKind, Timing};
use crate::system::hints;

/// What a sign-in must give before anything is sent to the API.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How is signed in.
    pub kind: SignInKind,
    login: Origin,
    audience: String,
}

impl Terms {
    /// What this connection asks of its sign-in.
    pub fn of(connection: &Connection) -> Self {
        let Connection { login, audience, credential, .. } = connection;
        Self { kind: credential.kind(), login: login.clone(), audience: audience.clone() }
    }

    /// Gets a token if none is at hand, and tells what is waited for.
    ///
    /// # Errors
    /// `SignInError` if there is none.
    pub async fn ready(
        &self,
        ui: &dyn Ui,
        api: &HttpApi,
        timing: &Timing,
    ) -> Result<(), SignInError> {
        let words = || format!("Signing in at {} ...", self.login);
        meanwhile(ui, timing, words, api.ready()).await
    }

    /// Whether the token at hand is for the API that it would be sent to.
    ///
    /// # Errors
    /// `Failure` says for whom it is.
    pub fn check_audience(&self, api: &HttpApi) -> Result<(), Failure> {
        match api.claims().and_then(|claims| claims.other_audience(&self.audience)) {
            None => Ok(()),
            Some(wrong) => {
                let what = "nothing was sent to the API: the token is not for it";
                Err(Failure::sign_in(what, wrong, OTHER_AUDIENCE))
            }
        }
    }

    /// Whether the token at hand lets anything be ordered, as far as it tells.
    ///
    /// # Errors
    /// `Failure` says which right is missing.
    pub fn check_rights(&self, api: &HttpApi) -> Result<(), Failure> {
        let claims = api.claims().filter(|one| one.forbids_scan(self.kind.is_application()));
        match claims {
            None => Ok(()),
            Some(claims) => {
                let what = "nothing was ordered: this application may not order scans";
                Err(Failure::sign_in(what, claims.lacks_scan(), MAY_NOT_SCAN))
            }
        }
    }
}

/// What to do about a token that does not allow ordering.
pub(super) const MAY_NOT_SCAN: &str = "add the permission WindowsDefenderATP > Machine.Scan \
                                       (application, or delegated for --auth device-code) and \
                                       grant admin consent";

/// What to do about a token for another API.
pub(super) const OTHER_AUDIENCE: &str = "choose the cloud of the tenant with --cloud; a token file \
                                         must hold a token for this API";

/// Makes the client and its way to sign in; a person may have to take part.
///
/// # Errors
/// `Failure` if it cannot be set up, or if nobody signs in.
pub(super) async fn client(
    cx: &Context<'_>,
    connection: Connection,
    timing: Timing,
) -> Result<HttpApi, Failure> {
    let Connection { target, api, login, audience, credential, ca_file } = connection;
    let kind = credential.kind();
    let sign_in = SignInSettings {
        login_origin: login,
        tenant: target.tenant,
        application: target.application,
        audience,
        credential,
        timing,
        ca_file: ca_file.clone(),
    };
    let sign_in = SignIn::sharing(sign_in, cx.http);
    let sign_in = sign_in.map_err(|error| unusable(&error, ca_file.as_deref()))?;
    let show = |sentence: &str| cx.ui.say(sentence);
    sign_in.with_person(&show).await.map_err(|error| refused(kind, &error))?;
    let settings = HttpSettings {
        api_origin: api,
        timing,
        ca_file: ca_file.clone(),
        tokens: Box::new(sign_in),
        now: Box::new(wall_clock),
    };
    HttpApi::sharing(settings, cx.http).map_err(|error| unusable(&error, ca_file.as_deref()))
}

/// The failure of a sign-in that did not work.
pub(super) fn refused(kind: SignInKind, error: &SignInError) -> Failure {
    let kind_of = match error {
        SignInError::Refused(_) => Exit::SignIn,
        SignInError::Unavailable(_) => Exit::Failed,
    };
    let whence = match error {
        SignInError::Refused(_) => ". `fleetsweep doctor` tells where the credential comes from",
        SignInError::Unavailable(_) => "",
    };
    let next = format!("nothing was ordered; fix that, then run the same command again{whence}");
    let failure = Failure::new(kind_of, format!("cannot sign in ({kind})"), error, next);
    failure.because(Reason::NoSignIn)
}

fn unusable(error: &ClientError, ca_file: Option<&Path>) -> Failure {
    let next = match ca_file {
        Some(_) => "check --ca-file",
        None => hints::certificates(),
    };
    Failure::usage("the HTTP client cannot be set up", error, next)
}
