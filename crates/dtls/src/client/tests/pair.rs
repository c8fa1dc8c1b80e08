//! A client and a server with certificates, on a line, with a clock.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    Accept, Answer, CookieSecrets, Identity, Session,
    client::{
        Client, Closed, Config, Event, Memory, Refusal, UnixTime, Versions,
        testing::{Issued, PRESENT},
    },
    session::{MAX_DATAGRAM, Version},
    stack::{Acceptor, ServerSettings},
    wire::records,
};

/// What becomes of a datagram: what is returned arrives.
pub(super) type Line = Box<dyn FnMut(Way, usize, Vec<u8>) -> Vec<Vec<u8>>>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Up,
    Down,
}

pub(super) struct Pair {
    pub(super) now: Instant,
    /// What a clock on the wall shows when an association begins.
    pub(super) time: UnixTime,
    pub(super) memory: Memory,
    pub(super) client: Client,
    pub(super) server: Option<Box<dyn Session>>,
    pub(super) line: Line,
    /// How many datagrams were sent since the association began.
    pub(super) sent: usize,
    pub(super) at_server: Vec<Vec<u8>>,
    pub(super) events: Vec<Event>,
    acceptor: Acceptor,
    epoch: Instant,
}

impl Pair {
    /// Both versions, and nothing remembered.
    pub(super) fn new(server: &Issued, config: Config) -> Self {
        Self::with_versions(server, config, &[Version::Dtls12, Version::Dtls13])
    }

    pub(super) fn with_versions(
        server: &Issued,
        config: Config,
        versions: &'static [Version],
    ) -> Self {
        let epoch = Instant::now();
        let now = epoch + Duration::from_secs(10_000);
        let memory = Memory::default();
        Self {
            client: Client::new(config, memory.clone(), now, PRESENT).unwrap(),
            acceptor: acceptor(server, versions, epoch),
            now,
            time: PRESENT,
            memory,
            server: None,
            line: Box::new(|_, _, datagram| vec![datagram]),
            sent: 0,
            at_server: Vec::new(),
            events: Vec::new(),
            epoch,
        }
    }

    /// The server goes on with this certificate and these versions, and with the same key for tickets.
    pub(super) fn replace_server(&mut self, server: &Issued, versions: &'static [Version]) {
        self.acceptor = acceptor(server, versions, self.epoch);
        self.server = None;
    }

    /// A new association, and all that comes of it before time passes.
    pub(super) fn reconnect(&mut self, config: Config) {
        self.server = None;
        self.begin(config);
        self.exchange();
    }

    /// A new client. The session of the server stays.
    pub(super) fn begin(&mut self, config: Config) {
        self.client = Client::new(config, self.memory.clone(), self.now, self.time).unwrap();
        self.sent = 0;
        self.at_server.clear();
        self.events.clear();
    }

    pub(super) fn exchange(&mut self) {
        while self.turn() {}
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            self.exchange();
            let server = self.server.as_ref();
            let times = [
                self.client.poll_timeout(),
                server.and_then(|server| server.poll_timeout()),
            ];
            match times.into_iter().flatten().min() {
                Some(time) if time <= end => self.now = self.now.max(time),
                _ => break,
            }
            self.client.handle_timeout(self.now);
            if let Some(server) = &mut self.server
                && server.poll_timeout().is_some_and(|due| due <= self.now)
            {
                server.handle_timeout(self.now);
            }
        }
        self.now = end;
    }

    pub(super) fn turn(&mut self) -> bool {
        self.events
            .extend(std::iter::from_fn(|| self.client.poll_event()));
        let mut any = false;
        while let Some(datagram) = self.client.poll_transmit() {
            any = true;
            self.send(Way::Up, datagram);
        }
        let mut datagram = Vec::new();
        while let Some(server) = &mut self.server
            && server.poll_transmit(&mut datagram, MAX_DATAGRAM)
        {
            any = true;
            self.send(Way::Down, std::mem::take(&mut datagram));
        }
        any
    }

    pub(super) fn send(&mut self, way: Way, datagram: Vec<u8>) {
        self.sent += 1;
        for datagram in (self.line)(way, self.sent - 1, datagram) {
            match way {
                Way::Up => self.deliver_up(&datagram),
                Way::Down => self.client.handle_datagram(self.now, &datagram),
            }
        }
    }

    fn deliver_up(&mut self, datagram: &[u8]) {
        for record in records(datagram) {
            let Some(server) = &mut self.server else {
                self.hello(record.bytes);
                continue;
            };
            let _ = server.handle_record(self.now, record.bytes);
            let mut payload = Vec::new();
            if server.receive(&mut payload) > 0 {
                self.at_server.push(payload);
            }
        }
    }

    fn hello(&mut self, record: &[u8]) {
        let from = SocketAddr::from(([192, 0, 2, 1], 12345));
        let id = [1, 2, 3, 4];
        match self
            .acceptor
            .handle_hello(self.now, from, record, id, false)
        {
            Answer::Reply(reply) => self.send(Way::Down, reply),
            Answer::Session(session) => self.server = Some(session),
            Answer::Nothing => {}
        }
    }

    /// Whether the client is connected, and by resumption.
    pub(super) fn connected(&self) -> Option<bool> {
        match self.events.first() {
            Some(Event::Connected(agreement)) => Some(agreement.resumed),
            _ => None,
        }
    }

    /// Connects once more, by resumption, and closes.
    pub(super) fn resume(&mut self, config: Config) {
        self.reconnect(config);
        assert_eq!(self.connected(), Some(true));
        self.client.close(self.now);
        self.exchange();
    }

    /// Why the client refused the server, to which nothing was said that is of the application.
    pub(super) fn refusal(&mut self) -> Refusal {
        let [Event::Closed(Closed::Refused(refusal))] = &self.events[..] else {
            panic!("{:?}", self.events)
        };
        let refusal = refusal.clone();
        self.client.send(b"hello").unwrap_err();
        assert!(self.client.peer_certificates().is_empty());
        self.exchange();
        assert!(self.at_server.is_empty());
        // The server hears that it is over.
        assert!(self.server.as_ref().unwrap().is_closed_by_peer());
        refusal
    }

    /// A payload each way.
    pub(super) fn talk(&mut self) {
        self.client.send(b"question").unwrap();
        self.exchange();
        assert_eq!(self.at_server, [b"question"]);
        self.server.as_mut().unwrap().send(b"answer").unwrap();
        self.exchange();
        let answer = Event::Received(b"answer"[..].into());
        assert_eq!(self.events.last(), Some(&answer));
    }
}

fn acceptor(server: &Issued, versions: &'static [Version], epoch: Instant) -> Acceptor {
    let settings = ServerSettings {
        identity: Identity::of_somebody_else(server.chain.clone(), &server.pkcs8).unwrap(),
        ticket_key: [7; 32],
        key_log: None,
        post_quantum: false,
        versions,
    };
    Acceptor::new(&settings, CookieSecrets::new([9; 32]), epoch)
}

/// With this version only.
pub(super) fn only(version: Version, config: &Config) -> Config {
    Config {
        versions: Versions::Only(version),
        ..config.clone()
    }
}

pub(super) const VERSIONS: [Version; 2] = [Version::Dtls12, Version::Dtls13];
