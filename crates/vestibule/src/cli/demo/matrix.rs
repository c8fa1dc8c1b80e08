//! What low bandwidth Matrix takes: a homeserver, and where the gateway before it shall be.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::Path,
    sync::Arc,
};

use rand::Rng;
use vestibule_dtls::client::{Roots, Trust};
use vestibule_miniature_homeserver::{Homeserver, Options};

use super::{matrix_client::MatrixClient, table::Missed};
use crate::tls::dtls::read_authorities;

/// The homeserver, which runs, and the gateway's address, which its own configuration has to know.
pub(super) struct Matrix {
    homeserver: Homeserver,
    gateway: SocketAddr,
    trust: Trust,
}

/// The gateway's name, in its certificate.
pub(super) const GATEWAY: &str = "gateway.example.org";

/// Ports that are tried; the kernel gives none of these to those who let it choose.
const PORTS: std::ops::Range<u16> = 16_384..32_768;

/// How many of them.
const ATTEMPTS: usize = 64;

impl Matrix {
    /// Starts a homeserver. Clients trust the authorities of this file.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or there is no port.
    pub(super) fn start(authorities: &Path) -> io::Result<Self> {
        let authorities = read_authorities(authorities).map_err(io::Error::other)?;
        let roots = Roots::new(authorities.iter().map(Vec::as_slice)).map_err(io::Error::other)?;
        Ok(Self {
            homeserver: Homeserver::start(Options::default())?,
            gateway: free_address()?,
            trust: Trust::Roots(Arc::new(roots)),
        })
    }

    /// The homeserver.
    pub(super) fn homeserver(&self) -> &Homeserver {
        &self.homeserver
    }

    /// Where the gateway is, by UDP and by TCP.
    pub(super) fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    /// A client that has an association with the gateway.
    ///
    /// # Errors
    ///
    /// When the gateway does not answer, or is somebody else.
    pub(super) async fn client(&self) -> Result<MatrixClient, Missed> {
        let name = GATEWAY.parse();
        let name = name.map_err(|_| Missed::Failed("the gateway's name is none".into()))?;
        MatrixClient::connect(self.gateway, name, self.trust.clone()).await
    }
}

/// An address with a port that nobody has, neither of UDP nor of TCP.
fn free_address() -> io::Result<SocketAddr> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..ATTEMPTS {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, rand::rng().random_range(PORTS)));
        match UdpSocket::bind(address).and_then(|_udp| TcpListener::bind(address)) {
            Ok(_) => return Ok(address),
            Err(error) => last = error,
        }
    }
    Err(last)
}
