use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vestibule_xmpp::Malformed;
use vestibule_xmpp::framer::{Frame, Framer};
use vestibule_xmpp::stanza::Stanza;

use super::{DOMAIN, PASSWORD, RESOURCE};
use crate::error::Error;
use crate::load::{STALL, client_error};

/// The largest stanza that is expected.
const LIMIT: usize = 65_536;

/// A client that has logged in.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    framer: Framer,
    received: Box<[u8]>,
}

impl Client {
    /// Logs in with SASL PLAIN and the [`RESOURCE`], without TLS and without presence.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with what the server has said instead, [`Error::Stalled`].
    pub(crate) fn login(address: SocketAddr, user: &str) -> Result<Self, Error> {
        let socket = TcpStream::connect(address).map_err(client_error)?;
        socket.set_nodelay(true).map_err(client_error)?;
        socket.set_read_timeout(Some(STALL)).map_err(client_error)?;
        let mut client = Self {
            socket,
            framer: Framer::new(LIMIT),
            received: vec![0; LIMIT].into(),
        };
        client.open()?;
        let credentials = STANDARD.encode(format!("\0{user}\0{PASSWORD}"));
        client.send(format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{credentials}</auth>"
        ))?;
        client.expect("<success")?;
        client.framer = Framer::new(LIMIT);
        client.open()?;
        client.send(format!(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
             <resource>{RESOURCE}</resource></bind></iq>"
        ))?;
        client.expect("<iq")?;
        Ok(client)
    }

    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be written, [`Error::Stalled`].
    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) -> Result<(), Error> {
        self.socket.write_all(text.as_ref()).map_err(client_error)
    }

    /// Reads once and hands over the stanzas that are complete then.
    ///
    /// # Errors
    ///
    /// [`Error::Stalled`] when nothing comes, [`Error::Truncated`] when the server ends the stream,
    /// and what `handle` says.
    pub(crate) fn receive(
        &mut self,
        mut handle: impl FnMut(&Stanza<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let length = self.socket.read(&mut self.received).map_err(client_error)?;
        if length == 0 {
            return Err(Error::Truncated);
        }
        self.framer.receive(&self.received[..length]);
        loop {
            match self.framer.next_frame().map_err(malformed)? {
                None => return Ok(()),
                Some(Frame::Header(_)) => {}
                Some(Frame::Stanza(raw)) => handle(&Stanza::parse(raw).map_err(malformed)?)?,
                Some(Frame::StreamEnd | Frame::TooLarge(_)) => return Err(Error::Truncated),
            }
        }
    }

    fn open(&mut self) -> Result<(), Error> {
        self.send(format!(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams' to='{DOMAIN}' version='1.0'>"
        ))?;
        self.expect("<stream:features")
    }

    /// Waits for the next stanza, which begins so.
    fn expect(&mut self, begin: &str) -> Result<(), Error> {
        let mut seen = None;
        while seen.is_none() {
            self.receive(|stanza| {
                seen = Some(stanza.raw().to_owned());
                Ok(())
            })?;
        }
        let seen = seen.unwrap_or_default();
        let is_right = seen.starts_with(begin) && !seen.contains("type='error'");
        is_right.then_some(()).ok_or(Error::Refused(seen))
    }
}

/// What it means that the other end breaks a rule.
pub(crate) fn malformed(malformed: Malformed) -> Error {
    Error::io("read a stream of XMPP")(io::Error::other(malformed))
}
