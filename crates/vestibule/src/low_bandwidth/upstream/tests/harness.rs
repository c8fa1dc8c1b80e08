//! A server that says what it is told to, and requests for it.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use vestibule_lowband::mapping::{
    endpoint::Kind, format::Format, query::Query, server::HttpRequest, token::Token,
};

use crate::{
    low_bandwidth::upstream::{Client, Homeserver, Limits},
    sys::TcpOptions,
};

/// The most bytes of a body that clients of these tests take.
pub(super) const MOST: usize = 100_000;

/// Runs `test` as a thread of the gateway does.
pub(super) fn on_a_thread(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default());
    runtime.unwrap().block_on(test());
}

/// A request for `target` with the token `SECRET`, and a body if the method has one.
pub(super) fn request(method: &str, target: &str) -> HttpRequest {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    HttpRequest {
        method: method.parse().unwrap(),
        path: path.to_owned(),
        query: Query::from_http(query).unwrap().0,
        token: Token::parse(b"SECRET").unwrap(),
        body: match method {
            "POST" | "PUT" => b"{\"body\":\"PRIVATE\"}".to_vec(),
            _ => Vec::new(),
        },
        kind: Kind::Other,
        format: Format::Json,
    }
}

/// The homeserver at `address`.
pub(super) fn config(address: SocketAddr) -> vestibule_config::Homeserver {
    vestibule_config::Homeserver {
        host: address.ip().to_string(),
        port: address.port(),
        tls: None,
    }
}

/// Socket options as they are by default.
pub(super) fn tcp() -> TcpOptions {
    TcpOptions::new(&vestibule_config::Tcp {
        keepalive_idle: None,
        keepalive_interval: std::time::Duration::from_secs(30),
        user_timeout: None,
        mark: None,
    })
}

/// Where the client of a test connects to.
pub(super) struct Server(TcpListener);

impl Server {
    pub(super) async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(super) async fn at(address: SocketAddr) -> Self {
        Self(TcpListener::bind(address).await.unwrap())
    }

    /// Listens no more; where it was.
    pub(super) fn close(self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(super) fn client(&self) -> Client {
        self.client_with(Limits::new(MOST, 10 * MOST))
    }

    pub(super) fn client_with(&self, limits: Limits) -> Client {
        let config = config(self.0.local_addr().unwrap());
        let homeserver = Homeserver::new(&config, None, tcp(), limits);
        Client::new(Arc::new(homeserver))
    }

    pub(super) async fn accept(&self) -> Peer {
        Peer(self.0.accept().await.unwrap().0)
    }
}

/// The server's end of a connection.
pub(super) struct Peer(TcpStream);

impl Peer {
    /// A whole request, as text.
    pub(super) async fn request(&mut self) -> String {
        let mut text = String::new();
        loop {
            let mut bytes = [0; 4096];
            let n = self.0.read(&mut bytes).await.unwrap();
            if n == 0 {
                return text;
            }
            text.push_str(str::from_utf8(&bytes[..n]).unwrap());
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .split_once("content-length: ")
                    .map_or(0, |(_, rest)| rest.lines().next().unwrap().parse().unwrap());
                if body.len() >= length {
                    return text;
                }
            }
        }
    }

    pub(super) async fn say(&mut self, text: impl AsRef<[u8]>) {
        self.0.write_all(text.as_ref()).await.unwrap();
    }

    /// Says `text` as far as the client listens.
    pub(super) async fn try_say(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.0.write_all(text.as_ref()).await;
    }

    /// Says `text` as far as the client listens, and then the end.
    pub(super) async fn say_all(&mut self, text: impl AsRef<[u8]>) {
        self.try_say(text).await;
        let _ = self.0.shutdown().await;
    }

    /// Waits until the client has closed the connection.
    pub(super) async fn is_closed(&mut self) -> bool {
        !matches!(self.0.read(&mut [0; 64]).await, Ok(1..))
    }
}
