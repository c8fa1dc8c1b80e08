use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::{Authority, Facts, Leaf, TlsStream};
use crate::{Origin, PATIENCE};

/// What a [`TlsOrigin`] will be.
#[derive(Clone, Debug)]
pub struct TlsServer {
    certificate: Leaf,
    versions: Vec<&'static SupportedProtocolVersion>,
    alpn: Vec<Vec<u8>>,
    clients: Option<rustls::RootCertStore>,
    pause: Duration,
}

/// A server of TLS behind Vestibule, in the test's own process.
#[derive(Debug)]
pub struct TlsOrigin {
    origin: Origin,
    seen: Receiver<Facts>,
}

/// Connections that an origin has accepted and done the handshake with.
#[derive(Debug)]
pub struct TlsConnections(Receiver<TlsStream>);

impl TlsServer {
    /// Has this certificate.
    pub fn new(certificate: &Leaf) -> Self {
        Self {
            certificate: certificate.clone(),
            versions: rustls::ALL_VERSIONS.to_vec(),
            alpn: Vec::new(),
            clients: None,
            pause: Duration::ZERO,
        }
    }

    /// Begins each handshake after a pause.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
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

    /// Speaks these protocols.
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        self
    }

    /// Requires certificates of this authority.
    pub fn require_clients_of(mut self, authority: &Authority) -> Self {
        self.clients = Some(authority.roots());
        self
    }

    /// Answers every byte with itself, close_notify with close_notify.
    pub fn echo(&self) -> TlsOrigin {
        self.serve(|stream| {
            let mut stream = &stream;
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(n) = stream.read(&mut buffer) {
                if n == 0 {
                    stream.close_notify();
                    return;
                }
                if stream.write_all(&buffer[..n]).is_err() {
                    return;
                }
            }
        })
    }

    /// Hands each connection to the test.
    pub fn hand_over(&self) -> (TlsOrigin, TlsConnections) {
        let (sender, receiver) = channel();
        let origin = self.serve(move |stream| {
            let _ = sender.send(stream);
        });
        (origin, TlsConnections(receiver))
    }

    /// Calls `serve` for each connection whose handshake has worked.
    pub fn serve(&self, serve: impl Fn(TlsStream) + Clone + Send + 'static) -> TlsOrigin {
        let config = Arc::new(self.config());
        let (sender, seen) = channel();
        let pause = self.pause;
        let origin = Origin::serve(move |socket| {
            sleep(pause);
            for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
                set(&socket, Some(PATIENCE)).expect("a time that is not 0");
            }
            let config = Arc::clone(&config);
            let connection = ServerConnection::new(config).expect("a configuration that works");
            let whole = |flight: &[u8]| vec![flight.to_vec()];
            // Clients that fail are a matter of the test, which sees it at the other end.
            let Ok(stream) = TlsStream::handshake(socket, connection.into(), whole) else {
                return;
            };
            let _ = sender.send(stream.facts());
            serve(stream);
        });
        TlsOrigin { origin, seen }
    }

    fn config(&self) -> ServerConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions)
            .expect("suites for the versions");
        let builder = match &self.clients {
            Some(roots) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots.clone()), provider)
                    .build()
                    .expect("an authority"),
            ),
            None => builder.with_no_client_auth(),
        };
        let leaf = &self.certificate;
        let mut config = builder
            .with_single_cert(leaf.certificates(), leaf.private_key())
            .expect("a certificate and its key");
        config.alpn_protocols = self.alpn.clone();
        config
    }
}

impl TlsOrigin {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.origin.address()
    }

    /// Connections accepted so far, with or without a handshake.
    pub fn accepted(&self) -> usize {
        self.origin.accepted()
    }

    /// What was agreed on with the next client.
    #[track_caller]
    pub fn seen(&self) -> Facts {
        self.seen
            .recv_timeout(PATIENCE)
            .expect("a handshake to succeed")
    }
}

impl TlsConnections {
    /// The next one.
    #[track_caller]
    pub fn accept(&self) -> TlsStream {
        self.0.recv_timeout(PATIENCE).expect("a connection to come")
    }
}
