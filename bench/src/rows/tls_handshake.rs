use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use rustls::HandshakeKind;

use super::{Row, Sample, Target, Window};
use crate::error::Error;
use crate::load::{Load, MESSAGE, Meter, Progress, REQUEST, client_error};
use crate::origin::Behaviour;
use crate::peers::TlsRole;
use crate::system::Poller;
use crate::tls::{Client, Group, Stream};

/// So many connections are under way at once.
const CONCURRENT: usize = 32;

/// A connection to a proxy that terminates TLS makes a handshake and carries a message of 64 bytes
/// and an answer, then the origin closes it.
pub(super) struct TlsHandshake {
    id: &'static str,
    title: &'static str,
    group: Group,
    resumes: bool,
}

impl TlsHandshake {
    pub(super) const FULL: Self = Self {
        id: "tls-handshake",
        title: "TLS, full handshakes",
        group: Group::X25519,
        resumes: false,
    };
    pub(super) const POST_QUANTUM: Self = Self {
        id: "tls-pq",
        title: "TLS, full handshakes, X25519MLKEM768",
        group: Group::X25519MlKem768,
        resumes: false,
    };
    pub(super) const RESUMED: Self = Self {
        id: "tls-resumed",
        title: "TLS, resumed handshakes",
        group: Group::X25519,
        resumes: true,
    };
}

impl Row for TlsHandshake {
    fn measure(&self, target: &Target<'_>, window: &Window) -> Result<Sample, Error> {
        let address = target.address;
        let (group, resumes) = (self.group, self.resumes);
        let load = Load::start(1, move |meter| {
            connect_again(address, group, resumes, meter)
        });
        let observed = window.observe(load, target)?;
        Ok(observed.sample(1e6, 1.0, observed.done.units))
    }

    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn cost_unit(&self) -> &'static str {
        "CPU µs/connection"
    }

    fn beside_unit(&self) -> &'static str {
        "connections/s"
    }

    fn behaviour(&self, direct: bool) -> Behaviour {
        if direct {
            Behaviour::AnswerTls
        } else {
            Behaviour::Answer
        }
    }

    fn tls(&self) -> TlsRole {
        TlsRole::Terminate
    }

    fn needs_post_quantum(&self) -> bool {
        self.group == Group::X25519MlKem768
    }
}

fn connect_again(
    address: SocketAddr,
    group: Group,
    resumes: bool,
    meter: &Meter,
) -> Result<(), Error> {
    let mut poller = Poller::new().map_err(client_error)?;
    let mut connections = Vec::with_capacity(CONCURRENT);
    for token in 0..CONCURRENT {
        let connection = Connection::open(address, Client::new(group, resumes)?)?;
        poller
            .add(&connection.stream.sock, token)
            .map_err(client_error)?;
        connections.push(connection);
    }

    let mut ready = Vec::new();
    let mut progress = Progress::new();
    while !meter.is_stopped() {
        ready.clear();
        poller
            .wait(&mut ready, Duration::from_millis(100))
            .map_err(client_error)?;
        progress.check(!ready.is_empty())?;
        for &token in &ready {
            let connection = &mut connections[token];
            *connection = match connection.handle_readable() {
                Ok(Next::Wait) => continue,
                Ok(Next::Done) => {
                    meter.add(1);
                    connection.open_next(address)?
                }
                Err(error) => {
                    meter.tolerate(error)?;
                    Connection::open(address, Client::new(group, resumes)?)?
                }
            };
            poller
                .add(&connection.stream.sock, token)
                .map_err(client_error)?;
        }
    }
    Ok(())
}

/// What a client does next.
enum Next {
    /// The whole answer came and the other side has closed.
    Done,
    Wait,
}

struct Connection {
    /// It remembers the tickets for the next connection, which no other one takes.
    client: Client,
    stream: Stream,
    /// What the handshake has to be.
    kind: HandshakeKind,
    asked: bool,
    /// Bytes of the answer.
    received: usize,
}

impl Connection {
    /// The first connection of a client.
    fn open(address: SocketAddr, client: Client) -> Result<Self, Error> {
        Self::open_as(address, client, HandshakeKind::Full)
    }

    /// The next one of the same client.
    fn open_next(&self, address: SocketAddr) -> Result<Self, Error> {
        let kind = if self.client.resumes() {
            HandshakeKind::Resumed
        } else {
            HandshakeKind::Full
        };
        Self::open_as(address, self.client.clone(), kind)
    }

    fn open_as(address: SocketAddr, client: Client, kind: HandshakeKind) -> Result<Self, Error> {
        let mut connection = Self {
            stream: client.connect(address)?,
            client,
            kind,
            asked: false,
            received: 0,
        };
        connection.flush()?;
        Ok(connection)
    }

    /// Reads once, so that it never waits, and goes on as far as that allows.
    fn handle_readable(&mut self) -> Result<Next, Error> {
        let Stream { conn, sock } = &mut self.stream;
        let ended = conn.read_tls(sock).map_err(client_error)? == 0;
        let state = conn.process_new_packets().map_err(Error::Tls)?;
        if ended {
            // A close without close_notify does not count: anybody on the way can send a FIN.
            let is_whole = self.received == MESSAGE && state.peer_has_closed();
            return if is_whole {
                Ok(Next::Done)
            } else {
                Err(Error::Truncated)
            };
        }
        let mut plaintext = vec![0; state.plaintext_bytes_to_read()];
        conn.reader()
            .read_exact(&mut plaintext)
            .map_err(client_error)?;
        self.received += plaintext.len();
        if state.peer_has_closed() {
            // nginx waits for it before it closes. The other side may also be gone already.
            conn.send_close_notify();
            let _ = self.flush();
            return Ok(Next::Wait);
        }
        if !self.asked && !conn.is_handshaking() {
            self.asked = true;
            self.client.check(&self.stream, self.kind)?;
            let mut writer = self.stream.conn.writer();
            writer.write_all(&REQUEST).map_err(client_error)?;
        }
        self.flush()?;
        Ok(Next::Wait)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let Stream { conn, sock } = &mut self.stream;
        while conn.wants_write() {
            conn.write_tls(sock).map_err(client_error)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
