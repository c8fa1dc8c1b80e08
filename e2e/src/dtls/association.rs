use std::collections::VecDeque;
use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use bytes::Bytes;
use vestibule_dtls::client::{Client, Closed, Config, Event, Memory, UnixTime};
use vestibule_dtls::session::Agreement;

use crate::PATIENCE;

/// An association by our DTLS client, for payloads of any kind. It acts while one of its methods
/// runs, and only then.
pub struct Association {
    socket: UdpSocket,
    server: SocketAddr,
    dtls: Client,
    agreement: Option<Agreement>,
    closed: Option<Closed>,
    payloads: VecDeque<Bytes>,
    trace: Trace,
    withholds: bool,
    withheld: Vec<Vec<u8>>,
}

/// Every datagram.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// What has been sent.
    pub sent: Vec<Vec<u8>>,
    /// What has come.
    pub received: Vec<Vec<u8>>,
}

/// How long it waits for a datagram at most.
const TICK: Duration = Duration::from_millis(5);

impl Association {
    /// Does the handshake over this socket.
    ///
    /// # Errors
    /// Why the handshake came to nothing.
    #[track_caller]
    pub fn connect(
        socket: UdpSocket,
        server: SocketAddr,
        config: Config,
        memory: Memory,
    ) -> Result<Self, Closed> {
        let mut association = Self::begin(socket, server, config, memory);
        let start = Instant::now();
        while !association.is_open() {
            if let Some(why) = association.closed.take() {
                return Err(why);
            }
            assert!(start.elapsed() < PATIENCE, "waited in vain for a handshake");
            association.turn();
        }
        Ok(association)
    }

    /// Begins the handshake over this socket, with a hello that is sent at once.
    #[track_caller]
    pub fn begin(socket: UdpSocket, server: SocketAddr, config: Config, memory: Memory) -> Self {
        let dtls = Client::new(config, memory, Instant::now(), UnixTime::now());
        let mut association = Self {
            socket,
            server,
            dtls: dtls.expect("a stack that works"),
            agreement: None,
            closed: None,
            payloads: VecDeque::new(),
            trace: Trace::default(),
            withholds: false,
            withheld: Vec::new(),
        };
        association.transmit();
        association
    }

    /// Whether the handshake is over.
    pub fn is_open(&self) -> bool {
        self.agreement.is_some()
    }

    /// What was agreed on.
    pub fn agreement(&self) -> &Agreement {
        self.agreement.as_ref().expect("a handshake that is over")
    }

    /// Sends a payload; none after the end.
    pub fn send(&mut self, payload: &[u8]) {
        let _ = self.dtls.send(payload);
        self.transmit();
    }

    /// The next payload that has come, if one has.
    pub fn poll(&mut self) -> Option<Bytes> {
        self.payloads.pop_front()
    }

    /// The next payload, which may come within this time.
    pub fn receive(&mut self, within: Duration) -> Option<Bytes> {
        let start = Instant::now();
        loop {
            if let Some(payload) = self.poll() {
                return Some(payload);
            }
            if start.elapsed() >= within {
                return None;
            }
            self.turn();
        }
    }

    /// Sends what is ready, and waits a little for a datagram or a time.
    #[track_caller]
    pub fn turn(&mut self) {
        self.transmit();
        let timeout = self.socket.set_read_timeout(Some(TICK));
        timeout.expect("a timeout that is not zero");
        let mut datagram = [0; 4096];
        if let Ok((length, from)) = self.socket.recv_from(&mut datagram) {
            assert_eq!(from, self.server, "answers come from where was asked");
            self.trace.received.push(datagram[..length].to_vec());
            self.dtls
                .handle_datagram(Instant::now(), &datagram[..length]);
        }
        let now = Instant::now();
        if self.dtls.poll_timeout().is_some_and(|at| at <= now) {
            self.dtls.handle_timeout(now);
        }
        while let Some(event) = self.dtls.poll_event() {
            match event {
                Event::Connected(agreement) => self.agreement = Some(agreement),
                Event::Received(payload) => self.payloads.push_back(payload),
                Event::Closed(why) => self.closed = Some(why),
            }
        }
        self.transmit();
    }

    /// Keeps what it would send from now on.
    pub fn withhold(&mut self) {
        self.withholds = true;
    }

    /// What it has kept, which it will not send itself. From now on it sends.
    pub fn take_withheld(&mut self) -> Vec<Vec<u8>> {
        self.withholds = false;
        std::mem::take(&mut self.withheld)
    }

    /// Sends a datagram as it is.
    pub fn inject(&self, datagram: &[u8]) {
        let sent = self.socket.send_to(datagram, self.server);
        sent.expect("a datagram is sent");
    }

    /// Drops what has come and was not looked at, as if nobody had been there.
    pub fn drop_received(&mut self) {
        self.set_nonblocking(true);
        while self.socket.recv_from(&mut [0; 4096]).is_ok() {}
        self.set_nonblocking(false);
    }

    /// Why it is over, if it is.
    pub fn closed(&self) -> Option<&Closed> {
        self.closed.as_ref()
    }

    /// Says close_notify.
    pub fn close(&mut self) {
        self.dtls.close(Instant::now());
        self.transmit();
    }

    /// Every datagram so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    fn set_nonblocking(&self, nonblocking: bool) {
        let set = self.socket.set_nonblocking(nonblocking);
        set.expect("a socket that can do both");
    }

    fn transmit(&mut self) {
        while let Some(datagram) = self.dtls.poll_transmit() {
            if self.withholds {
                self.withheld.push(datagram);
            } else {
                self.inject(&datagram);
                self.trace.sent.push(datagram);
            }
        }
    }
}

impl fmt::Debug for Association {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Association")
            .field("server", &self.server)
            .field("agreement", &self.agreement)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
