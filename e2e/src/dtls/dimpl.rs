use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Config, Dtls, Output, ProtocolVersion};

use crate::PATIENCE;

/// A client by the crate `dimpl`, which shares no code with our stack. It checks no certificates.
#[derive(Debug)]
pub struct DimplClient {
    dtls: Dtls,
    socket: UdpSocket,
    wake: Instant,
    connected: bool,
    closed: bool,
    certificate: Vec<u8>,
    payloads: Vec<Vec<u8>>,
    error: Option<dimpl::Error>,
}

/// What it offers.
#[derive(Clone, Copy, Debug)]
pub enum DimplVersion {
    /// DTLS 1.2 only.
    Dtls12,
    /// DTLS 1.3 only.
    Dtls13,
    /// Both, in one hello.
    Both,
}

impl DimplClient {
    /// Connects to a server of 127.0.0.1, with datagrams of at most `mtu` bytes.
    #[track_caller]
    pub fn connect(server: SocketAddr, version: DimplVersion, mtu: usize) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.connect(server).expect("an address");
        // Its default asks an ordinary client for a certificate of its own.
        let config = Config::builder().require_client_certificate(false).mtu(mtu);
        // It gives up before we do, else: on a bad path, or when the server has to wait for a processor.
        let config = config.flight_retries(8).handshake_timeout(2 * PATIENCE);
        let config = Arc::new(config.build().expect("settings that dimpl takes"));
        let own = dimpl::certificate::generate_self_signed_certificate().expect("a certificate");
        let now = Instant::now();
        let mut dtls = match version {
            DimplVersion::Dtls12 => Dtls::new_12(config, own, now),
            DimplVersion::Dtls13 => Dtls::new_13(config, own, now),
            DimplVersion::Both => Dtls::new_auto(config, own, now),
        };
        dtls.set_active(true);
        dtls.handle_timeout(now).expect("a first hello");
        let mut client = Self {
            dtls,
            socket,
            wake: now,
            connected: false,
            closed: false,
            certificate: Vec::new(),
            payloads: Vec::new(),
            error: None,
        };
        client.run("a handshake", |client| client.connected);
        client
    }

    /// Sends a payload and waits for one.
    #[track_caller]
    pub fn exchange(&mut self, payload: &[u8]) -> Vec<u8> {
        self.send(payload);
        self.run("an answer", |client| !client.payloads.is_empty());
        self.payloads.remove(0)
    }

    /// Sends a payload.
    #[track_caller]
    pub fn send(&mut self, payload: &[u8]) {
        self.dtls
            .send_application_data(payload)
            .expect("a payload is taken");
        self.drain();
    }

    /// The next payload, which may come within this time.
    #[track_caller]
    pub fn receive(&mut self, within: Duration) -> Option<Vec<u8>> {
        let start = Instant::now();
        while self.payloads.is_empty() && start.elapsed() < within {
            self.turn(within.saturating_sub(start.elapsed()));
        }
        (!self.payloads.is_empty()).then(|| self.payloads.remove(0))
    }

    /// Waits until the server has said close_notify.
    #[track_caller]
    pub fn wait_for_close(&mut self) {
        self.run("close_notify", |client| client.closed);
    }

    /// Says close_notify.
    #[track_caller]
    pub fn close(mut self) {
        self.dtls.close().expect("an open association");
        self.run("the end", |_| true);
    }

    /// The version that was agreed on.
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    /// The certificate of the server, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Sends and receives until `is_so`.
    #[track_caller]
    fn run(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        self.drain();
        while !is_so(self) {
            assert!(
                self.error.is_none(),
                "dimpl: {:?} instead of {what}",
                self.error
            );
            assert!(
                start.elapsed() < PATIENCE,
                "dimpl waited in vain for {what}"
            );
            self.turn(PATIENCE);
        }
    }

    /// Waits a little for a datagram or a time, no longer than this.
    #[track_caller]
    fn turn(&mut self, most: Duration) {
        let mut datagram = [0; 4096];
        let wait = self
            .wake
            .saturating_duration_since(Instant::now())
            .min(most);
        let wait = wait.clamp(Duration::from_millis(1), Duration::from_millis(100));
        self.socket.set_read_timeout(Some(wait)).expect("a timeout");
        match self.socket.recv(&mut datagram) {
            Ok(length) => self.error = self.dtls.handle_packet(&datagram[..length]).err(),
            // Also when the server is gone, which what it has said before may still be here of.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::ConnectionRefused | ErrorKind::Interrupted
                ) => {}
            Err(error) => panic!("dimpl: {error}"),
        }
        if Instant::now() >= self.wake {
            self.dtls
                .handle_timeout(Instant::now())
                .expect("time passes");
        }
        self.drain();
    }

    /// Takes what it has ready.
    fn drain(&mut self) {
        let mut buffer = vec![0; 32 << 10];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(datagram) => {
                    // The server may be gone.
                    let _ = self.socket.send(datagram);
                }
                Output::Timeout(at) => {
                    self.wake = at;
                    return;
                }
                Output::Connected => self.connected = true,
                Output::PeerCert(der) => self.certificate = der.to_vec(),
                Output::ApplicationData(payload) => self.payloads.push(payload.to_vec()),
                Output::CloseNotify => self.closed = true,
                other => panic!("dimpl: {other:?}"),
            }
        }
    }
}
