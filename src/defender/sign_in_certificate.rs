//! Signing in with a certificate: a JSON web token of our own, signed with the certificate's key,
//! takes the place of a secret ("Microsoft identity platform application authentication certificate
//! credentials" page: PS256, and the SHA-256 of the certificate as `x5t#S256`). The certificate's
//! dates and chain are not judged here; the sign-in service does that.

use std::fmt;

use async_trait::async_trait;
use azure_core::base64;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::clock::wall_clock;

/// How long an assertion is good for, in seconds. The page asks for five to ten minutes.
const LIFE: i64 = 600;

/// How far our clock may be ahead of the service's, in seconds.
const SKEW: i64 = 60;

/// A certificate and its RSA key, which nothing can print.
#[derive(Clone)]
pub struct Certificate {
    key: EncodingKey,
    /// SHA-256 of the certificate, as the header of an assertion names it.
    thumbprint: String,
}

/// Why a text is no certificate that can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No certificate.
    #[error("it holds no BEGIN CERTIFICATE")]
    NoCertificate,
    /// A certificate that is no base64.
    #[error("its BEGIN CERTIFICATE holds no certificate")]
    BrokenCertificate,
    /// No key.
    #[error("it holds no BEGIN PRIVATE KEY")]
    NoKey,
    /// The key has a password.
    #[error("its private key is encrypted with a password")]
    Encrypted,
    /// Another kind of key, or a broken one.
    #[error("its private key is no RSA key, which Entra asks for")]
    NotRsa,
    /// The key is another certificate's.
    #[error("its private key does not belong to its certificate")]
    Mismatch,
}

impl Certificate {
    /// Reads a PEM text with a certificate and its key, in any order. Of several certificates the
    /// one that the key belongs to is taken.
    ///
    /// # Errors
    /// `CertificateError` says what is missing or wrong.
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        let blocks = blocks(pem);
        let encrypted = |whole: &str| whole.contains("ENCRYPTED");
        let keys = blocks.iter().filter(|(label, _)| label.ends_with("PRIVATE KEY"));
        let (_, key) = keys.clone().next().ok_or(CertificateError::NoKey)?;
        if encrypted(key) {
            return Err(CertificateError::Encrypted);
        }
        let key =
            EncodingKey::from_rsa_pem(key.as_bytes()).map_err(|_| CertificateError::NotRsa)?;
        let modulus = modulus(key.as_bytes()).ok_or(CertificateError::NotRsa)?;
        let mut certificates = Vec::new();
        for (label, whole) in blocks {
            if label == "CERTIFICATE" {
                let der = contents(whole).ok_or(CertificateError::BrokenCertificate)?;
                certificates.push(der);
            }
        }
        if certificates.is_empty() {
            return Err(CertificateError::NoCertificate);
        }
        // A certificate holds the public key as it is, so it holds the modulus.
        let holds = |der: &&Vec<u8>| der.windows(modulus.len()).any(|part| part == modulus);
        let der = certificates.iter().find(holds).ok_or(CertificateError::Mismatch)?;
        let thumbprint = base64::encode_url_safe(Sha256::digest(der));
        Ok(Self { thumbprint: thumbprint.trim_end_matches('=').to_owned(), key })
    }

    /// Whether another one is the same certificate.
    pub(super) fn is(&self, other: &Certificate) -> bool {
        self.thumbprint == other.thumbprint
    }

    /// A signed assertion for one application towards one token end point.
    fn assertion(&self, application: &str, audience: &str) -> Result<String, String> {
        #[derive(Serialize)]
        struct Claims<'a> {
            aud: &'a str,
            iss: &'a str,
            sub: &'a str,
            jti: String,
            nbf: i64,
            iat: i64,
            exp: i64,
        }
        let now = wall_clock().as_second();
        let draw = || getrandom::u64().map_err(|error| error.to_string());
        let claims = Claims {
            aud: audience,
            iss: application,
            sub: application,
            jti: format!("{:016x}{:016x}", draw()?, draw()?),
            nbf: now - SKEW,
            iat: now,
            exp: now + LIFE,
        };
        let mut header = Header::new(Algorithm::PS256);
        header.x5t_s256 = Some(self.thumbprint.clone());
        encode(&header, &claims, &self.key).map_err(|error| error.to_string())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.thumbprint)
    }
}

/// Makes a fresh assertion for each request of the library.
#[derive(Debug)]
pub(super) struct Assertions {
    pub(super) certificate: Certificate,
    pub(super) application: String,
    /// The address of the token end point.
    pub(super) audience: String,
}

#[async_trait]
impl ClientAssertion for Assertions {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.certificate.assertion(&self.application, &self.audience).map_err(|error| {
            let why = format!("the certificate's key cannot sign: {error}");
            Error::with_message(ErrorKind::Credential, why)
        })
    }
}

