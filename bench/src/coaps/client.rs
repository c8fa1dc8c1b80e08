use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Instant;

use vestibule_dtls::session::{MAX_DATAGRAM, Session};
use vestibule_dtls::stack::{self, ClientSession, ClientSettings, Resumption};
use vestibule_dtls::wire;

use super::{Dialogue, Handshake, Outcome};
use crate::error::Error;
use crate::load::client_error;
use crate::tls::SERVER_NAME;

/// The first datagram of a client: a ClientHello without a cookie.
///
/// # Errors
///
/// [`Error::Dtls`].
pub(crate) fn client_hello(handshake: Handshake) -> Result<Vec<u8>, Error> {
    let mut hello = Vec::new();
    connect(handshake, None)?.poll_transmit(&mut hello, MAX_DATAGRAM);
    Ok(hello)
}

fn connect(handshake: Handshake, session: Option<Resumption>) -> Result<ClientSession, Error> {
    let settings = ClientSettings {
        version: handshake.version,
        server_name: SERVER_NAME.to_owned(),
        session,
        key_log: None,
        post_quantum: false,
    };
    stack::connect(&settings, Instant::now()).map_err(Error::Dtls)
}

/// One association, from a port of its own. It asks once the handshake is over.
pub(super) struct Client {
    pub(super) socket: UdpSocket,
    session: ClientSession,
    /// What it was opened with, for the next one.
    resumption: Option<Resumption>,
    handshake: Handshake,
    dialogue: Box<dyn Dialogue>,
    /// The first question was asked.
    has_asked: bool,
}

/// Used again for every datagram.
pub(super) struct Buffers {
    datagram: Box<[u8]>,
    out: Vec<u8>,
    payload: Vec<u8>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self {
            datagram: vec![0; 65_536].into(),
            out: Vec::new(),
            payload: Vec::new(),
        }
    }
}

impl Client {
    /// Sends the first flight, from any port of `host`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Dtls`].
    pub(super) fn open(
        host: Ipv4Addr,
        address: SocketAddr,
        handshake: Handshake,
        resumption: Option<Resumption>,
        dialogue: Box<dyn Dialogue>,
        buffers: &mut Buffers,
    ) -> Result<Self, Error> {
        let socket = UdpSocket::bind((host, 0)).map_err(client_error)?;
        socket.connect(address).map_err(client_error)?;
        socket.set_nonblocking(true).map_err(client_error)?;
        let mut client = Self {
            socket,
            session: connect(handshake, resumption.clone())?,
            resumption,
            handshake,
            dialogue,
            has_asked: false,
        };
        client.flush(buffers)?;
        Ok(client)
    }

    /// Receives one datagram and goes on as far as that allows; whether the question was answered.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Dtls`] and [`Error::NotSent`], [`Error::Negotiated`] if the handshake was
    /// another one than was wanted, [`Error::WrongAnswer`] of the dialogue.
    pub(super) fn handle_readable(&mut self, buffers: &mut Buffers) -> Result<bool, Error> {
        let length = match self.socket.recv(&mut buffers.datagram) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(client_error(error)),
        };
        let now = Instant::now();
        let mut is_answered = false;
        let Buffers {
            datagram, payload, ..
        } = buffers;
        for record in wire::records_without_id(&datagram[..length]) {
            let taken = self.session.handle_record(now, record.bytes);
            taken.map_err(Error::Dtls)?;
            payload.clear();
            if self.session.receive(payload) > 0 {
                is_answered |= self.dialogue.receive(now, payload)?;
            }
        }
        // A question in the datagram of the last flight is not answered by libcoap 4.3.1 with OpenSSL.
        self.flush(buffers)?;
        if !self.has_asked && self.session.is_established() {
            self.check()?;
            self.has_asked = true;
            self.ask(buffers)?;
        }
        self.say(buffers)?;
        Ok(is_answered)
    }

    /// Repeats what was lost.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::NotSent`].
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        buffers: &mut Buffers,
    ) -> Result<(), Error> {
        if self.session.poll_timeout().is_some_and(|at| at <= now) {
            self.session.handle_timeout(now);
            self.flush(buffers)?;
        }
        self.dialogue.handle_timeout(now);
        self.say(buffers)
    }

    /// Asks, when the question before was answered.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::NotSent`], and that of the dialogue.
    pub(super) fn ask(&mut self, buffers: &mut Buffers) -> Result<(), Error> {
        self.dialogue.ask(Instant::now())?;
        self.say(buffers)
    }

    /// Says good-bye. What is needed to resume the association, if it can be.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub(super) fn close(&mut self, buffers: &mut Buffers) -> Result<Option<Resumption>, Error> {
        // In DTLS 1.2 a resumed association may get no new ticket, and the old one is still good.
        let resumption = self.session.take_resumption().or(self.resumption.take());
        self.session.close();
        self.flush(buffers)?;
        Ok(resumption)
    }

    fn check(&self) -> Result<(), Error> {
        let wanted = self.handshake.outcome(self.resumption.is_some());
        match self.session.agreement().map(Outcome::from) {
            Some(got) if got == wanted => Ok(()),
            got => Err(Error::Negotiated {
                wanted: wanted.to_string(),
                got: got.map_or("none".to_owned(), |got| got.to_string()),
            }),
        }
    }

    /// Sends what the dialogue has to say.
    fn say(&mut self, buffers: &mut Buffers) -> Result<(), Error> {
        loop {
            let message = &mut buffers.payload;
            message.clear();
            if !self.dialogue.poll_transmit(message) {
                return Ok(());
            }
            self.session.send(message).map_err(Error::NotSent)?;
            self.flush(buffers)?;
        }
    }

    fn flush(&mut self, buffers: &mut Buffers) -> Result<(), Error> {
        let out = &mut buffers.out;
        out.clear();
        while self.session.poll_transmit(out, MAX_DATAGRAM) {
            self.socket.send(out).map_err(client_error)?;
            out.clear();
        }
        Ok(())
    }
}
