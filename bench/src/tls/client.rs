use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::SupportedKxGroup;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, HandshakeKind, ProtocolVersion,
    SignatureScheme, StreamOwned,
};

use super::{Group, SERVER_NAME, provider, tls_error};
use crate::error::Error;
use crate::load::{STALL, client_error};

/// A client's connection.
pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// One client, which remembers the session tickets of its connections if it is to resume.
#[derive(Clone)]
pub(crate) struct Client {
    config: Arc<ClientConfig>,
    group: Group,
    resumes: bool,
}

impl Client {
    /// A client that offers one group, and makes a full handshake each time or, with `resumes`,
    /// resumes as soon as it has a ticket.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`].
    pub(crate) fn new(group: Group, resumes: bool) -> Result<Self, Error> {
        let mut config = ClientConfig::builder_with_provider(provider(&[group]))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(tls_error)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(NoVerification))
            .with_no_client_auth();
        config.resumption = if resumes {
            Resumption::in_memory_sessions(1)
        } else {
            Resumption::disabled()
        };
        Ok(Self {
            config: Arc::new(config),
            group,
            resumes,
        })
    }

    /// Whether it resumes as soon as it has a ticket.
    pub(crate) fn resumes(&self) -> bool {
        self.resumes
    }

    /// Opens a connection. The handshake has not begun.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Tls`].
    pub(crate) fn connect(&self, address: SocketAddr) -> Result<Stream, Error> {
        let socket = TcpStream::connect(address).map_err(client_error)?;
        socket.set_read_timeout(Some(STALL)).map_err(client_error)?;
        // What is written at once goes out at once, as every TLS client does it.
        socket.set_nodelay(true).map_err(client_error)?;
        let connection =
            ClientConnection::new(self.config.clone(), server_name()).map_err(tls_error)?;
        Ok(Stream::new(connection, socket))
    }

    /// Opens a connection and makes the handshake.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](Self::connect) and [`check`](Self::check).
    pub(crate) fn connect_blocking(&self, address: SocketAddr) -> Result<Stream, Error> {
        let mut stream = self.connect(address)?;
        while stream.conn.is_handshaking() {
            stream
                .conn
                .complete_io(&mut stream.sock)
                .map_err(client_error)?;
        }
        self.check(&stream, HandshakeKind::Full)?;
        Ok(stream)
    }

    /// Checks that the handshake was what the row says.
    ///
    /// # Errors
    ///
    /// [`Error::Negotiated`].
    pub(crate) fn check(&self, stream: &Stream, kind: HandshakeKind) -> Result<(), Error> {
        let version = stream.conn.protocol_version();
        let group = stream
            .conn
            .negotiated_key_exchange_group()
            .map(SupportedKxGroup::name);
        let got = stream.conn.handshake_kind();
        if version == Some(ProtocolVersion::TLSv1_3)
            && group == Some(self.group.implementation().name())
            && got == Some(kind)
        {
            return Ok(());
        }
        Err(Error::Negotiated {
            wanted: format!("TLSv1_3, {}, {kind:?}", self.group),
            got: format!("{version:?}, {group:?}, {got:?}"),
        })
    }
}

/// A ClientHello for [`SERVER_NAME`] as browsers send it today: with a post-quantum key share, so
/// that it has about 1,500 bytes.
///
/// # Errors
///
/// [`Error::Tls`].
pub(crate) fn client_hello() -> Result<Vec<u8>, Error> {
    let groups = [Group::X25519MlKem768, Group::X25519];
    let config = ClientConfig::builder_with_provider(provider(&groups))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(tls_error)?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let mut connection =
        ClientConnection::new(Arc::new(config), server_name()).map_err(tls_error)?;
    let mut hello = Vec::new();
    while connection.wants_write() {
        connection
            .write_tls(&mut hello)
            .map_err(Error::io("write into memory"))?;
    }
    Ok(hello)
}

fn server_name() -> ServerName<'static> {
    // The constant is a name; a test makes a connection with it.
    #[allow(clippy::unwrap_used)]
    ServerName::try_from(SERVER_NAME).unwrap()
}

/// The load does not look at certificates and signatures, so that its core has time for the rest.
#[derive(Debug)]
struct NoVerification;

impl ServerCertVerifier for NoVerification {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
