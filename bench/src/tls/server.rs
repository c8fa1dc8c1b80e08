use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, ResolvesServerCertUsingSni};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Group, Identity, SERVER_NAME, provider, tls_error};
use crate::error::Error;

/// The origin's side. It serves [`SERVER_NAME`] only: a client that does not send this name fails.
#[derive(Clone)]
pub(crate) struct Server {
    config: Arc<ServerConfig>,
}

impl Server {
    /// Every handshake is a full one with X25519, whatever the client would like: no tickets are
    /// given and no session is kept.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`].
    pub(crate) fn without_resumption(identity: &Identity) -> Result<Self, Error> {
        let mut config = config(identity, &[Group::X25519])?;
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// With tickets, and with every group.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`].
    pub(crate) fn with_tickets(identity: &Identity) -> Result<Self, Error> {
        let mut config = config(identity, &[Group::X25519MlKem768, Group::X25519])?;
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(tls_error)?;
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// Accepts a connection. The handshake has not begun.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`].
    pub(crate) fn accept(
        &self,
        socket: TcpStream,
    ) -> Result<StreamOwned<ServerConnection, TcpStream>, Error> {
        let connection = ServerConnection::new(self.config.clone()).map_err(tls_error)?;
        Ok(StreamOwned::new(connection, socket))
    }
}

fn config(identity: &Identity, groups: &[Group]) -> Result<ServerConfig, Error> {
    let provider = provider(groups);
    let key = CertifiedKey::from_der(vec![identity.certificate()], identity.key(), &provider)
        .map_err(tls_error)?;
    let mut certificates = ResolvesServerCertUsingSni::new();
    certificates.add(SERVER_NAME, key).map_err(tls_error)?;
    Ok(ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(tls_error)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates)))
}
