//! A client and a server.

use std::{
    fmt, mem,
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{NAME, identities::Kind, identity};
use crate::{
    Accept, Answer, CookieSecrets, Identity, Session,
    session::{ConnectionId, MAX_DATAGRAM, Version},
    stack::{
        Acceptor, ClientSession, ClientSettings, Offer, ServerSettings, connect, connect_offering,
    },
    wire::{self, Hello},
};

/// Settings of a server with both versions.
#[must_use]
pub fn server_settings(identity: &Identity) -> ServerSettings {
    ServerSettings {
        identity: identity.clone(),
        ticket_key: [7; 32],
        key_log: None,
        post_quantum: false,
        versions: &[Version::Dtls12, Version::Dtls13],
    }
}

/// Settings of a client for such a server.
#[must_use]
pub fn client_settings(version: Version) -> ClientSettings {
    ClientSettings {
        version,
        server_name: NAME.to_owned(),
        session: None,
        key_log: None,
        post_quantum: false,
    }
}

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Way {
    /// To the server.
    Up,
    /// To the client.
    Down,
}

/// What went one way, lost datagrams too.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Datagrams.
    pub datagrams: usize,
    /// Bytes of UDP payload.
    pub bytes: usize,
}

/// What becomes of a datagram: its way, how many were before it, and its bytes. What is returned arrives, in this order.
pub type Line = Box<dyn FnMut(Way, usize, Vec<u8>) -> Vec<Vec<u8>>>;

/// A client, a server with a place for one association, a line between them and a clock. Time passes when nothing else
/// happens.
pub struct Pair {
    /// The time.
    pub now: Instant,
    /// Answers hellos while there is no session.
    pub acceptor: Acceptor,
    /// The client.
    pub client: ClientSession,
    /// The session of the server, once there is one.
    pub server: Option<Box<dyn Session>>,
    /// Where the server sees the client.
    pub address: SocketAddr,
    /// The Connection ID for the session.
    pub id: ConnectionId,
    /// Whether a ticket may stand for a cookie.
    pub skip_cookie: bool,
    /// What becomes of datagrams.
    pub line: Line,
    /// What went to the server.
    pub up: Tally,
    /// What went to the client.
    pub down: Tally,
    /// All datagrams, as they were sent.
    pub sent: Vec<(Way, Vec<u8>)>,
    /// Payloads that came to the server.
    pub at_server: Vec<Vec<u8>>,
    /// Payloads that came to the client.
    pub at_client: Vec<Vec<u8>>,
    /// Answers to hellos of which nothing was kept.
    pub replies: usize,
    /// Whether the last record of the last datagram that came to the session of the server was the newest.
    pub newest: bool,
    /// The beginning of a hello that comes in parts.
    part: Vec<u8>,
}

impl Pair {
    /// One with these settings.
    ///
    /// # Panics
    /// If the client has no settings to begin with.
    #[must_use]
    pub fn new(server: &ServerSettings, client: &ClientSettings) -> Self {
        let epoch = Instant::now();
        let acceptor = Acceptor::new(server, CookieSecrets::new([9; 32]), epoch);
        let now = epoch + Duration::from_secs(10_000);
        Self {
            now,
            acceptor,
            client: connect(client, now).expect("a client"),
            server: None,
            address: SocketAddr::from(([192, 0, 2, 1], 12345)),
            id: [3, 1, 2, 9],
            skip_cookie: false,
            line: Box::new(|_, _, datagram| vec![datagram]),
            up: Tally::default(),
            down: Tally::default(),
            sent: Vec::new(),
            at_server: Vec::new(),
            at_client: Vec::new(),
            replies: 0,
            newest: false,
            part: Vec::new(),
        }
    }

    /// One with a key of P-256 and the usual settings.
    #[must_use]
    pub fn simple(version: Version) -> Self {
        Self::new(
            &server_settings(&identity(Kind::P256)),
            &client_settings(version),
        )
    }

    /// A new client for the same server.
    ///
    /// # Panics
    /// If the client has no settings to begin with.
    pub fn reconnect(&mut self, client: &ClientSettings) {
        self.client = connect(client, self.now).expect("a client");
        self.server = None;
        self.forget();
    }

    /// A new client for the same server, with another offer.
    ///
    /// # Panics
    /// If the client has no settings to begin with.
    pub fn reconnect_offering(&mut self, client: &ClientSettings, offer: &Offer) {
        self.reconnect(client);
        self.client = connect_offering(client, offer, self.now).expect("a client");
    }

    /// Forgets what went over the line.
    pub fn forget(&mut self) {
        self.up = Tally::default();
        self.down = Tally::default();
        self.sent.clear();
        self.at_server.clear();
        self.at_client.clear();
        self.replies = 0;
    }

