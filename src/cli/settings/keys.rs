//! The settings that the file and the environment can hold: one table.

/// A setting that the file can hold; the flag has the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its name.
    pub name: &'static str,
    /// The variables of the environment that hold it too, the first that is set counts.
    pub variables: &'static [&'static str],
    /// It says which tenant, and belongs to a profile.
    pub tenants: bool,
}

/// Everything that the file can hold.
pub(crate) const KEYS: &[Key] = &[
    tenants("tenant", &["AZURE_TENANT_ID"]),
    tenants("client-id", &["AZURE_CLIENT_ID"]),
    tenants("auth", &["FLEETSWEEP_AUTH"]),
    tenants("client-certificate", &["AZURE_CLIENT_CERTIFICATE_PATH"]),
    tenants("token-file", &["FLEETSWEEP_TOKEN_FILE"]),
    tenants("identity-client-id", &["FLEETSWEEP_IDENTITY_CLIENT_ID"]),
    tenants("client-secret-file", &["FLEETSWEEP_CLIENT_SECRET_FILE"]),
    tenants("client-secret-credential", &["FLEETSWEEP_CLIENT_SECRET_CREDENTIAL"]),
    tenants("cloud", &["FLEETSWEEP_CLOUD"]),
    tenants("api-url", &["FLEETSWEEP_API_URL"]),
    tenants("login-url", &["FLEETSWEEP_LOGIN_URL", "AZURE_AUTHORITY_HOST"]),
    tenants("ca-file", &["FLEETSWEEP_CA_FILE"]),
    general("store", &["FLEETSWEEP_STORE"]),
    general("limit", &["FLEETSWEEP_LIMIT"]),
    general("leave", &["FLEETSWEEP_LEAVE"]),
    general("pace", &["FLEETSWEEP_PACE"]),
    general("concurrency", &["FLEETSWEEP_CONCURRENCY"]),
    general("max-wait", &["FLEETSWEEP_MAX_WAIT"]),
    general("busy", &["FLEETSWEEP_BUSY"]),
];

const fn tenants(name: &'static str, variables: &'static [&'static str]) -> Key {
    Key { name, variables, tenants: true }
}

const fn general(name: &'static str, variables: &'static [&'static str]) -> Key {
    Key { name, variables, tenants: false }
}

/// Settings of the sign-in, which are looked for together in the environment: whichever kind it is
/// set up for must be the only one.
pub(super) const OF_SIGN_IN: [&str; 6] = [
    "auth",
    "client-certificate",
    "token-file",
    "identity-client-id",
    "client-secret-file",
    "client-secret-credential",
];
