//! What a client is told.

#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use rustls_pki_types::ServerName;

use super::trust::Trust;
use crate::{session::Version, stack::KeyLog};

/// How long a handshake may take, unless said otherwise.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);

/// The settings of a [`super::Client`].
#[derive(Clone)]
pub struct Config {
    /// Whom the server's certificate has to be for. A DNS name is told to the server as well (RFC 6066 section 3).
    pub name: PeerName,
    /// Which of the servers of that name it is: a session is resumed with the same one only. Nothing is connected to
    /// here.
    pub port: u16,
    /// What makes the server's certificate good.
    pub trust: Trust,
    /// Which versions are offered.
    pub versions: Versions,
    /// How long the handshake may take before the client gives up. The stack repeats its last flight for two minutes
    /// at most: more than that brings nothing.
    pub handshake_timeout: Duration,
    /// Offers X25519MLKEM768 in DTLS 1.3, for which the hello needs two datagrams.
    pub post_quantum: bool,
    /// Who is told the keys.
    pub key_log: Option<Arc<dyn KeyLog>>,
}

impl Config {
    /// The usual settings.
    #[must_use]
    pub fn new(name: PeerName, port: u16, trust: Trust) -> Self {
        Self {
            name,
            port,
            trust,
            versions: Versions::Remembered,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            post_quantum: false,
            key_log: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("name", &self.name)
            .field("port", &self.port)
            .field("trust", &self.trust)
            .field("versions", &self.versions)
            .field("handshake_timeout", &self.handshake_timeout)
            .field("post_quantum", &self.post_quantum)
            .field("key_log", &self.key_log.is_some())
            .finish()
    }
}

/// Which version a client offers: a hello of the stack is for one version only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Versions {
    /// 1.3 to a server that has said in an earlier association, verified under the same trust, that it can do that;
    /// 1.2 to others.
    Remembered,
    /// 1.2, because 1.3 has led nowhere with a server that should be able to do it. When the server says that it still
    /// can, then somebody is in the way, and the association is refused as [`super::Closed::Downgraded`]. Otherwise
    /// the server has changed, and that is remembered.
    Fallback,
    /// This one.
    Only(Version),
}

/// Who a server is to be: a DNS name, in lower case and without a point at its end, or an address.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct PeerName(ServerName<'static>);

impl PeerName {
    pub(super) fn server_name(&self) -> &ServerName<'static> {
        &self.0
    }
}

impl From<IpAddr> for PeerName {
    fn from(address: IpAddr) -> Self {
        Self(ServerName::IpAddress(address.into()))
    }
}

impl FromStr for PeerName {
    type Err = PeerNameError;

    /// Reads a DNS name, an IPv4 address, or an IPv6 address, which may stand in brackets as in a URI.
    fn from_str(text: &str) -> Result<Self, PeerNameError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(PeerNameError)?;
            let address: Ipv6Addr = inner.parse().map_err(|_| PeerNameError)?;
            return Ok(IpAddr::from(address).into());
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(address.into());
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        match ServerName::try_from(name) {
            Ok(name @ ServerName::DnsName(_)) => Ok(Self(name)),
            _ => Err(PeerNameError),
        }
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_str())
    }
}

impl fmt::Debug for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is neither a DNS name nor an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeerNameError;

impl fmt::Display for PeerNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is neither a DNS name nor an IP address")
    }
}

impl std::error::Error for PeerNameError {}
