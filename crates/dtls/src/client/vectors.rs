//! What must hold for any script of datagrams, time and calls.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use super::{Client, Closed, Config, Event, Memory, Roots, Trust, UnixTime, Versions};
use crate::{
    Accept, Answer, CookieSecrets, Identity, Session,
    session::{MAX_DATAGRAM, SendError, Version},
    stack::{Acceptor, ServerSettings},
    vectors::{Kind, NAME, identity},
    wire::records,
};

/// How many associations a script may begin.
const ASSOCIATIONS: usize = 4;

/// How often a client may want to be woken in [`HANDSHAKE`] and while it says goodbye.
const WAKES: usize = 100;

/// Longer than a client does anything by itself.
const HANDSHAKE: Duration = Duration::from_secs(70);

/// Runs a script, in which somebody between a client and a server does what they like to datagrams.
///
/// # Panics
/// The client takes a server for another, or a payload that the server has not sent; something is sent or taken before
/// the server is verified; a downgrade is not noticed; an association has two ends or none; or the client never rests.
pub fn check_client(input: &[u8]) {
    let mut script = Script(input);
    let mut stage = Stage::new(script.byte());
    while !script.0.is_empty() {
        stage.step(&mut script);
        stage.look();
    }
    stage.end();
}

/// Rest of the input; behind its end all bytes are 0.
struct Script<'a>(&'a [u8]);

struct Stage {
    now: Instant,
    config: Config,
    /// Whether the client can be content with the server at all.
    can_connect: bool,
    memory: Memory,
    begun: usize,
    client: Client,
    connected: bool,
    closed: bool,
    acceptor: Acceptor,
    server: Option<Box<dyn Session>>,
    to_server: VecDeque<Vec<u8>>,
    to_client: VecDeque<Vec<u8>>,
    /// What went to the client in this association.
    earlier: Vec<Vec<u8>>,
    /// What the client has sent, and what it has not got yet of what the server has sent.
    asked: Vec<Vec<u8>>,
    answers: Vec<Vec<u8>>,
    number: u64,
}

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let (bytes, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        bytes.to_vec()
    }
}

impl Stage {
    /// `kind`: which versions the client offers, and whether it trusts the server.
    fn new(kind: u8) -> Self {
        static IDENTITY: LazyLock<Identity> = LazyLock::new(|| identity(Kind::P256));
        static TRUSTED: LazyLock<Arc<Roots>> = LazyLock::new(|| roots(&IDENTITY));
        static OTHER: LazyLock<Arc<Roots>> = LazyLock::new(|| roots(&identity(Kind::P256)));

        let trusted = kind & 4 == 0;
        let trust = if trusted { &*TRUSTED } else { &*OTHER };
        let config = Config {
            versions: match kind % 4 {
                0 => Versions::Remembered,
                1 => Versions::Only(Version::Dtls12),
                2 => Versions::Only(Version::Dtls13),
                _ => Versions::Fallback,
            },
            ..Config::new(
                NAME.parse().expect("a name"),
                5684,
                Trust::Roots(Arc::clone(trust)),
            )
        };
        let epoch = Instant::now();
        let settings = ServerSettings {
            identity: IDENTITY.clone(),
            ticket_key: [7; 32],
            key_log: None,
            post_quantum: false,
            versions: &[Version::Dtls12, Version::Dtls13],
        };
        let now = epoch + Duration::from_secs(10_000);
        let memory = Memory::default();
        Self {
            now,
            client: begin(&config, &memory, now),
            can_connect: trusted && config.versions != Versions::Fallback,
            config,
            memory,
            begun: 1,
            connected: false,
            closed: false,
            acceptor: Acceptor::new(&settings, CookieSecrets::new([9; 32]), epoch),
            server: None,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            earlier: Vec::new(),
            asked: Vec::new(),
            answers: Vec::new(),
            number: 0,
        }
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() % 12 {
            // So many datagrams pass each way.
            0 => {
                for _ in 0..script.byte() % 16 {
                    self.pass();
                }
            }
            1 => self.bend(script),
            2 => {
                let length = usize::from(script.byte());
                let datagram = script.bytes(length);
                self.client.handle_datagram(self.now, &datagram);
            }
            3 => self.forge(script),
            4 => {
                let at = usize::from(script.byte());
                if let Some(datagram) = self.earlier.get(at) {
                    self.client.handle_datagram(self.now, datagram);
                }
            }
            5 => {
                self.to_client.pop_front();
            }
            6 => {
                self.to_server.pop_front();
            }
            7 => {
                let time = Duration::from_millis(1 << (script.byte() % 17));
                self.wait(time);
            }
            8 => self.ask(),
            9 => self.answer(),
            10 => match script.byte() % 4 {
                0 => self.client.close(self.now),
                1 => {
                    if let Some(server) = &mut self.server {
                        server.close();
                    }
                }
                _ => {}
            },
            _ => self.begin_again(),
        }
    }

    /// One datagram, if there is any, passes each way.
    fn pass(&mut self) {
        self.look();
        if let Some(datagram) = self.to_server.pop_front() {
            self.deliver(&datagram);
        }
        self.look();
        if let Some(datagram) = self.to_client.pop_front() {
            self.client.handle_datagram(self.now, &datagram);
        }
        self.look();
    }

    /// The next datagram passes with some bytes changed, cut, or with others behind it.
    fn bend(&mut self, script: &mut Script<'_>) {
        let Some(mut datagram) = self.to_client.pop_front() else {
            return;
        };
        for _ in 0..script.byte() % 4 {
            let at = usize::from(u16::from_be_bytes([script.byte(), script.byte()]));
            let length = datagram.len();
            if length > 0 {
                datagram[at % length] ^= script.byte();
            }
        }
        match script.byte() % 4 {
            0 => datagram.truncate(usize::from(script.byte())),
            1 => {
                let length = usize::from(script.byte());
                datagram.extend(script.bytes(length));
            }
            _ => {}
        }
        self.client.handle_datagram(self.now, &datagram);
    }

