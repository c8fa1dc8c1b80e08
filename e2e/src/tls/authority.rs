use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PKCS_RSA_SHA256, RevocationReason, RevokedCertParams, SerialNumber, SignatureAlgorithm,
    date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

/// Years in which a certificate is valid.
type Years = (i32, i32);

const VALID: Years = (2020, 2070);
const EXPIRED: Years = (2001, 2002);

/// A certificate authority of the test's own: a root, and an intermediate that signs. Everything
/// that it makes is in a directory that goes when this is dropped.
#[derive(Debug)]
pub struct Authority {
    directory: TempDir,
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
    made: AtomicU64,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The certificate and the intermediate, PEM.
    pub chain: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
    /// All of them in one file, as HAProxy wants it.
    pub both: PathBuf,
    serial: u64,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        // Names of their own: a stranger is told from a forger.
        static MADE: AtomicU64 = AtomicU64::new(1);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = |role| format!("E2E {role} {number}");
        let root = CertifiedIssuer::self_signed(issuer(&name("Root"), 1), key());
        let root = root.expect("a root certificate");
        let intermediate =
            CertifiedIssuer::signed_by(issuer(&name("Intermediate"), 2), key(), &root);
        let intermediate = intermediate.expect("an intermediate certificate");
        fs::write(directory.path().join("root.pem"), root.pem()).expect("a temporary directory");
        Self {
            directory,
            root,
            intermediate,
            made: AtomicU64::new(100),
        }
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The root's certificate, PEM.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root.pem")
    }

    /// The root for rustls.
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots
            .add(self.root.der().clone())
            .expect("a root certificate");
        roots
    }

    /// A server's certificate for these names, with a P-256 key.
    pub fn server(&self, names: &[&str]) -> Leaf {
        self.leaf(names, names[0], &PKCS_ECDSA_P256_SHA256, VALID)
    }

    /// As [`Self::server`], with an RSA key of 2048 bits.
    pub fn rsa_server(&self, names: &[&str]) -> Leaf {
        self.leaf(names, names[0], &PKCS_RSA_SHA256, VALID)
    }

    /// As [`Self::server`], but no longer valid.
    pub fn expired_server(&self, names: &[&str]) -> Leaf {
        self.leaf(names, names[0], &PKCS_ECDSA_P256_SHA256, EXPIRED)
    }

    /// A client's certificate with this common name.
    pub fn client(&self, common_name: &str) -> Leaf {
        self.leaf(&[], common_name, &PKCS_ECDSA_P256_SHA256, VALID)
    }

    /// As [`Self::client`], but no longer valid.
    pub fn expired_client(&self, common_name: &str) -> Leaf {
        self.leaf(&[], common_name, &PKCS_ECDSA_P256_SHA256, EXPIRED)
    }

    /// A file with the root's and the intermediate's revocation lists; these are revoked.
    pub fn revocation_lists(&self, revoked: &[&Leaf]) -> PathBuf {
        let list = |revoked: &[&Leaf]| CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2070, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|leaf| RevokedCertParams {
                    serial_number: SerialNumber::from(leaf.serial),
                    revocation_time: date_time_ymd(2021, 1, 1),
                    reason_code: Some(RevocationReason::KeyCompromise),
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let of_root = list(&[]).signed_by(&self.root).expect("a list");
        let of_intermediate = list(revoked).signed_by(&self.intermediate).expect("a list");
        let pem = [of_root, of_intermediate].map(|list| list.pem().expect("a list in PEM"));
        let path = self.directory.path().join(format!("{}.crl", self.next()));
        fs::write(&path, pem.concat()).expect("a temporary directory");
        path
    }

    fn leaf(
        &self,
        names: &[&str],
        common_name: &str,
        algorithm: &'static SignatureAlgorithm,
        (from, until): Years,
    ) -> Leaf {
        let serial = self.next();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names of a certificate");
        params.distinguished_name = Default::default();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.serial_number = Some(serial.into());
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match params.subject_alt_names.is_empty() {
            true => ExtendedKeyUsagePurpose::ClientAuth,
            false => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let certificate = params.signed_by(&key, &self.intermediate);
        let chain = certificate.expect("a certificate").pem() + &self.intermediate.pem();
        let path = |ending| self.directory.path().join(format!("{serial}.{ending}"));
        let leaf = Leaf {
            chain: path("crt"),
            key: path("key"),
            both: path("pem"),
            serial,
        };
        let key = key.serialize_pem();
        for (path, text) in [
            (&leaf.chain, &chain),
            (&leaf.key, &key),
            (&leaf.both, &format!("{chain}{key}")),
        ] {
            fs::write(path, text).expect("a temporary directory");
        }
        leaf
    }

    fn next(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Leaf {
    /// As an inline table of our configuration.
    pub fn table(&self) -> String {
        let (chain, key) = (self.chain.display(), self.key.display());
        format!("{{ chain = \"{chain}\", key = \"{key}\" }}")
    }

    /// As `[[certificate]]` of our configuration.
    pub fn section(&self) -> String {
        let (chain, key) = (self.chain.display(), self.key.display());
        format!("[[certificate]]\nchain = \"{chain}\"\nkey = \"{key}\"\n")
    }

    /// Certificate and intermediate.
    pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(&self.chain)
            .and_then(Iterator::collect)
            .expect("a chain in PEM")
    }

    /// The key.
    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(&self.key).expect("a key in PEM")
    }
}

fn issuer(name: &str, serial: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = Default::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(serial.into());
    params.not_before = date_time_ymd(VALID.0, 1, 1);
    params.not_after = date_time_ymd(VALID.1, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}
