//! Reading a client secret that the system keeps for its user, as the Credential Manager of Windows
//! does. Who may read it is the system's to say.

use secrecy::{ExposeSecret, SecretString};

use super::secret_text::{bare_value, decode};
use crate::system::secrets::{NotKept, kept};

/// The value that the system keeps under this name.
///
/// # Errors
/// Why it is not used, and what to do.
pub fn read_kept(name: &str) -> Result<SecretString, NotKept> {
    let bytes = kept(name)?;
    let unusable = |why: String| NotKept {
        why,
        next: "store the secret's value anew, and nothing else".to_owned(),
    };
    let text = decode(&bytes).map(SecretString::from).map_err(|why| unusable(why.to_owned()))?;
    match text.expose_secret() {
        "" => Err(unusable("it is empty".to_owned())),
        value => bare_value(value).map_err(|why| unusable(why.to_string())),
    }
}
