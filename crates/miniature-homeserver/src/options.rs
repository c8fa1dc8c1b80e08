use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// How a [`Homeserver`](crate::Homeserver) is started.
#[derive(Clone)]
pub struct Options {
    /// Where it listens. Port 0: where there is room.
    pub bind: SocketAddr,
    /// What stands behind the colon of its identifiers.
    pub server_name: String,
    /// Where clients shall find it, as its well-known says. Absent: `http://` and its address.
    pub base_url: Option<String>,
    /// What is spoken on connections that [`Options::accept`] does not decide.
    pub protocol: Protocol,
    /// What is done with a connection before HTTP: TLS. Absent: nothing.
    pub accept: Option<Accept>,
    /// Most records that its journal keeps; the oldest are forgotten. 0 keeps none.
    pub journal: usize,
}

impl Default for Options {
    /// HTTP/1.1 on any port of 127.0.0.1, with a journal of 1,000 records.
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((IpAddr::V4(Ipv4Addr::LOCALHOST), 0)),
            server_name: "hs.example".into(),
            base_url: None,
            protocol: Protocol::Http1,
            accept: None,
            journal: 1_000,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("bind", &self.bind)
            .field("server_name", &self.server_name)
            .field("base_url", &self.base_url)
            .field("protocol", &self.protocol)
            .field("accept", &self.accept.is_some())
            .field("journal", &self.journal)
            .finish()
    }
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, with connections that are kept.
    Http1,
    /// HTTP/2 from the first byte (RFC 9113 section 3.3), with 100 streams at a time.
    Http2,
}

/// Makes of a TCP connection what HTTP is spoken on, and says which HTTP: the TLS of the caller. It
/// is called on the homeserver's thread.
pub type Accept = Arc<dyn Fn(TcpStream) -> Accepted + Send + Sync>;

/// What becomes of a connection.
pub type Accepted = Pin<Box<dyn Future<Output = io::Result<(Box<dyn Io>, Protocol)>>>>;

/// What HTTP can be spoken on.
pub trait Io: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}
