//! Certificates, configurations and handshakes for tests.

use std::{
    fs,
    io::{Read, Write},
    ops::{Deref, DerefMut},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, Error, ServerConfig, ServerConnection,
    pki_types::ServerName,
};
use tempfile::TempDir;
use vestibule_config::Config;

use super::{Tls, certificates::now};
use crate::material::{Gather, Moment, Reader, Reason};

/// A directory with the files of a configuration.
pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a new file, and puts it in the place of an old one at once.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let (new, path) = (self.path("new"), self.path(name));
        fs::write(&new, contents).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// Writes `NAME.pem` and `NAME.key`.
    pub(super) fn write_pair(&self, name: &str, issued: &Issued) {
        self.write(&format!("{name}.pem"), &issued.chain);
        self.write(&format!("{name}.key"), &issued.key);
    }

    /// A configuration in this directory. It must be good.
    pub(super) fn config(&self, text: &str) -> Config {
        let loaded = vestibule_config::parse(self.path("vestibule.toml").to_str().unwrap(), text);
        let rendered = loaded.report.render(false);
        loaded.config.unwrap_or_else(|| panic!("{rendered}"))
    }

    /// What a configuration in this directory needs. It must be there.
    pub(super) fn load(&self, text: &str, previous: Option<&Tls>) -> Tls {
        let mut gather = Gather::default();
        let tls = Tls::load(&self.config(text), previous, &mut gather);
        assert!(gather.is_good(), "{:?}", gather.problems);
        tls
    }

    /// The pair `NAME.pem` and `NAME.key`, as a configuration has it.
    pub(super) fn certificate(&self, name: &str) -> vestibule_config::Certificate {
        let text = format!("[[certificate]]\nchain = '{name}.pem'\nkey = '{name}.key'\n{PLAIN}");
        self.config(&text).certificates.remove(0)
    }
}

/// A listener and a service, so that a configuration is whole.
pub(super) const PLAIN: &str = "
[[listener]]
name = 'plain'
bind = '127.0.0.1:1'
service = 'plain'
[service.plain]
upstreams = ['127.0.0.1:2']
";

/// Both ends of TLS with a server at 127.0.0.1.
pub(crate) struct Ends {
    server: Arc<ServerConfig>,
    pub(crate) client: Arc<super::ClientPolicy>,
}

impl Ends {
    /// Of which the server knows these protocols, and the client `h2` and `http/1.1`.
    pub(crate) fn new(protocols: &[&str]) -> Self {
        let (authority, directory) = (Authority::new("authority"), Directory::new());
        directory.write_pair("a", &authority.issue(&["127.0.0.1"]));
        directory.write("ca.pem", authority.pem());
        let text = format!(
            "[[certificate]]
            chain = 'a.pem'
            key = 'a.key'
            [[listener]]
            name = 'plain'
            bind = '127.0.0.1:1'
            service = 'plain'
            tls = {{ mode = 'terminate', alpn = {protocols:?} }}
            [service.plain]
            upstreams = ['127.0.0.1:2']
            tls = {{ ca = 'ca.pem', alpn = ['h2', 'http/1.1'] }}"
        );
        let tls = directory.load(&text, None);
        Self {
            server: tls.listener(0).unwrap().config(),
            client: tls.service(0).unwrap(),
        }
    }

    /// The server's end of a new connection.
    pub(crate) fn server_session(&self) -> super::Session {
        super::Session::server(Arc::clone(&self.server)).unwrap()
    }
}

/// A certificate authority.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
pub(super) struct Issued {
    pub(super) chain: String,
    pub(super) key: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(Self::params(name), key).unwrap())
    }

    /// An authority below this one.
    pub(super) fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::signed_by(Self::params(name), key, &self.0).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for P-256.
    pub(super) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_with(
            &KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
            names,
            |_| (),
        )
    }

    /// A certificate for RSA.
    pub(super) fn issue_rsa(&self, names: &[&str]) -> Issued {
        self.issue_with(
            &KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(),
            names,
            |_| (),
        )
    }

    /// A certificate for `key` with what `adjust` changes.
    pub(super) fn issue_with(
        &self,
        key: &KeyPair,
        names: &[&str],
        adjust: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        adjust(&mut params);
        let certificate = params.signed_by(key, &self.0).unwrap();
        Issued {
            chain: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// A certificate of a client, with this common name and serial number.
    pub(super) fn issue_client(&self, name: &str, serial: u64) -> Issued {
        self.issue_with(&KeyPair::generate().unwrap(), &[], |params| {
            params.distinguished_name.push(DnType::CommonName, name);
            params.serial_number = Some(SerialNumber::from(serial));
        })
    }

    /// A revocation list, whose next issue is due at the begin of the year `due`.
    pub(super) fn revocation_list(&self, revoked: &[u64], due: i32) -> String {
        let revoked = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(due, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.0).unwrap().pem().unwrap()
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }
}

/// Sets when a certificate is valid, in seconds from now.
pub(super) fn valid(params: &mut CertificateParams, from: i64, until: i64) {
    let Moment(now) = now();
    let at = |offset: i64| {
        let seconds = (now + offset).try_into().unwrap();
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    params.not_before = at(from);
    params.not_after = at(until);
}

/// What was noted, without the files.
pub(super) fn reasons(reader: &Reader) -> Vec<Reason> {
    let problems = reader.problems.iter();
    problems.map(|problem| problem.reason.clone()).collect()
}

/// A client that believes `authority`.
pub(super) fn client(authority: &Authority) -> ClientConfig {
    client_builder(authority).with_no_client_auth()
}

/// A client that believes `authority` and shows `issued`.
pub(super) fn client_with(authority: &Authority, issued: &Issued) -> ClientConfig {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let chain = CertificateDer::pem_slice_iter(issued.chain.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    client_builder(authority)
        .with_client_auth_cert(chain.collect::<Result<_, _>>().unwrap(), key)
        .unwrap()
}

fn client_builder(
    authority: &Authority,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
}

/// Both ends after a handshake. Tickets have arrived.
pub(super) struct Shaken {
    pub(super) client: ClientConnection,
    pub(super) server: ServerConnection,
}

/// Which end refused, and why.
#[derive(Debug, PartialEq)]
pub(super) enum Refusal {
    Client(Error),
    Server(Error),
}

/// A handshake in memory, and a byte each way.
pub(super) fn shake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<Shaken, Refusal> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    for _ in 0..4 {
        carry(&mut client, &mut server).map_err(Refusal::Server)?;
        carry(&mut server, &mut client).map_err(Refusal::Client)?;
    }
    client.writer().write_all(b"a").unwrap();
    server.writer().write_all(b"b").unwrap();
    carry(&mut client, &mut server).map_err(Refusal::Server)?;
    carry(&mut server, &mut client).map_err(Refusal::Client)?;
    let mut byte = [0];
    server.reader().read_exact(&mut byte).unwrap();
    client.reader().read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"b");
    Ok(Shaken { client, server })
}

fn carry<A, B>(
    from: &mut impl DerefMut<Target = ConnectionCommon<A>>,
    to: &mut impl DerefMut<Target = ConnectionCommon<B>>,
) -> Result<(), Error>
where
    A: rustls::SideData,
    B: rustls::SideData,
{
    let mut bytes = Vec::new();
    while from.deref().wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    let mut rest = &*bytes;
    while !rest.is_empty() {
        to.read_tls(&mut rest).unwrap();
        to.process_new_packets()?;
    }
    Ok(())
}
