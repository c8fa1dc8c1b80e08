use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};

use super::{Authority, Leaf, TlsStream};
use crate::try_connect;

/// A TLS client in the test's own process. Connections of the same one resume each other.
#[derive(Clone)]
pub struct TlsClient {
    roots: RootCertStore,
    name: ServerName<'static>,
    provider: CryptoProvider,
    versions: Vec<&'static SupportedProtocolVersion>,
    alpn: Vec<Vec<u8>>,
    certificate: Option<Leaf>,
    sni: bool,
    early_data: bool,
    cut: fn(&[u8]) -> Vec<Vec<u8>>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl TlsClient {
    /// Trusts `authority` and expects a certificate for `name`.
    pub fn new(authority: &Authority, name: &str) -> Self {
        Self {
            roots: authority.roots(),
            name: ServerName::try_from(name.to_owned()).expect("a name"),
            provider: aws_lc_rs::default_provider(),
            versions: rustls::ALL_VERSIONS.to_vec(),
            alpn: Vec::new(),
            certificate: None,
            sni: true,
            early_data: false,
            cut: |flight| vec![flight.to_vec()],
            config: OnceLock::new(),
        }
    }

    /// Offers these protocols.
    pub fn alpn<S: AsRef<[u8]>>(mut self, protocols: &[S]) -> Self {
        self.alpn = protocols.iter().map(|p| p.as_ref().to_vec()).collect();
        self
    }

    /// Speaks only this version: `1.2` or `1.3`.
    pub fn version(mut self, version: &str) -> Self {
        self.versions = match version {
            "1.2" => vec![&rustls::version::TLS12],
            "1.3" => vec![&rustls::version::TLS13],
            other => panic!("version {other}"),
        };
        self
    }

    /// Offers only suites with one of these in their name, in this order.
    pub fn suites(mut self, names: &[&str]) -> Self {
        let all = aws_lc_rs::ALL_CIPHER_SUITES;
        let named = |name: &&str| all.iter().find(|s| format!("{:?}", s.suite()) == *name);
        let chosen = names.iter().map(|name| *named(name).expect("a suite"));
        self.provider.cipher_suites = chosen.collect();
        self
    }

    /// Offers only the groups with these names, in this order.
    pub fn groups(mut self, names: &[&str]) -> Self {
        let all = aws_lc_rs::ALL_KX_GROUPS;
        let named = |name: &&str| all.iter().find(|g| format!("{:?}", g.name()) == *name);
        let chosen = names.iter().map(|name| *named(name).expect("a group"));
        self.provider.kx_groups = chosen.collect();
        self
    }

    /// Has this certificate.
    pub fn certificate(mut self, leaf: &Leaf) -> Self {
        self.certificate = Some(leaf.clone());
        self
    }

    /// Sends no server name.
    pub fn without_sni(mut self) -> Self {
        self.sni = false;
        self
    }

    /// Would send early data if the server's ticket allowed it.
    pub fn early_data(mut self) -> Self {
        self.early_data = true;
        self
    }

    /// Cuts its hello into these pieces, each a segment of its own.
    pub fn cut(mut self, cut: fn(&[u8]) -> Vec<Vec<u8>>) -> Self {
        self.cut = cut;
        self
    }

    /// Connects and does the handshake.
    #[track_caller]
    pub fn connect(&self, address: SocketAddr) -> TlsStream {
        self.try_connect(address)
            .unwrap_or_else(|error| panic!("no handshake with {address}: {error}"))
    }

    /// As [`Self::connect`].
    ///
    /// # Errors
    ///
    /// When nobody accepts, or the handshake fails; [`super::alert_of`] tells which alert came.
    pub fn try_connect(&self, address: SocketAddr) -> io::Result<TlsStream> {
        self.over(try_connect(address)?)
    }

    /// Does the handshake over this connection.
    ///
    /// # Errors
    ///
    /// As [`Self::try_connect`].
    pub fn over(&self, socket: TcpStream) -> io::Result<TlsStream> {
        TlsStream::handshake(socket, self.connection().into(), self.cut)
    }

    /// The bytes of its hello.
    pub fn hello(&self) -> Vec<u8> {
        let mut hello = Vec::new();
        self.connection()
            .write_tls(&mut hello)
            .expect("a hello is written to memory");
        hello
    }

    /// A connection that has not begun, for tests that move its bytes themselves.
    pub fn connection(&self) -> ClientConnection {
        let config = Arc::clone(self.config.get_or_init(|| Arc::new(self.build())));
        ClientConnection::new(config, self.name.clone()).expect("a configuration that works")
    }

    fn build(&self) -> ClientConfig {
        let builder = ClientConfig::builder_with_provider(Arc::new(self.provider.clone()))
            .with_protocol_versions(&self.versions)
            .expect("suites and groups for the versions")
            .with_root_certificates(self.roots.clone());
        let mut config = match &self.certificate {
            Some(leaf) => builder
                .with_client_auth_cert(leaf.certificates(), leaf.private_key())
                .expect("a certificate and its key"),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.clone();
        config.enable_sni = self.sni;
        config.enable_early_data = self.early_data;
        config.resumption = Resumption::in_memory_sessions(16);
        config
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
