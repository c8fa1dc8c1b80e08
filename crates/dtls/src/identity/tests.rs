use super::*;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use rcgen::{CertificateParams, KeyPair as CertificateKey, RsaKeySize, SignatureAlgorithm};

fn certificate(key: &CertificateKey) -> Vec<u8> {
    let params = CertificateParams::new(vec!["matrix.example.org".to_owned()]).unwrap();
    params.self_signed(key).unwrap().der().to_vec()
}

fn ecdsa(algorithm: &'static SignatureAlgorithm) -> CertificateKey {
    CertificateKey::generate_for(algorithm).unwrap()
}

fn rsa() -> CertificateKey {
    CertificateKey::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

/// The identity can sign with this scheme, and the signature is one of the key.
fn check(
    identity: &Identity,
    key: &CertificateKey,
    scheme: u16,
    algorithm: &'static dyn VerificationAlgorithm,
) {
    let message = b"what the handshake was";
    let signature = identity.sign(scheme, message).unwrap();
    let public = UnparsedPublicKey::new(algorithm, key.public_key_raw());
    public.verify(message, &signature).unwrap();
    assert!(public.verify(b"another one", &signature).is_err());
}

#[test]
fn ecdsa_p256() {
    let key = ecdsa(&rcgen::PKCS_ECDSA_P256_SHA256);
    let identity = Identity::new(vec![certificate(&key)], &key.serialize_der()).unwrap();
    assert_eq!(identity.schemes(), [0x0403]);
    check(&identity, &key, 0x0403, &ECDSA_P256_SHA256_ASN1);
    assert_eq!(identity.sign(0x0503, b""), None);
    assert_eq!(identity.sign(0x0804, b""), None);
}

#[test]
fn ecdsa_p384() {
    let key = ecdsa(&rcgen::PKCS_ECDSA_P384_SHA384);
    let identity = Identity::new(vec![certificate(&key)], &key.serialize_der()).unwrap();
    assert_eq!(identity.schemes(), [0x0503]);
    check(&identity, &key, 0x0503, &ECDSA_P384_SHA384_ASN1);
    assert_eq!(identity.sign(0x0403, b""), None);
}

#[test]
fn rsa_2048() {
    let key = rsa();
    let identity = Identity::new(vec![certificate(&key)], &key.serialize_der()).unwrap();
    assert_eq!(identity.schemes(), [0x0804, 0x0401]);
    check(&identity, &key, 0x0804, &RSA_PSS_2048_8192_SHA256);
    check(&identity, &key, 0x0401, &RSA_PKCS1_2048_8192_SHA256);
    assert_eq!(identity.sign(0x0403, b""), None);
}

/// What a PKCS #8 structure has inside: a SEC 1 or PKCS #1 key.
fn inner_key(pkcs8: &[u8]) -> &[u8] {
    fn element(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, start) = match der[1] {
            0x82 => (usize::from(der[2]) << 8 | usize::from(der[3]), 4),
            0x81 => (usize::from(der[2]), 3),
            short => (usize::from(short), 2),
        };
        (&der[start..start + length], &der[start + length..])
    }
    let (fields, _) = element(pkcs8);
    let (_version, rest) = element(fields);
    let (_algorithm, rest) = element(rest);
    element(rest).0
}

#[test]
fn keys_in_older_formats() {
    for key in [
        rsa(),
        ecdsa(&rcgen::PKCS_ECDSA_P256_SHA256),
        ecdsa(&rcgen::PKCS_ECDSA_P384_SHA384),
    ] {
        let pkcs8 = key.serialize_der();
        let identity = Identity::new(vec![certificate(&key)], inner_key(&pkcs8)).unwrap();
        assert!(identity.sign(identity.schemes()[0], b"").is_some());
    }
}

#[test]
fn refused() {
    let (key, other) = (
        ecdsa(&rcgen::PKCS_ECDSA_P256_SHA256),
        ecdsa(&rcgen::PKCS_ECDSA_P256_SHA256),
    );
    let (der, chain) = (key.serialize_der(), vec![certificate(&key)]);
    let error = |chain: &[Vec<u8>], key: &[u8]| Identity::new(chain.to_vec(), key).unwrap_err();
    assert_eq!(error(&[], &der), IdentityError::NoCertificate);
    assert_eq!(
        error(&[b"not DER".to_vec()], &der),
        IdentityError::Certificate
    );
    assert_eq!(error(&chain, b"not DER"), IdentityError::Key);
    assert_eq!(
        error(&chain, &other.serialize_der()),
        IdentityError::Mismatch
    );
    assert_eq!(
        error(&chain, &rsa().serialize_der()),
        IdentityError::Mismatch
    );
    let ed25519 = ecdsa(&rcgen::PKCS_ED25519);
    assert_eq!(error(&chain, &ed25519.serialize_der()), IdentityError::Key);
    let mut damaged = der.clone();
    damaged.truncate(der.len() - 1);
    assert_eq!(error(&chain, &damaged), IdentityError::Key);
}

#[test]
fn the_key_is_not_shown() {
    let key = ecdsa(&rcgen::PKCS_ECDSA_P256_SHA256);
    let identity = Identity::new(vec![certificate(&key)], &key.serialize_der()).unwrap();
    assert_eq!(
        format!("{identity:?}"),
        "Identity { schemes: [1027], certificates: 1, .. }"
    );
}
