//! The end of a server.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use sha1::{Digest, Sha1};

use super::{PATIENCE, SECRET};

/// Where nobody else listens, or connects from, when a test does not.
pub(super) const ALONE: &str = "127.0.74.2:0";

/// A socket that takes components.
pub(super) struct Server(TcpListener);

/// One link to it.
pub(super) struct Peer {
    pub(super) stream: TcpStream,
    received: Vec<u8>,
    /// The rest of a stanza of which the socket has taken the beginning.
    owed: Vec<u8>,
}

impl Server {
    pub(super) fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// At an address that was used before.
    pub(super) fn at(address: &str) -> Self {
        Self(TcpListener::bind(address).unwrap())
    }

    pub(super) fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// The next link, of which nothing was read.
    pub(super) fn accept(&self) -> Peer {
        let accepted = self.accept_within(PATIENCE);
        accepted.expect("nobody connects")
    }

    pub(super) fn accept_within(&self, limit: Duration) -> Option<Peer> {
        self.0.set_nonblocking(true).unwrap();
        let start = Instant::now();
        while start.elapsed() < limit {
            match self.0.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    stream.set_read_timeout(Some(PATIENCE)).unwrap();
                    return Some(Peer {
                        stream,
                        received: Vec::new(),
                        owed: Vec::new(),
                    });
                }
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        None
    }

    /// The next link, established.
    pub(super) fn establish(&self) -> Peer {
        let mut peer = self.accept();
        peer.shake_hands(SECRET);
        peer.say("<handshake/>");
        peer
    }
}

impl Peer {
    /// Reads header and handshake, which must be right for `secret`.
    pub(super) fn shake_hands(&mut self, secret: &str) {
        let header = self.read_until("'>");
        assert!(header.starts_with("<?xml version='1.0'?><stream:stream "));
        assert!(header.contains("xmlns='jabber:component:accept'"));
        assert!(header.contains("to='proxy.example'") || header.contains("to='other.example'"));
        self.say(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
             xmlns:stream='http://etherx.jabber.org/streams' id='3BF96D32' from='proxy.example'>",
        );
        let digest = Sha1::new_with_prefix("3BF96D32").chain_update(secret);
        let digits = digest
            .finalize()
            .iter()
            .fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
        let handshake = self.read_until("</handshake>");
        assert_eq!(handshake, format!("<handshake>{digits}</handshake>"));
    }

    pub(super) fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Says `stanza` again and again, so often or until nothing is taken for this time; answers how often it was begun.
    pub(super) fn pour(&mut self, stanza: &str, most: usize, time: Duration) -> usize {
        self.stream.set_write_timeout(Some(time)).unwrap();
        let mut begun = 0;
        while begun < most || !self.owed.is_empty() {
            if self.owed.is_empty() {
                self.owed.extend_from_slice(stanza.as_bytes());
                begun += 1;
            }
            match self.stream.write(&self.owed) {
                Ok(n) => drop(self.owed.drain(..n)),
                Err(_) => break,
            }
        }
        begun
    }

    /// Says the rest of what was begun, and reads `end` so often.
    pub(super) fn drain(&mut self, end: &str, count: usize) {
        let rest = std::mem::take(&mut self.owed);
        let mut writer = self.stream.try_clone().unwrap();
        writer.set_write_timeout(None).unwrap();
        let writing = std::thread::spawn(move || writer.write_all(&rest).unwrap());
        let mut found = 0;
        let mut seen = 0;
        while found < count {
            let come = &self.received[seen..];
            let places = memchr::memmem::find_iter(come, end.as_bytes());
            let (mut n, mut last) = (0, 0);
            for at in places {
                (n, last) = (n + 1, at + end.len());
            }
            (found, seen) = (found + n, seen + last);
            if found < count {
                assert!(self.read().unwrap() > 0, "closed after {found} of {count}");
            }
        }
        writing.join().unwrap();
    }

    /// Says the end of the stream with this condition, and closes.
    pub(super) fn fail(mut self, condition: &str) {
        self.say(&format!(
            "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
             </stream:error></stream:stream>"
        ));
    }

    /// What has come up to `end`, which must come, with it.
    pub(super) fn read_until(&mut self, end: &str) -> String {
        loop {
            let found = self
                .received
                .windows(end.len())
                .position(|w| w == end.as_bytes());
            if let Some(at) = found {
                let rest = self.received.split_off(at + end.len());
                let text = std::mem::replace(&mut self.received, rest);
                return String::from_utf8(text).unwrap();
            }
            let has = String::from_utf8_lossy(&self.received).into_owned();
            let n = self
                .read()
                .unwrap_or_else(|error| panic!("no {end}: {error}: {has}"));
            assert!(n > 0, "closed before {end}: {has}");
        }
    }

    /// What has come up to the end of the connection.
    pub(super) fn read_to_end(&mut self) -> String {
        while self.read().unwrap() > 0 {}
        String::from_utf8(std::mem::take(&mut self.received)).unwrap()
    }

    /// What comes within this time, which is not the end.
    pub(super) fn read_for(&mut self, time: Duration) -> String {
        let start = Instant::now();
        while let Some(left) = time
            .checked_sub(start.elapsed())
            .filter(|left| !left.is_zero())
        {
            self.stream.set_read_timeout(Some(left)).unwrap();
            match self.read() {
                Ok(n) => assert!(n > 0, "closed"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        String::from_utf8(std::mem::take(&mut self.received)).unwrap()
    }

    fn read(&mut self) -> std::io::Result<usize> {
        let mut chunk = [0; 65536];
        let n = loop {
            match self.stream.read(&mut chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.received.extend_from_slice(&chunk[..n]);
        Ok(n)
    }
}