/// The blocks of a PEM text: label, and the whole with its lines of beginning and end.
fn blocks(pem: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = pem;
    while let Some(at) = rest.find("-----BEGIN ") {
        rest = &rest[at..];
        let after = &rest["-----BEGIN ".len()..];
        let Some((label, _)) = after.split_once("-----") else { break };
        let end = format!("-----END {label}-----");
        let Some(until) = rest.find(&end) else { break };
        let (whole, after) = rest.split_at(until + end.len());
        found.push((label, whole));
        rest = after;
    }
    found
}

/// What the lines between beginning and end encode.
fn contents(block: &str) -> Option<Vec<u8>> {
    let inner: String = block.lines().filter(|line| !line.starts_with("-----")).collect();
    let inner: String = inner.split_whitespace().collect();
    base64::decode(inner).ok().filter(|der| !der.is_empty())
}

/// The modulus of a PKCS #1 private key, without leading zeros (RFC 8017, A.1.2): a sequence that
/// begins with the version, which is 0, and the modulus.
fn modulus(key: &[u8]) -> Option<&[u8]> {
    let (0x30, sequence, _) = value(key)? else { return None };
    let (0x02, [0], rest) = value(sequence)? else { return None };
    let (0x02, modulus, _) = value(rest)? else { return None };
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    // A shorter one would be found in any certificate.
    modulus.get(zeros..).filter(|modulus| modulus.len() >= 128)
}

/// The first value of some DER: tag, contents, and what follows.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode};
    use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
    use serde_json::Value;

    use super::*;

    fn rsa() -> KeyPair {
        KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
    }

    fn certificate(key: &KeyPair) -> rcgen::Certificate {
        CertificateParams::new(vec!["a.test".to_owned()]).unwrap().self_signed(key).unwrap()
    }

    #[test]
    fn an_assertion_is_signed_by_the_key_and_names_the_certificate_the_endpoint_and_the_time() {
        let (key, other) = (rsa(), rsa());
        let certificate = certificate(&key);
        // The key may stand first, and another certificate before ours: its chain.
        let chain = self::certificate(&other).pem();
        let pem = format!("{}{chain}{}", key.serialize_pem(), certificate.pem());
        let signer = Certificate::from_pem(&pem).unwrap();
        let endpoint = "https://login.example/t/oauth2/v2.0/token";
        let assertion = signer.assertion("app", endpoint).unwrap();
        let mut checks = Validation::new(Algorithm::PS256);
        checks.set_audience(&[endpoint]);
        checks.set_issuer(&["app"]);
        checks.validate_nbf = true;
        let public = DecodingKey::from_rsa_pem(key.public_key_pem().as_bytes()).unwrap();
        let read = decode::<Value>(&assertion, &public, &checks).unwrap();
        let thumbprint = base64::encode_url_safe(Sha256::digest(certificate.der()));
        assert_eq!(read.header.x5t_s256.as_deref(), Some(thumbprint.trim_end_matches('=')));
        let claim = |name: &str| read.claims[name].as_i64().unwrap();
        assert_eq!(read.claims["sub"], "app");
        assert_eq!(claim("exp") - claim("iat"), LIFE);
        let again = signer.assertion("app", endpoint).unwrap();
        assert_ne!(again, assertion, "each assertion has its own id");
        // Negative control: another key does not verify it.
        let wrong = DecodingKey::from_rsa_pem(other.public_key_pem().as_bytes()).unwrap();
        assert!(decode::<Value>(&assertion, &wrong, &checks).is_err());
        assert!(!format!("{signer:?}").contains("PRIVATE"));
    }

    #[test]
    fn what_cannot_sign_is_told_apart() {
        let key = rsa();
        let (pem, cert) = (key.serialize_pem(), certificate(&key).pem());
        let elliptic = KeyPair::generate().unwrap();
        let read = |text: String| Certificate::from_pem(&text).unwrap_err();
        assert_eq!(read(cert.clone()), CertificateError::NoKey);
        assert_eq!(read(pem.clone()), CertificateError::NoCertificate);
        let locked = pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        assert_eq!(read(format!("{locked}{cert}")), CertificateError::Encrypted);
        let other = format!("{}{cert}", rsa().serialize_pem());
        assert_eq!(read(other), CertificateError::Mismatch);
        let elliptic = format!("{}{cert}", elliptic.serialize_pem());
        assert_eq!(read(elliptic), CertificateError::NotRsa);
        let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
        assert_eq!(read(format!("{pem}{broken}")), CertificateError::BrokenCertificate);
        for cut in ["", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----\nMII", "\0"] {
            assert_eq!(read(cut.to_owned()), CertificateError::NoKey);
        }
    }
}