    /// Whether both sides have ended the handshake.
    #[must_use]
    pub fn is_established(&self) -> bool {
        let server = self.server.as_ref();
        self.client.is_established() && server.is_some_and(|server| server.is_established())
    }

    /// Lets time pass until nothing happens for the rest of `span`, which it takes in all.
    pub fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            self.exchange();
            let server = self.server.as_ref();
            let timeouts = [
                self.client.poll_timeout(),
                server.and_then(|server| server.poll_timeout()),
            ];
            match timeouts.into_iter().flatten().min() {
                Some(time) if time <= end => self.now = self.now.max(time),
                _ => break,
            }
            let now = self.now;
            let due = |session: &dyn Session| session.poll_timeout().is_some_and(|at| at <= now);
            if due(&self.client) {
                self.client.handle_timeout(now);
            }
            if let Some(server) = &mut self.server
                && due(server.as_ref())
            {
                server.handle_timeout(now);
            }
        }
        self.now = end;
    }

    /// Delivers what there is, and what comes of it, until both are silent.
    pub fn exchange(&mut self) {
        while self.turn() {}
    }

    /// What is sent now is delivered, and whether there was anything.
    fn turn(&mut self) -> bool {
        let mut any = false;
        let mut datagram = Vec::new();
        while self.client.poll_transmit(&mut datagram, MAX_DATAGRAM) {
            any = true;
            let arrives = self.send(Way::Up, mem::take(&mut datagram));
            for datagram in arrives {
                self.deliver_up(&datagram);
            }
        }
        while let Some(server) = &mut self.server
            && server.poll_transmit(&mut datagram, MAX_DATAGRAM)
        {
            any = true;
            let arrives = self.send(Way::Down, mem::take(&mut datagram));
            for datagram in arrives {
                self.deliver_down(&datagram);
            }
        }
        any
    }

    fn send(&mut self, way: Way, datagram: Vec<u8>) -> Vec<Vec<u8>> {
        let tally = match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        };
        tally.datagrams += 1;
        tally.bytes += datagram.len();
        self.sent.push((way, datagram.clone()));
        (self.line)(way, self.sent.len() - 1, datagram)
    }

    /// A datagram comes to the server.
    pub fn deliver_up(&mut self, datagram: &[u8]) {
        self.newest = false;
        for record in wire::records(datagram) {
            let Some(server) = &mut self.server else {
                if let Some(hello) = self.whole(record.bytes) {
                    self.hello(&hello);
                }
                continue;
            };
            // A fault ends an association; who has sent it learns from what the session still says.
            let _ = server.handle_record(self.now, record.bytes);
            self.newest = server.is_newest();
            let mut payload = Vec::new();
            if server.receive(&mut payload) > 0 {
                self.at_server.push(payload);
            }
        }
    }

    /// Makes one record of a hello whose parts come in order.
    fn whole(&mut self, record: &[u8]) -> Option<Vec<u8>> {
        let hello = Hello::peek(record)?;
        if hello.whole {
            return Some(record.to_vec());
        }
        let (header, body) = record.split_at_checked(25)?;
        if hello.offset == 0 {
            self.part = header.to_vec();
        }
        if self.part.len() != 25 + hello.offset {
            return None;
        }
        self.part.extend(body);
        if self.part.len() != 25 + hello.length {
            return None;
        }
        let mut whole = mem::take(&mut self.part);
        let length = u16::try_from(whole.len() - 13).ok()?;
        whole[11..13].copy_from_slice(&length.to_be_bytes());
        whole.copy_within(14..17, 22);
        Some(whole)
    }

    fn hello(&mut self, record: &[u8]) {
        let (address, id, skip) = (self.address, self.id, self.skip_cookie);
        match self
            .acceptor
            .handle_hello(self.now, address, record, id, skip)
        {
            Answer::Reply(reply) => {
                self.replies += 1;
                let arrives = self.send(Way::Down, reply);
                for datagram in arrives {
                    self.deliver_down(&datagram);
                }
            }
            Answer::Session(session) => self.server = Some(session),
            Answer::Nothing => {}
        }
    }

    /// A datagram comes to the client.
    pub fn deliver_down(&mut self, datagram: &[u8]) {
        for record in wire::records_without_id(datagram) {
            let _ = self.client.handle_record(self.now, record.bytes);
            let mut payload = Vec::new();
            if self.client.receive(&mut payload) > 0 {
                self.at_client.push(payload);
            }
        }
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("client", &self.client.agreement())
            .field(
                "server",
                &self.server.as_ref().map(|server| server.agreement()),
            )
            .field("up", &self.up)
            .field("down", &self.down)
            .field("replies", &self.replies)
            .finish_non_exhaustive()
    }
}