    /// A record whose length is right.
    fn forge(&mut self, script: &mut Script<'_>) {
        let [content, epoch, sequence] = [script.byte(), script.byte(), script.byte()];
        let length = script.byte();
        let body = script.bytes(usize::from(length));
        let content = 20 + content % 8;
        let mut record = vec![
            content,
            0xfe,
            0xfd,
            0,
            epoch % 4,
            0,
            0,
            0,
            0,
            0,
            sequence,
            0,
        ];
        record.push(u8::try_from(body.len()).unwrap_or(0));
        record.extend(body);
        self.client.handle_datagram(self.now, &record);
    }

    fn ask(&mut self) {
        self.number += 1;
        let payload = format!("question {}", self.number).into_bytes();
        match self.client.send(&payload) {
            Ok(()) => {
                assert!(self.connected && !self.closed);
                self.asked.push(payload);
            }
            Err(SendError::NotEstablished) => assert!(!self.connected && !self.closed),
            Err(SendError::Closed) => assert!(self.closed),
            Err(error) => panic!("{error}"),
        }
    }

    fn answer(&mut self) {
        self.number += 1;
        let payload = format!("answer {}", self.number).into_bytes();
        if let Some(server) = &mut self.server
            && server.send(&payload).is_ok()
        {
            self.answers.push(payload);
        }
    }

    fn begin_again(&mut self) {
        if self.begun < ASSOCIATIONS {
            self.begun += 1;
            self.client = begin(&self.config, &self.memory, self.now);
            self.connected = false;
            self.closed = false;
            self.server = None;
            self.to_server.clear();
            self.to_client.clear();
            self.earlier.clear();
            self.asked.clear();
            self.answers.clear();
        }
    }

    fn deliver(&mut self, datagram: &[u8]) {
        for record in records(datagram) {
            let Some(server) = &mut self.server else {
                self.hello(record.bytes);
                continue;
            };
            let _ = server.handle_record(self.now, record.bytes);
            let mut payload = Vec::new();
            if server.receive(&mut payload) > 0 {
                assert!(self.asked.contains(&payload));
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
            Answer::Reply(reply) => self.to_client.push_back(reply),
            Answer::Session(session) => self.server = Some(session),
            Answer::Nothing => {}
        }
    }

    /// Takes what both have to say.
    fn look(&mut self) {
        while let Some(event) = self.client.poll_event() {
            self.judge(event);
        }
        assert!(self.client.agreement().is_some() == self.connected);
        assert!(self.client.peer_certificates().is_empty() != self.connected);
        while let Some(datagram) = self.client.poll_transmit() {
            assert!(!datagram.is_empty() && datagram.len() <= MAX_DATAGRAM);
            self.to_server.push_back(datagram);
        }
        let mut datagram = Vec::new();
        while let Some(server) = &mut self.server
            && server.poll_transmit(&mut datagram, MAX_DATAGRAM)
        {
            let datagram = std::mem::take(&mut datagram);
            self.earlier.push(datagram.clone());
            self.to_client.push_back(datagram);
        }
    }

    fn judge(&mut self, event: Event) {
        assert!(!self.closed);
        match event {
            Event::Connected(agreement) => {
                assert!(self.can_connect && !self.connected);
                if let Versions::Only(version) = self.config.versions {
                    assert_eq!(agreement.version, version);
                }
                self.connected = true;
            }
            Event::Received(payload) => {
                assert!(self.connected);
                let sent = self.answers.iter().position(|answer| payload == *answer);
                self.answers.remove(sent.expect("a payload of the server"));
            }
            Event::Closed(why) => {
                assert!(!why.to_string().is_empty());
                let before = matches!(
                    why,
                    Closed::Refused(_) | Closed::Downgraded | Closed::TimedOut(_)
                );
                assert!(!before || !self.connected);
                self.closed = true;
            }
        }
    }

    /// Time passes, without any datagram.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        for wakes in 0.. {
            assert!(wakes < WAKES, "the client does not rest");
            let server = self.server.as_ref().and_then(|it| it.poll_timeout());
            let times = [self.client.poll_timeout(), server];
            match times.into_iter().flatten().min() {
                Some(next) if next <= end => self.now = self.now.max(next),
                _ => break,
            }
            self.client.handle_timeout(self.now);
            if let Some(server) = &mut self.server
                && server.poll_timeout().is_some_and(|due| due <= self.now)
            {
                server.handle_timeout(self.now);
            }
            self.look();
        }
        self.now = end;
    }

    fn end(mut self) {
        self.look();
        self.wait(HANDSHAKE);
        assert!(self.connected || self.closed);
        self.client.close(self.now);
        self.look();
        assert!(self.closed);
        self.wait(HANDSHAKE);
        assert_eq!(self.client.poll_timeout(), None);
        assert_eq!(self.client.send(b"more"), Err(SendError::Closed));
    }
}

fn begin(config: &Config, memory: &Memory, now: Instant) -> Client {
    let time = UnixTime::since_unix_epoch(Duration::from_secs(1_790_000_000));
    Client::new(config.clone(), memory.clone(), now, time).expect("a client")
}

fn roots(identity: &Identity) -> Arc<Roots> {
    let certificates = identity.chain().iter().map(Vec::as_slice);
    Arc::new(Roots::new(certificates).expect("a certificate"))
}
