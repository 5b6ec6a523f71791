//! Certificates that tests make for themselves: one that signs in, and an authority with a server's
//! certificate for TLS. None outlives its test.

use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, RsaKeySize,
};

/// A PEM text with a certificate and its RSA key.
pub(crate) fn client_certificate() -> String {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let certificate = CertificateParams::new(vec!["fleetsweep.test".into()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    format!("{}{}", certificate.pem(), key.serialize_pem())
}

/// An authority's certificate in PEM form, and a server's certificate and key in DER form for the
/// names.
pub(crate) fn authority_and_server(names: &[&str]) -> (String, Vec<u8>, Vec<u8>) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    (root.pem(), server.der().to_vec(), key.serialize_der())
}
